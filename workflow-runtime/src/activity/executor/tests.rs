use super::*;
use crate::activity::{self, ActivityContext, AttemptFuture};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// A delay and what ends it.
type Ending = (Duration, oneshot::Sender<()>);

/// Delays that end when a test says so.
#[derive(Clone, Default)]
struct Manual(Arc<Mutex<Vec<Ending>>>);

impl Manual {
    fn pending(&self) -> usize {
        let mut delays = self.0.lock().unwrap();
        delays.retain(|(_, d)| !d.is_closed());
        delays.len()
    }

    /// Ends the delays of at most `d`.
    fn pass(&self, d: Duration) {
        let delays = std::mem::take(&mut *self.0.lock().unwrap());
        let (due, rest): (Vec<_>, Vec<_>) = delays.into_iter().partition(|(at, _)| *at <= d);
        self.0.lock().unwrap().extend(rest);
        for (_, delay) in due {
            let _ = delay.send(());
        }
    }
}

impl Delay for Manual {
    fn delay(&self, d: Duration) -> SendBoxFuture<Passed> {
        let (end, ended) = oneshot::channel();
        self.0.lock().unwrap().push((d, end));
        Box::pin(async move {
            if ended.await.is_err() {
                std::future::pending::<()>().await;
            }
            Box::new(()) as Passed
        })
    }
}

/// Where the activities of these tests say that they have started, and what they wait for.
#[derive(Clone)]
struct Stage {
    started: mpsc::UnboundedSender<u64>,
    go: Arc<tokio::sync::Semaphore>,
    most: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
}

fn ok(value: &str) -> activity::Attempt {
    activity::Attempt::Ok(Payload::encode(value).unwrap())
}

fn echo(_: &States, cx: ActivityContext, args: &Payload) -> AttemptFuture {
    let text: (String,) = args.decode().unwrap();
    Box::pin(async move { ok(&format!("{} {} {}", text.0, cx.attempt(), cx.idempotency_key())) })
}

/// Waits for a permit.
fn gated(states: &States, cx: ActivityContext, _: &Payload) -> AttemptFuture {
    let stage = states.get::<Stage>();
    Box::pin(async move {
        let now = stage.now.fetch_add(1, Ordering::SeqCst) + 1;
        stage.most.fetch_max(now, Ordering::SeqCst);
        let _ = stage.started.send(cx.op.0);
        stage.go.acquire().await.unwrap().forget();
        stage.now.fetch_sub(1, Ordering::SeqCst);
        ok("through")
    })
}

/// Returns when it is asked to stop.
fn polite(states: &States, cx: ActivityContext, _: &Payload) -> AttemptFuture {
    let stage = states.get::<Stage>();
    Box::pin(async move {
        let _ = stage.started.send(cx.op.0);
        cx.cancelled().await;
        assert!(cx.is_cancelled());
        ok("stopped in order")
    })
}

fn panics(_: &States, _: ActivityContext, _: &Payload) -> AttemptFuture {
    Box::pin(async { panic!("out of {}", "tea") })
}

fn panics_at_once(states: &States, _: ActivityContext, _: &Payload) -> AttemptFuture {
    let _ = states.get::<String>();
    Box::pin(async { ok("") })
}

/// Does not give its thread back.
fn blocks(states: &States, _: ActivityContext, _: &Payload) -> AttemptFuture {
    let (stage, handle) = (states.get::<Stage>(), Handle::current());
    Box::pin(async move {
        let _ = stage.started.send(0);
        std::thread::scope(|s| {
            s.spawn(|| handle.block_on(async { stage.go.acquire().await.unwrap().forget() }));
        });
        ok("late")
    })
}

macro_rules! def {
    ($f:ident) => {{
        static DEF: ActivityDef = ActivityDef::untyped(stringify!($f), &[], file!(), line!(), $f);
        Some(&DEF)
    }};
}

fn lookup(name: &str) -> Option<&'static ActivityDef> {
    match name {
        "echo" => def!(echo),
        "gated" => def!(gated),
        "polite" => def!(polite),
        "panics" => def!(panics),
        "panics_at_once" => def!(panics_at_once),
        "blocks" => def!(blocks),
        _ => None,
    }
}

struct Fixture {
    executor: Executor,
    stage: Stage,
    started: mpsc::UnboundedReceiver<u64>,
    delays: Manual,
    /// The operations of which `begins` was told, but not yet that they have ended.
    bodies: Arc<Mutex<BTreeSet<u64>>>,
}

