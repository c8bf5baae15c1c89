//! What travels to the worker that owns an instance.

use super::{
    checkpoint::Checkpoint,
    complete::{FromOutside, Heartbeat},
    error::{CompleteError, ControlError, RebuildError, SignalError, SkipError, StartError, Unavailable, UpdateError},
    mend::Mend,
    outbox::Letter,
    pulse::Held,
    requests::{Outgoing, StartRequest},
};
use crate::{
    activity::{ActivityDef, AttemptReport},
    journal::{
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Answer, OpId},
};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

pub(super) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// For a worker.
pub(super) enum Message {
    /// Something for one instance.
    To { id: WorkflowId, mail: Mail, busy: Held },
    /// A message of one of its instances could not be taken now: it goes out again after a pause.
    Returned { from: WorkflowId, seq: u64, busy: Held },
    /// Entries of indexes are lost: look through all instances for those that had them.
    Mend { mend: Mend, busy: Held },
    /// Another worker was replaced, with all messages to its instances that it had not dealt with.
    SendAgain,
    /// Deal with what is queued, then end.
    Finish(oneshot::Sender<()>),
    /// End now.
    Die,
}

/// Where the messages of a worker arrive. It outlives the worker: the next one at its place goes on with what is in it.
#[derive(Clone)]
pub(super) struct Inlet(Arc<Mutex<Option<UnboundedReceiver<Message>>>>);

impl Inlet {
    pub(super) fn new(receiver: UnboundedReceiver<Message>) -> Self {
        Inlet(Arc::new(Mutex::new(Some(receiver))))
    }

    /// The next message; None when nobody can send one any more.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub(super) async fn next(&self) -> Option<Message> {
        std::future::poll_fn(|cx| match self.receiver().as_mut() {
            Some(receiver) => receiver.poll_recv(cx),
            None => Poll::Ready(None),
        })
        .await
    }

    fn receiver(&self) -> MutexGuard<'_, Option<UnboundedReceiver<Message>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody takes messages any more. Those who wait for an answer to one are told by its end.
    pub(super) fn close(&self) {
        let receiver = self.receiver().take();
        drop(receiver);
    }
}

/// For an instance.
pub(super) enum Mail {
    Start {
        request: Box<StartRequest>,
        reply: Reply<Started, StartError>,
    },
    Signal {
        signal: Outgoing,
        reply: Reply<(), SignalError>,
    },
    /// Answered when the workflow answers.
    Update {
        name: String,
        request: Payload,
        id: Option<String>,
        reply: Reply<Payload, UpdateError>,
    },
    Cancel {
        reason: String,
        reply: Reply<(), ControlError>,
    },
    Terminate {
        reason: String,
        reply: Reply<(), ControlError>,
    },
    /// A compensation is not to be done: the one that runs, or this one.
    Skip {
        op: Option<OpId>,
        reason: String,
        reply: Reply<(), SkipError>,
    },
    Retry {
        reply: Reply<(), ControlError>,
    },
    /// Its checkpoint is damaged, and is to be made anew.
    Rebuild {
        reply: Reply<(), RebuildError>,
    },
    /// Its history is to begin anew; answered with how many entries are gone.
    Truncate {
        reply: Reply<u64, ControlError>,
    },
    /// It has ended and is not to be kept any longer.
    Remove {
        reply: Reply<(), ControlError>,
    },
    /// Tell me when the run has ended: of the chain that began with this run, or the newest.
    Watch {
        chain: Option<RunId>,
        reply: Reply<HowEnded, Unavailable>,
    },
    /// An attempt has ended.
    Done {
        run: RunId,
        op: OpId,
        attempt: u32,
        report: AttemptReport,
    },
    /// A message from another instance.
    Letter {
        from: WorkflowId,
        seq: u64,
        letter: Letter,
    },
    /// A message to another instance was answered.
    Answered {
        seq: u64,
        answer: Answer,
    },
    /// An attempt has told progress that is to be kept.
    Progress {
        op: OpId,
        attempt: u32,
    },
    /// Somebody outside ends an activity.
    Complete {
        call: Named,
        with: FromOutside,
        reply: Reply<(), CompleteError>,
    },
    /// Somebody outside works on an activity.
    Beat {
        call: Named,
        progress: Payload,
        reply: Reply<Heartbeat, CompleteError>,
    },
    /// Entries of indexes are lost: write those of this instance anew.
    Mend {
        reply: Reply<bool, Unavailable>,
    },
    /// Something may be due.
    Due,
}

/// A call that somebody outside means.
pub(super) struct Named {
    pub(super) run: RunId,
    pub(super) op: OpId,
    /// What activity it is of, if the caller knows.
    pub(super) activity: Option<&'static ActivityDef>,
}

/// A piece of mail with the time at which it came.
pub(super) struct Received {
    pub(super) at: Timestamp,
    pub(super) mail: Mail,
    pub(super) busy: Held,
}

/// An attempt that has ended, and when that was known.
pub(super) struct Ended {
    pub(super) at: Timestamp,
    pub(super) run: RunId,
    pub(super) op: OpId,
    pub(super) attempt: u32,
    pub(super) report: AttemptReport,
}

/// The last state of a run that has ended. None: the store has to say.
pub(super) type HowEnded = Option<Box<Checkpoint>>;

/// The answer to a start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Started {
    pub(super) run: RunId,
    /// The first run of its chain.
    pub(super) chain: RunId,
    pub(super) is_new: bool,
}

impl Mail {
    /// Tells the sender that nothing can be done.
    pub(super) fn refuse(self, error: &Unavailable) {
        // Whoever waited may be gone.
        match self {
            Mail::Start { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Mail::Signal { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Mail::Update { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Mail::Cancel { reply, .. }
            | Mail::Terminate { reply, .. }
            | Mail::Retry { reply }
            | Mail::Remove { reply } => {
                drop(reply.send(Err(error.clone().into())));
            }
            Mail::Rebuild { reply } => drop(reply.send(Err(error.clone().into()))),
            Mail::Truncate { reply } => drop(reply.send(Err(error.clone().into()))),
            Mail::Skip { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Mail::Watch { reply, .. } => drop(reply.send(Err(error.clone()))),
            Mail::Mend { reply } => drop(reply.send(Err(error.clone()))),
            Mail::Complete { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            Mail::Beat { reply, .. } => drop(reply.send(Err(error.clone().into()))),
            // A message stays in the outbox of its sender.
            Mail::Letter { .. } | Mail::Answered { .. } | Mail::Done { .. } | Mail::Progress { .. } | Mail::Due => {}
        }
    }
}
