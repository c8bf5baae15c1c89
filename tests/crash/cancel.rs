//! Cancellation: of everything that waits, at every moment.

use crate::arriving::{Left, sweep};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Arc, Mutex},
};
use workflow_runtime::{
    engine::{ControlError, RunError, Status},
    journal::history::Event,
    prelude::*,
    store::MemoryStore,
    testing::{TestClock, TestEngine},
};

type Test = Result<(), Box<dyn Error + Send + Sync>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum TourError {
    #[error("{0}")]
    Activity(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("stopped after {0}: {1}")]
    Stopped(String, String),
}

impl From<ActivityError<String>> for TourError {
    fn from(e: ActivityError<String>) -> Self {
        TourError::Activity(e.to_string())
    }
}

/// What is taken; survives the process. And whether something was paid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(pub(crate) Arc<Mutex<(BTreeSet<String>, BTreeSet<String>)>>);

impl Taken {
    fn holds(&self, what: &str) -> bool {
        self.0.lock().unwrap().0.contains(what)
    }

    fn paid(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().1.clone()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.0.lock().unwrap().0.is_empty()
    }
}

#[activity]
pub(crate) async fn take(taken: State<Taken>, what: &str) -> Result<String, String> {
    taken.0.lock().unwrap().0.insert(what.to_owned());
    Ok(format!("one {what}"))
}

/// Fails twice, as it should not.
#[activity(retry(attempts = 2, initial = "30s", factor = 1.0))]
pub(crate) async fn give_back(taken: State<Taken>, cx: ActivityContext, what: String) -> Result<(), String> {
    if cx.attempt() < 3 {
        return Err("closed".into());
    }
    taken.0.lock().unwrap().0.remove(&what);
    Ok(())
}

#[activity(retry(attempts = 5, initial = "1h"))]
pub(crate) async fn quote(cx: ActivityContext, what: &str) -> Result<String, String> {
    if cx.attempt() < 3 { Err("busy".into()) } else { Ok(format!("{what} for 5")) }
}

#[activity]
pub(crate) async fn pay(taken: State<Taken>, what: &str) -> Result<(), String> {
    taken.0.lock().unwrap().1.insert(what.to_owned());
    Ok(())
}

/// Ends only when it is asked to.
#[activity]
pub(crate) async fn wander(clock: State<TestClock>, cx: ActivityContext, honest: bool) -> Result<String, String> {
    let _still = clock.pause();
    cx.cancelled().await;
    if honest { Ok("stopped".into()) } else { Err("torn".into()) }
}

const WEATHER: Signal<String> = Signal::new("weather");

#[workflow]
async fn hotel(name: String) -> Result<String, TourError> {
    saga::on_failure(give_back(name.clone()));
    let room = take(&name).await?;
    sleep(hours(1)).await?;
    Ok(room)
}

#[workflow]
async fn tour(place: String) -> Result<String, TourError> {
    saga::on_failure(give_back("boots".into()));
    take("boots").await?;
    let room = hotel(place).await?;
    let price = quote(&room).await?;
    let weather = match WEATHER.recv().timeout(days(1)).await {
        Ok(w) => w,
        Err(WaitError::TimedOut) => "unknown".to_string(),
        Err(WaitError::Cancelled) => return Err(Cancelled.into()),
    };
    sleep(days(1)).await?;
    shielded(pay(&price)).await?;
    shielded(settle(weather)).await?;
    Ok(price)
}

/// A helper that no request reaches.
#[workflow]
async fn settle(weather: String) -> Result<(), TourError> {
    sleep(days(2)).await?;
    pay(&weather).await?;
    sleep(days(2)).await?;
    pay("tip").await?;
    Ok(())
}

/// Cleans up by itself, with operations that begin after the request.
#[workflow]
async fn careful(n: u32) -> Result<String, TourError> {
    take("map").await?;
    let mut seen = "nothing".to_string();
    if let Err(Cancelled) = sleep(days(n.into())).await {
        seen = cancel_requested().unwrap_or_default();
        sleep(hours(1)).await?;
    }
    while give_back("map".into()).retry(Retry::default()).await.is_err() {
        sleep(minutes(1)).await?;
    }
    Ok(seen)
}

