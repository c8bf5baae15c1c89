//! What the process does: everything an engine does, on a store that it opens twice. Or, with `compact:` before the fault, it
//! compacts a store.

use crate::{
    clients::{Size, drive},
    kernel,
    plan::Fault,
    watch,
    workload::{Ledger, Lines, NAMES, Place},
};
use std::{error::Error, fs::File, path::Path, process::ExitCode};
use workflow_runtime::{engine::Engine, store::SledStore};

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
    let (compacts, fault) = fault.strip_prefix("compact:").map_or((false, fault.as_str()), |fault| (true, fault));
    let fault = Fault::parse(fault).ok_or("an unknown fault")?;
    let place = Place(Path::new(place).canonicalize()?);
    let (acknowledged, ledger) = (place.acknowledged(), place.ledger());
    kernel::end_after(HANGS);
    let store = place.store();
    watch::begin(&store, &[&place.0, &acknowledged, &ledger], fault, at.parse()?, File::create(record)?);
    if compacts {
        SledStore::compact(&store)?;
        return Ok(());
    }
    let acknowledged = Lines::open(&acknowledged)?;
    let ledger = Ledger(Lines::open(&ledger)?);
    for size in [Size(1), Size(2)] {
        let engine = Engine::builder().store(SledStore::open(&store)?).state(ledger.clone()).only(NAMES);
        let engine = engine.build().await?;
        drive(&engine, size, &acknowledged).await?;
        // What is durable goes to sled before that.
        engine.snapshot(place.0.join(format!("snapshot-{}-{}", std::process::id(), size.0))).await?;
        drive(&engine, Size(size.0 + 1), &acknowledged).await?;
        engine.shutdown().await;
    }
    Ok(())
}
