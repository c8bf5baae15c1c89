//! Tests that are run again and again, each time with something else that goes wrong: what `#[workflow_runtime::test]` is.

mod handle;
mod run;
mod session;

pub use handle::Test;
pub use run::TestRun;

use super::{
    deliveries::Deliveries,
    failure::{Failure, Only},
    journal::Commits,
    sweep::{
        Ran,
        report::{Difference, Report, Reports},
    },
    variant::{Backend, Crash, Variant},
};
use crate::machine::{LocalBoxFuture, panic_message};
use session::Session;
use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    time::Duration,
};

/// When the process of a test dies.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crashes {
    /// Never.
    None,
    /// Before and after every commit.
    Every,
    /// Before and after every commit, and once more soon after.
    Twice,
}

/// What the attribute says.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The function.
    pub name: &'static str,
    /// Decides about run ids, and so about what workflows draw.
    pub seed: u64,
    /// On sled too.
    pub sled: bool,
    /// When the process dies.
    pub crashes: Crashes,
    /// Reports of attempts come once and in their order.
    pub in_order: bool,
    /// One variant and no other.
    pub only: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Options { name: "", seed: 0x5eed, sled: false, crashes: Crashes::Twice, in_order: false, only: None }
    }
}

/// What a test may return.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a workflow test cannot return `{Self}`",
    label = "it returns nothing, or a `Result<(), E>` whose error can be shown with `Debug`"
)]
pub trait Verdict {
    /// The error, shown.
    fn error(self) -> Option<String>;
}

impl Verdict for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<E: std::fmt::Debug> Verdict for Result<(), E> {
    fn error(self) -> Option<String> {
        self.err().map(|e| format!("the test returned {e:?}"))
    }
}

/// How long one run may take in real time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How one run has ended.
enum Ended {
    /// As it should.
    Well(Ran),
    Panicked(Box<dyn Any + Send>),
    Badly(String),
}

/// Runs a test in all of its variants.
///
/// # Panics
///
/// If one of them fails, or differs from the undisturbed one.
#[doc(hidden)]
pub fn run<V: Verdict>(options: &Options, body: impl Fn(Test) -> LocalBoxFuture<V>) {
    let only = options.only.map(|text| Only::parse(text).unwrap_or_else(|e| panic!("{e}")));
    let only = only.or_else(Only::of_environment);
    let seed = only.and_then(|o| o.seed).unwrap_or(options.seed);
    let sweep = Swept { options, body: &body, seed, undisturbed: None, unverified: RefCell::default() };
    if let Some(Only { variant, .. }) = only {
        let sweep = sweep.undisturbed(variant.backend);
        sweep.compare(variant);
        return sweep.verified();
    }
    let mut sweep = sweep.undisturbed(Backend::Memory);
    sweep.backend(Backend::Memory);
    for deliveries in [Deliveries::Doubled, Deliveries::Reversed, Deliveries::Shuffled(1)] {
        if !options.in_order {
            sweep.compare(Variant { deliveries, ..Variant::plain(Backend::Memory) });
        }
    }
    if options.sled {
        sweep.compare(Variant::plain(Backend::Sled));
        sweep.backend(Backend::Sled);
    }
    sweep.verified();
}

struct Swept<'a, F> {
    options: &'a Options,
    body: &'a F,
    seed: u64,
    undisturbed: Option<Reports>,
    /// The first run whose recorded steps decide something else when they are run again.
    unverified: RefCell<Option<String>>,
}

