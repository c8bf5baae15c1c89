//! The clients of the workload: what they ask for, and what they write down once it was acknowledged.

use crate::workload::{Lines, WORD, chain, crowd_and_saga, family, listener, naps};
use std::collections::BTreeMap;
use workflow_runtime::engine::{Engine, RunError};

/// How a run came out, for comparison.
pub(crate) type Outcomes = BTreeMap<String, String>;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often the workload is repeated under other ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub(crate) u64);

macro_rules! start {
    ($engine:expr, $acknowledged:expr, $id:expr, $call:expr) => {{
        let run = $engine.start($id.clone(), $call).await?;
        $acknowledged.add(&format!("started {}", $id))?;
        run
    }};
}

macro_rules! outcome {
    ($outcomes:expr, $acknowledged:expr, $run:expr) => {{
        let outcome = match $run.result().await {
            Ok(value) => format!("{value:?}"),
            Err(RunError::Failed(error)) => format!("failed: {error}"),
            Err(e) => return Err(e.into()),
        };
        $acknowledged.add(&format!("ended {} {outcome}", $run.id()))?;
        $outcomes.insert($run.id().to_owned(), outcome);
    }};
}

/// Starts everything, sends everything, waits for everything. What is there already is attached to.
pub(crate) async fn drive(engine: &Engine, size: Size, acknowledged: &Lines) -> Result<Outcomes, Failure> {
    let mut tasks = vec![];
    for n in 0..size.0 {
        let (engine, acknowledged) = (engine.clone(), acknowledged.clone());
        tasks.push(tokio::spawn(async move { one(&engine, n, &acknowledged).await }));
    }
    let mut all = Outcomes::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

async fn one(engine: &Engine, n: u64, acknowledged: &Lines) -> Result<Outcomes, Failure> {
    let id = |what: &str| format!("{what}-{n}");
    let listening = start!(engine, acknowledged, id("listener"), listener(id("listener")));
    let steps = start!(engine, acknowledged, id("chain"), chain(id("chain"), 3));
    let naps = start!(engine, acknowledged, id("naps"), naps(id("naps")));
    let family = start!(engine, acknowledged, id("family"), family(id("family")));
    for word in ["one", "two"] {
        match listening.signal(&WORD, word.into()).id(word).await {
            Ok(()) => acknowledged.add(&format!("sent {} {word}", id("listener")))?,
            // It had both of them before the process died.
            Err(e) if e.code() == "WE031" => {}
            Err(e) => return Err(e.into()),
        }
    }
    let crowd = start!(engine, acknowledged, id("crowd"), crowd_and_saga(id("crowd")));
    let mut outcomes = Outcomes::new();
    outcome!(outcomes, acknowledged, listening);
    outcome!(outcomes, acknowledged, steps);
    outcome!(outcomes, acknowledged, naps);
    outcome!(outcomes, acknowledged, family);
    outcome!(outcomes, acknowledged, crowd);
    Ok(outcomes)
}