/// Stops behind its shield.
#[workflow]
async fn obedient(n: u32) -> Result<u32, TourError> {
    let mut done = 0;
    while done < n {
        shielded(sleep(days(1))).await?;
        done += 1;
        if let Some(why) = cancel_requested() {
            return Err(TourError::Stopped(format!("{done} days"), why));
        }
    }
    Ok(done)
}

#[workflow]
async fn wandering(honest: bool, shield: bool) -> Result<String, TourError> {
    let end = if shield { shielded(wander(honest)).await } else { wander(honest).await };
    match end {
        Ok(text) => Ok(text),
        Err(ActivityError::Cancelled) => Err(Cancelled.into()),
        Err(e) => Ok(format!("{e}")),
    }
}

const NAMES: [&str; 11] =
    ["tour", "hotel", "settle", "careful", "obedient", "wandering", "take", "give_back", "quote", "pay", "wander"];

#[tokio::test]
async fn a_request_at_any_moment_of_a_saga() {
    let check = |left: &Left<'_, _, Taken>| {
        let (arrival, paid) = (left.arrival, left.world.paid());
        match &left.outcome {
            Ok(price) => {
                assert_eq!(price, "one inn for 5", "{arrival:?}");
                assert!(left.world.holds("boots") && left.world.holds("inn"), "{arrival:?}: {:?}", left.world);
                assert_eq!(paid.len(), 3, "{arrival:?}");
            }
            Err(RunError::Cancelled { reason, .. }) => {
                assert_eq!(reason, "enough");
                assert!(left.requested() && left.world.is_clean(), "{arrival:?}: {:?}", left.world);
                assert!(paid.is_empty(), "{arrival:?}: what is shielded was begun and not finished, {paid:?}");
            }
            Err(e) => panic!("{arrival:?}: {e}"),
        }
    };
    let runs = sweep(tour("inn".into()), |e| e.run(tour, "c"), Taken::default, |e| e.only(NAMES), check).await;
    assert!(runs > 300, "{runs}");
}

#[tokio::test]
async fn a_request_at_any_moment_of_a_workflow_that_cleans_up() {
    let check = |left: &Left<'_, _, Taken>| {
        let arrival = left.arrival;
        match &left.outcome {
            Ok(seen) => {
                assert!(left.world.is_clean(), "{arrival:?}: {:?}", left.world);
                assert!(seen == "nothing" || (left.requested() && seen == "enough"), "{arrival:?}: {seen}");
            }
            // The first step is not guarded.
            Err(RunError::Cancelled { .. }) => assert!(left.requested(), "{arrival:?}"),
            Err(e) => panic!("{arrival:?}: {e}"),
        }
    };
    sweep(careful(3), |e| e.run(careful, "c"), Taken::default, |e| e.only(NAMES), check).await;
}

#[tokio::test]
async fn a_request_at_any_moment_of_a_shielded_loop() {
    let check = |left: &Left<'_, _, Taken>| {
        let arrival = left.arrival;
        assert!(!left.events().any(|e| matches!(e, Event::CancelAsked { .. })), "{arrival:?}");
        match &left.outcome {
            Ok(3) => {}
            Err(RunError::Cancelled { error: TourError::Stopped(_, why), .. }) => assert_eq!(why, "enough"),
            other => panic!("{arrival:?}: {other:?}"),
        }
    };
    sweep(obedient(3), |e| e.run(obedient, "c"), Taken::default, |e| e.only(NAMES), check).await;
}

async fn engine() -> Result<TestEngine, Box<dyn Error + Send + Sync>> {
    Ok(TestEngine::builder()
        .state(Taken::default())
        .clock(&TestClock::manual())
        .configure(|e| e.only(NAMES))
        .build()
        .await?)
}

