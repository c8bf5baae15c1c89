//! What a log keeps through power cuts, full disks, failing devices, flipped bits and lost ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::simulated::Simulated;
use super::*;
use crate::store::sled::applier::Position;
use crate::store::sled::table::Table;

const SMALL: Sizes = Sizes { segment: 3_000, least_growth: 256, most_growth: 512 };

/// A group of a few records; some are overwritten, some deleted.
fn group(n: u64, choices: &mut StdRng) -> Vec<Vec<Op>> {
    let ops = |choices: &mut StdRng| {
        let key = format!("key {}", choices.random_range(0..9)).into_bytes();
        let length = choices.random_range(0..400);
        (key, (choices.random_range(0..5) > 0).then(|| format!("{n} {}", "x".repeat(length)).into_bytes()))
    };
    (0..=choices.random_range(0..3)).map(|_| vec![ops(choices), ops(choices)]).collect()
}

/// A log with all that was appended to it.
struct Model {
    files: Simulated,
    wal: Wal,
    groups: Vec<Vec<Vec<Op>>>,
    position: Position,
    choices: StdRng,
}

impl Model {
    fn new(files: &Simulated, seed: u64) -> Self {
        let wal = Wal::begin(Arc::new(files.clone()), 1, None, SMALL).unwrap();
        let position = Position { group: 0, closed: false };
        Self { files: files.clone(), wal, groups: vec![], position, choices: StdRng::seed_from_u64(seed) }
    }

    fn append(&mut self) -> Result<u64, AppendError> {
        let group = group(self.wal.last() + 1, &mut self.choices);
        self.groups.truncate(self.wal.last() as usize);
        self.groups.push(group);
        self.wal.append(self.groups.last().unwrap())
    }

    /// What the log must tell if `last` is its last group.
    fn table(&self, last: u64) -> Table {
        let groups = &self.groups[self.position.group as usize..last as usize];
        groups.iter().flatten().flatten().cloned().collect()
    }

    /// Reads what is left in `files`: right up to its end, which is not before `durable`. Returns the end.
    fn check(&self, files: &Simulated, durable: u64) -> u64 {
        let replay = scan(files, self.position, false).unwrap();
        assert!(replay.last >= durable, "group {durable} was durable, and {} is the last", replay.last);
        assert!(replay.last <= self.groups.len() as u64);
        assert_eq!(replay.records, self.table(replay.last));
        self.check_ahead(files, &replay);
        replay.last
    }

    /// What was read beside the opening of the database comes to the same. Says whether it was.
    fn check_ahead(&self, files: &Simulated, replay: &Replay) -> bool {
        let Some(ahead) = read_ahead(files).and_then(|ahead| ahead.behind(self.position)) else { return false };
        assert_eq!((ahead.last, ahead.tail), (replay.last, replay.tail));
        let newest = |replay: &Replay| replay.newest.as_ref().map(|newest| (newest.file.clone(), newest.at));
        assert!(replay.newest.is_none() || newest(&ahead) == newest(replay));
        let with = |records: &Table| {
            let mut all: Table =
                self.groups[..self.position.group as usize].iter().flatten().flatten().cloned().collect();
            all.extend(records.all());
            all.all()
        };
        assert_eq!(with(&ahead.records), with(&replay.records));
        true
    }
}

#[test]
fn a_log_tells_what_was_appended_to_it() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 1);
    let mut reused = false;
    for n in 1..=200 {
        reused |= files.names().unwrap().contains(&SPARE.to_owned());
        model.append().unwrap();
        assert_eq!(model.check(&files, n), n);
        if n % 7 == 0 {
            model.position.group = n - model.choices.random_range(0..5) as u64;
            release(&files, model.position.group).unwrap();
            let replay = scan(&files, model.position, false).unwrap();
            assert!(model.check_ahead(&files, &replay));
            // As if the process had ended after the database, and before it was noted here.
            model.position.group = n;
            let replay = scan(&files, model.position, false).unwrap();
            assert!(model.check_ahead(&files, &replay));
            // The other way round the log is read again.
            model.position.group = n.saturating_sub(6);
            assert!(read_ahead(&files).unwrap().behind(model.position).is_none());
            model.position.group = n;
        }
    }
    let names = files.names().unwrap();
    assert!(reused && names.len() < 12, "{names:?}");
}

