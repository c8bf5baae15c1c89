//! A worker that is killed again and again, at moments that a seed decides, finishes all of its workflows, and what it did to
//! the world is exactly once by idempotency key.

use crate::bookkeeping::{ENTRIES, Ledger, bookkeeping};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use workflow_runtime::{engine::Engine, store::SledStore};

const WORKFLOWS: u64 = 60;
const KILLS: u64 = 25;

/// splitmix64 by Sebastiano Vigna.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn seed() -> u64 {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    std::env::var("CRASH_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(now)
}

fn worker(store: &Path, ledger: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_crash-worker"))
        .args([store, ledger])
        .arg(WORKFLOWS.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts")
}

/// Reads `lines` lines of progress, then kills. False if the worker ended by itself before.
fn kill_after(mut worker: Child, lines: u64) -> bool {
    // Kept until the worker is dead: writing to a closed pipe would be an error of its own.
    let mut out = BufReader::new(worker.stdout.take().expect("piped")).lines();
    let read = out.by_ref().take(lines as usize).map_while(Result::ok).count();
    worker.kill().expect("it can be killed");
    let status = worker.wait().expect("it can be waited for");
    assert!(read as u64 == lines || status.success(), "the worker failed by itself: {status}");
    read as u64 == lines
}

fn finish(worker: Child) {
    let out = worker.wait_with_output().expect("it can be waited for");
    assert!(out.status.success(), "the last worker failed: {}", out.status);
    let lines = String::from_utf8(out.stdout).expect("text");
    assert_eq!(lines.lines().filter(|l| l.starts_with("completed")).count() as u64, WORKFLOWS);
}

/// Every effect by its key.
fn effects(ledger: &Path) -> BTreeMap<String, (u64, u64)> {
    let text = std::fs::read_to_string(ledger).expect("there is a ledger");
    let mut effects = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let [key, account, entry] = fields[..] else { panic!("a torn line: {line:?}") };
        let effect = (account.parse().expect("a number"), entry.parse().expect("a number"));
        let first = *effects.entry(key.to_owned()).or_insert(effect);
        assert_eq!(first, effect, "two effects have the key {key}");
    }
    effects
}

/// What `bookkeeping` gives.
fn expected(account: u64) -> u64 {
    (0..ENTRIES).map(|entry| account * 100 + entry).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_finishes_every_workflow_and_every_effect_has_one_key() {
    let seed = seed();
    println!("CRASH_SEED={seed}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().expect("a directory");
    let (store, ledger) = (dir.path().join("store"), dir.path().join("ledger"));
    let mut kills = 0;
    for _ in 0..KILLS {
        let lines = random.below(20);
        if kill_after(worker(&store, &ledger), lines) {
            kills += 1;
        }
    }
    assert!(kills >= 20, "seed {seed}: only {kills} workers were killed at work");
    finish(worker(&store, &ledger));

    let effects = effects(&ledger);
    let distinct: BTreeSet<_> = effects.values().copied().collect();
    let all: BTreeSet<_> = (0..WORKFLOWS).flat_map(|a| (0..ENTRIES).map(move |e| (a, e))).collect();
    assert_eq!(distinct, all, "seed {seed}: an effect is missing");
    assert_eq!(effects.len(), all.len(), "seed {seed}: an effect has two keys");

    let engine = Engine::builder()
        .store(SledStore::open(&store).expect("the store opens"))
        .state(Ledger::open(&ledger).expect("the ledger opens"))
        .only(["bookkeeping", "append"])
        .build()
        .await
        .expect("the engine builds");
    for account in 0..WORKFLOWS {
        let run = engine.start(format!("account-{account}"), bookkeeping(account)).await.expect("attaches");
        assert!(!run.is_new(), "seed {seed}: account {account} was lost");
        assert_eq!(run.result().await.expect("completed"), expected(account), "seed {seed}");
        let of_run = format!("{}-", run.run_id().expect("known").0.simple());
        let keys = effects.iter().filter(|(_, (a, _))| *a == account);
        for (key, _) in keys {
            assert!(key.starts_with(&of_run), "seed {seed}: the key {key} of account {account} is of another run");
        }
    }
}
