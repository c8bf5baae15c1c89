//! Readers against a model at every moment of a generation; what blocks hold; damage.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::super::chunks;
use super::super::model::{Model, agree, all, put, update};
use super::super::table::Table;
use super::super::view::{Shared, Written};
use super::*;
use crate::journal::id::{Namespace, RunId, WorkflowId};
use crate::journal::key::InstanceKeys;
use crate::store::record::Medium;
use crate::store::{Commit, Revision, SledStore, Store, Write};

fn temporary() -> Db {
    ::sled::Config::new().temporary(true).open().unwrap()
}

fn keys(instance: u64) -> InstanceKeys {
    InstanceKeys::new(&Namespace::default(), &WorkflowId::new(format!("order-{instance}")).unwrap())
}

fn run(n: u64) -> RunId {
    RunId(Uuid::from_u128(u128::from(n) << 64 | 7))
}

fn start(instance: u64) -> Vec<u8> {
    keys(instance).start(run(instance))
}

fn gone(key: &[u8], table: &mut Table) {
    table.insert(record::physical(key), None);
}

/// All that readers see.
fn everything(db: &Db) -> Vec<(Vec<u8>, Vec<u8>)> {
    all(&Written(db), &record::physical(&[]), &record::physical(&[u8::MAX])).unwrap()
}

fn written(db: &Db) -> Vec<(Value, Value)> {
    db.iter().map(Result::unwrap).collect()
}

fn blocks(db: &Db) -> Vec<(Value, Value)> {
    db.scan_prefix([REGION_BLOCK]).map(Result::unwrap).collect()
}

/// The physical keys that a block holds.
fn held(block: &(Value, Value)) -> Vec<Vec<u8>> {
    let entries = Entries::new(&block.0, &block.1).unwrap().within(&[], &[u8::MAX]).unwrap();
    entries.into_iter().map(|(key, _)| key.into_owned()).collect()
}

/// What generations are made of.
struct Program {
    random: StdRng,
    /// Indexes grow by time.
    time: i64,
    /// The next entry of each history.
    next: [u64; 12],
}

impl Program {
    fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), time: 0, next: [0; 12] }
    }

    fn value(&mut self) -> Vec<u8> {
        let size = match self.random.random_range(0..40) {
            0..30 => self.random.random_range(0..120),
            30..36 => self.random.random_range(350..520),
            36..39 => self.random.random_range(600..4_000),
            _ => self.random.random_range(4_000..9_000),
        };
        vec![self.random.random_range(1..250); size]
    }

    fn key(&mut self) -> Vec<u8> {
        let (instance, number) = (self.random.random_range(0..25), self.random.random_range(0..30));
        let keys = keys(instance);
        match self.random.random_range(0..9) {
            0 => keys.frame(),
            1 => keys.result(run(instance), number),
            2 => keys.listing("ship", 1, number as i64),
            3 => keys.timer(number as i64, 3),
            4 => keys.tagged("color", "red", number as i64),
            5 => keys.seen(&format!("signal-{number}")),
            6 => keys.slot(run(instance), "order"),
            _ => keys.start(run(number)),
        }
    }

    fn generation(&mut self, model: &Model) -> Table {
        let mut table = Table::default();
        for _ in 0..self.random.random_range(1..5) {
            match self.random.random_range(0..10) {
                0..3 => {
                    for _ in 0..self.random.random_range(1..25) {
                        let (key, value) = (self.key(), self.value());
                        put(&key, &value, &mut table);
                    }
                }
                3..5 => {
                    for _ in 0..self.random.random_range(1..40) {
                        self.time += 1;
                        put(&keys(self.time as u64 % 25).listing("bill", 2, self.time), &[7; 60], &mut table);
                    }
                }
                5..7 => {
                    let which = self.random.random_range(0..self.next.len());
                    for _ in 0..self.random.random_range(1..4) {
                        let size = self.random.random_range(0..200);
                        put(&keys(which as u64).history(run(1), self.next[which]), &vec![9; size], &mut table);
                        self.next[which] += 1;
                    }
                }
                7 => {
                    for _ in 0..self.random.random_range(1..20) {
                        let key = self.key();
                        gone(&key, &mut table);
                    }
                }
                _ => {
                    // A piece of what there is, as when a run is removed or timers have fired.
                    let keys: Vec<_> = model.keys().collect();
                    let at = self.random.random_range(0..=keys.len());
                    let many = self.random.random_range(0..60);
                    keys[at..].iter().take(many).for_each(|key| table.insert((*key).clone(), None));
                }
            }
        }
        table
    }
}