/// Power cuts after every call that changes a file, with the sectors and names that reach the disk chosen at random.
#[test]
fn no_durable_group_is_lost_by_a_power_cut() {
    let mut cuts = 0;
    for seed in 0..40 {
        let mut durable = 0;
        // The calls of a run are the same each time, so it can be stopped after each.
        let mut stop = 0;
        loop {
            let files = Simulated::default();
            let mut model = Model::new(&files, seed);
            files.fail_after(stop);
            let mut ended = false;
            for n in 1..=12 {
                if model.append().is_err() {
                    ended = true;
                    break;
                }
                durable = n;
                if n == 5 {
                    model.position.group = 4;
                    ended = release(&files, 4).is_err();
                }
            }
            for round in 0..4 {
                let mut choices = StdRng::seed_from_u64(seed ^ (stop as u64) << 20 ^ round << 50);
                let left = files.after_power_cut(|n| choices.random_range(0..n));
                model.check(&left, durable);
                goes_on(&model, left);
                cuts += 1;
            }
            if !ended && durable == 12 {
                break;
            }
            (stop, durable) = (stop + 1, 0);
        }
    }
    println!("{cuts} power cuts");
    assert!(cuts > 4_000);
}

/// The device fails once, at each call that changes a file; another process goes on, and then the power is cut: what it has read in the
/// memory of the kernel is on the disk.
#[test]
fn a_group_whose_sync_has_failed_is_durable_before_anything_is_behind_it() {
    let (mut stop, mut doubts) = (0, 0);
    loop {
        let files = Simulated::default();
        let mut model = Model::new(&files, 7);
        files.fail_after(stop);
        let durable = (1..=12).take_while(|_| model.append().is_ok()).count() as u64;
        files.heal();
        let replay = scan(&files, model.position, false).unwrap();
        settle(&files, &replay).unwrap();
        goes_on(&model, files);
        doubts += usize::from(replay.last > durable);
        if durable == 12 {
            break;
        }
        stop += 1;
    }
    println!("{stop} failures, {doubts} groups in doubt");
    assert!(doubts > 10);
}

/// A log that was cut off can be appended to, and cut off again.
fn goes_on(model: &Model, files: Simulated) {
    let last = scan(&files, model.position, false).unwrap().last;
    let mut wal = Wal::begin(Arc::new(files.clone()), last + 1, None, SMALL).unwrap();
    let added = vec![vec![(b"key 0".to_vec(), Some(b"added".to_vec()))]];
    wal.append(&added).unwrap();
    let files = files.after_power_cut(|_| 0);
    for group in [model.position.group, last] {
        let replay = scan(&files, Position { group, closed: false }, false).unwrap();
        assert_eq!(replay.last, last + 1);
        assert_eq!(replay.records.get(b"key 0").unwrap().as_deref(), Some(&b"added"[..]));
    }
}

/// Every bit flip and every shorter length of every file is found, or changes nothing that is told.
#[test]
fn damage_is_found() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 3);
    release(&files, 0).unwrap();
    while model.files.names().unwrap().len() < 4 {
        model.append().unwrap();
    }
    let last = model.wal.last();
    let contents = files.contents();
    let (mut found, mut harmless) = (0, 0);
    let mut look = |contents: BTreeMap<String, Vec<u8>>| {
        let files = Simulated::from_contents(contents);
        match scan(&files, model.position, false) {
            Ok(replay) => {
                assert_eq!((replay.last, &replay.records), (last, &model.table(last)));
                model.check_ahead(&files, &replay);
                harmless += 1;
            }
            Err(_) => {
                assert!(read_ahead(&files).is_none());
                found += 1;
            }
        }
    };
    for (name, bytes) in &contents {
        for at in 0..bytes.len() {
            let mut damaged = contents.clone();
            damaged.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            look(damaged);
            let mut shorter = contents.clone();
            shorter.get_mut(name).unwrap().truncate(at);
            look(shorter);
        }
        let mut missing = contents.clone();
        missing.remove(name);
        look(missing);
    }
    println!("{found} damages found, {harmless} in bytes that hold nothing");
    assert!(found > 5_000, "{found}");
}

