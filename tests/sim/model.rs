//! What a program must have done, worked out from the program and from what clients sent, without the engine.

use crate::program::{Broken, End, Heard, Op, SIGNALS, Seen, Why, Work, value};
use std::collections::BTreeMap;
use workflow_runtime::{
    journal::history::{Event, Outcome},
    testing::sim::Outcomes,
};

/// Compares the ends of an instance and of all its children with their programs.
pub(crate) fn judge(end: &Outcomes<'_>, id: &str, ops: &[Op]) -> Result<(), String> {
    alone(end, id, ops)?;
    children(ops).into_iter().try_for_each(|(n, body)| judge(end, &format!("{id}/{n}"), body))
}

/// The children that a program may have, which are told apart by their numbers.
fn children(ops: &[Op]) -> Vec<(u64, &[Op])> {
    let below = |op| match op {
        &Op::Child { id, ref body } | &Op::Spawn { id, ref body, .. } => vec![(id, body.as_slice())],
        Op::Repeat { body, .. } | Op::Try { body } => children(body),
        _ => vec![],
    };
    ops.iter().flat_map(below).collect()
}

fn alone(end: &Outcomes<'_>, id: &str, ops: &[Op]) -> Result<(), String> {
    let wrong = |what: String| format!("{id}: {what}");
    let Some(outcome) = end.outcome(id) else { return Ok(()) };
    let mut model = Model::of(end, id);
    let decode = |e: workflow_runtime::journal::encoding::DecodeError| wrong(e.to_string());
    let seen: Result<Vec<Seen>, Broken> = match outcome {
        Outcome::Completed(value) => Ok(value.decode().map_err(decode)?),
        Outcome::Failed(error) | Outcome::Cancelled { error, .. } => Err(error.decode().map_err(decode)?),
        _ => return attempts(end, id, &model, false).map_err(wrong),
    };
    let events = || end.history(id).iter().flat_map(|e| &e.events);
    model.cancelled = events().any(|e| matches!(e, Event::CancelRequested { .. }));
    model.walk(ops, &seen).map_err(wrong)?;
    if matches!(outcome, Outcome::Cancelled { .. }) && !model.cancelled {
        return Err(wrong("it was cancelled by nobody".into()));
    }
    for (name, signal) in SIGNALS.iter().enumerate() {
        let received = events().filter_map(|e| match e {
            Event::SignalReceived { name, payload, .. } if name == signal.name() => payload.decode::<u64>().ok(),
            _ => None,
        });
        let got: Vec<u64> = model.got.get(&name).cloned().unwrap_or_default();
        let sent: Vec<u64> = received.take(got.len()).collect();
        if sent != got {
            return Err(wrong(format!("it got {got:?} of {}, sent were {sent:?}", signal.name())));
        }
    }
    attempts(end, id, &model, true).map_err(wrong)
}

/// Every effect at least once, under as many keys as the program asked for it, and none that it did not ask for.
fn attempts(end: &Outcomes<'_>, id: &str, model: &Model<'_>, whole: bool) -> Result<(), String> {
    let mut keys: BTreeMap<(String, u64), std::collections::BTreeSet<String>> = BTreeMap::new();
    for attempt in end.attempts().iter().filter(|a| *a.workflow_id == *id) {
        let id = match &*attempt.name {
            "undo" => attempt.args.decode::<(u64,)>().map_err(|e| e.to_string())?.0,
            _ => attempt.args.decode::<(Work,)>().map_err(|e| e.to_string())?.0.id,
        };
        keys.entry((attempt.name.to_string(), id)).or_default().insert(attempt.idempotency_key());
    }
    if !whole {
        return Ok(());
    }
    for ((name, id), times) in &model.done {
        let made = keys.get(&(name.clone(), *id)).map_or(0, |k| k.len() as u64);
        if made < *times {
            return Err(format!("{name}({id}) was to be done {times} times, and was begun under {made} keys"));
        }
    }
    for ((name, id), keys) in &keys {
        let most = model.done.get(&(name.clone(), *id)).copied().unwrap_or_default()
            + model.maybe.get(id).copied().unwrap_or_default()
            + model.failed.get(id).copied().unwrap_or_default();
        if keys.len() as u64 > most {
            return Err(format!("{name}({id}) was begun under {} keys, asked for were {most}", keys.len()));
        }
    }
    Ok(())
}

