//! Runs both renderings of a program, with a crash at every suspension point and at none, and compares.

use super::{
    operations::{OPERATIONS, SIGNALS},
    oracle::{self, CUT, Run},
    values::Dice,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    fmt::Debug,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};
use workflow_definition::{Definition, Fingerprint};
use workflow_runtime::{
    __private::inventory,
    journal::{encoding, payload::Payload},
    machine::{
        Closed, Command, Completion, Frame, Identity, Input, Join, Machine, OpId, Outcome, Resolve, StepError,
        Workflow, WorkflowCall, WorkflowDef, WorkflowRegistration,
    },
};

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    trace: Vec<String>,
    ended: Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    Returned(String),
    /// The message, and the line in the program's text.
    Panicked(String, String),
    /// There were too many operations.
    Cut,
    /// What only a bug gives.
    Broken(String),
}

/// When the machine goes through its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    Never,
    Every,
    /// At the suspension point that is reached so many steps after the start.
    At(usize),
}

/// What one program did under all of its oracles.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// Suspension points that were reached, counted once for each oracle.
    pub points: usize,
    /// Crashes and restores.
    pub crashes: usize,
    /// Runs of the machine.
    pub runs: usize,
    /// Plain runs that panicked.
    pub panics: usize,
}

/// One program of a batch.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Compares its renderings under the oracles.
    pub compare: Compare,
}

/// Compares under these oracles, and perhaps with wrong answers from some operation on.
pub type Compare = fn(&[u64], Option<usize>, &mut Count) -> Result<(), String>;

/// Compares the plain function with the machine under every oracle.
///
/// # Errors
///
/// The first difference, in words.
pub fn compare<W, P, O>(
    plain: impl Fn() -> P,
    call: impl Fn() -> WorkflowCall<W>,
    (seeds, corrupt): (&[u64], Option<usize>),
    count: &mut Count,
) -> Result<(), String>
where
    W: Workflow,
    W::Outcome: Outcome<Out = O>,
    <W::Outcome as Outcome>::Ok: Debug + DeserializeOwned,
    <W::Outcome as Outcome>::Err: Debug + DeserializeOwned,
    P: Future<Output = O>,
{
    for &seed in seeds {
        let expected = run_plain::<W, O>(plain(), seed);
        count.panics += usize::from(matches!(expected.ended, Ended::Panicked(..)));
        let mut steps = 0;
        for crash in [Crash::Never, Crash::Every] {
            steps = agree::<W>(&call, seed, corrupt, crash, &expected, count)?;
        }
        count.points += steps;
        for at in 0..steps {
            agree::<W>(&call, seed, corrupt, Crash::At(at), &expected, count)?;
        }
    }
    Ok(())
}

fn agree<W>(
    call: &impl Fn() -> WorkflowCall<W>,
    seed: u64,
    corrupt: Option<usize>,
    crash: Crash,
    expected: &Seen,
    count: &mut Count,
) -> Result<usize, String>
where
    W: Workflow,
    <W::Outcome as Outcome>::Ok: Debug + DeserializeOwned,
    <W::Outcome as Outcome>::Err: Debug + DeserializeOwned,
{
    let args = call().into_args().map_err(|e| e.to_string())?;
    let mut driven = Driven::new(W::def(), args, seed, corrupt, crash);
    let ended = driven.run(|closed| match closed {
        Closed::Completed(value) => {
            value.decode().map(|v: <W::Outcome as Outcome>::Ok| format!("{:?}", Ok::<_, ()>(v)))
        }
        Closed::Failed { error, .. } | Closed::Cancelled { error, .. } => {
            error.decode().map(|e: <W::Outcome as Outcome>::Err| format!("{:?}", Err::<(), _>(e)))
        }
    });
    count.runs += 1;
    count.crashes += driven.crashes;
    let found = Seen { trace: std::mem::take(&mut driven.seen.trace), ended };
    match difference(expected, &found) {
        None => Ok(driven.suspended),
        Some(difference) => Err(format!("oracle {seed}, crash {crash:?}: {difference}")),
    }
}

