//! What a failed sweep says.

use super::{
    journal::{self, Commits},
    sweep::report::{Difference, lasting},
    variant::Variant,
};
use crate::{journal::history::Entry, store::Fault};
use std::fmt::Write as _;

/// The variable that picks one variant of a sweep: what a failed sweep prints.
const ONLY: &str = "WORKFLOW_TEST_ONLY";

/// One variant that is asked for, and a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Only {
    pub(super) variant: Variant,
    pub(super) seed: Option<u64>,
}

impl Only {
    /// Reads `memory-evicted-before3@0x5eed`, without a seed too.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (variant, seed) = match text.split_once('@') {
            None => (text, None),
            Some((variant, seed)) => {
                let number = seed.strip_prefix("0x").map(|hex| u64::from_str_radix(hex, 16));
                let number = number.unwrap_or_else(|| seed.parse());
                (variant, Some(number.map_err(|e| format!("`{seed}` in `{text}` is no seed: {e}"))?))
            }
        };
        Ok(Only { variant: variant.parse()?, seed })
    }

    /// What the environment asks for.
    ///
    /// # Panics
    ///
    /// If it asks for something that there is not.
    pub(super) fn of_environment() -> Option<Self> {
        let text = std::env::var(ONLY).ok()?;
        Some(Self::parse(&text).unwrap_or_else(|e| panic!("{ONLY}: {e}")))
    }
}

/// A variant that differs, or fails.
pub(super) struct Failure<'a> {
    /// What was swept.
    pub(super) subject: String,
    pub(super) seed: u64,
    pub(super) variant: Variant,
    pub(super) commits: &'a Commits,
    /// The instance that differs.
    pub(super) instance: Option<&'a str>,
    pub(super) difference: Difference,
}

impl Failure<'_> {
    /// The report, one fact to a line.
    pub(super) fn text(&self) -> String {
        let Failure { subject, seed, variant, difference, .. } = self;
        let of = self.instance.map(|id| format!("`{id}`, ")).unwrap_or_default();
        let mut text = format!("sweep of {subject} (seed {seed:#x}), {variant}: {of}{}", difference.what);
        self.place(&mut text);
        self.crash(&mut text);
        if !difference.events.is_empty() {
            let _ = write!(text, "\n  all events:\n    {}", difference.events.join("\n    "));
        }
        let key = variant.key();
        let _ = write!(text, "\n  this run alone: {ONLY}={key}@{seed:#x} cargo test, or `only = \"{key}\"`");
        text
    }

    /// Whether a commit became durable.
    fn made(&self, n: u64) -> bool {
        self.variant.crash.is_none_or(|crash| crash.fault(n) != Fault::CrashBefore)
    }

    /// Where the instance was when the first event that differs was committed.
    fn place(&self, text: &mut String) {
        let Some(event) = &self.difference.event else { return };
        let holds = |entry: &Entry| entry.events.iter().any(|e| lasting(e).as_ref() == Some(event));
        let Some(n) = self.commits.find(holds) else { return };
        let before = self.commits.before(n, |n| self.made(n)).and_then(|c| journal::glance(&c));
        let before =
            before.map_or_else(|| "before it, it had not started".into(), |g| format!("before it, it was {g}"));
        let _ = write!(text, "\n  this came with commit {n}; {before}");
    }

    /// What the commit held at which the process died.
    fn crash(&self, text: &mut String) {
        let Some(crash) = self.variant.crash else { return };
        let Some(commit) = self.commits.get(crash.commit) else { return };
        let events = journal::entries(&commit).into_iter().flat_map(|e| e.events);
        let events: Vec<_> = events.map(|e| lasting(&e).unwrap_or_else(|| note(&e))).collect();
        let _ =
            write!(text, "\n  commit {} was of `{}`: {}", crash.commit, journal::instance(&commit), events.join("; "));
        if let Some(glance) = journal::glance(&commit) {
            let _ = write!(text, "\n  with it, it is {glance}");
        }
    }
}

/// An event that a crash may change.
fn note(event: &crate::journal::history::Event) -> String {
    use crate::journal::history::Event;
    match event {
        Event::Lost { op, attempt } => format!("op {op}: attempt {attempt} lost"),
        Event::AttemptFailed { op, attempt, failure, .. } => format!("op {op}: attempt {attempt} failed: {failure}"),
        Event::Superseded { op, attempt } => format!("op {op}: attempt {attempt} superseded"),
        _ => "unblocked".into(),
    }
}