/// What follows from what a program has seen.
struct Model<'a> {
    end: &'a Outcomes<'a>,
    id: &'a str,
    cancelled: bool,
    /// Activities that were done, and how often.
    done: BTreeMap<(String, u64), u64>,
    /// Activities that ended in an error.
    failed: BTreeMap<u64, u64>,
    /// Activities that may have been begun.
    maybe: BTreeMap<u64, u64>,
    got: BTreeMap<usize, Vec<u64>>,
    drawn: Vec<u64>,
    /// Signals to others that were taken, and how often; by receiver, name and payload.
    told: BTreeMap<(String, usize, u64), u64>,
}

type Walked = Result<(), String>;

impl<'a> Model<'a> {
    fn of(end: &'a Outcomes<'a>, id: &'a str) -> Self {
        let (done, failed, got, maybe) = Default::default();
        Model { end, id, cancelled: false, done, failed, maybe, got, drawn: vec![], told: BTreeMap::new() }
    }

    fn walk(&mut self, ops: &[Op], seen: &Result<Vec<Seen>, Broken>) -> Walked {
        self.body(ops, seen).map(drop)
    }

    /// Follows one activation. Gives what it would undo if its caller failed.
    fn body(&mut self, ops: &[Op], seen: &Result<Vec<Seen>, Broken>) -> Result<Vec<u64>, String> {
        let (entries, why) = match seen {
            Ok(entries) => (entries, None),
            Err(broken) => (&broken.seen, Some(broken.why)),
        };
        let mut entries = entries.iter();
        let mut undo = vec![];
        for op in ops {
            let ended = match op {
                Op::Repeat { times, body } => self.repeat(*times, body, &mut entries, &mut undo)?,
                op => match entries.next() {
                    None => {
                        self.broke(op, why.ok_or_else(|| format!("it ended before {op:?}"))?)?;
                        true
                    }
                    Some(entry) => {
                        self.one(op, entry, &mut undo)?;
                        false
                    }
                },
            };
            if ended {
                if let Some(extra) = entries.next() {
                    return Err(format!("it went on with {extra:?} after its end"));
                }
                let why = why.ok_or("it returned although a part of it failed")?;
                if let Some(Seen::Caught(last)) = seen.as_ref().err().and_then(|b| b.seen.last())
                    && matches!(op, Op::Repeat { .. })
                    && last.why != why
                {
                    return Err(format!("it failed with {why:?}, its part with {:?}", last.why));
                }
                for id in undo {
                    *self.done.entry(("undo".into(), id)).or_default() += 1;
                }
                return Ok(vec![]);
            }
        }
        match (entries.next(), why) {
            (None, None) => Ok(undo),
            (Some(extra), _) => Err(format!("it saw {extra:?}, which no operation explains")),
            (None, Some(why)) => Err(format!("it failed with {why:?} although everything was done")),
        }
    }

    /// True if a round has failed.
    fn repeat(
        &mut self,
        times: u32,
        body: &[Op],
        entries: &mut std::slice::Iter<'_, Seen>,
        undo: &mut Vec<u64>,
    ) -> Result<bool, String> {
        for _ in 0..times {
            match entries.next() {
                Some(Seen::Round(inner)) => undo.extend(self.body(body, &Ok(inner.clone()))?),
                Some(Seen::Caught(broken)) => {
                    self.body(body, &Err(broken.clone()))?;
                    return Ok(true);
                }
                other => return Err(format!("a round of a loop saw {other:?}")),
            }
        }
        Ok(false)
    }