/// Waits until the first attempt of an activity has started.
async fn started(engine: &TestEngine, activity: &str) {
    while engine.attempts().of(activity) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_activity_that_ends_in_its_own_way_gives_its_result() -> Test {
    for (honest, expected) in [(true, "stopped"), (false, "torn")] {
        let engine = engine().await?;
        let run = engine.start(format!("w-{honest}"), wandering(honest, false)).await?;
        started(&engine, "wander").await;
        run.cancel("enough").await?;
        assert_eq!(run.result().await?, expected);
        assert!(matches!(run.cancel("late").await, Err(ControlError::Closed { state: "completed", .. })));
    }
    Ok(())
}

#[tokio::test]
async fn a_shielded_attempt_is_not_asked_to_stop() -> Test {
    let engine = engine().await?;
    let run = engine.start("w", wandering(true, true)).await?;
    started(&engine, "wander").await;
    run.cancel("enough").await?;
    // A second request changes nothing, not even the reason.
    run.cancel("really").await?;
    let requests = run.history().await?.into_iter().flat_map(|e| e.events);
    assert_eq!(requests.filter(|e| matches!(e, Event::CancelRequested { .. })).count(), 1);
    let status = run.status().await?;
    assert_eq!((status.state, status.cancel_requested.as_deref()), (Status::Running, Some("enough")));
    assert!(!run.history().await?.iter().flat_map(|e| &e.events).any(|e| matches!(e, Event::CancelAsked { .. })));
    run.terminate("enough of it").await?;
    assert!(matches!(run.result().await, Err(RunError::Terminated { .. })));
    Ok(())
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_is_cancelled_at_once() -> Test {
    let engine = engine().await?;
    let run = engine.start("t", tour("inn".into())).await?;
    engine.clock().advance(hours(1)).await;
    engine.pulse().idle().await;
    assert_eq!(engine.attempts().of("quote"), 1);
    run.cancel("enough").await?;
    let undone = run.status().await?.compensating;
    // In the helper's order, which has handed its call over.
    assert_eq!(undone[0].running[0].args, serde_json::json!(["inn"]));
    assert_eq!(undone[0].left[0].args, serde_json::json!(["boots"]));
    // A request in a compensation changes nothing.
    run.cancel("again").await?;
    engine.clock().advance(hours(1)).await;
    assert!(matches!(run.result().await, Err(RunError::Cancelled { reason, .. }) if reason == "enough"));
    assert_eq!((engine.attempts().of("quote"), engine.attempts().of("give_back")), (1, 6));
    Ok(())
}

#[tokio::test]
async fn terminate_stops_without_a_word() -> Test {
    let engine = engine().await?;
    let run = engine.start("t", tour("inn".into())).await?;
    engine.pulse().idle().await;
    let steps = run.status().await?.steps;
    run.terminate("no more").await?;
    engine.clock().advance(days(30)).await;
    let status = run.status().await?;
    assert_eq!((status.state, status.steps, status.waits), (Status::Terminated, steps, vec![]));
    assert_eq!(engine.attempts().of("give_back"), 0);
    assert!(matches!(run.terminate("again").await, Err(ControlError::Closed { state: "terminated", .. })));
    let nobody = engine.run(tour, "nobody");
    assert!(matches!(nobody.cancel("x").await, Err(ControlError::NotFound { .. })));
    Ok(())
}

/// A request that comes while nothing can step is kept, and comes first as soon as something can.
#[tokio::test]
async fn a_request_before_the_first_step() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let taken = Taken::default();
    let build = |names: &'static [&'static str]| {
        let builder = TestEngine::builder().store(store.reopen()).clock(&clock).state(taken.clone());
        builder.configure(move |e| e.only(names.iter().copied())).build()
    };
    let names: &[&str] = &["tour", "hotel", "settle", "quote", "pay", "give_back"];
    let engine = build(names).await?;
    let run = engine.start("t", tour("inn".into())).await?;
    engine.pulse().idle().await;
    assert_eq!(run.status().await?.blocked.map(|b| b.code).as_deref(), Some("WB101"));
    engine.kill();
    // No workflow of this build can take the request.
    let names: &[&str] = &["quote"];
    let engine = build(names).await?;
    engine.pulse().idle().await;
    let run = engine.run(tour, "t");
    run.cancel("enough").await?;
    assert_eq!(run.status().await?.cancel_requested.as_deref(), Some("enough"));
    engine.kill();
    let names: &[&str] = &NAMES;
    let engine = build(names).await?;
    let run = engine.run(tour, "t");
    clock.advance(hours(1)).await;
    assert!(matches!(run.result().await, Err(RunError::Cancelled { .. })));
    assert_eq!(engine.attempts().of("take"), 0, "what had not begun is not begun to be asked to stop");
    Ok(())
}