/// Bounds that no record has: of kinds, of instances, of all.
fn bounds(random: &mut StdRng) -> Vec<Vec<u8>> {
    let instance = keys(random.random_range(0..25));
    let all = crate::journal::key::NamespaceKeys::new(&Namespace::default());
    let mut bounds = vec![all.everything(), instance.all(Kind::Start), instance.all(Kind::Result)];
    bounds.extend([Kind::Start, Kind::Listing, Kind::Frame, Kind::History, Kind::Slot].map(|kind| all.all(kind)));
    bounds.into_iter().flat_map(|(from, to)| [from, to]).map(|key| record::physical(&key)).collect()
}

/// Applies a table to a copy, and says what was written, in order.
fn writes(db: &Db, table: &Table) -> Vec<(Value, Option<Value>)> {
    let copy = temporary();
    written(db).into_iter().for_each(|(key, value)| drop(copy.insert(key, value).unwrap()));
    let mut subscriber = copy.watch_prefix([]);
    let Applied { keys, .. } = chunks::apply(&copy, table).unwrap();
    copy.insert(b"end", b"").unwrap();
    let mut writes = vec![];
    for event in subscriber.by_ref() {
        match event {
            ::sled::Event::Insert { key, .. } if key == b"end" => break,
            ::sled::Event::Insert { key, value } => writes.push((key, Some(value))),
            ::sled::Event::Remove { key } => writes.push((key, None)),
        }
    }
    assert!(writes.len() as u64 <= keys, "a write that changes nothing is none");
    writes
}

fn write(db: &Db, (key, value): &(Value, Option<Value>)) {
    match value {
        Some(value) => drop(db.insert(key, value).unwrap()),
        None => drop(db.remove(key).unwrap()),
    }
}

/// Generated generations, written one write after the other. Between any two of them readers see what they are to see, and so they do when
/// it ends there, the generation is written again, perhaps with the next one, and the program goes on.
#[test]
fn blocks_are_not_seen() {
    let (mut moments, mut most) = (0, 0);
    for seed in 0..16 {
        let mut program = Program::new(seed);
        let (db, mut model) = (temporary(), Model::new());
        for _ in 0..18 {
            let mut table = program.generation(&model);
            let writes = writes(&db, &table);
            let mut after = model.clone();
            update(&mut after, &table);
            let crash = program.random.random_bool(0.3).then(|| program.random.random_range(0..=writes.len()));
            let shared = Shared::new(db.clone(), table.all().into_iter().collect());
            shared.freeze();
            for (n, one) in writes.iter().enumerate() {
                if crash == Some(n) {
                    break;
                }
                write(&db, one);
                moments += 1;
                if n % 3 == 0 {
                    let bounds = bounds(&mut program.random);
                    let random = &mut program.random;
                    shared.read(|durable| agree(durable, &after, bounds, random)).unwrap();
                }
            }
            if crash.is_some() {
                if program.random.random_bool(0.5) {
                    let next = program.generation(&after);
                    update(&mut after, &next);
                    table.extend(next.all());
                }
                chunks::apply(&db, &table).unwrap();
            }
            model = after;
            let bounds = bounds(&mut program.random);
            agree(&Written(&db), &model, bounds, &mut program.random).unwrap();
            most = most.max(blocks(&db).len());
        }
        // Nothing is left when everything is removed.
        let table: Table = model.keys().map(|key| (key.clone(), None)).collect();
        chunks::apply(&db, &table).unwrap();
        assert!(everything(&db).is_empty());
        assert!(written(&db).iter().all(|block| block.0[0] == REGION_BLOCK && held(block).is_empty()));
    }
    println!("{moments} moments, up to {most} blocks");
    assert!(most > 20);
}

