//! A process that is suspended, two processes on one directory, and clocks that jump.

use crate::{
    process::{Random, long, rounds, run, spawn, text, told},
    workload::{Ledger, Lines, Place},
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command},
    time::Duration,
};
use workflow_runtime::{
    activity,
    engine::{Clock, Engine},
    hours,
    journal::history::Event,
    minutes,
    prelude::*,
    store::SledStore,
    testing::TestClock,
    workflow,
};

/// Ends a child whatever comes of the test: a suspended one would stay for ever.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(pid: u32, which: &str) {
    let sent = Command::new("kill").args([which, &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "{which}");
}

#[test]
fn a_suspended_process_keeps_its_directory_and_goes_on() {
    for round in 0..rounds(1, 10) {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place(dir.path().to_owned());
        let mut child = Ended(spawn(&["naps", text(&place.0), "20"]));
        let mut lines = BufReader::new(child.0.stdout.take().expect("piped")).lines();
        let mut next = || lines.next().expect("it goes on").expect("text");
        assert_eq!(next(), "all started");
        signal(child.0.id(), "-STOP");
        // Longer than its timers, and longer than a step of its engine may take.
        std::thread::sleep(Duration::from_millis(if long() { 5_000 } else { 1_000 }));
        let second = run(&["workload", text(&place.0), "1", "never"]);
        assert!(!second.status.success());
        assert!(told(&second).contains("WS020"), "{}", told(&second));
        signal(child.0.id(), "-CONT");
        assert_eq!(next(), "all ended");
        let status = child.0.wait().expect("it ends");
        assert!(status.success(), "round {round}: {status}");
        let ledger = std::fs::read_to_string(place.ledger()).expect("there is a ledger");
        assert_eq!(ledger.lines().count(), 40, "each timer fired once: {ledger}");
    }
    println!("suspended: {} processes kept their directory and fired each timer once", rounds(1, 10));
}

/// Fails twice, then does it.
#[activity(retry(attempts = 5, initial = "10m", factor = 2.0, max = "1h"))]
async fn stubborn(cx: ActivityContext, ledger: State<Ledger>, key: String) -> Result<u32, String> {
    if cx.attempt() < 3 {
        return Err("not yet".into());
    }
    ledger.0.add(&format!("{key} {}", cx.idempotency_key())).map_err(|e| e.to_string())?;
    Ok(cx.attempt())
}

const NEVER: Signal<()> = Signal::new("never");

/// A timer, retries, a deadline, again and again; gives what the clock said in between.
#[workflow]
async fn patient(name: String, turns: u64) -> Result<Vec<jiff::Timestamp>, WorkflowError> {
    let mut seen = vec![now()];
    for turn in 0..turns {
        let due = now().checked_add(minutes(30 + turn * 17))?;
        sleep_until(due).await?;
        assert!(now() >= due, "a timer fired early");
        seen.push(now());
        stubborn(format!("{name}/{turn}")).await?;
        seen.push(now());
        let before = now();
        let waited = NEVER.recv().timeout(minutes(45)).await;
        assert!(matches!(waited, Err(WaitError::TimedOut)), "nobody sends this");
        assert!(now() >= before.checked_add(minutes(45))?, "a deadline passed early");
        seen.push(now());
    }
    Ok(seen)
}

async fn open(place: &Place, clock: &TestClock) -> Engine {
    let ledger = Ledger(Lines::open(&place.ledger()).expect("the ledger opens"));
    let store = SledStore::open(place.store()).expect("the store opens");
    let builder = Engine::builder().store(store).state(ledger).clock(clock.clone());
    builder.only(["patient", "stubborn"]).build().await.expect("the engine builds")
}

#[tokio::test]
async fn clocks_that_jump_over_restarts_neither_lose_nor_double_anything() {
    let mut random = Random::seeded("clock jumps");
    let (mut jumps, mut restarts) = (0, 0);
    for round in 0..rounds(2, 200) {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place(dir.path().to_owned());
        let clock = TestClock::manual();
        let mut engine = open(&place, &clock).await;
        for n in 0..5 {
            let id = format!("patient-{n}");
            engine.start(id.clone(), patient(id, 1 + n % 3)).await.expect("it starts");
        }
        for _ in 0..40 {
            let some = minutes(random.below(180));
            match random.below(5) {
                0 => clock.advance(some).await,
                1 => clock.jump(some),
                2 => clock.set(clock.now().checked_sub(some).expect("a time")),
                3 => engine.pulse().idle().await,
                _ => {
                    engine.kill();
                    drop(engine);
                    // Time goes on, or back, while no process runs.
                    match random.below(3) {
                        0 => clock.jump(some),
                        1 => clock.set(clock.now().checked_sub(some).expect("a time")),
                        _ => {}
                    }
                    engine = open(&place, &clock).await;
                    restarts += 1;
                }
            }
            jumps += 1;
        }
        for _ in 0..100 {
            clock.advance(hours(2)).await;
        }
        check(&engine, &place, &format!("round {round}")).await;
        engine.shutdown().await;
    }
    println!("clocks: {jumps} moves, {restarts} restarts; no timer, retry or deadline was early, lost or doubled");
}

async fn check(engine: &Engine, place: &Place, what: &str) {
    for n in 0..5u64 {
        let run = engine.run(patient, format!("patient-{n}"));
        let status = run.status().await.expect("a status");
        assert!(status.state.is_closed(), "{what}: `patient-{n}` was lost: {status:?}");
        let seen = run.result().await.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(seen.is_sorted(), "{what}: time went backwards: {seen:?}");
        let events = run.history().await.expect("a history").into_iter().flat_map(|e| e.events);
        let mut fired: BTreeMap<u64, u64> = BTreeMap::new();
        for event in events {
            if let Event::TimerFired { op } = event {
                *fired.entry(op).or_default() += 1;
            }
        }
        assert!(fired.values().all(|times| *times == 1), "{what}: {fired:?}");
        assert_eq!(fired.len() as u64, 2 * (1 + n % 3), "{what}");
    }
    let ledger = std::fs::read_to_string(place.ledger()).expect("there is a ledger");
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, idempotency) in ledger.lines().filter_map(|l| l.split_once(' ')) {
        assert_eq!(*keys.entry(key).or_insert(idempotency), idempotency, "{what}: two keys of {key}");
    }
    assert_eq!(keys.len(), 1 + 2 + 3 + 1 + 2, "{what}");
}
