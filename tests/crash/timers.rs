//! Timers: through months, restarts, and clocks that jump.

use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::watch;
use workflow_runtime::{
    engine::{Clock, Status},
    journal::{history::Event, id::ShardId},
    prelude::*,
    store::{Commit, CommitError, Fence, MemoryStore, Revision, Row, Store, StoreCounters, StoreError},
    testing::{Sweep, TestClock, TestEngine},
};

type Test = Result<(), Box<dyn Error + Send + Sync>>;

const NAMES: [&str; 4] = ["watch", "calendar", "news", "abroad"];
const NEWS: Signal<String> = Signal::new("news");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum NapError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Zone(#[from] workflow_runtime::UnknownTimeZone),
    #[error("{0}")]
    Calendar(String),
}

impl From<jiff::Error> for NapError {
    fn from(e: jiff::Error) -> Self {
        NapError::Calendar(e.to_string())
    }
}

/// Looks at the time before and after each nap.
#[workflow]
async fn watch(naps: u32) -> Result<Vec<Timestamp>, NapError> {
    let mut seen = vec![now()];
    let mut n = 0;
    while n < naps {
        sleep(hours(1)).await?;
        seen.push(now());
        n += 1;
    }
    Ok(seen)
}

/// A month, a year, a point in time, a time of a place, and the past.
#[workflow]
async fn calendar(zone: String) -> Result<Vec<String>, NapError> {
    let mut seen = vec![];
    sleep_until("2000-01-31T09:00:00Z".parse::<Timestamp>()?).await?;
    sleep(months(1)).await?;
    seen.push(now().to_string());
    sleep(years(1)).await?;
    seen.push(now().to_string());
    let there: Zoned = now_in(&zone)?;
    // The clocks change in between: the same hour of the day.
    sleep_until(there.checked_add(2.months())?).await?;
    seen.push(there.checked_add(2.months())?.to_string());
    sleep(weeks(2)).await?;
    seen.push(now().to_string());
    sleep_until(there).await?;
    sleep(-5.days()).await?;
    seen.push(now().to_string());
    Ok(seen)
}

#[workflow]
async fn news(patience: u64) -> Result<String, NapError> {
    match NEWS.recv().timeout(hours(patience)).await {
        Ok(text) => Ok(text),
        Err(WaitError::TimedOut) => Ok("nothing".to_string()),
        Err(WaitError::Cancelled) => Err(Cancelled.into()),
    }
}

#[workflow]
async fn abroad(zone: String) -> Result<String, NapError> {
    Ok(now_in(&zone)?.to_string())
}

async fn open(store: &MemoryStore, clock: &TestClock) -> Result<TestEngine, Box<dyn Error + Send + Sync>> {
    Ok(TestEngine::builder().store(store.reopen()).clock(clock).configure(|e| e.only(NAMES)).build().await?)
}

#[tokio::test]
async fn the_calendar_at_every_crash() {
    let swept = Sweep::new(calendar("Europe/Berlin".into()), "c").configure(|e| e.only(NAMES)).run().await;
    assert_eq!(
        swept.history.last().map(String::as_str),
        Some(concat!(
            r#"completed with ["2000-02-29T09:00:00Z","2001-02-28T09:00:00Z","#,
            r#""2001-04-28T10:00:00+02:00[Europe/Berlin]","2001-05-12T08:00:00Z","2001-05-12T08:00:00Z"]"#
        ))
    );
}

#[tokio::test]
async fn a_zone_that_nobody_knows_is_an_error() -> Test {
    let engine = open(&MemoryStore::new(), &TestClock::new()).await?;
    assert_eq!(
        engine.start("b", abroad("Europe/Berlin".into())).await?.result().await?,
        "2000-01-01T01:00:00+01:00[Europe/Berlin]"
    );
    let error = engine.start("a", abroad("Atlantis/Capital".into())).await?.result().await.unwrap_err();
    assert!(error.to_string().contains("Atlantis/Capital"), "{error}");
    Ok(())
}

fn fired(history: &[workflow_runtime::journal::history::Entry]) -> usize {
    history.iter().flat_map(|e| &e.events).filter(|e| matches!(e, Event::TimerFired { .. })).count()
}

/// Minutes by which the clock is set before each nap ends; below zero: back.
const JUMPS: [&[i64]; 6] =
    [&[0, 0, 0], &[-30, 0, 0], &[-600, -600, -600], &[600, -1200, 600], &[59, -59, 120], &[-1, 1, -525_600]];

#[tokio::test]
async fn a_clock_that_jumps_loses_no_timer_and_doubles_none() -> Test {
    for jumps in JUMPS {
        for restarts in [false, true] {
            let (store, clock) = (MemoryStore::new(), TestClock::manual());
            let mut engine = open(&store, &clock).await?;
            let begin = clock.now();
            engine.start("w", watch(3)).await?;
            for (n, jump) in jumps.iter().enumerate() {
                engine.pulse().idle().await;
                clock.set(clock.now() + jump.minutes());
                if restarts {
                    engine.kill();
                    engine = open(&store, &clock).await?;
                }
                engine.pulse().idle().await;
                let run = engine.run(watch, "w");
                // What the clock has not reached yet is not due, and what it has is.
                let due = run
                    .status()
                    .await?
                    .waits
                    .iter()
                    .any(|w| matches!(w, workflow_runtime::engine::Waits::Timer { at, .. } if *at <= clock.now()));
                assert!(!due, "{jumps:?} {n}");
                clock.advance(days(400)).await;
                clock.set(begin + ((n as i64 + 1) * 60).minutes());
            }
            engine.pulse().idle().await;
            let run = engine.run(watch, "w");
            clock.advance(days(400)).await;
            let seen = run.result().await?;
            assert_eq!(fired(&run.history().await?), 3, "{jumps:?}");
            assert!(seen.is_sorted() && seen.len() == 4, "{jumps:?}: {seen:?}");
            assert!(
                seen.windows(2).all(|w| w[1].duration_since(w[0]) >= jiff::SignedDuration::from_hours(1)),
                "{seen:?}"
            );
        }
    }
    Ok(())
}