/// While blocks are split, removed and written, others are read: what does not change is seen once.
#[test]
fn who_reads_meanwhile_sees_what_does_not_change() {
    let db = temporary();
    let still = |n: u64| (n * 7) % 300;
    let mut table = Table::default();
    (0..40).for_each(|n| put(&keys(still(n)).start(run(0)), &[n as u8; 150], &mut table));
    let expected: BTreeSet<_> = table.all().into_iter().map(|(key, _)| key).collect();
    chunks::apply(&db, &table).unwrap();
    let over = AtomicBool::new(false);
    let (from, to) = (record::physical(&[]), record::physical(&[u8::MAX]));
    let look = || {
        while !over.load(Ordering::Relaxed) {
            let found: Vec<_> = all(&Written(&db), &from, &to).unwrap().into_iter().map(|(key, _)| key).collect();
            assert!(found.is_sorted());
            assert!(found.iter().filter(|key| expected.contains(*key)).eq(&expected), "forwards");
            let (mut end, mut back) = (to.clone(), vec![]);
            while let Some((key, _)) = Written(&db).last(&from, &end).unwrap() {
                end.clone_from(&key);
                back.push(key);
            }
            assert!(back.iter().rev().filter(|key| expected.contains(*key)).eq(&expected), "backwards");
            assert!(expected.iter().all(|key| Written(&db).read(key).unwrap().is_some()));
        }
    };
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(look));
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..400 {
            let mut table = Table::default();
            for _ in 0..random.random_range(1..60) {
                let key = keys(random.random_range(0..300)).start(run(1));
                match random.random_bool(0.5) {
                    true => put(&key, &[1; 200], &mut table),
                    false => gone(&key, &mut table),
                }
            }
            chunks::apply(&db, &table).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn an_index_that_grows_leaves_full_blocks() {
    let db = temporary();
    // Another one of the same kind lies behind.
    let mut table = Table::default();
    (0..10).for_each(|n| put(&keys(n).listing("zebra", 1, 7), &[7; 60], &mut table));
    chunks::apply(&db, &table).unwrap();
    let mut bytes = 0;
    for generation in 0..60 {
        let mut table = Table::default();
        for n in 0..5 {
            let key = keys(n).listing("order", 1, generation * 10 + n as i64);
            bytes += key.len() + 73;
            put(&key, &[7; 60], &mut table);
        }
        chunks::apply(&db, &table).unwrap();
    }
    let count = blocks(&db).len();
    assert!(count * 2048 < bytes + 2 * 2048, "{count} blocks for {bytes} bytes, without what keys have in common");
}

#[test]
fn keys_that_come_anywhere_leave_room() {
    let db = temporary();
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..300 {
        let mut table = Table::default();
        (0..3).for_each(|_| put(&start(random.random()), &[7; 150], &mut table));
        chunks::apply(&db, &table).unwrap();
    }
    let all = blocks(&db);
    let bytes: usize = all.iter().map(|(_, raw)| raw.len()).sum();
    println!("{} blocks of {} bytes", all.len(), bytes / all.len());
    assert!(bytes / all.len() > 1_200);
    assert!(all.iter().all(|(_, raw)| raw.len() < 3_000));
}

#[test]
fn what_changes_nothing_is_not_written() {
    let db = temporary();
    let mut table = Table::default();
    (0..50).for_each(|n| put(&start(n), &[7; 100], &mut table));
    chunks::apply(&db, &table).unwrap();
    (50..60).for_each(|n| gone(&start(n), &mut table));
    assert_eq!(chunks::apply(&db, &table).unwrap().keys, 0);
}

/// A record is in one place, however large it becomes, and whatever an earlier build has left.
#[test]
fn a_record_that_was_alone_stays_alone() {
    let (db, keys) = (temporary(), keys(1));
    let sizes = [10, 100, 700, 20, 9_000, 5, 600];
    for old in [false, true] {
        for (n, size) in sizes.into_iter().enumerate() {
            let mut table = Table::default();
            (0..30).for_each(|n| put(&start(n), &[3; 80], &mut table));
            put(&keys.slot(run(1), "cart"), &vec![n as u8; size], &mut table);
            if old && n == 0 {
                table.all().into_iter().for_each(|(key, value)| drop(db.insert(key, value.unwrap()).unwrap()));
                put(&keys.slot(run(1), "cart"), &[9; 10], &mut table);
            }
            chunks::apply(&db, &table).unwrap();
            let physical = record::physical(&keys.slot(run(1), "cart"));
            let alone = db.get(&physical).unwrap();
            assert_eq!(alone.is_some(), old || n > 1);
            assert_eq!(packed(&db, &physical).unwrap().is_some(), alone.is_none(), "in one place");
            assert_eq!(everything(&db).len(), 31);
            assert_eq!(db.scan_prefix(record::physical(&[])).count(), if old { 31 } else { usize::from(n > 1) });
        }
        let mut table: Table = everything(&db).into_iter().map(|(key, _)| (key, None)).collect();
        (0..3).for_each(|n| table.insert(record::part(&keys.slot(run(1), "cart"), n), None));
        chunks::apply(&db, &table).unwrap();
        assert!(db.is_empty());
    }
}

/// What a block that was split still holds does not come back when the other one is emptied.
#[test]
fn what_a_crash_has_left_behind_a_split_stays_hidden() {
    let (db, mut model) = (temporary(), Model::new());
    let mut table = Table::default();
    (0..8).for_each(|n| put(&start(n), &[7; 150], &mut table));
    chunks::apply(&db, &table).unwrap();
    update(&mut model, &table);
    let [first] = &blocks(&db)[..] else { panic!("one block") };
    let mut table = Table::default();
    (8..20).for_each(|n| put(&start(n), &[7; 150], &mut table));
    chunks::apply(&db, &table).unwrap();
    update(&mut model, &table);
    // The lower one was not written any more.
    db.insert(&first.0, &first.1).unwrap();
    let lower = &blocks(&db)[1].0;
    let table: Table = model.keys().filter(|key| key.as_slice() < &lower[1..]).map(|key| (key.clone(), None)).collect();
    model.retain(|key, _| key.as_slice() >= &lower[1..]);
    // What was new there is written again behind the crash.
    let (mut random, bounds) = (StdRng::seed_from_u64(0), vec![record::physical(&[]), record::physical(&[u8::MAX])]);
    let shared = Shared::new(db.clone(), table);
    shared.freeze();
    shared.read(|durable| agree(durable, &model, bounds.clone(), &mut random)).unwrap();
    for (key, _) in model.clone() {
        chunks::apply(&db, &[(key.clone(), None)].into_iter().collect()).unwrap();
        model.remove(&key);
        shared.read(|durable| agree(durable, &model, bounds.clone(), &mut random)).unwrap();
    }
    assert!(held(&blocks(&db)[1]).is_empty());
    // The next write there ends it.
    let mut table: Table = (0..20).map(|n| (record::physical(&start(n)), None)).collect();
    chunks::apply(&db, &table).unwrap();
    put(&start(2), &[1; 10], &mut table);
    chunks::apply(&db, &table).unwrap();
    update(&mut model, &table);
    agree(&Written(&db), &model, bounds, &mut random).unwrap();
}

/// Reads all as who is told of damage goes on behind it, or before it: what is seen, and what is told.
fn go_through(db: &Db, from: &[u8], to: &[u8], backwards: bool) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut from, mut to, mut seen, mut told) = (from.to_vec(), to.to_vec(), vec![], vec![]);
    loop {
        let scan = if backwards { record::scan_back } else { record::scan };
        let key = match scan(&Written(db), &from, &to, 1) {
            Ok(rows) => match rows.into_iter().next() {
                Some((key, _)) => {
                    seen.push(key.clone());
                    key
                }
                None => return (seen, told),
            },
            Err(StoreError::Damaged { key, .. }) => {
                told.push(key.clone());
                key
            }
            Err(e) => panic!("{e}"),
        };
        assert!(key >= from && key < to);
        match backwards {
            true => to = key,
            false => from = [key, vec![0]].concat(),
        }
    }
}

