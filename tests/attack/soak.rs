//! The soak: everything at once, for as long as one likes, and a model that knows what must have happened.
//!
//! An epoch is one store. Processes run the workload on it, one after the other, and are killed at random; beside the workload there are
//! floods of starts, a disk that is full now and then, a clock that jumps, instances whose steps panic or end the process,
//! snapshots, histories that are truncated, runs that are archived and removed. What was acknowledged and what activities did is written to files by
//! the processes; when the last of them is gone these are compared with what must be there.

use crate::{
    archives::archived,
    audit::{self, audit, effects_in, lines, open_with},
    clients::Size,
    passing::{PASSING, Scratch},
    poisons::POISONS,
    process::{Random, long, spawn, text, told, was_killed},
    workload::{NAMES, Place},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Child,
    time::{Duration, Instant},
};
use workflow_runtime::{
    archive::Archive,
    engine::{Engine, Filter, Status},
    store::SledStore,
};

/// As in the worker.
const SIZE: Size = Size(4);

#[derive(Debug, Default)]
struct Counts {
    epochs: u64,
    processes: u64,
    killed: u64,
    died: u64,
    noise: BTreeMap<String, u64>,
    effects: u64,
    again: u64,
    restored: u64,
    archived: u64,
    blocked: u64,
}

/// For how long: `ATTACK_MINUTES`; else one epoch, and in the long form an hour.
fn minutes() -> Option<u64> {
    let asked = std::env::var("ATTACK_MINUTES").ok().and_then(|n| n.parse().ok());
    asked.or_else(|| long().then_some(60))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_loses_nothing_and_does_nothing_twice() {
    let (begun, mut random) = (Instant::now(), Random::seeded("soak"));
    let end = minutes().map(|n| Duration::from_secs(60 * n));
    let mut counts = Counts::default();
    loop {
        epoch(&mut random, &mut counts).await;
        if end.is_none_or(|end| begun.elapsed() >= end) {
            break;
        }
    }
    let Counts { epochs, processes, killed, died, effects, again, restored, archived, blocked, .. } = &counts;
    println!(
        "soak: {epochs} stores, {processes} processes, {killed} of them killed, {died} ended by a step; {effects} effects, {again} of them once more after a death or a full disk; {restored} snapshots restored; {archived} runs archived and removed; {blocked} instances blocked"
    );
    println!("soak: {:?}", counts.noise);
    assert!(*killed > 0 && *effects > 0, "{counts:?}");
}

async fn epoch(random: &mut Random, counts: &mut Counts) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let (mut deaths, what) = (0, format!("epoch {}", counts.epochs));
    for round in 0..6 + random.below(4) {
        let mut child = spawn(&["soak", text(&place.0), &random.below(1 << 40).to_string()]);
        let kills = random.below(4) > 0 || round == 0;
        if kills {
            // Where the kill falls is left to chance; nothing depends on it.
            std::thread::sleep(Duration::from_micros(100_000 + random.below(500_000)));
            child.kill().expect("it can be killed");
        } else {
            end_of(&mut child);
        }
        let out = child.wait_with_output().expect("it can be waited for");
        assert!(out.status.success() || was_killed(out.status), "{what}: {}", told(&out));
        let died = was_killed(out.status);
        deaths += usize::from(died);
        counts.processes += 1;
        counts.killed += u64::from(died && kills);
        counts.died += u64::from(died && !kills);
    }
    let noise = Noise::read(&place);
    for (word, n) in &noise.counts {
        *counts.noise.entry(word.clone()).or_default() += n;
    }
    let most = deaths + noise.counts.get("full").copied().unwrap_or(0) as usize;
    beside(&place, &noise, most, counts, &what).await;
    restore(&place, &noise, counts, &what).await;
    audit(&place, SIZE, most, &what).await;
    counts.effects += audit::ledger(&place).values().sum::<usize>() as u64;
    counts.again += audit::ledger(&place).values().map(|times| times - 1).sum::<usize>() as u64;
    counts.epochs += 1;
}

