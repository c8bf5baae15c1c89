//! Time that moves when the simulation says so, in both directions.

use super::world::World;
use crate::engine::{Clock, Wake};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Where simulated time begins: 2000-01-01.
const BEGIN: i64 = 946_684_800;

pub(super) struct Time {
    pub(super) now: Timestamp,
    next: u64,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
}

impl Time {
    pub(super) fn new() -> Self {
        let now = Timestamp::from_second(BEGIN).unwrap_or(Timestamp::UNIX_EPOCH);
        Time { now, next: 0, sleepers: BTreeMap::new() }
    }

    /// When the next sleeper wants to be woken.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.sleepers.first_key_value().map(|(key, _)| key.0)
    }

    /// Moves time, and wakes who is late.
    pub(super) fn set(&mut self, to: Timestamp) {
        self.now = to;
        while let Some(first) = self.sleepers.first_entry().filter(|s| s.key().0 <= to) {
            // Who does not listen any more has taken itself out, or is about to.
            let _ = first.remove().send(());
        }
    }

    pub(super) fn after(&self, d: SignedDuration) -> Timestamp {
        self.now.checked_add(d).unwrap_or(Timestamp::MAX)
    }
}

/// The clock of one process. All of them show the same time.
pub(super) struct SimClock(pub(super) World);

struct Sleeper<'a>(&'a World, (Timestamp, u64));

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.lock().time.sleepers.remove(&self.1);
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.0.lock().time.now
    }

    async fn sleep_until(&self, at: Timestamp) -> Wake {
        let (key, woken) = {
            let time = &mut self.0.lock().time;
            if at <= time.now {
                return Wake::default();
            }
            let (wake, woken) = oneshot::channel();
            let key = (at, time.next);
            time.next += 1;
            time.sleepers.insert(key, wake);
            (key, woken)
        };
        let _sleeper = Sleeper(&self.0, key);
        // An error: the world has ended.
        let _ = woken.await;
        Wake::default()
    }
}