/// Blocks of start records, one in the middle of them damaged. Says what it holds, and its key.
fn damaged() -> (Db, Model, Vec<Vec<u8>>, Value) {
    let (db, mut model, mut table) = (temporary(), Model::new(), Table::default());
    (0..60).for_each(|n| put(&start(n), &[n as u8; 150], &mut table));
    chunks::apply(&db, &table).unwrap();
    update(&mut model, &table);
    let all = blocks(&db);
    let lost = held(&all[2]);
    let (key, raw) = &all[2];
    let mut raw = raw.to_vec();
    raw[100] ^= 1;
    db.insert(key, raw).unwrap();
    let names = lost.into_iter().map(|key| key[1..].to_vec()).collect();
    (db, model, names, key.clone())
}

fn kind() -> (Vec<u8>, Vec<u8>) {
    crate::journal::key::NamespaceKeys::new(&Namespace::default()).all(Kind::Start)
}

#[test]
fn a_damaged_block_hides_no_other() {
    let (db, model, lost, block) = damaged();
    let (from, to) = kind();
    let whole: Vec<_> = model.keys().map(|key| key[1..].to_vec()).filter(|key| !lost.contains(key)).collect();
    let (seen, told) = go_through(&db, &from, &to, false);
    assert_eq!((&seen, told.len()), (&whole, 1));
    assert!(told[0] > lost[lost.len() - 1] && told[0] < whole[whole.iter().position(|key| *key > lost[0]).unwrap()]);
    let (mut seen, told) = go_through(&db, &from, &to, true);
    seen.reverse();
    assert_eq!((seen, told), (whole, vec![block[2..].to_vec()]));
    for key in model.keys() {
        match record::read(&Written(&db), &key[1..]) {
            Ok(value) => assert!(value.is_some() && !lost.iter().any(|lost| lost == &key[1..])),
            Err(StoreError::Damaged { key: told, reason }) => {
                assert!(told == key[1..] && lost.contains(&told));
                assert!(reason.contains("lie together"), "{reason}");
            }
            Err(e) => panic!("{e}"),
        }
    }
    // Whoever asks for one of them, and no more, is told.
    for key in &lost {
        let behind = [key.as_slice(), &[0]].concat();
        let told = (vec![], vec![key.clone()]);
        assert_eq!((go_through(&db, key, &behind, false), go_through(&db, key, &behind, true)), (told.clone(), told));
    }
}

