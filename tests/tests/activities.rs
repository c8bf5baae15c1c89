//! Heartbeats, timeouts, limits, cancellation and completion from outside, in virtual time.

use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use workflow_runtime::{
    Timeout,
    activity::Limits,
    engine::{BuildError, Status, Waits},
    journal::history::{Event, Failure},
    prelude::*,
    store::{MemoryStore, SledStore},
    testing::{TestClock, TestEngine},
};

type Test = Result<(), Box<dyn Error>>;

/// What activities have noted, when, and the tokens that they have given away.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    log: Vec<(i64, String)>,
    tokens: Vec<CompletionToken>,
    now: usize,
    most: usize,
}

impl World {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, clock: &TestClock, text: impl ToString) {
        use workflow_runtime::engine::Clock as _;
        self.notes().log.push((clock.now().as_millisecond() - 946_684_800_000, text.to_string()));
    }

    fn texts(&self) -> Vec<String> {
        self.notes().log.iter().map(|(_, text)| text.clone()).collect()
    }

    async fn token(&self) -> CompletionToken {
        loop {
            if let Some(token) = self.notes().tokens.pop() {
                return token;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
enum WorkError {
    #[error("busy")]
    Busy,
    #[error("{0}")]
    Other(String),
}

/// Beats three times, twenty seconds apart; the first attempt is silent after that.
#[activity(heartbeat = "30s", retry(initial = "1s"))]
async fn beats(world: State<World>, clock: State<TestClock>, cx: ActivityContext) -> Result<u32, WorkError> {
    let from = cx.last_heartbeat::<u32>().map_err(|e| WorkError::Other(e.to_string()))?.unwrap_or(0);
    for n in from..from + 3 {
        clock.sleep(seconds(20)).await;
        cx.heartbeat(&(n + 1));
    }
    world.note(&clock, cx.attempt());
    if cx.attempt() == 1 {
        clock.hang().await;
    }
    Ok(from + 3)
}

#[workflow]
async fn beating() -> Result<u32, WorkflowError> {
    Ok(beats().await?)
}

/// Tells its progress and never ends, until a second attempt says what it has found.
#[activity]
async fn long(world: State<World>, clock: State<TestClock>, cx: ActivityContext) -> Result<String, WorkError> {
    if cx.attempt() > 1 {
        return Ok(format!("{:?}", cx.last_heartbeat::<String>().map_err(|e| e.code())));
    }
    for n in 0..100_000 {
        cx.heartbeat(&format!("early {n}"));
    }
    clock.sleep(seconds(15)).await;
    cx.heartbeat("kept");
    clock.sleep(seconds(1)).await;
    cx.heartbeat("last");
    world.note(&clock, "told");
    clock.hang().await;
    Ok(String::new())
}

#[workflow]
async fn long_work() -> Result<String, WorkflowError> {
    Ok(long().await?)
}

/// Nine attempts end with their process and not otherwise, those behind them fail.
#[activity(retry(attempts = 4, initial = "20s", factor = 1.0))]
async fn ends_its_process(world: State<World>, clock: State<TestClock>, cx: ActivityContext) -> Result<(), WorkError> {
    world.note(&clock, cx.attempt());
    if cx.attempt() > 9 {
        return Err(WorkError::Other(format!("attempt {}", cx.attempt())));
    }
    clock.hang().await;
    Ok(())
}

#[workflow]
async fn losing() -> Result<String, WorkflowError> {
    Ok(format!("{:?}", ends_its_process().await))
}

#[activity]
async fn wrong_progress(cx: ActivityContext) -> Result<String, WorkError> {
    match cx.attempt() {
        1 => {
            cx.heartbeat(&7);
            panic!("the first one fails")
        }
        _ => Ok(format!("{:?}", cx.last_heartbeat::<String>().map_err(|e| e.code()))),
    }
}

#[workflow]
async fn misreading() -> Result<String, WorkflowError> {
    Ok(wrong_progress().await?)
}

#[activity(queue = "single")]
async fn takes(world: State<World>, clock: State<TestClock>, name: String, for_seconds: u64) -> Result<(), WorkError> {
    world.note(&clock, &name);
    clock.sleep(seconds(for_seconds)).await;
    Ok(())
}

#[workflow]
async fn one(name: String, for_seconds: u64, priority: u8) -> Result<(), WorkflowError> {
    Ok(takes(name, for_seconds).priority(priority).await?)
}

#[workflow]
async fn impatient() -> Result<String, WorkflowError> {
    let begin = now();
    let ended = takes("late".to_string(), 1).schedule_to_start(minutes(1)).detailed().await;
    let waited = now().duration_since(begin).as_secs();
    match ended {
        Err(failure) => Ok(format!("{:?} after {waited} s: {failure}", failure.timeout)),
        Ok(()) => Ok("started".to_string()),
    }
}

#[activity(max_concurrent = 2)]
async fn crowded(world: State<World>, clock: State<TestClock>) -> Result<(), WorkError> {
    {
        let mut notes = world.notes();
        notes.now += 1;
        notes.most = notes.most.max(notes.now);
    }
    clock.sleep(seconds(1)).await;
    world.notes().now -= 1;
    world.note(&clock, "done");
    Ok(())
}

#[workflow]
async fn crowd() -> Result<(), WorkflowError> {
    Ok(crowded().await?)
}

#[activity(rate = "2/s")]
async fn limited(world: State<World>, clock: State<TestClock>) -> Result<(), WorkError> {
    world.note(&clock, "start");
    Ok(())
}

#[workflow]
async fn limit() -> Result<(), WorkflowError> {
    Ok(limited().await?)
}

/// Answers by itself after an hour, unless it defers.
#[activity(retry(attempts = 3, initial = "1s"))]
async fn ask(
    world: State<World>,
    clock: State<TestClock>,
    cx: ActivityContext,
    defers: bool,
) -> Result<bool, WorkError> {
    world.note(&clock, cx.attempt());
    world.notes().tokens.push(cx.completion_token());
    if defers {
        cx.defer().await
    } else {
        clock.sleep(hours(1)).await;
        Ok(false)
    }
}

#[activity]
async fn other(n: u32) -> u32 {
    n
}

#[workflow]
async fn asks(defers: bool) -> Result<String, WorkflowError> {
    let answer = ask(defers).await;
    sleep(hours(2)).await?;
    Ok(format!("{answer:?}"))
}

#[workflow]
async fn asks_with_heartbeat() -> Result<String, WorkflowError> {
    let begin = now();
    let answer = ask(true).heartbeat_timeout(minutes(1)).total_timeout(hours(1)).detailed().await;
    let took = now().duration_since(begin).as_secs();
    match answer {
        Ok(answer) => Ok(format!("{answer} after {took} s")),
        Err(failure) => Ok(format!("{:?} after {took} s", failure.timeout)),
    }
}

#[activity]
async fn stubborn(clock: State<TestClock>, cx: ActivityContext, how: String) -> Result<String, WorkError> {
    match how.as_str() {
        "hangs" => clock.hang().await,
        "fails" => {
            let parked = clock.clone();
            tokio::select! { () = cx.cancelled() => {}, () = parked.hang() => {} }
            return Err(WorkError::Busy);
        }
        _ => {
            let parked = clock.clone();
            tokio::select! { () = cx.cancelled() => {}, () = parked.hang() => {} }
            clock.sleep(minutes(1)).await;
        }
    }
    Ok("own end".into())
}

#[workflow]
async fn stop(how: String, on_cancel: OnCancel) -> Result<String, WorkflowError> {
    let begin = now();
    let policy = Retry { attempts: Some(5), ..Retry::default() };
    let ended = stubborn(how).on_cancel(on_cancel).retry(policy).await;
    let took = now().duration_since(begin).as_secs();
    match ended {
        Ok(value) => Ok(format!("{value} after {took} s")),
        Err(e) => Ok(format!("{e} after {took} s")),
    }
}

async fn engine(world: &World) -> Result<TestEngine, BuildError> {
    TestEngine::builder().state(world.clone()).configure(|e| e.queue("single", 1)).build().await
}

fn events(history: &[workflow_runtime::journal::history::Entry]) -> Vec<Event> {
    history.iter().flat_map(|e| e.events.clone()).collect()
}

#[tokio::test]
async fn an_attempt_that_falls_silent_is_followed_by_one_that_knows_how_far_it_was() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let run = engine.start("b", beating()).await?;
    assert_eq!(run.result().await?, 6);
    // The first attempt beats for a minute and is given up half a minute later.
    assert_eq!(world.notes().log, [(60_000, "1".to_string()), (60_000 + 30_000 + 1_000 + 60_000, "2".to_string())]);
    let events = events(&run.history().await?);
    let failed = |e: &Event| matches!(e, Event::AttemptFailed { failure: Failure::TimedOut(Timeout::Heartbeat), .. });
    assert_eq!(events.iter().filter(|e| failed(e)).count(), 1);
    assert!(events.iter().any(|e| matches!(e, Event::Heartbeat { attempt: 1, .. })));
    Ok(())
}

#[tokio::test]
async fn progress_that_is_not_of_the_type_is_an_error() -> Test {
    let engine = engine(&World::default()).await?;
    assert_eq!(engine.start("m", misreading()).await?.result().await?, r#"Err("WE143")"#);
    Ok(())
}

async fn interrupted(store: &MemoryStore, clock: &TestClock, world: &World) -> Result<TestEngine, Box<dyn Error>> {
    let builder = TestEngine::builder().store(store.reopen()).clock(clock).state(world.clone());
    Ok(builder.build().await?)
}

#[tokio::test]
async fn a_shutdown_keeps_the_last_progress_and_a_crash_what_is_a_few_seconds_old() -> Test {
    for (crash, expected) in [(true, r#"Ok(Some("kept"))"#), (false, r#"Ok(Some("last"))"#)] {
        let (store, clock, world) = (MemoryStore::new(), TestClock::new(), World::default());
        let engine = interrupted(&store, &clock, &world).await?;
        let run = engine.start("l", long_work()).await?;
        while world.texts().is_empty() {
            tokio::task::yield_now().await;
        }
        engine.pulse().idle().await;
        let status = run.status().await?;
        let [Waits::Attempt { last_heartbeat: Some(progress), .. }] = &status.waits[..] else {
            panic!("{:?}", status.waits)
        };
        assert_eq!(progress, "kept");
        let kept = events(&run.history().await?).into_iter().filter(|e| matches!(e, Event::Heartbeat { .. })).count();
        assert_eq!(kept, 1, "100,000 heartbeats are one commit");
        match crash {
            true => engine.kill(),
            false => assert_eq!(engine.shutdown().await.interrupted, 1),
        }
        let engine = interrupted(&store, &clock, &world).await?;
        assert_eq!(engine.run(long_work, "l").result().await?, expected);
    }
    Ok(())
}

/// Kills the engine as often as it is told to, each time when one more attempt has begun, and gives the one behind.
async fn killed(
    times: usize,
    world: &World,
    open: impl AsyncFn() -> Result<TestEngine, Box<dyn Error>>,
) -> Result<TestEngine, Box<dyn Error>> {
    let mut engine = open().await?;
    engine.start("l", losing()).await?;
    for deaths in 1..=times {
        while world.texts().len() < deaths {
            tokio::task::yield_now().await;
        }
        engine.pulse().idle().await;
        engine.kill();
        drop(engine);
        engine = open().await?;
    }
    Ok(engine)
}

#[tokio::test]
async fn only_the_third_death_in_a_row_while_an_attempt_runs_counts() -> Test {
    let (directory, clock, world) = (tempfile::tempdir()?, TestClock::new(), World::default());
    let open = async || {
        let store = SledStore::builder(directory.path()).cache_capacity(1 << 20).open()?;
        Ok(TestEngine::builder().store(store).clock(&clock).state(world.clone()).build().await?)
    };
    let engine = killed(6, &world, open).await?;
    let lost = r#"Err(Panicked("the process ended while attempt 6 ran, and it was the last one"))"#;
    assert_eq!(engine.run(losing, "l").result().await?, lost);
    let seconds: Vec<_> = world.notes().log.iter().map(|(at, _)| at / 1_000).collect();
    assert_eq!(seconds, [0, 0, 0, 20, 40, 60], "two are free, and four attempts are made");
    Ok(())
}

#[tokio::test]
async fn attempts_that_may_not_have_run_use_up_no_policy() -> Test {
    // Nothing is marked beside a store without a directory, as nothing is marked of what waits in a queue.
    let (store, clock, world) = (MemoryStore::new(), TestClock::new(), World::default());
    let engine = killed(9, &world, async || interrupted(&store, &clock, &world).await).await?;
    assert_eq!(engine.run(losing, "l").result().await?, r#"Err(Failed(Other("attempt 13")))"#);
    let seconds: Vec<_> = world.notes().log.iter().map(|(at, _)| at / 1_000).collect();
    assert_eq!(seconds, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 40, 60], "nine are free, and four attempts are made");
    Ok(())
}

#[tokio::test]
async fn what_does_not_start_in_time_is_not_tried_again() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    engine.start("first", one("first".into(), 3600, 0)).await?;
    let run = engine.start("second", impatient()).await?;
    let said = run.result().await?;
    assert_eq!(said, "Some(Start) after 60 s: the activity did not start within `schedule_to_start`");
    assert_eq!(world.texts(), ["first"]);
    Ok(())
}

#[tokio::test]
async fn higher_priorities_start_first_and_nothing_waits_for_ever() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let still = engine.clock().pause();
    let mut runs = vec![engine.start("begin", one("begin".into(), 1, 0)).await?];
    engine.pulse().idle().await;
    for n in 0..4 {
        runs.push(engine.start(format!("low{n}"), one(format!("low{n}"), 1, 0)).await?);
        engine.pulse().idle().await;
    }
    for n in 0..20 {
        runs.push(engine.start(format!("high{n:02}"), one(format!("high{n:02}"), 1, 9)).await?);
        engine.pulse().idle().await;
    }
    drop(still);
    for run in runs {
        run.result().await?;
    }
    let order = world.texts();
    let at = |name: &str| order.iter().position(|n| n == name).unwrap_or_default();
    assert_eq!(order[..4], ["begin", "high00", "high01", "high02"]);
    assert!(at("low0") < at("high08"), "{order:?}");
    let lows: Vec<_> = order.iter().filter(|n| n.starts_with("low")).collect();
    assert!(lows.is_sorted(), "{lows:?}");
    let highs: Vec<_> = order.iter().filter(|n| n.starts_with("high")).collect();
    assert!(highs.is_sorted(), "{highs:?}");
    Ok(())
}

#[tokio::test]
async fn no_more_attempts_of_an_activity_run_than_it_allows() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let mut runs = vec![];
    for n in 0..6 {
        runs.push(engine.start(format!("c{n}"), crowd()).await?);
    }
    for run in runs {
        run.result().await?;
    }
    let notes = world.notes();
    assert_eq!((notes.most, notes.log.last().map(|l| l.0)), (2, Some(3_000)));
    Ok(())
}

#[tokio::test]
async fn attempts_of_an_activity_start_at_its_rate() -> Test {
    for (rate, expected) in [(None, [0, 0, 500, 1_000, 1_500]), (Some("1/m"), [0, 60_000, 120_000, 180_000, 240_000])] {
        let world = World::default();
        let builder = TestEngine::builder().state(world.clone());
        let limits = rate.map(|r| r.parse().map(|r| Limits::new().rate(r))).transpose()?;
        let engine = builder.configure(|e| limits.into_iter().fold(e, |e, l| e.limits("limited", l))).build().await?;
        let still = engine.clock().pause();
        let mut runs = vec![];
        for n in 0..5 {
            runs.push(engine.start(format!("l{n}"), limit()).await?);
        }
        drop(still);
        for run in runs {
            run.result().await?;
        }
        let times: Vec<_> = world.notes().log.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, expected);
    }
    let unknown = TestEngine::builder().configure(|e| e.limits("nobody", Limits::new())).build().await;
    assert!(matches!(unknown, Err(BuildError::Registry(e)) if e.to_string().contains("`nobody`")));
    Ok(())
}