#[test]
fn a_damaged_log_is_read_up_to_the_damage_when_that_is_asked_for() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 4);
    for _ in 0..30 {
        model.append().unwrap();
    }
    let mut contents = files.contents();
    let first = contents.keys().find(|name| name.ends_with(".log")).unwrap().clone();
    let bytes = contents.get_mut(&first).unwrap();
    let middle = bytes.len().min(SMALL.segment as usize) / 2;
    bytes[middle] ^= 1;
    let files = Simulated::from_contents(contents);
    assert!(matches!(scan(&files, model.position, false), Err(Damage::At(_))));
    let replay = scan(&files, model.position, true).unwrap();
    assert!(replay.damaged && replay.last > 0 && replay.last < 30);
    assert_eq!(replay.records, model.table(replay.last));
    set_aside(&files).unwrap();
    let mut wal = Wal::begin(Arc::new(files.clone()), replay.last + 1, None, SMALL).unwrap();
    wal.append(&[]).unwrap();
    let position = Position { group: replay.last, closed: false };
    assert_eq!(scan(&files, position, false).unwrap().last, replay.last + 1);
}

#[test]
fn on_a_full_disk_nothing_is_written_and_later_it_goes_on() {
    let (mut refused, mut taken) = (0, 0);
    for seed in 0..60 {
        let files = Simulated::default();
        let mut model = Model::new(&files, seed);
        let mut room = StdRng::seed_from_u64(seed);
        for n in 0..80 {
            files.set_room((n % 4 != 3).then(|| room.random_range(0..2_000)));
            let before = model.wal.last();
            match model.append() {
                Ok(_) => taken += 1,
                Err(AppendError::Full(_)) => {
                    refused += 1;
                    assert_eq!(model.check(&files, before), before, "a refused group is not there");
                }
                Err(AppendError::Indeterminate(e)) => panic!("{e}"),
            }
        }
        let mut choices = StdRng::seed_from_u64(seed);
        let left = files.after_power_cut(|n| choices.random_range(0..n));
        assert_eq!(model.check(&left, model.wal.last()), model.wal.last());
    }
    println!("{refused} groups refused, {taken} taken");
    assert!(refused > 200 && taken > 1_000, "{refused} {taken}");
}

/// As if the store was closed and opened again after each group.
#[test]
fn a_log_goes_on_in_its_last_segment() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 5);
    for n in 1..=100 {
        model.append().unwrap();
        assert_eq!(model.check(&files, n), n);
        let replay = scan(&files, model.position, false).unwrap();
        model.wal = Wal::begin(Arc::new(files.clone()), n + 1, replay.tail, SMALL).unwrap();
    }
    assert!(files.names().unwrap().len() < 30);
}

#[test]
fn a_device_that_fails_leaves_a_group_in_doubt() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 6);
    model.append().unwrap();
    let calls = files.calls();
    model.append().unwrap();
    let of_one = files.calls() - calls;
    for n in 0..of_one {
        let files = Simulated::default();
        let mut model = Model::new(&files, 6);
        model.append().unwrap();
        files.fail_after(n);
        match model.append() {
            // Only the note of the last group failed.
            Ok(_) => assert_eq!(n, of_one - 1),
            Err(AppendError::Indeterminate(_)) => {}
            Err(AppendError::Full(e)) => panic!("{e}"),
        }
    }
}

#[test]
fn a_newer_log_is_left_alone() {
    let files = Simulated::default();
    drop(Model::new(&files, 7));
    let mut contents = files.contents();
    let segment = contents.get_mut(&segment_name(1)).unwrap();
    let header = SegmentHeader { version: format::VERSION + 1, salt: 1, first: 1 };
    segment[..SEGMENT_HEADER].copy_from_slice(&header.to_bytes());
    let position = Position { group: 0, closed: false };
    assert!(matches!(scan(&Simulated::from_contents(contents), position, false), Err(Damage::Newer(2))));
}

#[test]
fn a_log_that_does_not_fit_its_database_is_found() {
    let files = Simulated::default();
    let mut model = Model::new(&files, 8);
    for _ in 0..30 {
        model.append().unwrap();
    }
    release(&files, 20).unwrap();
    let told = |group, closed| scan(&files, Position { group, closed }, false).map(|replay| replay.last);
    assert_eq!(told(20, false).unwrap(), 30);
    // Was closed, and went on before it could note that.
    assert_eq!(told(25, true).unwrap(), 30);
    // The database is older than the log remembers.
    assert!(matches!(told(1, false), Err(Damage::At(_))));
    // The log is gone.
    let none = Simulated::default();
    assert!(scan(&none, Position { group: 30, closed: false }, false).is_err());
    assert_eq!(scan(&none, Position { group: 30, closed: true }, false).unwrap().last, 30);
}
