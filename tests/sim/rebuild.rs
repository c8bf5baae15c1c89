//! Random programs in processes that die at random; at each death all checkpoints are damaged, and are made anew as they were.
//!
//! `REBUILD_SEEDS=500 cargo test -p tests --test sim rebuild` makes up that many worlds, from `REBUILD_FROM` on.

use crate::{
    generate::{self, Dice},
    program::{Done, Op, SIGNALS, program},
};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use workflow_runtime::{
    engine::{RebuildError, rebuilt_differs},
    journal::{
        id::Namespace,
        key::{Key, Kind, NamespaceKeys},
    },
    store::{
        Commit, CommitError, Fault, FaultStore, Fence, MemoryStore, Revision, Row, ShardId, Store, StoreCounters,
        StoreError, Write,
    },
    testing::{TestClock, TestEngine},
};

/// SplitMix64.
struct Seeded(u64);

impl Dice for Seeded {
    fn random(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn size(&mut self, most: u64) -> u64 {
        1 + self.random(most)
    }
}

/// What one process writes to.
struct Watched {
    store: FaultStore<MemoryStore>,
    commits: Arc<Mutex<Vec<Commit>>>,
}

#[async_trait]
impl Store for Watched {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        self.store.acquire(shard).await
    }
    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.store.acquire_all(owner).await
    }
    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.store.renew(fence).await
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.commits.lock().unwrap().push(commit.clone());
        self.store.commit(commit).await
    }
    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.store.get_with_revision(key).await
    }
    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.store.scan(from, to, limit).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
    fn counters(&self) -> StoreCounters {
        self.store.counters()
    }
}

/// An instance whose checkpoint is damaged, and what it was if that is known.
type Damaged = (String, Vec<u8>, Option<Vec<u8>>);

/// Damages all checkpoints.
async fn damage(store: &MemoryStore) -> Vec<Damaged> {
    let (mut from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::Frame);
    let mut damaged = vec![];
    loop {
        let (key, was) = match store.reopen().scan(&from, &to, 1).await {
            Ok(rows) => match rows.into_iter().next() {
                Some((key, value)) => (key, Some(value)),
                None => return damaged,
            },
            Err(StoreError::Damaged { key, .. }) => (key, None),
            Err(e) => panic!("{e}"),
        };
        assert!(was.is_none() || store.damage(&key));
        from = [&key[..], &[0]].concat();
        damaged.push((Key::parse(&key).unwrap().id.unwrap(), key, was));
    }
}

/// Makes them anew; false if the process died over it.
async fn rebuild(engine: &TestEngine, mut damaged: Vec<Damaged>, watched: &Mutex<Vec<Commit>>) -> bool {
    let mut put_off = 0;
    while let Some((id, key, was)) = damaged.pop() {
        match engine.untyped(&id).rebuild().await {
            Ok(()) => put_off = 0,
            Err(RebuildError::After { .. }) if put_off <= damaged.len() => {
                damaged.insert(0, (id, key, was));
                put_off += 1;
                continue;
            }
            Err(RebuildError::Unavailable(_)) => return false,
            Err(e) => panic!("`{id}` is not rebuilt: {e}: {:?}", std::error::Error::source(&e)),
        }
        let first = watched.lock().unwrap().iter().find(|commit| commit.instance == key).cloned().unwrap();
        let put = first.writes.iter().rev().find_map(|write| match write {
            Write::Put { key: k, value } if *k == key => Some(value),
            _ => None,
        });
        if let Some((was, is)) = was.as_ref().zip(put) {
            assert_eq!(rebuilt_differs(was, is), None, "`{id}`");
        }
    }
    true
}

/// From the opening of the store to the death of the process; true if all have ended before that.
async fn live(seed: u64, dice: &mut Seeded, store: &MemoryStore, clock: &TestClock, done: &Done) -> bool {
    let damaged = damage(store).await;
    let (dies, before) = (dice.random(12), dice.random(2) == 0);
    let (faulty, commits) = (FaultStore::new(store.reopen()), Arc::default());
    faulty.on_commit(Arc::new(move |n| match before {
        _ if n != dies => Fault::None,
        true => Fault::CrashBefore,
        false => Fault::CrashAfter,
    }));
    let watched = Watched { store: faulty, commits: Arc::clone(&commits) };
    let (resident, keep) = (dice.random(2) == 0, dice.random(3));
    let builder = TestEngine::builder().store(watched).clock(clock).state(done.clone());
    let builder = builder.configure(move |e| {
        let e = if resident { e } else { e.evict_after_every_step() };
        if keep == 0 { e.keep_history(3) } else { e }
    });
    let still = clock.pause();
    let engine = builder.seed(seed).build().await.unwrap();
    let mut lived = rebuild(&engine, damaged, &commits).await;
    if lived {
        let mut runs = vec![];
        for n in 0..3 {
            let id = format!("program-{n}");
            let mut ops = generate::ops(&mut Seeded(seed * 3 + n), 6, 20);
            patient(&mut ops);
            let Ok(run) = engine.start(id, program(ops)).await else { return false };
            for (signal, payload) in SIGNALS.iter().zip(0..) {
                let _ = run.signal(signal, payload).id(format!("{}", dice.random(4))).await;
            }
            match dice.random(20) {
                0 => drop(run.cancel("enough").await),
                1 => drop(run.terminate("enough").await),
                _ => {}
            }
            runs.push(run);
        }
        drop(still);
        let all = async {
            for run in runs {
                if let Err(workflow_runtime::engine::RunError::Unavailable(_)) = run.result().await {
                    return false;
                }
            }
            true
        };
        lived = tokio::select! {
            ended = all => ended,
            () = engine.down() => false,
        };
    }
    engine.kill();
    lived
}

/// Nobody sends what a program waits for: none waits without end.
fn patient(ops: &mut [Op]) {
    for op in ops {
        match op {
            Op::Recv { name } => *op = Op::RecvWithin { name: *name, seconds: 60 },
            Op::Repeat { body, .. } | Op::Try { body } | Op::Child { body, .. } | Op::Spawn { body, .. } => {
                patient(body)
            }
            _ => {}
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn random_programs_go_on_from_what_is_made_anew() {
    let from = number("REBUILD_FROM", 0);
    // The last three have found something.
    let seeds = (from..from + number("REBUILD_SEEDS", 8)).chain([13, 140, 366]);
    for seed in seeds {
        println!("REBUILD_FROM={seed} REBUILD_SEEDS=1");
        let (store, clock, done) = (MemoryStore::new(), TestClock::new(), Done::default());
        let mut dice = Seeded(seed);
        for _ in 0..12 {
            if live(seed, &mut dice, &store, &clock, &done).await {
                break;
            }
        }
    }
}