#[tokio::test]
async fn the_first_completion_from_outside_wins_and_others_are_told() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let run = engine.start("a", asks(true)).await?;
    let token = world.token().await;
    engine.pulse().idle().await;
    let status = run.status().await?;
    let [Waits::Deferred { token: shown, activity, attempt: 1, .. }] = &status.waits[..] else {
        panic!("{:?}", status.waits)
    };
    assert_eq!((shown, activity.as_str(), token.workflow_id()), (&token, "ask", "a"));
    let code = |r: Result<(), workflow_runtime::engine::CompleteError>| r.err().map(|e| e.code());
    assert_eq!(code(engine.complete(&token, "text").await), Some("WE135"));
    assert_eq!(code(engine.fail(&token, "text").await), Some("WE135"));
    assert_eq!(code(engine.activity(other, &token).complete(1).await), Some("WE133"));
    assert_eq!(code(engine.confirm_cancelled(&token).await), Some("WE138"));
    let nobody = ActivityContext::for_test().completion_token();
    assert_eq!(code(engine.complete(&nobody, true).await), Some("WE130"));
    assert_eq!(code(engine.complete(&token, "x".repeat(3 << 20)).await), Some("WE137"));
    assert!(!engine.heartbeat(&token, "half").await?.cancel_requested);
    let parsed: CompletionToken = token.to_string().parse()?;
    engine.activity(ask, &parsed).complete(true).await?;
    assert_eq!(code(engine.activity(ask, &token).complete(false).await), Some("WE132"));
    assert_eq!(engine.heartbeat(&token, "late").await.err().map(|e| e.code()), Some("WE132"));
    assert_eq!(run.result().await?, "Ok(true)");
    assert_eq!(code(engine.complete(&token, false).await), Some("WE131"));
    let events = events(&run.history().await?);
    assert!(events.contains(&Event::Deferred { op: 0, attempt: 1 }));
    assert!(events.contains(&Event::FromOutside { op: 0, attempt: 1 }));
    Ok(())
}