/// Waits until a process has ended by itself; one that never does is a failure.
fn end_of(child: &mut Child) {
    let begun = Instant::now();
    while child.try_wait().expect("it can be waited for").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(300), "a process does not come to its end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What happened beside the workload.
#[derive(Default)]
struct Noise {
    started: BTreeSet<String>,
    /// How much had been acknowledged before, and the name.
    snapshots: Vec<(usize, String)>,
    counts: BTreeMap<String, u64>,
}

impl Noise {
    fn read(place: &Place) -> Self {
        let mut all = Noise::default();
        for line in lines(&place.0.join("noise")) {
            let words: Vec<&str> = line.split(' ').collect();
            let what = match words[..] {
                ["started", id] => {
                    all.started.insert(id.into());
                    "started"
                }
                ["snapshot", before, name] => {
                    all.snapshots.push((before.parse().expect("a number"), name.into()));
                    "snapshot"
                }
                ["refused", code] => code,
                [word] => word,
                _ => panic!("a torn line: {line:?}"),
            };
            *all.counts.entry(what.into()).or_default() += 1;
        }
        all
    }
}

/// Lets what is not retained come to its end: each run that was acknowledged is archived once, with an effect of each of its
/// steps; and poison is blocked.
async fn beside(place: &Place, noise: &Noise, most: usize, counts: &mut Counts, what: &str) {
    let scratch = Scratch(crate::workload::Lines::open(&place.scratch()).expect("it opens"));
    let names = NAMES.into_iter().chain(PASSING).chain(POISONS.into_iter().filter(|name| !name.starts_with("deadly")));
    let engine = open_with(place, |b| b.only(names).state(scratch).archive(place.archive())).await;
    let passing = Filter::all().workflow("passing");
    while engine.count(&passing).await.expect("it counts") > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for n in 0..3 {
        let (run, begun) = (engine.untyped(format!("poison-{n}")), Instant::now());
        let Ok(mut status) = run.status().await else { continue };
        // What it did before may have to be done first.
        while status.state == Status::Running && begun.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            status = run.status().await.expect("it reads");
        }
        let code = status.blocked.map(|reason| reason.code);
        assert_eq!(status.state, Status::Blocked, "{what}: poison-{n}");
        assert!(code.is_some_and(|code| ["WB001", "WB010", "WB107"].contains(&code.as_str())), "{what}: poison-{n}");
        counts.blocked += 1;
    }
    engine.shutdown().await;
    let archive = Archive::open(place.archive()).expect("it opens");
    assert!(archive.damage().is_empty(), "{what}: {:?}", archive.damage());
    let effects = effects_in(&place.scratch());
    let archived = archived(&archive, noise.started.iter().map(String::as_str), &effects, most, what);
    counts.archived += archived as u64;
    counts.effects += effects.values().map(|times| times.len() as u64).sum::<u64>();
    counts.again += effects.values().map(|times| times.len() as u64 - 1).sum::<u64>();
}

/// What had been acknowledged before a snapshot is in it.
async fn restore(place: &Place, noise: &Noise, counts: &mut Counts, what: &str) {
    let acknowledged = std::fs::read_to_string(place.acknowledged()).unwrap_or_default();
    for (before, name) in &noise.snapshots {
        let directory = place.0.join(format!("{name}.restored"));
        let snapshot = place.0.join(format!("{name}.snapshot"));
        SledStore::restore(snapshot, &directory).unwrap_or_else(|e| panic!("{what}: {name}: {e}"));
        let store = SledStore::open(&directory).expect("it opens");
        let engine = Engine::builder().store(store).only(NAMES).build_read_only().await.expect("it builds");
        for id in acknowledged[..*before].lines().filter_map(|line| line.strip_prefix("started ")) {
            let status = engine.untyped(id).status().await;
            assert!(status.is_ok(), "{what}: `{id}` is not in the snapshot {name}: {status:?}");
        }
        engine.shutdown().await;
        drop(engine);
        std::fs::remove_dir_all(directory).expect("it is removed");
        counts.restored += 1;
    }
}
