//! A process that dies at each of its durable writes, and at any other moment.

use crate::{
    audit::audit,
    clients::Size,
    process::{Random, long, rounds, run, spawn, text, told, was_killed},
    workload::Place,
};
use std::time::Duration;

fn place() -> (tempfile::TempDir, Place) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    (dir, place)
}

/// How many durable writes a run takes in which nothing dies.
fn writes(size: Size) -> u64 {
    let (_dir, place) = place();
    let out = run(&["workload", text(&place.0), &size.0.to_string(), "never"]);
    assert!(out.status.success(), "{}", told(&out));
    let last = String::from_utf8_lossy(&out.stdout).lines().last().map(str::to_owned);
    last.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{}", told(&out)))
}

/// Dies once at the write `k`, or not at all if the run took fewer; true if it died.
fn die(place: &Place, size: Size, when: &str, k: u64) -> bool {
    let out = run(&["workload", text(&place.0), &size.0.to_string(), when, &k.to_string()]);
    assert!(out.status.success() || was_killed(out.status), "{when} {k}: {}", told(&out));
    was_killed(out.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_any_durable_write_loses_nothing() {
    let size = Size(1);
    let writes = writes(size);
    let (mut died, mut late) = (0, 0);
    for k in 0..writes {
        for when in ["before", "after"] {
            // The short form dies at each write once, before and after in turns.
            if !long() && (k % 2 == 0) != (when == "before") {
                continue;
            }
            let (_dir, place) = place();
            match die(&place, size, when, k) {
                true => died += 1,
                false => late += 1,
            }
            audit(&place, size, 1, &format!("death {when} write {k} of {writes}")).await;
        }
    }
    println!(
        "deaths at durable writes: {died} at {writes} writes, before and behind them; {late} runs took fewer writes"
    );
    assert!(died > late, "the process hardly ever died");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deaths_at_one_write_after_the_other_of_one_store_lose_nothing() {
    let size = Size(2);
    let mut random = Random::seeded("deaths in a row");
    let mut deaths = 0;
    for round in 0..rounds(1, 30) {
        let (_dir, place) = place();
        let mut here = 0;
        // The first write of a process is that of its recovery; it dies there too.
        for _ in 0..rounds(12, 40) {
            let when = ["before", "after"][random.below(2) as usize];
            let k = random.below(12);
            here += usize::from(die(&place, size, when, k));
        }
        audit(&place, size, here, &format!("round {round}")).await;
        deaths += here;
    }
    println!("deaths in a row on one store: {deaths}");
    assert!(deaths > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_at_random_loses_nothing() {
    let size = Size(8);
    let mut random = Random::seeded("random kills");
    let mut kills = 0;
    for round in 0..rounds(1, 60) {
        let (_dir, place) = place();
        let mut here = 0;
        for n in 0..rounds(8, 12) {
            let mut child = spawn(&["workload", text(&place.0), &size.0.to_string(), "never"]);
            // Where the kill falls is left to chance; nothing depends on it. The first comes before all can be done.
            std::thread::sleep(Duration::from_micros(random.below(if n == 0 { 5_000 } else { 250_000 })));
            child.kill().expect("it can be killed");
            let out = child.wait_with_output().expect("it can be waited for");
            assert!(out.status.success() || was_killed(out.status), "{}", told(&out));
            here += usize::from(was_killed(out.status));
        }
        audit(&place, size, here, &format!("round {round}")).await;
        kills += here;
    }
    println!("kills at random moments: {kills}");
    assert!(kills > 0);
}