impl<V: Verdict, F: Fn(Test) -> LocalBoxFuture<V>> Swept<'_, F> {
    /// Runs the test as it is. A failure of it is a failure like that of any other test.
    fn undisturbed(mut self, backend: Backend) -> Self {
        match self.once(Variant::plain(backend), &Commits::default()) {
            Ended::Well(ran) => {
                self.note(Variant::plain(backend), ran.unverified, &Commits::default());
                self.undisturbed = Some(ran.reports);
            }
            Ended::Panicked(panic) => resume_unwind(panic),
            Ended::Badly(what) => panic!("{what}"),
        }
        self
    }

    fn backend(&mut self, backend: Backend) {
        let plain = Variant::plain(backend);
        self.compare(Variant { evict: true, ..plain });
        let (every, twice) = match (self.options.crashes, backend) {
            (Crashes::None, _) => (false, false),
            // Dying twice in a row is the same on sled, and sled is slow to open.
            (Crashes::Every, _) | (Crashes::Twice, Backend::Sled) => (true, false),
            (Crashes::Twice, Backend::Memory) => (true, true),
        };
        for before in [true, false].into_iter().filter(|_| every) {
            let crash = |commit, again| Some(Crash { commit, before, again });
            let mut commit = 0;
            while self.compare(Variant { crash: crash(commit, None), ..plain }) {
                commit += 1;
            }
            // The second death comes at once or one commit later, and to evicted instances: so that everything meets everything.
            for commit in (0..commit).filter(|_| twice) {
                self.compare(Variant { crash: crash(commit, Some(commit % 2)), evict: true, ..plain });
            }
        }
    }

    /// True if a process died.
    fn compare(&self, variant: Variant) -> bool {
        let commits = Commits::default();
        let ended = self.once(variant, &commits);
        let plainly = |what: String| Difference { what, event: None, events: vec![] };
        let (instance, difference) = match ended {
            Ended::Well(ran) => match self.difference(variant, &ran.reports) {
                None => {
                    self.note(variant, ran.unverified, &commits);
                    return ran.crashed;
                }
                Some((instance, difference)) => (Some(instance), difference),
            },
            Ended::Panicked(panic) => (None, plainly(format!("the test panics: {}", panic_message(&*panic)))),
            Ended::Badly(what) => (None, plainly(what)),
        };
        panic!("{}", self.told(variant, &commits, instance.as_deref(), difference))
    }

    fn told(&self, variant: Variant, commits: &Commits, instance: Option<&str>, difference: Difference) -> String {
        let subject = format!("the test `{}`", self.options.name);
        Failure { subject, seed: self.seed, variant, commits, instance, difference }.text()
    }

    /// Keeps the first; it is told when nothing else is wrong, for everything else says more.
    fn note(&self, variant: Variant, unverified: Option<String>, commits: &Commits) {
        let mut kept = self.unverified.borrow_mut();
        if let Some(what) = unverified.filter(|_| kept.is_none()) {
            let difference = Difference { what, event: None, events: vec![] };
            *kept = Some(self.told(variant, commits, None, difference));
        }
    }

    fn verified(&self) {
        if let Some(text) = self.unverified.take() {
            panic!("{text}");
        }
    }

    /// The first run that differs.
    fn difference(&self, variant: Variant, found: &Reports) -> Option<(String, Difference)> {
        let (nothing, none) = (Report::default(), Reports::new());
        let expected = self.undisturbed.as_ref().unwrap_or(&none);
        let runs: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        runs.into_iter().find_map(|run| {
            let (expected, found) = (expected.get(run).unwrap_or(&nothing), found.get(run).unwrap_or(&nothing));
            let difference = found.difference(expected, false, variant.crashes())?;
            Some((run.0.clone(), difference))
        })
    }

    fn once(&self, variant: Variant, commits: &Commits) -> Ended {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(e) => return Ended::Badly(format!("there is no runtime: {e}")),
        };
        let session = match Session::new(variant, self.seed, commits) {
            Ok(session) => Rc::new(session),
            Err(e) => return Ended::Badly(e),
        };
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                let body = async {
                    match (self.body)(Test(session.clone())).await.error() {
                        Some(error) => Err(error),
                        None => session.finish().await,
                    }
                };
                let late = |_| Err(format!("the test had not ended after {PATIENCE:?} of real time"));
                tokio::time::timeout(PATIENCE, body).await.unwrap_or_else(late)
            })
        }));
        match ran {
            Ok(Ok(ran)) => Ended::Well(ran),
            Ok(Err(what)) => Ended::Badly(what),
            Err(panic) => Ended::Panicked(panic),
        }
    }
}