    /// An operation that was seen to its end.
    fn one(&mut self, op: &Op, entry: &Seen, undo: &mut Vec<u64>) -> Walked {
        let ok = match (op, entry) {
            (Op::Steady(work), Seen::Did { id, value: v }) => {
                self.did("steady", *id);
                // An attempt that was lost or made to fail counts as one.
                !work.declines && *id == work.id && *v == value(*id)
            }
            (Op::Flaky(work), Seen::Did { id, value: v }) => {
                self.did("flaky", *id);
                !work.declines && *id == work.id && *v == value(*id)
            }
            (Op::Stubborn(work), Seen::Did { id, value: v }) => {
                self.did("stubborn", *id);
                *id == work.id && *v == value(*id)
            }
            (Op::Sleep { seconds: asked }, Seen::Slept { seconds }) => *seconds >= *asked as i64,
            (Op::Recv { name: asked }, Seen::Got { name, payload }) => self.got(*asked, *name, *payload),
            (Op::RecvWithin { name: asked, .. }, Seen::Got { name, payload }) => self.got(*asked, *name, *payload),
            (Op::RecvWithin { name: asked, seconds: most }, Seen::TimedOut { name, seconds }) => {
                asked == name && *seconds >= *most as i64
            }
            (Op::Undo { id }, Seen::Registered) => {
                undo.push(*id);
                true
            }
            (Op::Commit, Seen::Committed) => {
                undo.clear();
                true
            }
            (Op::Try { body }, Seen::Tried(inner)) => {
                undo.extend(self.body(body, &Ok(inner.clone()))?);
                true
            }
            (Op::Try { body }, Seen::Caught(broken)) => {
                self.body(body, &Err(broken.clone()))?;
                true
            }
            (Op::Draw, Seen::Drew { number, measured: 7, .. }) => {
                let new = !self.drawn.contains(number);
                self.drawn.push(*number);
                new
            }
            (Op::Carry { bytes: asked, .. }, Seen::Carried { bytes, sum }) => {
                asked == bytes && *sum == (0..bytes / 8).sum::<u64>()
            }
            (Op::Child { id, .. } | Op::Spawn { id, .. }, Seen::Child { id: child, end }) => {
                *child == format!("{}/{id}", self.id) && self.ended(child, end)
            }
            (Op::Await, Seen::Child { id, end }) => self.ended(id, end),
            (Op::Spawn { id, .. }, Seen::Spawned { id: child }) => {
                *child == format!("{}/{id}", self.id) && self.end.outcome(child).is_some()
            }
            (Op::Await | Op::Tell { .. }, Seen::Nobody) => true,
            (Op::Tell { name: n, payload: p }, Seen::Told { to, name, payload, heard }) => {
                (n, p) == (name, payload) && self.heard((to, *name, *payload), heard)
            }
            (Op::Send { to: t, name: n, payload: p }, Seen::Told { to, name, payload, heard }) => {
                (t, n, p) == (to, name, payload) && self.heard((to, *name, *payload), heard)
            }
            (Op::All { works, .. }, Seen::All { did }) => {
                works.len() == did.len() && works.iter().zip(did).all(|(work, did)| self.member(work, did))
            }
            (Op::Each { works }, Seen::Each { did: Ok(values) }) => {
                works.len() == values.len() && works.iter().zip(values).all(|(work, v)| self.member(work, &Ok(*v)))
            }
            (Op::Each { works }, Seen::Each { did: Err(why) }) => {
                works.iter().for_each(|work| *self.maybe.entry(work.id).or_default() += 1);
                works.iter().any(|work| self.may_fail(work, *why))
            }
            (Op::First { seconds }, Seen::First { place: Some(place), cancelled: false }) => *place < seconds.len(),
            (Op::First { .. }, Seen::First { place: Some(_), cancelled: true }) => self.cancelled,
            (Op::First { seconds }, Seen::First { place: None, cancelled: false }) => seconds.is_empty(),
            _ => false,
        };
        if ok { Ok(()) } else { Err(format!("{op:?} saw {entry:?}")) }
    }