/// The clock is set back by a year while the process is down: time stands still for the instance until the clock is there again.
#[tokio::test]
async fn time_never_goes_backwards_within_an_instance() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let begin = clock.now();
    let engine = open(&store, &clock).await?;
    engine.start("w", watch(2)).await?;
    clock.advance(hours(1)).await;
    engine.kill();
    clock.set(begin - 8760.hours());
    let engine = open(&store, &clock).await?;
    let run = engine.run(watch, "w");
    engine.pulse().idle().await;
    clock.advance(hours(8760)).await;
    assert_eq!(run.status().await?.state, Status::Running);
    let updated = run.status().await?.updated;
    assert!(updated >= begin + 1.hours());
    clock.advance(hours(2)).await;
    assert_eq!(run.result().await?, [begin, begin + 1.hours(), begin + 2.hours()]);
    let times: Vec<_> = run.history().await?.into_iter().map(|e| e.time).collect();
    assert!(times.is_sorted(), "{times:?}");
    Ok(())
}

/// Both are there when the engine comes back: what came first counts, not what is looked at first.
#[tokio::test]
async fn a_signal_before_its_deadline_wins_after_downtime() -> Test {
    for (late, expected) in [(false, "in time"), (true, "nothing")] {
        let (store, clock) = (MemoryStore::new(), TestClock::manual());
        let engine = open(&store, &clock).await?;
        engine.start("n", news(2)).await?;
        engine.kill();
        // No workflow of this build can take it, so it is buffered.
        let builder = TestEngine::builder().store(store.reopen()).clock(&clock).configure(|e| e.only(["abroad"]));
        let other = builder.build().await?;
        clock.jump(if late { hours(3) } else { hours(1) });
        other.run(news, "n").signal(&NEWS, "in time".into()).await?;
        other.kill();
        clock.jump(days(30));
        let engine = open(&store, &clock).await?;
        assert_eq!(engine.run(news, "n").result().await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn the_end_of_time_is_no_panic() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock).await?;
    let run = engine.start("n", news(u64::MAX)).await?;
    engine.kill();
    let engine = open(&store, &clock).await?;
    engine.run(news, "n").signal(&NEWS, "before the end".into()).await?;
    assert_eq!(engine.run(news, "n").result().await?, "before the end");
    drop(run);
    Ok(())
}

/// A store in which the commits of naps wait until they are let through.
struct Gate {
    inner: MemoryStore,
    open: watch::Receiver<bool>,
    waiting: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Store for Gate {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        self.inner.acquire(shard).await
    }

    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.inner.acquire_all(owner).await
    }

    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.inner.renew(fence).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        if commit.instance.windows(4).any(|text| text == b"nap-") {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let _ = self.open.clone().wait_for(|open| *open).await;
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        self.inner.commit(commit).await
    }

    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.inner.get_with_revision(key).await
    }

    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(from, to, limit).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }

    fn counters(&self) -> StoreCounters {
        self.inner.counters()
    }
}

/// What is started while many timers are due is not behind them, however long they take.
#[tokio::test]
async fn many_timers_at_once_are_in_nobodys_way() -> Test {
    const NAPS: usize = 600;
    let (gate, open) = watch::channel(true);
    let waiting = Arc::new(AtomicUsize::new(0));
    let clock = TestClock::manual();
    let store = Gate { inner: MemoryStore::new(), open, waiting: waiting.clone() };
    let engine =
        TestEngine::builder().store(store).clock(&clock).configure(|e| e.only(NAMES).workers(1)).build().await?;
    let mut naps = vec![];
    for n in 0..NAPS {
        naps.push(engine.start(format!("nap-{n}"), watch(1)).await?);
    }
    // The steps that set the timers are not in the gate's way.
    engine.run_until_idle().await;
    gate.send(false)?;
    clock.jump(hours(2));
    while waiting.load(Ordering::SeqCst) < 32 {
        tokio::task::yield_now().await;
    }
    let fresh = engine.start("fresh", abroad("Europe/Berlin".into())).await?;
    fresh.result().await?;
    assert_eq!(waiting.load(Ordering::SeqCst), 32);
    gate.send(true)?;
    for nap in naps {
        assert_eq!(nap.result().await?.len(), 2);
    }
    Ok(())
}

/// However many are due at once: time does not go on before all of them have been dealt with.
#[tokio::test]
async fn the_clock_stands_still_for_all_timers_that_are_due() -> Test {
    for workers in [1, 3] {
        let builder = TestEngine::builder().manual().configure(|e| e.only(NAMES).workers(workers));
        let engine = builder.build().await?;
        for n in 0..200 {
            engine.start(format!("nap-{n}"), watch(2)).await?;
        }
        engine.advance(hours(2)).await;
        for n in 0..200 {
            let seen = engine.run(watch, format!("nap-{n}")).status().await?;
            assert_eq!(seen.state, Status::Completed, "nap-{n}");
            let times = engine.run(watch, format!("nap-{n}")).result().await?;
            assert!(times.windows(2).all(|two| two[1].duration_since(two[0]) == jiff::SignedDuration::from_hours(1)));
        }
    }
    Ok(())
}