fn difference(expected: &Seen, found: &Seen) -> Option<String> {
    for i in 0..expected.trace.len().max(found.trace.len()) {
        let (e, f) = (expected.trace.get(i), found.trace.get(i));
        if e != f {
            let show = |o: Option<&String>, ended: &Ended| o.cloned().unwrap_or_else(|| format!("the end, {ended:?}"));
            let (e, f) = (show(e, &expected.ended), show(f, &found.ended));
            return Some(format!("operation {i}: the function comes to {e}, the machine to {f}"));
        }
    }
    let differ = expected.ended != found.ended;
    differ.then(|| format!("the function ends with {:?}, the machine with {:?}", expected.ended, found.ended))
}

thread_local!(static LAST_PANIC: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) });

/// The line of `file:line:column`.
fn line(location: &str) -> String {
    location.rsplit(':').nth(1).unwrap_or_default().to_owned()
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn run_plain<W: Workflow, O>(future: impl Future<Output = O>, seed: u64) -> Seen
where
    W::Outcome: Outcome<Out = O>,
    <W::Outcome as Outcome>::Ok: Debug + DeserializeOwned,
    <W::Outcome as Outcome>::Err: Debug + DeserializeOwned,
{
    oracle::with(|run| *run = Run::new(seed, None));
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let ended = loop {
        let before = oracle::with(|run| run.trace.len());
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Ready(out)) => {
                break Ended::Returned(match W::Outcome::halves(out) {
                    Ok(v) => format!("{:?}", Ok::<_, ()>(v)),
                    Err(e) => format!("{:?}", Err::<(), _>(e)),
                });
            }
            Ok(Poll::Pending) if oracle::end() => {}
            Ok(Poll::Pending) => break Ended::Broken("the plain function waits forever".into()),
            Err(panic) if text(&*panic) == CUT => break Ended::Cut,
            Err(panic) => {
                // Nothing of a step that panics is committed.
                oracle::with(|run| run.trace.truncate(before));
                break Ended::Panicked(text(&*panic), LAST_PANIC.with(|l| line(&l.borrow())));
            }
        }
    };
    Seen { trace: oracle::with(|run| std::mem::take(&mut run.trace)), ended }
}

/// What ends an operation, unless it is a timer.
type Answer = fn(&mut Dice) -> Completion;

/// Operations that are waited for together.
struct Group {
    join: Join,
    /// Members that wait for their turn, the last one first.
    queue: Vec<Command>,
    members: Vec<OpId>,
    /// How members have ended.
    ended: BTreeMap<OpId, Completion>,
}

impl Group {
    /// How the group ends if this member ends so; else the member is noted.
    fn over(&mut self, member: OpId, completion: Completion) -> Option<Completion> {
        let decides = match self.join {
            Join::All => false,
            Join::Try => completion.is_error(),
            Join::First => true,
        };
        if decides {
            let index = self.members.iter().position(|m| *m == member)? as u64;
            return Some(Completion::Member { index, completion: Box::new(completion) });
        }
        self.ended.insert(member, completion);
        let all: Option<Vec<_>> = self.members.iter().map(|m| self.ended.get(m).cloned()).collect();
        all.map(Completion::All)
    }
}

/// A machine and its world.
struct Driven {
    def: &'static WorkflowDef,
    args: Payload,
    crash: Crash,
    seen: Run,
    /// What the machine waits for: the numbers of its operations, and how they are answered unless they are timers.
    waiting: BTreeMap<OpId, (usize, Option<Answer>)>,
    groups: BTreeMap<OpId, Group>,
    suspended: usize,
    crashes: usize,
}

