//! When and how often an engine is told that an attempt has ended.

use super::{TestClock, mock::Mocks};
use crate::{
    activity::{ActivityContext, ActivityDef, AttemptFuture, AttemptReport, AttemptRequest, Interpose, OnDone, States},
    engine::{Backdoor, Engine, Parked},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens to the reports of attempts on their way to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deliveries {
    /// Each comes once, when the attempt ends.
    Once,
    /// Each comes twice, and those of repeated attempts once more under the number before.
    Doubled,
    /// Those of attempts that run together come in reverse order.
    Reversed,
    /// Those of attempts that run together come in an order that this number decides.
    Shuffled(u64),
}

impl Deliveries {
    /// Whether things may come in another order.
    pub(super) fn reorder(self) -> bool {
        matches!(self, Deliveries::Reversed | Deliveries::Shuffled(_))
    }
}

/// A report that has not been delivered.
struct Held {
    report: AttemptReport,
    deliver: OnDone,
    /// The clock may find everything idle: then this is delivered.
    parked: Parked,
}

/// Stands between an engine and its activities: the mocks, and what becomes of reports. Clones are the same.
#[derive(Clone)]
pub(super) struct Between(Arc<Inner>);

struct Inner {
    mocks: Mocks,
    deliveries: Deliveries,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    engine: Option<(Backdoor, TestClock)>,
    held: Vec<Held>,
    rounds: u64,
}

impl Between {
    pub(super) fn new(mocks: Mocks, deliveries: Deliveries) -> Self {
        Between(Arc::new(Inner { mocks, deliveries, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attach(&self, engine: &Engine, clock: &TestClock) {
        self.0.mocks.attach(engine, clock);
        self.state().engine = Some((engine.backdoor(), clock.clone()));
        // Not strongly: the clock outlives engines, and this holds the clock.
        let between = Arc::downgrade(&self.0);
        clock.before_skip(move || between.upgrade().is_some_and(|inner| Between(inner).release()));
    }

    /// Delivers what was held back. False if there is nothing.
    fn release(&self) -> bool {
        let mut state = self.state();
        let mut held = std::mem::take(&mut state.held);
        state.rounds += 1;
        let rounds = state.rounds;
        drop(state);
        if held.is_empty() {
            return false;
        }
        match self.0.deliveries {
            Deliveries::Reversed => held.reverse(),
            Deliveries::Shuffled(seed) => shuffle(&mut held, seed ^ rounds.rotate_left(32)),
            Deliveries::Once | Deliveries::Doubled => {}
        }
        for Held { report, deliver, parked } in held {
            drop(parked);
            deliver(report);
        }
        true
    }
}

/// Fisher and Yates, with the numbers of splitmix64.
fn shuffle<T>(all: &mut [T], mut seed: u64) {
    for i in (1..all.len()).rev() {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        all.swap(i, ((z ^ (z >> 31)) % (i as u64 + 1)) as usize);
    }
}

/// The same report once more, of those that can come over a network.
fn copy(report: &AttemptReport) -> Option<AttemptReport> {
    Some(match report {
        AttemptReport::Ok(value) => AttemptReport::Ok(value.clone()),
        AttemptReport::Err { error, permanent } => AttemptReport::Err { error: error.clone(), permanent: *permanent },
        AttemptReport::TimedOut(which) => AttemptReport::TimedOut(*which),
        AttemptReport::Panicked(message) => AttemptReport::Panicked(message.clone()),
        AttemptReport::Cancelled => AttemptReport::Cancelled,
        _ => return None,
    })
}

impl Interpose for Between {
    fn replace(
        &self,
        request: &AttemptRequest,
        def: &'static ActivityDef,
        states: &States,
        cx: &ActivityContext,
    ) -> Option<AttemptFuture> {
        self.0.mocks.replace(request, def, states, cx)
    }

    fn report(&self, request: &AttemptRequest, report: AttemptReport, deliver: OnDone) {
        let report = self.0.mocks.reported(request, report);
        let engine = self.state().engine.clone();
        match (self.0.deliveries, engine) {
            (Deliveries::Once, _) | (_, None) => deliver(report),
            (Deliveries::Doubled, Some((engine, _))) => {
                let (twice, late) = (copy(&report), copy(&report));
                deliver(report);
                if let Some(twice) = twice {
                    engine.report_again(request, twice);
                }
                if let (Some(late), true) = (late, request.attempt > 1) {
                    let before = AttemptRequest { attempt: request.attempt - 1, ..request.clone() };
                    engine.report_again(&before, late);
                }
            }
            (Deliveries::Reversed | Deliveries::Shuffled(_), Some((_, clock))) => {
                match clock.park() {
                    Some(parked) => self.state().held.push(Held { report, deliver, parked }),
                    None => deliver(report),
                }
                clock.look_again();
            }
        }
    }
}
