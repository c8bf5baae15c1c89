//! The process that is killed: opens the engine, starts every order, and reports how they end.
//!
//! It keeps nothing of its own. Starting an order that an earlier worker has started attaches to it.

use crate::{
    audit::Outcome,
    domain::{Order, read_orders},
    options,
    services::{
        FromWorker,
        client::{Decision, Services},
    },
    workflow::{APPROVED, order},
};
use std::{error::Error, path::Path, time::Instant};
use tokio::{sync::mpsc, task::JoinSet};
use workflow_runtime::{
    engine::{Engine, RunError, SignalError},
    store::SledStore,
};

/// How many calls the services let a client have under way at a time.
const CALLS: usize = 36;

type Failure = Box<dyn Error + Send + Sync>;

/// Works until every order has ended.
///
/// # Errors
///
/// The orders, the store or the services cannot be reached, or an order ended in a way that the workflow does not know.
pub(crate) fn run(options: &options::Worker) -> Result<(), Failure> {
    let orders = read_orders(&options.orders)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let (services, decisions) = Services::connect(options.services)?;
        let engine = open(&options.data, services.clone()).await?;
        let done = work(&engine, &services, orders, decisions, began).await;
        engine.shutdown().await;
        done
    })
}

async fn open(data: &Path, services: Services) -> Result<Engine, Failure> {
    let store = SledStore::open(data.join("workflows"))?;
    Ok(Engine::builder().store(store).state(services).queue("default", CALLS).build().await?)
}

async fn work(
    engine: &Engine,
    services: &Services,
    orders: Vec<Order>,
    mut decisions: mpsc::UnboundedReceiver<Decision>,
    began: Instant,
) -> Result<(), Failure> {
    let mut starting = JoinSet::new();
    for input in orders {
        let engine = engine.clone();
        starting.spawn(async move {
            let id = input.id;
            (id, engine.start(workflow_id(id), order(input)).await)
        });
    }
    let (mut new, mut working) = (0, JoinSet::new());
    while let Some(started) = starting.join_next().await {
        let (id, run) = started?;
        let run = run?;
        new += usize::from(run.is_new());
        working.spawn(async move { (id, run.result().await) });
    }
    services.say(&FromWorker::Opened { new, millis: began.elapsed().as_millis() as u64 });
    loop {
        tokio::select! {
            ended = working.join_next() => {
                let Some(ended) = ended else { return Ok(()) };
                let (id, result) = ended?;
                let outcome = match result {
                    Ok(receipt) => Outcome::from(&Ok(receipt)),
                    Err(RunError::Failed(error)) => Outcome::from(&Err(error)),
                    Err(other) => return Err(other.into()),
                };
                services.say(&FromWorker::Closed { order: id, outcome });
            }
            Some(decision) = decisions.recv() => deliver(engine, services, decision).await?,
        }
    }
}

/// Signals a decision to its order, and says so once that is durable.
async fn deliver(engine: &Engine, services: &Services, (id, approval): Decision) -> Result<(), Failure> {
    match engine.run(order, workflow_id(id)).signal(&APPROVED, approval).await {
        // An order may have ended without waiting any longer.
        Ok(()) | Err(SignalError::Closed { .. }) => services.say(&FromWorker::Delivered { order: id }),
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

fn workflow_id(order: u64) -> String {
    format!("order-{order}")
}