#[test]
fn what_is_written_into_a_damaged_block_counts_and_the_rest_stays_damaged() {
    let (db, _, lost, block) = damaged();
    let ((from, to), mut table) = (kind(), Table::default());
    put(&lost[0], &[1; 20], &mut table);
    let new = [lost[1].as_slice(), &[0]].concat();
    put(&new, &[2; 20], &mut table);
    gone(&lost[2], &mut table);
    chunks::apply(&db, &table).unwrap();
    for key in [&lost[0], &new] {
        assert_eq!(record::read(&Written(&db), key).unwrap().unwrap().1.len(), 20);
        assert!(
            go_through(&db, &from, &to, false).0.contains(key) && go_through(&db, &from, &to, true).0.contains(key)
        );
    }
    assert_eq!(go_through(&db, &from, &to, false).1.len(), 1);
    assert!(lost[1..].iter().all(|key| record::read(&Written(&db), key).is_err()));
    // It is not too much for who removes one instance of many: what he is told of leaves the others as they are.
    for key in &lost {
        let behind = [&key[..key.len() - 1], &[key[key.len() - 1] + 1]].concat();
        let (seen, told) = go_through(&db, key, &behind, false);
        seen.iter().chain(&told).for_each(|key| gone(key, &mut table));
        chunks::apply(&db, &table).unwrap();
        assert!(record::read(&Written(&db), key).is_err() && db.contains_key(&block).unwrap());
    }
    // Who removes all that may be in it removes it.
    let (seen, told) = go_through(&db, &from, &to, false);
    let mut table = Table::default();
    seen.iter().chain(&told).for_each(|key| gone(key, &mut table));
    chunks::apply(&db, &table).unwrap();
    assert!(db.is_empty());
}

/// Commits are made, whatever is damaged of what they replace.
#[tokio::test]
async fn a_store_with_a_damaged_block_takes_commits() {
    let directory = tempfile::tempdir().unwrap();
    let commit = |fence, n, writes: Vec<Write>| {
        let instance = b"instance".to_vec();
        let frame = Write::Put { key: instance.clone(), value: vec![] };
        let (based_on, revision) = (Revision(n), Revision(n + 1));
        Commit { fence, instance, based_on, revision, writes: [vec![frame], writes].concat() }
    };
    let store = SledStore::open(directory.path()).unwrap();
    let fence = store.acquire_all("test").await.unwrap()[0];
    let put = |n, size| Write::Put { key: start(n), value: vec![n as u8; size] };
    store.commit(commit(fence, 0, (0..60).map(|n| put(n, 150)).collect())).await.unwrap();
    store.close().await.unwrap();
    let db = ::sled::open(directory.path()).unwrap();
    for (key, raw) in blocks(&db) {
        let mut raw = raw.to_vec();
        raw[100] ^= 1;
        db.insert(key, raw).unwrap();
    }
    drop(db);
    for n in 0..2 {
        let store = SledStore::open(directory.path()).unwrap();
        let fence = store.acquire_all("test").await.unwrap()[0];
        assert_eq!(store.get(&start(9)).await.unwrap_err().code(), "WS001");
        let writes =
            vec![put(n, 9_000), put(20, 30), Write::Delete { key: start(30) }, Write::Delete { key: start(20 - n) }];
        store.commit(commit(fence, n + 1, writes)).await.unwrap();
        store.close().await.unwrap();
        let store = SledStore::open(directory.path()).unwrap();
        assert_eq!(store.get(&start(n)).await.unwrap().unwrap().len(), 9_000);
        assert_eq!(store.get(&start(20)).await.is_ok(), n > 0);
        assert_eq!(store.get(&start(9)).await.unwrap_err().code(), "WS001");
        store.close().await.unwrap();
    }
}

