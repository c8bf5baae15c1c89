//! A clock that a test moves, and that moves by itself when there is nothing else to do.

use crate::engine::{Clock, Held, Parked, Pulse, Wake};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

/// Virtual time: a month passes as soon as the engine has nothing to do until then.
///
/// The clock stands still while anything is in flight, a running activity included, and otherwise jumps to what is due
/// next. Clones are the same clock. An activity that is meant never to return says so with [`TestClock::hang`].
///
/// ```
/// # use workflow_runtime::testing::TestClock;
/// # use workflow_runtime::engine::Clock;
/// let clock = TestClock::manual();
/// let before = clock.now();
/// clock.jump(workflow_runtime::days(30));
/// assert_eq!(clock.now().duration_since(before).as_hours(), 720);
/// ```
#[derive(Clone)]
pub struct TestClock(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// A sleeper came, or another engine.
    changed: Arc<Notify>,
    automatic: bool,
    /// Does what was held back until everything is idle; true if there was something.
    before_skip: Mutex<Option<BeforeSkip>>,
}

type BeforeSkip = Arc<dyn Fn() -> bool + Send + Sync>;

struct State {
    now: Timestamp,
    next: u64,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<Option<Held>>>,
    pulse: Option<Pulse>,
    driver: Option<AbortHandle>,
    paused: usize,
}

/// While it lives, the clock does not skip. See [`TestClock::pause`].
#[derive(Debug)]
#[must_use = "the clock goes on when it is dropped"]
pub struct Paused(TestClock);

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.0.state().paused -= 1;
        self.0.0.changed.notify_one();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = state.driver.take() {
            driver.abort();
        }
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Where virtual time begins: 2000-01-01, an hour in which no test expects to be.
const BEGIN: i64 = 946_684_800;

impl TestClock {
    /// A clock that jumps by itself.
    pub fn new() -> Self {
        Self::build(true)
    }

    /// A clock that moves only when it is told to.
    pub fn manual() -> Self {
        Self::build(false)
    }

    fn build(automatic: bool) -> Self {
        let now = Timestamp::from_second(BEGIN).unwrap_or(Timestamp::UNIX_EPOCH);
        let state = Mutex::new(State { now, next: 0, sleepers: BTreeMap::new(), pulse: None, driver: None, paused: 0 });
        TestClock(Arc::new(Inner { state, changed: Arc::default(), automatic, before_skip: Mutex::default() }))
    }

    /// Moves time by `d`, and stops at everything that becomes due on the way until it has been dealt with.
    ///
    /// Waits for activities that run; those that never return must say so with [`TestClock::hang`].
    pub async fn advance(&self, d: Duration) {
        let target = self.after(d);
        loop {
            self.settle().await;
            let mut state = self.0.state();
            match state.sleepers.first_key_value() {
                Some((&(at, _), _)) if at <= target => state.jump(at),
                _ => return state.jump(target),
            }
        }
    }

    /// Moves time to what is due next, and waits until it has been dealt with. False if nothing is due.
    pub async fn advance_to_next(&self) -> bool {
        let Some(at) = self.next_due() else { return false };
        self.jump_to(at);
        self.settle().await;
        true
    }

    /// Waits until nothing is in flight.
    pub(super) async fn settle(&self) {
        loop {
            let pulse = self.0.state().pulse.clone();
            if let Some(pulse) = pulse {
                pulse.idle().await;
            }
            if !self.0.released() {
                return;
            }
        }
    }

    /// Does what was held back as soon as nothing is in flight, or waits for something new to look at.
    pub(super) async fn let_through(&self) {
        let pulse = self.0.state().pulse.clone();
        // Who has just got an answer may be about to ask for more at this time.
        for _ in 0..3 {
            if let Some(pulse) = &pulse {
                pulse.idle().await;
            }
            tokio::task::yield_now().await;
        }
        let idle = pulse.is_none_or(|p| p.is_idle());
        if idle && !self.0.released() {
            self.0.changed.notified().await;
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.state().sleepers.first_key_value().map(|(key, _)| key.0)
    }

    /// Moves time to `at`, never backwards.
    pub(super) fn jump_to(&self, at: Timestamp) {
        self.0.state().jump(at);
    }

    /// Before time moves, `release` is given the chance to do what was held back until then.
    pub(super) fn before_skip(&self, release: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.before_skip.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(release));
    }

