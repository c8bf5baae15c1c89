//! Clients: they call at random times, repeat what got no answer, and compare what they are told with what is durable.

use super::{
    check::{Checker, invariant},
    rng::Rng,
    scenario::{Action, Handles, Reply, Scenario, What},
    world::World,
};
use crate::{engine::Engine, machine::LocalBoxFuture};
use std::{cell::RefCell, rc::Rc};

pub(super) struct Clients {
    calls: Vec<Call>,
    handles: Handles,
    answers: Rc<RefCell<Vec<Answer>>>,
}

struct Answer {
    call: usize,
    process: u64,
    reply: Reply,
}

struct Call {
    action: Action,
    /// The decision from which on it may be made.
    at: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Due,
    /// The last try got no answer.
    Unknown,
    Underway,
    Done,
    /// The run had ended before.
    Refused,
}

impl Clients {
    pub(super) fn new(rng: &mut Rng, scenario: &mut Scenario, chaos: u64) -> Self {
        let actions = std::mem::take(&mut scenario.actions);
        let calls = actions.into_iter().map(|action| {
            let begin = if action.what == What::Start { chaos / 2 } else { chaos };
            Call { action, at: rng.below(begin), state: State::Due }
        });
        Clients { calls: calls.collect(), handles: std::mem::take(&mut scenario.handles), answers: Rc::default() }
    }

    fn is_due(&self, call: &Call, step: u64, calm: bool) -> bool {
        if !matches!(call.state, State::Due | State::Unknown) || (call.at > step && !calm) {
            return false;
        }
        let same = |c: &&Call| c.action.id == call.action.id && c.action.what == call.action.what;
        match call.action.what {
            What::Start => true,
            // One at a time of those that look alike in a history: else nobody could say which of them has happened.
            What::Signal(..) if call.state == State::Due => {
                self.is_started(&call.action.id) && !self.calls.iter().filter(same).any(Call::is_open)
            }
            _ => self.is_started(&call.action.id),
        }
    }

    /// Whether the start of an instance was acknowledged. Of children clients know nothing before they are there.
    fn is_started(&self, id: &str) -> bool {
        let mut starts = self.calls.iter().filter(|c| c.action.id == id && c.action.what == What::Start).peekable();
        starts.peek().is_none() || starts.any(|c| c.state == State::Done)
    }

    /// How many calls can be made now.
    pub(super) fn due(&self, step: u64, calm: bool) -> usize {
        self.calls.iter().filter(|c| self.is_due(c, step, calm)).count()
    }

    /// Makes one of the calls that can be made.
    pub(super) fn call(
        &mut self,
        rng: &mut Rng,
        world: &World,
        (step, calm): (u64, bool),
        process: u64,
        engine: Engine,
    ) -> Option<LocalBoxFuture<()>> {
        let n = rng.index(self.due(step, calm));
        let at = self.calls.iter().enumerate().filter(|(_, c)| self.is_due(c, step, calm)).nth(n).map(|(at, _)| at)?;
        if self.has_happened(at, &world.lock().checker) {
            self.calls[at].state = State::Done;
            return None;
        }
        let Call { action, state, .. } = &mut self.calls[at];
        *state = State::Underway;
        world.lock().note(format_args!("a client calls p{process}: {:?} {}", action.what, action.id));
        let (call, answers) = (action.make(engine, &self.handles), self.answers.clone());
        Some(Box::pin(async move {
            let reply = call.await;
            answers.borrow_mut().push(Answer { call: at, process, reply });
        }))
    }

    /// How many signals like this one are known to be received.
    fn known(&self, like: &Action) -> u64 {
        let same = |c: &&Call| c.action.id == like.id && c.action.what == like.what && c.state == State::Done;
        self.calls.iter().filter(same).count() as u64
    }

    /// Whether a signal without an answer was received.
    fn has_happened(&self, at: usize, checker: &Checker) -> bool {
        let Call { action, state, .. } = &self.calls[at];
        match &action.what {
            What::Signal(name, payload) if *state == State::Unknown => {
                checker.received(&action.id, name, payload) > self.known(action)
            }
            _ => false,
        }
    }

    /// Looks at what was answered since.
    pub(super) fn answers(&mut self, world: &World) {
        let answers = std::mem::take(&mut *self.answers.borrow_mut());
        for Answer { call, process, reply } in answers {
            let mut world = world.lock();
            let Call { action, .. } = &self.calls[call];
            world.note(format_args!("p{process} answers {:?} {}: {reply:?}", action.what, action.id));
            let known = self.known(action);
            if let Err((invariant, message)) = compare(action, &reply, known, &mut world.checker, process) {
                world.checker.fail(invariant, &action.id, message);
            }
            let step = world.step;
            let call = &mut self.calls[call];
            call.state = match reply {
                Reply::Unknown => State::Unknown,
                Reply::Closed => State::Refused,
                _ => State::Done,
            };
            call.at = step + world.rng.below(40);
        }
    }