/// Also before the database has it.
#[test]
fn the_deletion_of_what_was_told_hides_no_damage() {
    let (db, ..) = damaged();
    let ((from, to), mut table) = (kind(), Table::default());
    for key in [go_through(&db, &from, &to, false).1, go_through(&db, &from, &to, true).1].concat() {
        gone(&key, &mut table);
    }
    let shared = Shared::new(db.clone(), table);
    shared.freeze();
    let read = [
        shared.read(|durable| record::scan(durable, &from, &to, 100)),
        shared.read(|durable| record::scan_back(durable, &from, &to, 100)),
    ];
    assert!(read.iter().all(|read| matches!(read, Err(StoreError::Damaged { .. }))), "{read:?}");
}

/// A block that holds the first entries of many runs.
#[test]
fn histories_in_a_damaged_block_go_on() {
    let (db, mut table) = (temporary(), Table::default());
    (0..40).for_each(|n| put(&keys(n).history(run(n), 0), &[n as u8; 150], &mut table));
    chunks::apply(&db, &table).unwrap();
    let all = blocks(&db);
    let (block, raw) = &all[2];
    let lost: BTreeSet<_> = held(&all[2]).into_iter().map(|chunk| chunk[1..].to_vec()).collect();
    assert!(all.len() > 4 && lost.len() > 4);
    let mut raw = raw.to_vec();
    raw[60] ^= 1;
    db.insert(block, raw).unwrap();
    let (from, to) = crate::journal::key::NamespaceKeys::new(&Namespace::default()).everything();
    let (seen, told) = go_through(&db, &from, &to, false);
    assert_eq!((seen.len(), told.len()), (40 - lost.len(), 1));
    let (seen, told) = go_through(&db, &from, &to, true);
    assert_eq!((seen.len(), told.len()), (40 - lost.len(), 1));
    for n in 0..40 {
        let of = keys(n);
        let (from, to) = of.all_of_run(Kind::History, run(n));
        let first = of.history(run(n), 0);
        let is_lost = lost.contains(&first);
        let expected = if is_lost { (0, 1) } else { (1, 0) };
        let (seen, told) = go_through(&db, &from, &to, false);
        assert_eq!((seen.len(), told.len()), expected);
        let (seen, told) = go_through(&db, &from, &to, true);
        assert_eq!((seen.len(), told.len()), expected);
        match record::read(&Written(&db), &first) {
            Err(StoreError::Damaged { key, .. }) => assert!(is_lost && key == first),
            read => assert!(!is_lost && read.unwrap().is_some()),
        }
        // It goes on, in two generations, and is removed.
        for entries in [1..3, 3..5] {
            let mut table = Table::default();
            entries.for_each(|entry| put(&of.history(run(n), entry), &[7; 100], &mut table));
            chunks::apply(&db, &table).unwrap();
        }
        let numbers = |keys: &[Vec<u8>]| keys.iter().map(|key| key[key.len() - 1]).collect::<Vec<_>>();
        let (seen, told) = go_through(&db, &from, &to, false);
        assert_eq!(numbers(&seen), if is_lost { vec![1, 2, 3, 4] } else { vec![0, 1, 2, 3, 4] });
        assert_eq!(told.len(), usize::from(is_lost));
        let (mut back, _) = go_through(&db, &from, &to, true);
        back.reverse();
        assert_eq!(back, seen);
        assert_eq!(go_through(&db, &of.history(run(n), 2), &to, false).0, seen[seen.len() - 3..]);
        for entry in 1..5 {
            assert!(record::read(&Written(&db), &of.history(run(n), entry)).unwrap().is_some());
        }
        let mut table = Table::default();
        seen.iter().chain(&told).for_each(|key| gone(key, &mut table));
        chunks::apply(&db, &table).unwrap();
        assert!(go_through(&db, &from, &to, false).0.is_empty());
    }
    let left = blocks(&db);
    assert_eq!(left.len(), db.len(), "all but what is damaged is gone");
    assert!(left[0].0 == block && left[1..].iter().all(|next| held(next).is_empty()), "and where it ends");
}
