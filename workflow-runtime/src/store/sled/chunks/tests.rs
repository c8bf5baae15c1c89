//! Readers against a model, and damage.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::super::blocks::Applied;
use super::super::model::{Model, agree, put, update};
use super::super::table::Table;
use super::super::view::Written;
use super::*;
use crate::journal::id::{Namespace, RunId, WorkflowId};
use crate::journal::key::InstanceKeys;

fn keys(instance: u8) -> InstanceKeys {
    InstanceKeys::new(&Namespace::default(), &WorkflowId::new(format!("order-{instance}")).unwrap())
}

fn run(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

/// Bounds that no record has.
fn bounds(random: &mut StdRng) -> Vec<Vec<u8>> {
    let of = |i| {
        let keys = keys(i);
        let end = key::after(&keys.history(run(1), 0)[..keys.history(run(1), 0).len() - 8]);
        [keys.history(run(1), random.random_range(0..40)), end, keys.frame()].map(|key| record::physical(&key))
    };
    (0..3).flat_map(of).collect()
}

/// Tables as generations write them: entries that are appended, and removed from the front, at the end and all at once;
/// large ones; entries that are written anew; other records; each table perhaps again, as after a crash, with those behind it.
#[test]
fn chunks_are_not_seen() {
    for seed in 0..12 {
        let random = &mut StdRng::seed_from_u64(seed);
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let mut model = Model::new();
        let mut next = [0; 6];
        let mut before = Table::default();
        for _ in 0..25 {
            let mut table = Table::default();
            for _ in 0..random.random_range(1..6) {
                let which = random.random_range(0..6);
                let (keys, run) = (keys(which as u8 % 3), run(which as u128 / 3));
                put(&keys.frame(), &[which as u8; 70], &mut table);
                match random.random_range(0..10) {
                    0..7 => {
                        for _ in 0..random.random_range(1..20) {
                            let large = random.random_range(0..40) == 0;
                            let size =
                                if large { random.random_range(3_000..9_000) } else { random.random_range(0..400) };
                            put(&keys.history(run, next[which]), &vec![which as u8; size], &mut table);
                            next[which] += 1;
                        }
                    }
                    7 => put(&keys.history(run, random.random_range(0..40)), &[9; 30], &mut table),
                    _ => {
                        let (from, to) = (random.random_range(0..next[which] + 1), next[which]);
                        let to = random.random_range(from..=to);
                        let gone = (from..to).map(|n| (record::physical(&keys.history(run, n)), None));
                        table.extend(gone);
                    }
                }
            }
            apply(&db, &table).unwrap();
            update(&mut model, &table);
            if random.random_range(0..4) == 0 {
                // The process died before it could note that: these and the next are one table now.
                before.extend(table.all());
                apply(&db, &before).unwrap();
            }
            before = table;
            let bounds = bounds(random);
            agree(&Written(&db), &model, bounds, random).unwrap();
        }
    }
}

#[test]
fn the_entries_of_a_generation_are_few_records() {
    let directory = tempfile::tempdir().unwrap();
    let db = ::sled::open(directory.path()).unwrap();
    let (keys, mut table) = (keys(0), Table::default());
    (0..100).for_each(|n| put(&keys.history(run(1), n), &[7; 200], &mut table));
    let Applied { keys: records, bytes } = apply(&db, &table).unwrap();
    assert_eq!(records, 6, "18 of them go into a chunk of 4 KiB");
    assert!(bytes < 100 * 235, "{bytes}");
    let gone: Table = table.all().into_iter().map(|(key, _)| (key, None)).collect();
    apply(&db, &gone).unwrap();
    assert!(db.is_empty(), "nothing is left of a run that is removed");
}

/// Three chunks, the middle one of them damaged.
fn damaged() -> (tempfile::TempDir, Db, InstanceKeys) {
    let directory = tempfile::tempdir().unwrap();
    let db = ::sled::open(directory.path()).unwrap();
    let keys = keys(0);
    for from in [0, 6, 12] {
        let mut table = Table::default();
        (from..from + 6).for_each(|n| put(&keys.history(run(1), n), &[n as u8; 200], &mut table));
        apply(&db, &table).unwrap();
    }
    let (key, mut raw) = db.iter().nth(1).map(|row| row.map(|(key, raw)| (key, raw.to_vec())).unwrap()).unwrap();
    raw[70] ^= 4;
    db.insert(key, raw).unwrap();
    (directory, db, keys)
}

#[test]
fn a_damaged_chunk_hides_no_other() {
    let (_directory, db, keys) = damaged();
    let (low, to) = key::range(&keys.history(run(1), 0)[..keys.history(run(1), 0).len() - 8]);
    let (mut from, mut seen, mut told) = (low.clone(), 0, vec![]);
    while let Some(StoreError::Damaged { key, reason }) = match record::scan(&Written(&db), &from, &to, 1) {
        Ok(rows) => rows.first().map(|(key, _)| {
            (from, seen) = ([key.as_slice(), &[0]].concat(), seen + 1);
            StoreError::damaged(key, "")
        }),
        Err(e) => Some(e),
    } {
        if !reason.is_empty() {
            from = [key.as_slice(), &[0]].concat();
            told.push(key);
        }
    }
    assert_eq!((seen, told), (12, vec![keys.history(run(1), 11)]));
    // Backwards, too.
    let back = record::scan_back(&Written(&db), &low, &to, 20).unwrap_err();
    let StoreError::Damaged { key, .. } = &back else { panic!("{back}") };
    assert_eq!(key, &keys.history(run(1), 6));
    assert_eq!(record::scan_back(&Written(&db), &low, key, 20).unwrap().len(), 6);
    let one = record::read(&Written(&db), &keys.history(run(1), 8)).unwrap_err().to_string();
    assert!(one.contains("order-0") && one.contains("#8") && one.contains("from #6 on"), "{one}");
}

#[test]
fn a_run_with_a_damaged_chunk_goes_on_and_can_be_removed() {
    let (_directory, db, keys) = damaged();
    let (key, _) = db.iter().nth(2).unwrap().unwrap();
    db.remove(key).unwrap();
    // The damaged one is the last now.
    let mut table = Table::default();
    (12..15).for_each(|n| put(&keys.history(run(1), n), &[n as u8; 200], &mut table));
    apply(&db, &table).unwrap();
    let rows = record::scan(&Written(&db), &keys.history(run(1), 12), &keys.history(run(1), 99), 9).unwrap();
    assert_eq!(rows.iter().map(|(_, value)| value[0]).collect::<Vec<_>>(), [12, 13, 14]);
    let told = record::scan(&Written(&db), &keys.history(run(1), 7), &keys.history(run(1), 99), 9);
    assert!(matches!(told, Err(StoreError::Damaged { key, .. }) if key == keys.history(run(1), 11)));
    let gone = (0..15).map(|n| (record::physical(&keys.history(run(1), n)), None));
    apply(&db, &gone.collect()).unwrap();
    assert!(db.is_empty());
}
