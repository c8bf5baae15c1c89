//! Checkpoints seen from outside of the engine, for a simulation that checks what a store holds.

use super::{
    checkpoint::{self, Checkpoint, Operation, Pending, State},
    client::Engine,
    group,
    run::Run,
};
use crate::{
    journal::{
        encoding,
        id::{Namespace, RunId, WorkflowId},
        key::InstanceKeys,
        payload::Payload,
    },
    machine::{Frame, Identity, Machine, OpId, ParentClose, Resolve, Workflow, WorkflowDef},
    registry::Registry,
};
use std::{collections::BTreeMap, ops::Range};
use workflow_definition::{Definition, Fingerprint};

/// What the checkpoint of an instance says.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    pub(crate) run: RunId,
    pub(crate) closed: bool,
    pub(crate) terminated: bool,
    /// Code and message.
    pub(crate) blocked: Option<(String, String)>,
    pub(crate) steps: u64,
    pub(crate) history: u64,
    pub(crate) cancel_requested: bool,
    /// The frame is gone with the next commit, and nobody sees the instance any more.
    pub(crate) removing: bool,
    pub(crate) pending: BTreeMap<OpId, Waiting>,
    /// The numbers of the buffered signals, by name: the first, and the one behind the last.
    pub(crate) inbox: BTreeMap<String, (u64, u64)>,
    /// Every index entry that the instance has in this state.
    pub(crate) index: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The names of the locals that are records of their own.
    pub(crate) large: Vec<String>,
    pub(crate) frame: Option<Payload>,
    /// The run with which the chain began.
    pub(crate) first: RunId,
    /// Messages that are not known to be taken, with their receivers.
    pub(crate) outbox: BTreeMap<u64, String>,
    /// Children that are not known to have ended, and what becomes of them when this instance ends.
    pub(crate) children: BTreeMap<String, ParentClose>,
}

/// A pending operation.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) call: Option<Calling>,
    /// The name of the signal that it waits for without a deadline.
    pub(crate) signal: Option<String>,
    /// The members, if it is a group.
    pub(crate) group: Option<Members>,
    /// Nobody waits for it any more.
    pub(crate) detached: bool,
    /// When something is due, in microseconds since 1970.
    pub(crate) due: Vec<i64>,
    pub(crate) done: bool,
}

/// The members of a group.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    pub(crate) numbers: Range<u64>,
    pub(crate) started: u64,
    pub(crate) ended: u64,
}

/// A pending activity.
#[derive(Debug, Clone)]
pub(crate) struct Calling {
    pub(crate) name: String,
    pub(crate) args: Payload,
    pub(crate) attempt: u32,
}

/// Reads a checkpoint.
pub(crate) fn checkpoint(namespace: &Namespace, id: &WorkflowId, bytes: &[u8]) -> Result<Inspected, String> {
    let c: Checkpoint = encoding::decode(bytes).map_err(|e| format!("the checkpoint does not decode: {e}"))?;
    let again = encoding::encode(&c).map_err(|e| format!("the checkpoint does not encode again: {e}"))?;
    if again != bytes {
        return Err("the checkpoint is encoded differently when it has been decoded".into());
    }
    let index = c.index(&InstanceKeys::new(namespace, id));
    Ok(inspected(c, index))
}

fn inspected(c: Checkpoint, index: BTreeMap<Vec<u8>, Vec<u8>>) -> Inspected {
    let closed = c.is_closed();
    let first = c.first_run();
    let pending = c.pending.into_iter().map(|(op, p)| (op, waiting(p)));
    Inspected {
        first,
        outbox: c.relations.outbox.open.into_iter().map(|(seq, l)| (seq, l.to)).collect(),
        children: c.relations.children.into_iter().map(|(id, link)| (id, link.close)).collect(),
        run: c.run,
        closed,
        terminated: matches!(c.state, State::Terminated { .. }),
        blocked: match c.state {
            State::Blocked(reason) => Some((reason.code, reason.message)),
            _ => None,
        },
        steps: c.steps,
        removing: c.removing,
        history: c.history,
        cancel_requested: c.cancel.is_some(),
        pending: pending.collect(),
        inbox: c.inbox.into_iter().map(|(name, i)| (name, (i.first, i.next))).collect(),
        index,
        large: c.large.into_iter().map(|l| l.name).collect(),
        frame: c.frame,
    }
}

fn waiting(p: Pending) -> Waiting {
    let (mut call, mut signal, mut group) = (None, None, None);
    let due = p.due().map(checkpoint::micros).collect();
    match p.what {
        Operation::Activity(c) => {
            call = Some(Calling { name: c.name.to_string(), args: c.args.clone(), attempt: c.attempt });
        }
        Operation::Signal { name, deadline: None } => signal = Some(name),
        Operation::Group(g) => {
            let numbers = g.first.0..g.first.0 + g.members;
            group = Some(Members { numbers, started: g.started, ended: g.ended });
        }
        _ => {}
    }
    Waiting { call, signal, group, detached: p.detached, due, done: p.done.is_some() }
}

/// A member of a group that has not ended; `None` if its turn has not come.
pub(crate) fn member(bytes: &[u8]) -> Result<Option<Waiting>, String> {
    let member: group::Member = encoding::decode(bytes).map_err(|e| format!("a member of a group: {e}"))?;
    Ok(match member {
        group::Member::Waiting(_) => None,
        group::Member::Open(pending) => Some(waiting(*pending)),
    })
}

/// The number and the payload of a buffered signal.
pub(crate) fn signal(bytes: &[u8]) -> Result<Payload, String> {
    let record: checkpoint::SignalRecord = encoding::decode(bytes).map_err(|e| format!("a signal: {e}"))?;
    Ok(record.payload)
}

/// Makes a machine from nothing but what is stored, and gives the hash of the frame that it would store.
pub(crate) fn restore(
    registry: &Registry,
    id: &WorkflowId,
    c: &Inspected,
    start: &[u8],
    large: BTreeMap<String, Payload>,
) -> Result<u64, String> {
    let start: checkpoint::StartRecord = encoding::decode(start).map_err(|e| format!("the start record: {e}"))?;
    let stored = c.frame.as_ref().ok_or("a run that has taken a step has no frame")?;
    let frame = checkpoint::unpack(stored, large).map_err(|e| format!("the frame does not decode: {e}"))?;
    let identity = Identity { workflow_id: id.shared(), run_id: c.run.0 };
    let (machine, _) = Machine::load(identity, frame, &start.input, &Linked(registry))
        .map_err(|e| format!("the frame cannot be resumed: {e}"))?;
    pack_hash(machine.frame())
}

fn pack_hash(frame: Frame) -> Result<u64, String> {
    let packed =
        checkpoint::pack(frame).map_err(|e| format!("the frame of a restored machine does not encode: {e}"))?;
    Ok(packed.hash)
}

struct Linked<'a>(&'a Registry);

impl Resolve for Linked<'_> {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        self.0.workflow(name)
    }

    fn definition(&self, fingerprint: Fingerprint) -> Option<Definition> {
        let def = self.0.workflows().find(|d| d.fingerprint() == fingerprint)?;
        Some(def.definition().clone())
    }
}

/// A handle of an instance of a workflow whose function is not at hand.
pub(crate) fn run<W: Workflow>(engine: &Engine, id: &str) -> Run<W> {
    Run::new(engine.clone(), WorkflowId::new(id), None)
}

/// Whether an engine does nothing any more.
pub(crate) fn is_down(engine: &Engine) -> bool {
    engine.inner.shared.health.alive().is_err()
}
