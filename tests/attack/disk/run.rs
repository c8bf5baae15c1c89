//! What the process does: everything an engine does, on a store that it opens twice. Or, with a word before the fault:
//! `compact:io` compacts a store, `snapshot:io` writes a snapshot of one and `restore:io` makes one of that,
//! `archive:io` archives runs. The fault strikes the snapshot, or the archive.

use crate::{
    clients::{Size, drive},
    kernel,
    passing::{PASSING, Scratch, passing},
    plan::Fault,
    watch,
    workload::{Ledger, Lines, NAMES, Place},
};
use std::{error::Error, fs::File, path::Path, process::ExitCode, time::Duration};
use workflow_runtime::{
    engine::{Engine, RunError},
    store::{SledStore, Store},
};

type Failure = Box<dyn Error + Send + Sync>;

/// Longer than any run takes.
const HANGS: u32 = 120;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn main() -> ExitCode {
    let outcome = run().await;
    watch::end();
    let Err(e) = outcome else { return ExitCode::SUCCESS };
    let mut cause: Option<&dyn Error> = Some(&*e);
    while let Some(e) = cause {
        eprintln!("error: {e}");
        cause = e.source();
    }
    ExitCode::FAILURE
}

async fn run() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [fault, at, place, record] = args.as_slice() else { return Err("which fault, where?".into()) };
    let (does, fault) = fault.split_once(':').unwrap_or(("work", fault));
    let fault = Fault::parse(fault).ok_or("an unknown fault")?;
    let place = Place(Path::new(place).canonicalize()?);
    let (acknowledged, ledger, scratch) = (place.acknowledged(), place.ledger(), place.scratch());
    kernel::end_after(HANGS);
    let store = place.store();
    let struck = match does {
        "archive" => place.within().archive(),
        "snapshot" => store.join("copies"),
        _ => store.clone(),
    };
    let told = [place.0.as_path(), &acknowledged, &ledger, &scratch];
    watch::begin(&store, &struck, &told, fault, at.parse()?, File::create(record)?);
    match does {
        "work" => work(&place).await,
        "compact" => SledStore::compact(&store).map(|_| ()).map_err(Into::into),
        "snapshot" => {
            let copied = SledStore::open(Place(store.clone()).store())?;
            copied.snapshot(struck.join("snapshot")).await?;
            Ok(copied.close().await?)
        }
        "restore" => SledStore::restore(store.join("snapshot"), store.join("restored")).map(|_| ()).map_err(Into::into),
        "archive" => archive(&place).await,
        _ => Err("it does not know what to do".into()),
    }
}

async fn work(place: &Place) -> Result<(), Failure> {
    let acknowledged = Lines::open(&place.acknowledged())?;
    let ledger = Ledger(Lines::open(&place.ledger())?);
    for size in [Size(1), Size(2)] {
        let engine = Engine::builder().store(SledStore::open(place.store())?).state(ledger.clone()).only(NAMES);
        let engine = engine.build().await?;
        drive(&engine, size, &acknowledged).await?;
        // What is durable goes to sled before that.
        engine.snapshot(place.0.join(format!("snapshot-{}-{}", std::process::id(), size.0))).await?;
        drive(&engine, Size(size.0 + 1), &acknowledged).await?;
        engine.shutdown().await;
    }
    Ok(())
}

/// Runs that are archived and removed once they have ended. Store and archive lie in one directory.
async fn archive(place: &Place) -> Result<(), Failure> {
    let acknowledged = Lines::open(&place.acknowledged())?;
    let scratch = Scratch(Lines::open(&place.scratch())?);
    let within = place.within();
    for round in 0..2 {
        let engine = Engine::builder().store(SledStore::open(within.store())?).state(scratch.clone()).only(PASSING);
        let engine = engine.retention(Duration::ZERO).archive(within.archive()).build().await?;
        for n in 0..2 {
            // The ids of runs that were removed are free again.
            let id = format!("passing-{}-{round}-{n}", std::process::id());
            let run = engine.start(id.clone(), passing(id.clone())).await?;
            acknowledged.add(&format!("started {id}"))?;
            match run.result().await {
                // It ended, and was archived and removed before it was asked.
                Ok(_) | Err(RunError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        engine.pulse().idle().await;
        engine.shutdown().await;
    }
    Ok(())
}