impl Driven {
    fn new(def: &'static WorkflowDef, args: Payload, seed: u64, corrupt: Option<usize>, crash: Crash) -> Self {
        let (seen, waiting, groups) = (Run::new(seed, corrupt), BTreeMap::new(), BTreeMap::new());
        Driven { def, args, crash, seen, waiting, groups, suspended: 0, crashes: 0 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(self.seen.now as i64)
    }

    fn start(&self) -> Machine {
        Machine::start(identity(), self.def, self.args.clone(), self.now())
    }

    fn load(&self, bytes: &[u8]) -> Result<Machine, String> {
        let frame: Frame = encoding::decode(bytes).map_err(|e| e.to_string())?;
        Machine::load(identity(), frame, &self.args, &Linked).map(|m| m.0).map_err(|e| e.to_string())
    }

    fn run(&mut self, show: impl Fn(Closed) -> Result<String, encoding::DecodeError>) -> Ended {
        let (mut machine, mut input, mut committed) = (self.start(), Input::Start, None);
        loop {
            let step = match machine.step(input.clone(), self.now()) {
                Ok(step) => step,
                Err(error) => return self.blocked(error, input, committed),
            };
            for command in &step.commands {
                if let Err(ended) = self.begin(command) {
                    return ended;
                }
            }
            if let Some(closed) = step.closed {
                return show(closed).map_or_else(|e| Ended::Broken(e.to_string()), Ended::Returned);
            }
            let bytes = match encoding::encode(&machine.frame()) {
                Ok(bytes) => bytes,
                Err(e) => return Ended::Broken(e.to_string()),
            };
            if self.crash == Crash::Every || self.crash == Crash::At(self.suspended) {
                self.crashes += 1;
                machine = match self.load(&bytes) {
                    Ok(machine) => machine,
                    Err(e) => return Ended::Broken(e),
                };
            }
            self.suspended += 1;
            committed = Some(bytes);
            input = match self.end() {
                Ok(input) => input,
                Err(ended) => return ended,
            };
        }
    }

    /// The instance is blocked. Its checkpoint stands: the same step fails again in the same way.
    fn blocked(&self, error: StepError, input: Input, committed: Option<Vec<u8>>) -> Ended {
        let first = how(error);
        let machine = committed.map_or_else(|| Ok(self.start()), |bytes| self.load(&bytes));
        let again =
            machine.map(|mut m| m.step(input, self.now()).map_or_else(how, |_| Ended::Broken("no panic".into())));
        match again {
            Ok(again) if again == first => first,
            Ok(again) => Ended::Broken(format!("{first:?}, but {again:?} when the step is taken again")),
            Err(e) => Ended::Broken(e),
        }
    }

    /// Notes what a step asks for.
    fn begin(&mut self, command: &Command) -> Result<(), Ended> {
        let (op, operation, due, known) = match command {
            Command::Activity { op, name, args, .. } => {
                let known = OPERATIONS.iter().find(|o| o.name == name);
                let Some(known) = known else { return Err(Ended::Broken(format!("no operation `{name}`"))) };
                (*op, (known.show)(args), None, Some(known.answer))
            }
            Command::Timer { op, at } => {
                let due = at.as_second() as u64;
                (*op, format!("timer {due}"), Some(due), None)
            }
            Command::Signal { op, name, deadline: None } => {
                let known = SIGNALS.iter().find(|s| s.name == name);
                let Some(known) = known else { return Err(Ended::Broken(format!("no signal `{name}`"))) };
                (*op, format!("signal {name}"), None, Some(known.answer))
            }
            Command::Group { op, join, limit, members } => {
                let queue: Vec<Command> = members.iter().rev().cloned().collect();
                // The ids of the members follow that of the group.
                let ids = (1..).map(|i| OpId(op.0 + i)).take(members.len()).collect();
                self.groups.insert(*op, Group { join: *join, queue, members: ids, ended: BTreeMap::new() });
                return (0..limit.unwrap_or(u64::MAX).min(members.len() as u64)).try_for_each(|_| self.next(*op));
            }
            Command::Detach { op } => {
                self.detach(*op);
                return Ok(());
            }
            // Whether an event is heard.
            Command::SideEffect(_) => return Ok(()),
            other => return Err(Ended::Broken(format!("an unexpected command: {other:?}"))),
        };
        let Some(number) = self.seen.note(operation, due) else { return Err(Ended::Cut) };
        self.waiting.insert(op, (number, known));
        Ok(())
    }

    /// Begins the next member of a group.
    fn next(&mut self, group: OpId) -> Result<(), Ended> {
        let member = self.groups.get_mut(&group).and_then(|g| g.queue.pop());
        member.map_or(Ok(()), |member| self.begin(&member))
    }

    /// Nobody waits for an operation any more, nor for the members of a group.
    fn detach(&mut self, op: OpId) {
        let members = self.groups.remove(&op).map(|g| g.members).unwrap_or_default();
        for op in members.into_iter().chain([op]) {
            if let Some((number, ..)) = self.waiting.remove(&op) {
                self.seen.detach(number);
            }
        }
    }

    /// Ends pending operations until the machine hears of it: of the members of a group it does not hear one by one.
    fn end(&mut self) -> Result<Input, Ended> {
        loop {
            let ended = self.seen.end().and_then(|p| self.waiting.iter().find(|(_, (n, _))| *n == p.number));
            let Some((op, (number, answer))) = ended.map(|(op, of)| (*op, *of)) else {
                return Err(Ended::Broken("the machine waits for nothing".into()));
            };
            self.waiting.remove(&op);
            let completion = answer.map_or(Completion::Fired, |answer| answer(&mut self.seen.dice(number)));
            let Some((group, of)) = self.groups.iter_mut().find(|(_, g)| g.members.contains(&op)) else {
                return Ok(Input::Completed { op, completion });
            };
            let group = *group;
            if let Some(completion) = of.over(op, completion) {
                self.detach(group);
                return Ok(Input::Completed { op: group, completion });
            }
            self.next(group)?;
        }
    }
}

fn how(error: StepError) -> Ended {
    match error {
        StepError::Panicked { message, location, .. } => {
            Ended::Panicked(message, location.as_deref().map(line).unwrap_or_default())
        }
        other => Ended::Broken(other.to_string()),
    }
}

fn identity() -> Identity {
    Identity {
        workflow_id: "generated".into(),
        run_id: "00000000-0000-0000-0000-000000005eed".parse().unwrap_or_default(),
    }
}

/// Every program of the batch.
struct Linked;

impl Resolve for Linked {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        inventory::iter::<WorkflowRegistration>.into_iter().map(|r| (r.0)()).find(|d| d.name == name)
    }
    fn definition(&self, _: Fingerprint) -> Option<Definition> {
        None
    }
}