    /// See [`Pulse::park`].
    pub(super) fn park(&self) -> Option<Parked> {
        let pulse = self.0.state().pulse.clone();
        pulse.map(|p| p.park())
    }

    /// What moves this clock has something new to look at.
    pub(super) fn look_again(&self) {
        self.0.changed.notify_one();
    }

    /// Moves time by `d` at once: what became due on the way is dealt with at the new time, as after a suspend.
    pub fn jump(&self, d: Duration) {
        let target = self.after(d);
        self.0.state().jump(target);
    }

    /// Sets the clock, forwards or backwards, as an operator does, or a machine that asks a time server.
    ///
    /// Forwards it is a [`jump`](Self::jump). Backwards nothing that was due is taken back, and what is not due yet waits until
    /// the clock shows its time.
    ///
    /// ```
    /// # use workflow_runtime::{days, testing::TestClock, engine::Clock};
    /// let clock = TestClock::manual();
    /// let before = clock.now();
    /// clock.jump(days(30));
    /// clock.set(before);
    /// assert_eq!(clock.now(), before);
    /// ```
    pub fn set(&self, to: Timestamp) {
        let mut state = self.0.state();
        state.now = state.now.min(to);
        state.jump(to);
    }

    /// Never returns, and does not stop the clock as a running activity does.
    ///
    /// For the body of an activity whose timeout or cancellation is tested; it takes the clock as `State<TestClock>`.
    /// Outside of an activity it stops a clock for good that something else in flight should have stopped.
    pub async fn hang(&self) {
        let pulse = self.0.state().pulse.clone();
        let _parked = pulse.map(|p| p.park());
        std::future::pending().await
    }

    /// Lets `d` pass inside of an activity, which does not stop the clock meanwhile as a running activity does.
    ///
    /// For the body of an activity that takes its time; it takes the clock as `State<TestClock>`. Outside of an activity
    /// the clock runs while something in flight should have stopped it.
    pub async fn sleep(&self, d: Duration) {
        let at = self.after(d);
        let pulse = self.0.state().pulse.clone();
        let (mut sleep, mut parked) = (self.sleep_until(at), None);
        let wake = std::future::poll_fn(|cx| {
            let polled = sleep.as_mut().poll(cx);
            // Not before the clock knows of this sleeper.
            if polled.is_pending() && parked.is_none() {
                parked = pulse.as_ref().map(Pulse::park);
            }
            polled
        })
        .await;
        drop(parked);
        drop(wake);
    }

    /// Stops skipping until the result is dropped, for a test that does several things at one time.
    pub fn pause(&self) -> Paused {
        self.0.state().paused += 1;
        Paused(self.clone())
    }

