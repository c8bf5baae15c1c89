//! The process that the crash test kills: `crash-worker <store> <ledger> <workflows>`; and the build that is replaced:
//! `crash-worker park <store>`.

mod bookkeeping;
mod old;

use bookkeeping::{Ledger, bookkeeping};
use std::{error::Error, path::Path};
use workflow_runtime::{
    engine::Engine,
    seconds,
    store::SledStore,
    testing::{TestClock, TestEngine},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if_eq("park").is_some() {
        return park(args.next().ok_or("usage: crash-worker park <store>")?).await;
    }
    let (Some(store), Some(ledger), Some(workflows)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: crash-worker <store> <ledger> <workflows>".into());
    };
    let builder = Engine::builder().store(SledStore::open(store)?).state(Ledger::open(Path::new(&ledger))?);
    let engine = builder.only(["bookkeeping", "append"]).build().await?;
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
        let mut result = std::pin::pin!(run.result());
        let sum = loop {
            tokio::select! {
                sum = &mut result => break sum?,
                () = engine.pulse().idle() => {}
            }
            // Processes that are killed at random may die three times in a row while the same instance is in a step. It is then taken
            // for one that kills them, and somebody has to say that it is none.
            if run.status().await?.blocked.is_some_and(|reason| reason.code == "WB107") {
                run.retry().await?;
            }
        };
        println!("completed {sum}");
    }
    engine.shutdown().await;
    Ok(())
}

/// Leaves an instance of each workflow of the old build asleep.
async fn park(store: String) -> Result<(), Box<dyn Error>> {
    let names = [
        "note",
        "weigh",
        "evolving",
        "retyped",
        "restless",
        "weighing",
        "gathering",
        "crowded",
        "repeated",
        "repeating",
        "handed_on",
        "relaying",
        "parting",
        "slept",
        "choosing",
        "joining",
        "waiting",
    ];
    let clock = TestClock::manual();
    let builder = TestEngine::builder().store(SledStore::open(store)?).clock(&clock);
    let engine = builder.configure(|e| e.only(names)).build().await?;
    engine.start("evolving", old::evolving("Ada".into())).await?;
    engine.start("retyped", old::retyped("a text".into())).await?;
    engine.start("restless", old::restless("Bob".into())).await?;
    engine.start("weighing", old::weighing("a stone".into())).await?;
    engine.start("gathering", old::gathering("Cleo".into())).await?;
    engine.start("crowded", old::crowded("Dan".into())).await?;
    engine.start("repeating", old::repeating("again".into())).await?;
    engine.start("relaying", old::relaying("Eve".into())).await?;
    engine.start("parting", old::parting("Fay".into())).await?;
    engine.start("choosing", old::choosing("Gil".into())).await?;
    engine.start("joining", old::joining("Hal".into())).await?;
    engine.start("waiting", old::waiting()).await?;
    clock.advance(seconds(1)).await;
    engine.kill();
    Ok(())
}
