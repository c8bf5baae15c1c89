//! One process of the soak: the workload, and beside it all that can go wrong without a death.

use crate::{
    Failure,
    clients::{Size, drive},
    passing::{PASSING, Scratch, passing},
    poisons::{POISONS, deadly, panicking},
    random::Random,
    workload::{Ledger, Lines, NAMES, Place},
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use workflow_runtime::{
    engine::{Clock, Engine, Wake},
    store::{Fault, FaultStore, SledStore},
};

/// How much of the workload a store of the soak holds.
pub(crate) const SIZE: Size = Size(4);

/// Starts that are sent at once.
const BURST: u64 = 60;

/// What the engine takes of them.
const IN_FLIGHT: usize = 48;

/// The clock of the system, and so many milliseconds.
struct Jumping(Arc<AtomicI64>);

#[async_trait]
impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Looks often: the time may have jumped.
    async fn sleep_until(&self, at: Timestamp) -> Wake {
        let left = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        tokio::time::sleep(left.min(Duration::from_millis(20))).await;
        Wake::default()
    }
}

/// Runs the workload to its end, unless it is killed.
pub(crate) async fn soak(place: &str, seed: u64) -> Result<(), Failure> {
    let place = Place(place.into());
    let mut random = Random::new(seed);
    let noise = Lines::open(&place.0.join("noise"))?;
    let store = FaultStore::new(SledStore::open(place.store())?);
    store.on_commit(Arc::new({
        let (noise, salt) = (noise.clone(), random.below(u64::MAX));
        // Now and then the disk is full for a commit.
        move |n| match Random::new(salt ^ n).below(150) {
            0 if noise.add("full").is_ok() => Fault::Full,
            _ => Fault::None,
        }
    }));
    let offset = Arc::new(AtomicI64::new(random.below(600) as i64 - 300));
    let builder = Engine::builder().store(store).clock(Jumping(offset.clone())).archive(place.archive());
    let states = builder.state(Ledger(Lines::open(&place.ledger())?)).state(Scratch(Lines::open(&place.scratch())?));
    let names = NAMES.into_iter().chain(PASSING).chain(POISONS);
    let engine = states.only(names).in_flight_limit(IN_FLIGHT).keep_history(3).build().await?;
    println!("opened");
    let over = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn(beside(engine.clone(), place.clone(), noise.clone(), seed, over.clone(), offset));
    let acknowledged = Lines::open(&place.acknowledged())?;
    // What was refused is asked for again.
    while let Err(e) = drive(&engine, SIZE, &acknowledged).await {
        let told = e.to_string();
        if !["WE012", "WE015", "WE019"].iter().any(|code| told.contains(code)) {
            return Err(e);
        }
    }
    over.store(true, Ordering::Relaxed);
    beside.await??;
    noise.add("finished")?;
    engine.shutdown().await;
    Ok(())
}

/// Floods, poison, snapshots, and a clock that jumps.
async fn beside(
    engine: Engine,
    place: Place,
    noise: Lines,
    seed: u64,
    over: Arc<AtomicBool>,
    offset: Arc<AtomicI64>,
) -> Result<(), Failure> {
    let mut random = Random::new(seed ^ 0x5eed);
    for n in 0..3 {
        let id = format!("poison-{n}");
        // Refused or not: the next process asks again.
        let _ = match n {
            0 if seed.is_multiple_of(3) => engine.start(id.clone(), deadly(id, "abort".into())).await.map(drop),
            0 => Ok(()),
            _ => engine.start(id.clone(), panicking(id)).await.map(drop),
        };
    }
    let mut burst = 0;
    while !over.load(Ordering::Relaxed) && burst < 40 {
        flood(&engine, &noise, &format!("passing-{seed}-{burst}")).await?;
        if random.below(4) == 0 {
            snapshot(&engine, &place, &noise, &format!("{seed}-{burst}")).await?;
        }
        if random.below(3) == 0 {
            offset.store(random.below(600) as i64 - 300, Ordering::Relaxed);
            noise.add("jumped")?;
        }
        burst += 1;
    }
    Ok(())
}

/// Starts more than the engine takes, and waits for none of it.
async fn flood(engine: &Engine, noise: &Lines, name: &str) -> Result<(), Failure> {
    let mut starts = tokio::task::JoinSet::new();
    for n in 0..BURST {
        let (engine, noise, id) = (engine.clone(), noise.clone(), format!("{name}-{n}"));
        starts.spawn(async move {
            match engine.start(id.clone(), passing(id.clone())).retention(Duration::ZERO).await {
                Ok(_) => noise.add(&format!("started {id}")),
                Err(e) => noise.add(&format!("refused {}", e.code())),
            }
        });
    }
    while let Some(done) = starts.join_next().await {
        done??;
    }
    Ok(())
}

/// Says beforehand how much had been acknowledged, so that it can be looked for in the snapshot.
async fn snapshot(engine: &Engine, place: &Place, noise: &Lines, name: &str) -> Result<(), Failure> {
    let acknowledged = std::fs::metadata(place.acknowledged())?.len();
    let path: PathBuf = place.0.join(format!("{name}.snapshot"));
    engine.snapshot(&path).await?;
    noise.add(&format!("snapshot {acknowledged} {name}"))?;
    Ok(())
}