    /// Does something about instances that wait for a client. False if there are none.
    pub(super) fn stir(&mut self, world: &World) -> bool {
        let mut world = world.lock();
        let mut stirred = vec![];
        for (id, instance) in world.checker.instances() {
            let Some(state) = instance.state().filter(|s| !s.closed) else { continue };
            match &state.blocked {
                // What the simulation has refused may be tried again.
                Some((code, _)) if code == "WB105" => stirred.push(Action::retry(id)),
                None if state.pending.values().any(|p| p.signal.is_some()) => {
                    // It may catch the request and wait again.
                    stirred.push(if state.cancel_requested { Action::terminate(id) } else { Action::cancel(id) });
                }
                _ => {}
            }
        }
        for action in &stirred {
            world.note(format_args!("a client stirs {}: {:?}", action.id, action.what));
        }
        let any = !stirred.is_empty();
        self.calls.extend(stirred.into_iter().map(|action| Call { action, at: 0, state: State::Due }));
        any
    }

    /// Nothing moves any more: is there anything that should?
    pub(super) fn finish(&self, world: &World) {
        let mut world = world.lock();
        let open = world.checker.instances().find_map(|(id, instance)| {
            let state = instance.state().filter(|s| !s.closed)?;
            let why = match &state.blocked {
                Some((code, message)) => format!("it is blocked: {code}: {message}"),
                None => format!("nothing will wake it; it waits for {:?}", state.pending),
            };
            Some((id.clone(), why))
        });
        if let Some((id, why)) = open {
            let hangs = world.work.hangs().filter(|r| *r.workflow_id == *id);
            let hangs = hangs.map(|r| format!("; attempt {} of {} never ends", r.attempt, r.name)).unwrap_or_default();
            return world.checker.fail(invariant::LIVE, &id, format!("{why}{hangs}"));
        }
        let untold = world.checker.instances().find_map(|(id, instance)| {
            let (seq, to) = instance.state()?.outbox.first_key_value()?;
            Some((id.clone(), format!("message {seq} to {to} stays in the outbox")))
        });
        if let Some((id, what)) = untold {
            return world.checker.fail(invariant::LIVE, &id, what);
        }
        if let Some(call) = self.calls.iter().find(|c| !matches!(c.state, State::Done | State::Refused)) {
            let message = format!("the call {:?} gets no answer", call.action.what);
            return world.checker.fail(invariant::LIVE, &call.action.id.clone(), message);
        }
        for call in &self.calls {
            let What::Signal(name, payload) = &call.action.what else { continue };
            let received = world.checker.received(&call.action.id, name, payload);
            if received != self.known(&call.action) {
                let message = format!(
                    "signal {name} {} was sent {} times and received {received} times",
                    payload.to_json(),
                    self.known(&call.action)
                );
                return world.checker.fail(invariant::LOST, &call.action.id.clone(), message);
            }
        }
    }
}

impl Call {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Underway | State::Unknown)
    }
}

/// Compares an answer with what is durable.
fn compare(
    action: &Action,
    reply: &Reply,
    known: u64,
    checker: &mut Checker,
    process: u64,
) -> Result<(), (&'static str, String)> {
    let id = &action.id;
    let state = checker.instance(id).and_then(|i| i.state());
    let effect = |what: &str| Err((invariant::EFFECT, format!("a caller was told {what}, and it is not durable")));
    match (reply, &action.what) {
        (Reply::Unknown, _) => Ok(()),
        (Reply::Wrong(message), what) => Err((invariant::RESULT, format!("{what:?} is answered: {message}"))),
        (Reply::Absent, _) => Err((invariant::LOST, "a run whose start was acknowledged is not found".into())),
        (Reply::Closed, _) if state.is_some_and(|s| s.closed) => Ok(()),
        (Reply::Closed, What::Retry) => Ok(()),
        (Reply::Closed, _) => effect("that the run has ended"),
        (Reply::Done, What::Start) if state.is_none() => effect("that the run has started"),
        (Reply::Done, What::Signal(name, payload)) => {
            let received = checker.received(id, name, payload);
            if received > known {
                return Ok(());
            }
            let message = format!("signal {name} {} was acknowledged and is not durable", payload.to_json());
            Err((invariant::LOST, message))
        }
        (Reply::Done, What::Cancel(_)) if !state.is_some_and(|s| s.cancel_requested || s.closed) => {
            effect("that the run was asked to stop")
        }
        (Reply::Done, What::Terminate(_)) if !state.is_some_and(|s| s.terminated) => {
            effect("that the run was terminated")
        }
        (Reply::Done, What::Terminate(_)) => {
            checker.told_closed(id, process);
            Ok(())
        }
        (Reply::Ended(outcome), _) => match checker.outcome(id) {
            // Whoever waits for the end may read it before the worker knows that its commit is durable.
            Some(durable) if durable == outcome => Ok(()),
            durable => Err((
                invariant::EFFECT,
                format!("a caller was told that the run has ended with {outcome:?}, durable is {durable:?}"),
            )),
        },
        (Reply::Done, _) => Ok(()),
    }
}