#[tokio::test]
async fn a_completion_before_the_body_has_ended_counts() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let run = engine.start("a", asks(false)).await?;
    let token = world.token().await;
    engine.activity(ask, &token).complete(true).await?;
    assert_eq!(run.result().await?, "Ok(true)");
    let superseded = |e: &Event| *e == Event::Superseded { op: 0, attempt: 1 };
    assert!(events(&run.history().await?).iter().any(superseded), "what the body gave is noted");
    Ok(())
}

#[tokio::test]
async fn a_failure_from_outside_follows_the_retry_policy() -> Test {
    let world = World::default();
    let engine = engine(&world).await?;
    let run = engine.start("a", asks(true)).await?;
    for _ in 0..3 {
        let token = world.token().await;
        engine.pulse().idle().await;
        engine.activity(ask, &token).fail(WorkError::Busy).await?;
    }
    assert_eq!(run.result().await?, "Err(Failed(Busy))");
    assert_eq!(world.texts(), ["1", "2", "3"]);
    Ok(())
}

#[tokio::test]
async fn a_deferred_activity_survives_a_restart_without_running_again() -> Test {
    let (store, clock, world) = (MemoryStore::new(), TestClock::new(), World::default());
    let engine = interrupted(&store, &clock, &world).await?;
    engine.start("a", asks(true)).await?;
    let token = world.token().await;
    engine.pulse().idle().await;
    engine.kill();
    let engine = interrupted(&store, &clock, &world).await?;
    engine.pulse().idle().await;
    engine.activity(ask, &token).complete(true).await?;
    assert_eq!(engine.run(asks, "a").result().await?, "Ok(true)");
    assert_eq!(world.texts(), ["1"]);
    Ok(())
}