    fn after(&self, d: Duration) -> Timestamp {
        self.now().checked_add(d).unwrap_or(Timestamp::MAX)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn released(&self) -> bool {
        let release = self.before_skip.lock().unwrap_or_else(PoisonError::into_inner).clone();
        release.is_some_and(|release| release())
    }

    /// Moves time to the next sleeper if nothing is in flight. False if it must wait for a change.
    fn skip(&self, pulse: &Pulse) -> bool {
        let mut state = self.state();
        if state.paused > 0 {
            return false;
        }
        let Some((&(at, _), _)) = state.sleepers.first_key_value() else { return false };
        if pulse.is_idle() {
            state.jump(at);
        }
        true
    }
}

impl State {
    fn jump(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
        while let Some(sleeper) = self.sleepers.first_entry() {
            if sleeper.key().0 > self.now {
                return;
            }
            let token = self.pulse.as_ref().map(Pulse::hold);
            let _ = sleeper.remove().send(token);
        }
    }
}

/// Takes a sleeper out that nobody waits for any more.
struct Sleeper<'a>(&'a Inner, (Timestamp, u64));

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.state().sleepers.remove(&self.1);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.state().now
    }

    async fn sleep_until(&self, at: Timestamp) -> Wake {
        let (key, woken) = {
            let mut state = self.0.state();
            if at <= state.now {
                return state.pulse.as_ref().map_or_else(Wake::default, |p| Wake::holding(p.hold()));
            }
            let (wake, woken) = oneshot::channel();
            let key = (at, state.next);
            state.next += 1;
            state.sleepers.insert(key, wake);
            (key, woken)
        };
        let _sleeper = Sleeper(&self.0, key);
        self.0.changed.notify_one();
        woken.await.ok().flatten().map_or_else(Wake::default, Wake::holding)
    }

    fn attach(&self, pulse: &Pulse) {
        let mut state = self.0.state();
        state.pulse = Some(pulse.clone());
        if let Some(before) = state.driver.take() {
            before.abort();
        }
        let runtime = tokio::runtime::Handle::try_current();
        if let (true, Ok(runtime)) = (self.0.automatic, runtime) {
            let driver = drive(Arc::downgrade(&self.0), pulse.clone());
            state.driver = Some(runtime.spawn(driver).abort_handle());
        }
    }
}

/// Skips to the next sleeper whenever nothing is in flight.
async fn drive(clock: std::sync::Weak<Inner>, pulse: Pulse) {
    loop {
        // Who has just got an answer may be about to ask for more at this time.
        for _ in 0..3 {
            pulse.idle().await;
            tokio::task::yield_now().await;
        }
        let Some(alive) = clock.upgrade() else { return };
        if pulse.is_idle() && alive.released() {
            continue;
        }
        let (slept, changed) = (alive.skip(&pulse), alive.changed.clone());
        drop(alive);
        if !slept {
            changed.notified().await;
        }
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestClock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{days, hours};

    #[tokio::test]
    async fn time_skips_to_the_next_sleeper_only_when_nothing_is_in_flight() {
        let (clock, pulse) = (TestClock::new(), Pulse::new());
        clock.attach(&pulse);
        let begin = clock.now();
        let busy = pulse.hold();
        let slept = tokio::spawn({
            let clock = clock.clone();
            async move {
                let at = clock.now().checked_add(days(30)).unwrap();
                let wake = clock.sleep_until(at).await;
                assert_eq!(clock.now(), at);
                wake
            }
        });
        tokio::task::yield_now().await;
        assert_eq!(clock.now(), begin);
        drop(busy);
        let wake = slept.await.unwrap();
        assert_eq!(pulse.held(), 1, "the clock stands still until the sleeper is done");
        drop(wake);
        assert!(clock.0.state().sleepers.is_empty());
    }

    #[tokio::test]
    async fn a_manual_clock_stops_at_what_is_due() {
        let (clock, pulse) = (TestClock::manual(), Pulse::new());
        clock.attach(&pulse);
        let begin = clock.now();
        let chain = tokio::spawn({
            let clock = clock.clone();
            async move {
                let mut at = vec![];
                for _ in 0..3 {
                    let next = clock.now().checked_add(hours(1)).unwrap();
                    let wake = clock.sleep_until(next).await;
                    at.push(clock.now().duration_since(begin).as_hours());
                    // The next sleep begins before this one is over, as an engine's does.
                    let next = clock.now().checked_add(hours(1)).unwrap();
                    let mut sleep = clock.sleep_until(next);
                    let pending =
                        std::future::poll_fn(|cx| std::task::Poll::Ready(sleep.as_mut().poll(cx).is_pending()));
                    assert!(pending.await);
                    drop(wake);
                    drop(sleep);
                }
                at
            }
        });
        tokio::task::yield_now().await;
        clock.jump(hours(1));
        tokio::task::yield_now().await;
        clock.jump(hours(2));
        tokio::task::yield_now().await;
        clock.jump(hours(1));
        assert_eq!(chain.await.unwrap(), [1, 3, 4]);
        clock.advance(days(1)).await;
        assert_eq!(clock.now().duration_since(begin).as_hours(), 28);
    }
}
