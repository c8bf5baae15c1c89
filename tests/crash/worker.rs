//! The process that the crash test kills: `crash-worker <store> <ledger> <workflows>`.

mod bookkeeping;

use bookkeeping::{Ledger, bookkeeping};
use std::{error::Error, path::Path};
use workflow_runtime::{engine::Engine, store::SledStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(store), Some(ledger), Some(workflows)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: crash-worker <store> <ledger> <workflows>".into());
    };
    let engine =
        Engine::builder().store(SledStore::open(store)?).state(Ledger::open(Path::new(&ledger))?).build().await?;
    println!("opened");
    let mut runs = vec![];
    for account in 0..workflows.parse()? {
        let run = engine.start(format!("account-{account}"), bookkeeping(account)).await?;
        if run.is_new() {
            println!("started {account}");
        }
        runs.push(run);
    }
    for run in runs {
        let sum = run.result().await?;
        println!("completed {sum}");
    }
    engine.shutdown().await;
    Ok(())
}