#[tokio::test]
async fn what_is_outside_is_given_up_when_it_falls_silent() -> Test {
    let world = World::default();
    let clock = TestClock::manual();
    let engine = TestEngine::builder().clock(&clock).state(world.clone()).build().await?;
    let run = engine.start("h", asks_with_heartbeat()).await?;
    let token = world.token().await;
    engine.pulse().idle().await;
    for n in 0..5 {
        clock.advance(seconds(40)).await;
        engine.pulse().idle().await;
        engine.activity(ask, &token).heartbeat(&n).await?;
    }
    // 200 seconds, and a minute of silence; then the second attempt, which is silent at once, and the third.
    clock.advance(seconds(60)).await;
    engine.pulse().idle().await;
    let status = run.status().await?;
    assert!(
        matches!(&status.waits[..], [Waits::Backoff { attempt: 2, last_heartbeat: Some(n), .. }] if *n == 4),
        "{:?}",
        status.waits
    );
    clock.advance(minutes(10)).await;
    assert_eq!(run.result().await?, format!("Some(Heartbeat) after {} s", 260 + 1 + 60 + 2 + 60));
    Ok(())
}

#[tokio::test]
async fn the_total_time_ends_what_is_outside_too() -> Test {
    let world = World::default();
    let clock = TestClock::manual();
    let engine = TestEngine::builder().clock(&clock).state(world.clone()).build().await?;
    let run = engine.start("t", asks_with_heartbeat()).await?;
    let token = world.token().await;
    engine.pulse().idle().await;
    for n in 0..119 {
        clock.advance(seconds(30)).await;
        engine.pulse().idle().await;
        engine.heartbeat(&token, n).await?;
    }
    clock.advance(seconds(30)).await;
    assert_eq!(run.result().await?, "Some(Total) after 3600 s");
    Ok(())
}