    /// Whether a child has ended like this.
    fn ended(&self, id: &str, end: &End) -> bool {
        match (self.end.outcome(id), end) {
            (Some(Outcome::Completed(value)), End::Returned(seen)) => value.decode().as_ref() == Ok(seen),
            (Some(Outcome::Failed(error)), End::Failed(broken)) => error.decode().as_ref() == Ok(broken),
            (Some(Outcome::Cancelled { error, .. }), End::Cancelled(broken)) => error.decode().as_ref() == Ok(broken),
            (Some(Outcome::Terminated { .. }), End::Terminated) => true,
            (_, End::Not(_)) => self.cancelled,
            _ => false,
        }
    }

    /// What a sender hears is true.
    fn heard(&mut self, (to, name, payload): (&str, usize, u64), heard: &Heard) -> bool {
        let times = self.told.entry((to.to_owned(), name, payload)).or_default();
        *times += u64::from(*heard == Heard::Taken);
        let events = self.end.history(to).iter().flat_map(|e| &e.events);
        let taken = events.filter(|e| matches!(e, Event::SignalReceived { name: n, payload: p, .. } if n == SIGNALS[name].name() && p.decode() == Ok(payload)));
        let taken = taken.count() as u64;
        match heard {
            Heard::Taken => taken >= *times,
            Heard::Refused(_) => true,
            Heard::Nothing => self.cancelled,
        }
    }

    /// A member of a group has ended.
    fn member(&mut self, work: &Work, did: &Result<u64, Why>) -> bool {
        match did {
            Ok(v) => {
                self.did("flaky", work.id);
                !work.declines && *v == value(work.id)
            }
            Err(why) => {
                *self.failed.entry(work.id).or_default() += 1;
                self.may_fail(work, *why)
            }
        }
    }

    fn may_fail(&self, work: &Work, why: Why) -> bool {
        match why {
            Why::Cancelled => self.cancelled,
            Why::Busy(id) => id == work.id && work.fails > 0 && !work.declines,
            Why::Declined(id) => id == work.id && work.declines,
            Why::TimedOut | Why::Panicked => true,
            Why::Failed(_) => false,
        }
    }

    fn did(&mut self, name: &str, id: u64) {
        *self.done.entry((name.to_owned(), id)).or_default() += 1;
    }

    fn got(&mut self, asked: usize, name: usize, payload: u64) -> bool {
        self.got.entry(name).or_default().push(payload);
        asked == name
    }

    /// An operation that ended the activation.
    fn broke(&mut self, op: &Op, why: Why) -> Walked {
        let ok = match (op, why) {
            (Op::Fail { code }, Why::Failed(c)) => *code == c,
            (Op::Fail { .. }, _) => false,
            (Op::Steady(work) | Op::Flaky(work) | Op::Stubborn(work), why) => {
                *self.failed.entry(work.id).or_default() += 1;
                match (op, why) {
                    (_, Why::Cancelled) => self.cancelled,
                    (Op::Steady(work), Why::Busy(id)) => id == work.id && work.fails > 0 && !work.declines,
                    (Op::Flaky(work), Why::Busy(id)) => id == work.id && work.fails > 0 && !work.declines,
                    (Op::Steady(work) | Op::Flaky(work), Why::Declined(id)) => id == work.id && work.declines,
                    (Op::Flaky(_), Why::TimedOut | Why::Panicked) => true,
                    _ => false,
                }
            }
            (Op::Sleep { .. } | Op::Recv { .. } | Op::RecvWithin { .. } | Op::Carry { .. }, Why::Cancelled) => {
                self.cancelled
            }
            _ => false,
        };
        if ok { Ok(()) } else { Err(format!("{op:?} failed with {why:?}")) }
    }
}