fn fixture(limit: usize) -> Fixture {
    let (sender, started) = mpsc::unbounded_channel();
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let stage = Stage { started: sender, go, most: Arc::default(), now: Arc::default() };
    let mut states = States::default();
    states.insert(stage.clone());
    let delays = Manual::default();
    let bodies = Arc::<Mutex<BTreeSet<u64>>>::default();
    let within = bodies.clone();
    let begins: Begins = Arc::new(move |request| {
        let (within, op) = (within.clone(), request.op.0);
        assert!(within.lock().unwrap().insert(op));
        Some(Box::new(move || assert!(within.lock().unwrap().remove(&op))))
    });
    let options = ExecutorOptions {
        queues: Queues::new(limit),
        delay: Arc::new(delays.clone()),
        begins: Some(begins),
        ..ExecutorOptions::default()
    };
    let executor = Executor::new(Handle::current(), lookup, states, options);
    Fixture { executor, stage, started, delays, bodies }
}

fn request(name: &str, op: u64, timeout: Option<Duration>) -> AttemptRequest {
    AttemptRequest {
        workflow_id: "w".into(),
        run_id: Uuid::from_u128(7),
        op: OpId(op),
        attempt: 3,
        name: name.to_owned().into(),
        args: Payload::encode(&("hello",)).unwrap(),
        options: ActivityOptions { timeout, ..ActivityOptions::default() },
        progress: None,
    }
}

impl Fixture {
    fn run(&self, name: &str, op: u64, timeout: Option<Duration>) -> (AttemptHandle, oneshot::Receiver<AttemptReport>) {
        let (tell, report) = oneshot::channel();
        let handle = self.executor.run(request(name, op, timeout), move |r| {
            let _ = tell.send(r);
        });
        (handle, report)
    }

    async fn none_running(&self) {
        self.executor.watch_running().wait_for(|n| *n == 0).await.unwrap();
    }

