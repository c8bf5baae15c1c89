//! The processes that the attacks kill: `attack-worker <what> ..`.

#[path = "../clients.rs"]
mod clients;
mod dying;
mod old;
#[path = "../passing.rs"]
mod passing;
#[path = "../poisons.rs"]
mod poisons;
#[path = "../random.rs"]
mod random;
mod soak;
#[path = "../workload.rs"]
mod workload;

use clients::{Size, drive};
use dying::{Death, Dying};
use poisons::{POISONS, deadly};
use std::{error::Error, process::ExitCode, sync::atomic::Ordering};
use tokio::sync::Notify;
use workflow_runtime::{
    activity,
    engine::{Engine, Filter, RunError, StartError, Status},
    store::SledStore,
    workflow,
};
use workload::{Failed, Ledger, Lines, NAMES, Place, chain, naps};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["workload", place, size, "never"] => workload(place, size.parse()?, Death::Never).await,
        ["workload", place, size, "before", n] => workload(place, size.parse()?, Death::Before(n.parse()?)).await,
        ["workload", place, size, "after", n] => workload(place, size.parse()?, Death::After(n.parse()?)).await,
        ["stampede", place, count] => stampede(place, count.parse()?).await,
        ["recovery", place, n] => recovery(place, Death::Before(n.parse()?)).await,
        ["naps", place, count] => nap(place, count.parse()?).await,
        ["park", place, count] => park(place, count.parse()?).await,
        ["poison", place, how] => poison(place, how).await,
        ["soak", place, seed] => soak::soak(place, seed.parse()?).await,
        ["retry", place, id] => retry(place, id).await,
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

async fn open(place: &Place) -> Result<Engine, Failure> {
    let ledger = Ledger(Lines::open(&place.ledger())?);
    let builder = Engine::builder().store(SledStore::open(place.store())?).state(ledger);
    Ok(builder.only(NAMES.into_iter().chain(POISONS)).build().await?)
}

/// Runs instances whose steps end the process, `<how>:<how many>`, beside a healthy workload. Comes to its end once all of
/// them are blocked.
async fn poison(place: &str, how: &str) -> Result<(), Failure> {
    let (how, killers) = how.split_once(':').ok_or("how many?")?;
    let place = Place(place.into());
    let acknowledged = Lines::open(&place.acknowledged())?;
    let engine = open(&place).await?;
    let mut runs = vec![];
    for n in 0..killers.parse::<u64>()? {
        let id = format!("deadly-{n}");
        runs.push(engine.start(id.clone(), deadly(id, how.into())).await?);
    }
    drive(&engine, Size(2), &acknowledged).await?;
    for run in &runs {
        while run.status().await?.state == Status::Running {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    engine.shutdown().await;
    Ok(())
}

/// Says that it runs, and never ends.
#[activity]
async fn hang() -> Result<(), String> {
    HANGS.notify_one();
    std::future::pending().await
}

static HANGS: Notify = Notify::const_new();

#[workflow]
async fn hanging() -> Result<(), Failed> {
    Ok(hang().await?)
}

/// Starts so many instances whose first activity has no room, says so, and waits to be killed.
async fn stampede(place: &str, count: u64) -> Result<(), Failure> {
    let place = Place(place.into());
    let ledger = Ledger(Lines::open(&place.ledger())?);
    let builder = Engine::builder().store(SledStore::open(place.store())?).state(ledger);
    let builder = builder.only(NAMES.into_iter().chain(["hang", "hanging"]));
    let engine = builder.queue("default", 1).in_flight_limit(usize::MAX).build().await?;
    engine.start("hanging", hanging()).await?;
    HANGS.notified().await;
    let mut tasks = vec![];
    for part in 0..64 {
        let engine = engine.clone();
        tasks.push(tokio::spawn(async move {
            for n in (part..count).step_by(64) {
                let id = format!("runnable-{n}");
                engine.start(id.clone(), chain(id, 1)).await?;
            }
            Ok::<(), StartError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    println!("all started");
    std::future::pending().await
}

/// Runs so many instances with timers, under a short limit for steps.
async fn nap(place: &str, count: u64) -> Result<(), Failure> {
    let place = Place(place.into());
    let ledger = Ledger(Lines::open(&place.ledger())?);
    let builder = Engine::builder().store(SledStore::open(place.store())?).state(ledger).only(NAMES);
    let engine = builder.step_limit(std::time::Duration::from_secs(1)).build().await?;
    let mut runs = vec![];
    for n in 0..count {
        let id = format!("naps-{n}");
        runs.push(engine.start(id.clone(), naps(id)).await?);
    }
    println!("all started");
    for run in runs {
        run.result().await?;
    }
    println!("all ended");
    engine.shutdown().await;
    Ok(())
}

/// Leaves so many instances behind that wait for a signal, with a local that the next build reads as another type.
async fn park(place: &str, count: u64) -> Result<(), Failure> {
    let engine =
        Engine::builder().store(SledStore::open(Place(place.into()).store())?).only(["retyped"]).build().await?;
    for n in 0..count {
        let id = format!("retyped-{n}");
        engine.start(id.clone(), old::retyped(id)).await?;
    }
    engine.shutdown().await;
    Ok(())
}

/// Goes on with what is there, until it dies at a durable write.
async fn recovery(place: &str, death: Death) -> Result<(), Failure> {
    let place = Place(place.into());
    let ledger = Ledger(Lines::open(&place.ledger())?);
    let store = Dying::new(SledStore::open(place.store())?, death);
    let engine = Engine::builder().store(store).state(ledger).only(NAMES).build().await?;
    let open = Filter::all().workflow("chain").status(Status::Running);
    while engine.count(&open).await? > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    engine.shutdown().await;
    Ok(())
}

/// Lets a blocked instance try again, and waits for what comes of it.
async fn retry(place: &str, id: &str) -> Result<(), Failure> {
    let engine = open(&Place(place.into())).await?;
    let run = engine.run(deadly, id);
    run.retry().await?;
    match run.result().await {
        Ok(_) | Err(RunError::Failed(_)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
