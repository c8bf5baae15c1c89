//! The processes that the attacks kill: `attack-worker <what> ..`.

#[path = "../clients.rs"]
mod clients;
mod dying;
#[path = "../workload.rs"]
mod workload;

use clients::{Size, drive};
use dying::{Death, Dying};
use std::{error::Error, sync::atomic::Ordering};
use workflow_runtime::{engine::Engine, store::SledStore};
use workload::{Ledger, Lines, NAMES, Place};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["workload", place, size, "never"] => workload(place, size.parse()?, Death::Never).await,
        ["workload", place, size, "before", n] => workload(place, size.parse()?, Death::Before(n.parse()?)).await,
        ["workload", place, size, "after", n] => workload(place, size.parse()?, Death::After(n.parse()?)).await,
        _ => Err(format!("unknown arguments: {args:?}").into()),
    }
}

/// Runs the workload to its end and prints how many durable writes that took, unless it dies at one of them.
async fn workload(place: &str, size: u64, death: Death) -> Result<(), Failure> {
    let place = Place(place.into());
    let acknowledged = Lines::open(&place.acknowledged())?;
    let ledger = Ledger(Lines::open(&place.ledger())?);
    let store = Dying::new(SledStore::open(place.store())?, death);
    let writes = store.writes();
    let engine = Engine::builder().store(store).state(ledger).only(NAMES).build().await?;
    println!("opened");
    drive(&engine, Size(size), &acknowledged).await?;
    engine.shutdown().await;
    println!("{}", writes.load(Ordering::SeqCst));
    Ok(())
}