async fn stopped(how: &str, on_cancel: OnCancel) -> Result<String, Box<dyn Error>> {
    let engine = engine(&World::default()).await?;
    let run = engine.start("s", stop(how.into(), on_cancel)).await?;
    engine.pulse().idle().await;
    run.cancel("enough").await?;
    let said = run.result().await?;
    assert_eq!(run.status().await?.state, Status::Completed);
    Ok(said)
}

#[tokio::test]
async fn a_cancellation_does_what_the_call_says() -> Test {
    for (how, on_cancel, expected) in [
        ("hangs", OnCancel::Try, "the activity was cancelled after 10 s"),
        ("hangs", OnCancel::Abandon, "the activity was cancelled after 0 s"),
        ("fails", OnCancel::Try, "the activity was cancelled after 0 s"),
        ("fails", OnCancel::Wait, "busy after 0 s"),
        ("ends", OnCancel::Try, "the activity was cancelled after 10 s"),
        ("ends", OnCancel::Wait, "own end after 60 s"),
    ] {
        assert_eq!(stopped(how, on_cancel).await?, expected, "{how} {on_cancel:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_outside_is_asked_and_has_a_grace_period() -> Test {
    for confirms in [true, false] {
        let world = World::default();
        let engine = engine(&world).await?;
        let run = engine.start("a", asks(true)).await?;
        let token = world.token().await;
        engine.pulse().idle().await;
        let still = engine.clock().pause();
        run.cancel("enough").await?;
        assert!(engine.heartbeat(&token, ()).await?.cancel_requested);
        if confirms {
            engine.activity(ask, &token).confirm_cancelled().await?;
        }
        drop(still);
        assert_eq!(run.result().await?, "Err(Cancelled)");
    }
    Ok(())
}

static UNIT: AtomicUsize = AtomicUsize::new(0);

#[activity]
async fn counted(cx: ActivityContext) -> Result<(u32, Option<u32>, bool), WorkflowError> {
    UNIT.fetch_add(1, Ordering::SeqCst);
    cx.heartbeat(&1);
    Ok((cx.attempt(), cx.last_heartbeat()?, cx.is_cancelled()))
}

#[tokio::test]
async fn an_activity_is_tested_without_an_engine() -> Test {
    let cx = ActivityContext::for_test().with_attempt(3).with_last_heartbeat(&2u32).with_cancelled();
    cx.cancelled().await;
    assert_eq!(counted().run_local(cx).await, Ok((3, Some(2), true)));
    assert_eq!(UNIT.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
#[should_panic(expected = "`ask` defers its result")]
async fn an_activity_that_defers_says_so_in_a_unit_test() {
    let mut states = workflow_runtime::activity::States::default();
    states.insert(World::default());
    states.insert(TestClock::new());
    let _ = ask(true).run_local_with(&states, ActivityContext::for_test()).await;
}