/// Runs the programs of a batch and prints a line for each.
///
/// The arguments are the number of oracles and, to show that the comparison can fail, the operation from which on the machine is
/// answered wrongly.
pub fn main(programs: &[Program]) {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        LAST_PANIC.with(|l| *l.borrow_mut() = location);
    }));
    // Events of level `INFO` are heard, those below are not.
    let listener = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).finish();
    let _listening = tracing::subscriber::set_default(listener);
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().ok());
    let oracles: Vec<u64> = (0..args.next().flatten().unwrap_or(1) as u64).collect();
    let corrupt = args.next().flatten();
    for program in programs {
        let mut count = Count::default();
        // A comparison that panics is a bug of the harness, or of the machine outside of a step.
        let verdict = catch_unwind(AssertUnwindSafe(|| (program.compare)(&oracles, corrupt, &mut count)));
        let verdict = verdict.unwrap_or_else(|panic| {
            Err(format!(
                "a panic outside of the program: {} at {}",
                text(&*panic),
                LAST_PANIC.with(|l| l.borrow().clone())
            ))
        });
        let Count { points, crashes, runs, panics } = count;
        let verdict = verdict.map_or_else(|e| format!("differs\t{}", e.escape_debug()), |()| "agrees\t".to_owned());
        println!("{}\t{points}\t{crashes}\t{runs}\t{panics}\t{verdict}", program.name);
    }
}
