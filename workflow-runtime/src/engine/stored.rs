//! What readers see of an instance: its durable records, and no worker.

use super::{
    checkpoint::{Checkpoint, Ended},
    error::Unavailable,
    instance::{self, Instance},
    shared::Shared,
};
use crate::journal::id::{RunId, WorkflowId};

/// The newest run under an id. One whose removal has begun is gone.
pub(super) async fn newest(shared: &Shared, id: &WorkflowId) -> Result<Option<Checkpoint>, Unavailable> {
    let (.., checkpoint) = Instance::load(shared, id.clone()).await?.into_stored();
    Ok(checkpoint.filter(|c| !c.removing))
}

async fn record(shared: &Shared, id: &WorkflowId, run: RunId) -> Result<Option<Ended>, Unavailable> {
    instance::read(shared, id, &shared.keys(id).ended(run), "record of an ended run").await
}

/// Which run under an id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    Newest,
    Run(RunId),
    /// The newest of a chain, of which one run is known.
    Chain {
        run: RunId,
        chain: RunId,
    },
}

/// A run, also if others have followed it.
pub(super) async fn find(shared: &Shared, id: &WorkflowId, which: Which) -> Result<Option<Checkpoint>, Unavailable> {
    let Some(newest) = newest(shared, id).await? else { return Ok(None) };
    match which {
        Which::Newest => Ok(Some(newest)),
        Which::Run(run) if run == newest.run => Ok(Some(newest)),
        Which::Run(run) => Ok(record(shared, id, run).await?.map(Ended::into_checkpoint)),
        Which::Chain { chain, .. } if chain == newest.first_run() => Ok(Some(newest)),
        Which::Chain { mut run, chain } => {
            let mut last = None;
            while let Some(ended) = record(shared, id, run).await?.filter(|e| e.chain == chain) {
                run = ended.next;
                last = Some(ended);
            }
            Ok(last.map(Ended::into_checkpoint))
        }
    }
}