    fn bodies(&self) -> BTreeSet<u64> {
        self.bodies.lock().unwrap().clone()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_value_is_reported_with_the_key_that_the_engine_sees() {
    let f = fixture(1);
    let key = request("echo", 5, None).idempotency_key();
    let AttemptReport::Ok(value) = f.run("echo", 5, None).1.await.unwrap() else { panic!() };
    assert_eq!(value.decode::<String>().unwrap(), format!("hello 3 {key}"));
    assert_eq!(key, "00000000000000000000000000000007-5");
}

#[tokio::test]
async fn panics_and_unknown_names_are_reported_and_hurt_nobody() {
    let f = fixture(1);
    let report = f.run("panics", 0, None).1.await.unwrap();
    assert!(matches!(report, AttemptReport::Panicked(m) if m == "out of tea"));
    let report = f.run("panics_at_once", 1, None).1.await.unwrap();
    assert!(matches!(report, AttemptReport::Panicked(m) if m.contains("no state of type")));
    assert!(matches!(f.run("nobody", 2, None).1.await.unwrap(), AttemptReport::UnknownActivity));
    assert!(matches!(f.run("echo", 3, None).1.await.unwrap(), AttemptReport::Ok(_)));
    f.none_running().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_runs_in_order_and_no_more_than_its_limit() {
    let mut f = fixture(3);
    let all: Vec<_> = (0..20).map(|op| f.run("gated", op, None).1).collect();
    let mut started = vec![];
    for n in 0..20 {
        if n >= 3 {
            f.stage.go.add_permits(1);
        }
        started.push(f.started.recv().await.unwrap());
    }
    f.stage.go.add_permits(3);
    for report in all {
        assert!(matches!(report.await.unwrap(), AttemptReport::Ok(_)));
    }
    assert_eq!(f.stage.most.load(Ordering::SeqCst), 3);
    // Of the first three, which are let in together, any may say so first.
    started[..3].sort_unstable();
    assert_eq!(started, (0..20).collect::<Vec<_>>());
    f.none_running().await;
    assert!(f.executor.shared.state().queues.is_empty());
}

#[tokio::test]
async fn an_attempt_that_waits_for_its_turn_has_not_begun() {
    let mut f = fixture(2);
    let all: Vec<_> = (0..4).map(|op| f.run("gated", op, None).1).collect();
    let mut begun = BTreeSet::new();
    for n in 0..4 {
        begun.insert(f.started.recv().await.unwrap());
        if n > 0 {
            assert_eq!(f.bodies(), begun.iter().copied().skip(n - 1).collect());
            f.stage.go.add_permits(1);
        }
    }
    f.stage.go.add_permits(1);
    for report in all {
        assert!(matches!(report.await.unwrap(), AttemptReport::Ok(_)));
    }
    f.none_running().await;
    assert!(f.bodies().is_empty());
}

#[tokio::test]
async fn a_timeout_stops_the_attempt_and_leaves_no_delay_behind() {
    let mut f = fixture(1);
    let (_, slow) = f.run("gated", 0, Some(SECOND));
    f.started.recv().await.unwrap();
    f.delays.pass(SECOND);
    assert!(matches!(slow.await.unwrap(), AttemptReport::TimedOut(Timeout::Attempt)));
    f.none_running().await;
    let (_, fast) = f.run("echo", 1, Some(SECOND));
    assert!(matches!(fast.await.unwrap(), AttemptReport::Ok(_)));
    f.none_running().await;
    assert_eq!(f.delays.pending(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_of_a_body_that_blocks_its_thread_is_reported_and_its_place_stays_taken() {
    let mut f = fixture(1);
    let (_, stuck) = f.run("blocks", 0, Some(SECOND));
    f.started.recv().await.unwrap();
    f.delays.pass(SECOND);
    assert!(matches!(stuck.await.unwrap(), AttemptReport::TimedOut(Timeout::Attempt)));
    assert_eq!(f.executor.running(), 1);
    let (_, next) = f.run("echo", 1, None);
    f.stage.go.add_permits(1);
    assert!(matches!(next.await.unwrap(), AttemptReport::Ok(_)));
}

#[tokio::test]
async fn a_cancelled_attempt_gives_its_result_if_it_returns() {
    let mut f = fixture(1);
    let (handle, report) = f.run("polite", 0, None);
    f.started.recv().await.unwrap();
    handle.cancel();
    let AttemptReport::Ok(value) = report.await.unwrap() else { panic!() };
    assert_eq!(value.decode::<String>().unwrap(), "stopped in order");
    handle.cancel();
    f.none_running().await;
    assert_eq!(f.delays.pending(), 0);
}

#[tokio::test]
async fn a_cancelled_attempt_that_goes_on_is_stopped_after_the_grace_period() {
    let mut f = fixture(1);
    let (handle, mut report) = f.run("gated", 0, None);
    f.started.recv().await.unwrap();
    handle.cancel();
    handle.cancel();
    assert_eq!(f.delays.pending(), 1, "asking again changes nothing");
    f.delays.pass(SECOND);
    assert!(report.try_recv().is_err());
    f.delays.pass(10 * SECOND);
    assert!(matches!(report.await.unwrap(), AttemptReport::Cancelled));
}

#[tokio::test]
async fn a_queued_attempt_that_is_cancelled_never_starts() {
    let mut f = fixture(1);
    let (_, first) = f.run("gated", 0, None);
    let (handle, second) = f.run("gated", 1, None);
    let (_, third) = f.run("gated", 2, None);
    handle.cancel();
    assert!(matches!(second.await.unwrap(), AttemptReport::Cancelled));
    f.stage.go.add_permits(2);
    assert!(matches!(first.await.unwrap(), AttemptReport::Ok(_)));
    assert!(matches!(third.await.unwrap(), AttemptReport::Ok(_)));
    assert_eq!((f.started.recv().await, f.started.recv().await), (Some(0), Some(2)));
}

#[tokio::test]
async fn dropping_the_executor_stops_everything_without_a_report() {
    let mut f = fixture(1);
    let (_, running) = f.run("gated", 0, None);
    let (handle, queued) = f.run("gated", 1, None);
    f.started.recv().await.unwrap();
    let mut left = f.executor.watch_running();
    drop(f.executor);
    assert!(running.await.is_err());
    assert!(queued.await.is_err());
    // The channel closes once the last attempt is gone.
    while left.changed().await.is_ok() {}
    assert_eq!(*f.bodies.lock().unwrap(), BTreeSet::from([0]), "as at a death, nobody was told that it has ended");
    handle.cancel();
}

#[tokio::test]
async fn draining_lets_attempts_finish_and_starts_no_more() {
    let mut f = fixture(1);
    let (_, running) = f.run("gated", 0, None);
    let (_, queued) = f.run("gated", 1, None);
    f.started.recv().await.unwrap();
    f.stage.go.add_permits(1);
    assert_eq!(f.executor.drain(SECOND).await, 0);
    assert!(matches!(running.await.unwrap(), AttemptReport::Ok(_)));
    assert!(queued.await.is_err());
    assert!(f.run("echo", 2, None).1.await.is_err());
}

#[tokio::test]
async fn draining_stops_what_does_not_finish_in_time() {
    let mut f = fixture(2);
    let (_, a) = f.run("gated", 0, None);
    let (_, b) = f.run("polite", 1, None);
    f.started.recv().await.unwrap();
    f.started.recv().await.unwrap();
    let (stopped, ()) = tokio::join!(f.executor.drain(SECOND), async { f.delays.pass(SECOND) });
    assert_eq!(stopped, 2);
    assert!(a.await.is_err() && b.await.is_err());
    f.none_running().await;
}

#[test]
fn attempts_of_a_runtime_that_is_shut_down_have_no_report() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut f, report, queued) = runtime.block_on(async {
        let mut f = fixture(1);
        let (_, report) = f.run("gated", 0, None);
        let (_, queued) = f.run("gated", 1, None);
        f.started.recv().await.unwrap();
        (f, report, queued)
    });
    drop(runtime);
    assert!(report.blocking_recv().is_err());
    assert!(queued.blocking_recv().is_err());
    assert!(f.run("echo", 2, None).1.blocking_recv().is_err());
    assert_eq!(f.executor.running(), 0);
    assert!(f.started.try_recv().is_err());
}
