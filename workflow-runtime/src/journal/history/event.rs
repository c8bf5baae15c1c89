//! What happens in a run.

use super::{Ending, Failure, Message, Outcome, Refused};
use crate::journal::{Name, id::RunId, payload::Payload};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use workflow_definition::Fingerprint;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// The run began. The input stands in its start record.
    Started {
        /// Registered name of the workflow.
        workflow: String,
    },
    /// An activity was scheduled.
    Scheduled {
        /// Number of the operation.
        op: u64,
        /// Name of the activity.
        activity: Name,
        /// Its arguments.
        args: Payload,
    },
    /// A group of operations was begun. Each of its members is told of by itself, when its turn comes.
    GroupStarted {
        /// Number of the operation. The numbers of the members follow it.
        op: u64,
        /// `join_all`, `try_join_all` or `select_all`.
        join: String,
        /// How many members there are.
        members: u64,
        /// How many run at a time.
        limit: Option<u64>,
    },
    /// A timer was set.
    TimerStarted {
        /// Number of the operation.
        op: u64,
        /// When it is due.
        at: Timestamp,
    },
    /// The workflow waits for a signal.
    Waiting {
        /// Number of the operation.
        op: u64,
        /// Name of the signal.
        signal: String,
        /// When it stops waiting.
        deadline: Option<Timestamp>,
    },
    /// An activity ended.
    Completed {
        /// Number of the operation.
        op: u64,
        /// How.
        result: Ending,
    },
    /// An attempt failed and another one follows.
    AttemptFailed {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// When the next attempt starts.
        next: Timestamp,
    },
    /// Progress of an attempt was kept, for the attempt after it.
    Heartbeat {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// What the attempt has said.
        progress: Payload,
    },
    /// The body of an attempt has ended without a result: it comes from outside, with the completion token.
    Deferred {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// What follows for this operation came from outside, with its completion token.
    FromOutside {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt that was the present one, from 1.
        attempt: u32,
    },
    /// An attempt was running, or was about to, when its process ended; the next one follows at once.
    Lost {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// An attempt ended that was not the present one any more. It changed nothing.
    Superseded {
        /// Number of the operation.
        op: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// A timer was due, or the deadline of a wait.
    TimerFired {
        /// Number of the operation.
        op: u64,
    },
    /// A signal came.
    SignalReceived {
        /// Its name.
        name: String,
        /// Its number among the signals of this name, from 0.
        seq: u64,
        /// What it carries.
        payload: Payload,
    },
    /// A signal was handed to the workflow.
    SignalConsumed {
        /// Number of the operation that received it.
        op: u64,
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
    },
    /// A signal's payload is not of the type that the workflow expects. It was taken out of the inbox.
    SignalSetAside {
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
        /// What it carries.
        payload: Payload,
        /// Why it does not decode.
        error: String,
    },
    /// A step took a signal that was there, without waiting for it.
    SignalTaken {
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
    },
    /// A client asked for an update.
    UpdateReceived {
        /// Its name.
        name: String,
        /// Its number among the requests of this name, from 0.
        seq: u64,
        /// The id that the client gave.
        id: Option<String>,
        /// The request.
        request: Payload,
    },
    /// The request of an update was handed to the workflow.
    UpdateTaken {
        /// Number of the operation that received it; none if a step took it without waiting.
        op: Option<u64>,
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
    },
    /// A request is not of the type that the workflow expects. It was taken out of the inbox, and is rejected.
    UpdateSetAside {
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
        /// Why it does not decode.
        error: String,
    },
    /// The workflow answered an update.
    UpdateAnswered {
        /// Its name.
        name: String,
        /// Its number.
        seq: u64,
        /// The response, or why the request was rejected.
        answer: Result<Payload, String>,
    },
    /// The workflow waits for an update.
    WaitingForUpdate {
        /// Number of the operation.
        op: u64,
        /// Name of the update.
        update: String,
        /// When it stops waiting.
        deadline: Option<Timestamp>,
    },
    /// The run was started with a tag.
    TaggedAtStart {
        /// Name of the tag.
        key: String,
        /// Its value.
        value: String,
    },
    /// The first step of the run was put off.
    Delayed {
        /// Until when.
        until: Timestamp,
    },
    /// Somebody asked the run to stop.
    CancelRequested {
        /// Why.
        reason: String,
    },
    /// An operation was asked to stop.
    CancelAsked {
        /// Number of the operation.
        op: u64,
    },
    /// An operation ended without a result because it was asked to stop.
    OperationCancelled {
        /// Number of the operation.
        op: u64,
    },
    /// An operation lost a race: nobody waits for it any more. An activity that was running is asked to stop, and how it ends
    /// is noted when it does; everything else is gone with this.
    Detached {
        /// Number of the operation.
        op: u64,
    },
    /// A workflow or helper has ended in an error: what it has registered is undone now, before it closes.
    Compensating {
        /// The workflow or helper.
        workflow: String,
        /// The error.
        error: Payload,
        /// How many calls there are.
        calls: u64,
    },
    /// Somebody decided that a compensation is not to be done.
    CompensationSkipped {
        /// Number of the operation.
        op: u64,
        /// Name of the activity.
        activity: String,
        /// Why.
        reason: String,
    },
    /// A message to another instance went into the outbox.
    MessageSent {
        /// Number of the operation that waits for the answer.
        op: Option<u64>,
        /// Its number among the messages of this instance, from 0.
        seq: u64,
        /// The receiver.
        to: String,
        /// What it says.
        message: Message,
    },
    /// A message of another instance came.
    MessageReceived {
        /// The sender.
        from: String,
        /// The first run of the sender.
        sender: RunId,
        /// Its number among the messages of the sender.
        seq: u64,
        /// What it says.
        message: Message,
    },
    /// The receiver has taken a message.
    MessageTaken {
        /// Number of the operation.
        op: u64,
        /// The receiver.
        id: String,
    },
    /// A message came to nothing.
    MessageRefused {
        /// Number of the operation.
        op: u64,
        /// The receiver.
        id: String,
        /// Why.
        reason: Refused,
    },
    /// The workflow was asked to stop, and waits for the answer of another instance no longer.
    AnswerAbandoned {
        /// Number of the operation.
        op: u64,
        /// The other instance.
        id: String,
    },
    /// A child has started.
    ChildStarted {
        /// Number of the operation.
        op: u64,
        /// The child.
        id: String,
        /// Its first run.
        run: RunId,
    },
    /// A child has ended.
    ChildEnded {
        /// Number of the operation that waited for it.
        op: Option<u64>,
        /// The child.
        id: String,
        /// How, if an operation waited for it.
        outcome: Option<Outcome>,
    },
    /// The run ended, and goes on as a new one.
    ContinuedAsNew {
        /// The new run.
        next: RunId,
        /// Its input.
        input: Payload,
    },
    /// The run goes on where another one has ended.
    ContinuedFrom {
        /// The run before.
        run: RunId,
        /// What it takes over: what it has been told, and whom it has to do with. What waits in its inbox is told again by the
        /// events of this commit. Earlier builds did not record it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<Payload>,
    },
    /// The value of a `side_effect`.
    SideEffect(Payload),
    /// The workflow set its status.
    StatusSet(Payload),
    /// The workflow set a tag.
    Tagged {
        /// Name of the tag.
        key: String,
        /// Its value.
        value: String,
    },
    /// Another build took the run over. This begins a segment: `frame` is the checkpoint that it took over.
    Upgraded {
        /// The workflow or helper.
        workflow: String,
        /// The definition that wrote the checkpoint.
        from: Fingerprint,
        /// The definition that goes on.
        to: Fingerprint,
        /// `patched!` ids that are false from now on.
        decided: Vec<String>,
        /// The checkpoint.
        frame: Payload,
        /// What the run waits for, and what it has been told. Earlier builds did not record it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<Payload>,
    },
    /// A new segment of the history begins: all that the steps behind it need stands here, and in the events of this commit
    /// that tell again of what waits in the inbox.
    Checkpointed {
        /// The workflow.
        workflow: String,
        /// The definition that wrote the checkpoint.
        by: Fingerprint,
        /// The definitions of the inline helpers that wait in it.
        helpers: Vec<Fingerprint>,
        /// How many entries before it were removed with this.
        removed: u64,
        /// The checkpoint.
        frame: Payload,
        /// What the run waits for, and what it has been told.
        state: Payload,
    },
    /// The checkpoint of the run was damaged and has been made anew.
    Rebuilt {
        /// The number of the entry from which on the steps of the history were taken again for that; none if it was still in memory.
        from: Option<u64>,
    },
    /// The run cannot go on by itself.
    Blocked {
        /// The stable code of the reason.
        code: String,
        /// The reason.
        message: String,
    },
    /// The run goes on after it was blocked.
    Unblocked,
    /// The run ended.
    Closed(Outcome),
}

impl Event {
    /// Whether the step itself decided this: a step that runs again must decide it again. All else is input, or a note.
    pub fn is_decision(&self) -> bool {
        match self {
            Self::Scheduled { .. }
            | Self::GroupStarted { .. }
            | Self::TimerStarted { .. }
            | Self::Waiting { .. }
            | Self::WaitingForUpdate { .. }
            | Self::SignalTaken { .. }
            | Self::UpdateTaken { op: None, .. }
            | Self::UpdateAnswered { .. }
            | Self::CancelAsked { .. }
            | Self::Detached { .. }
            | Self::Compensating { .. }
            | Self::MessageSent { op: Some(_), .. }
            | Self::ContinuedAsNew { .. }
            | Self::SideEffect(_)
            | Self::StatusSet(_)
            | Self::Tagged { .. }
            | Self::Closed(_) => true,
            Self::Started { .. }
            | Self::Completed { .. }
            | Self::AttemptFailed { .. }
            | Self::Heartbeat { .. }
            | Self::Deferred { .. }
            | Self::FromOutside { .. }
            | Self::Lost { .. }
            | Self::Superseded { .. }
            | Self::TimerFired { .. }
            | Self::SignalReceived { .. }
            | Self::SignalConsumed { .. }
            | Self::SignalSetAside { .. }
            | Self::UpdateReceived { .. }
            | Self::UpdateTaken { op: Some(_), .. }
            | Self::UpdateSetAside { .. }
            | Self::TaggedAtStart { .. }
            | Self::Delayed { .. }
            | Self::CancelRequested { .. }
            | Self::OperationCancelled { .. }
            | Self::CompensationSkipped { .. }
            | Self::MessageSent { op: None, .. }
            | Self::MessageReceived { .. }
            | Self::MessageTaken { .. }
            | Self::MessageRefused { .. }
            | Self::ChildStarted { .. }
            | Self::AnswerAbandoned { .. }
            | Self::ChildEnded { .. }
            | Self::ContinuedFrom { .. }
            | Self::Upgraded { .. }
            | Self::Checkpointed { .. }
            | Self::Rebuilt { .. }
            | Self::Blocked { .. }
            | Self::Unblocked => false,
        }
    }
}

impl Event {
    /// The bytes of what it carries.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Scheduled { args: payload, .. }
            | Self::SignalReceived { payload, .. }
            | Self::SignalSetAside { payload, .. }
            | Self::Completed { result: Ending::Value(payload) | Ending::Failed(payload), .. }
            | Self::AttemptFailed { failure: Failure::Error(payload), .. }
            | Self::SideEffect(payload)
            | Self::StatusSet(payload) => payload.len(),
            Self::Checkpointed { frame, state, .. } => frame.len() + state.len(),
            Self::Upgraded { frame, state, .. } => frame.len() + state.as_ref().map_or(0, Payload::len),
            Self::ContinuedFrom { state: Some(state), .. } => state.len(),
            _ => 0,
        }
    }
}

/// An entry ends with the event that takes it beyond so many bytes.
const ENTRY: usize = 256 << 10;

/// What an event counts for besides what it carries.
const EVENT: usize = 64;

/// The events of a commit, so divided that no entry becomes much larger than what its largest event carries.
pub(crate) fn split(events: Vec<Event>) -> Vec<Vec<Event>> {
    if (1..ENTRY).contains(&events.iter().map(|event| EVENT + event.weight()).sum()) {
        // As with most commits.
        return vec![events];
    }
    let (mut entries, mut weight) = (vec![], ENTRY);
    for event in events {
        if weight >= ENTRY {
            entries.push(vec![]);
            weight = 0;
        }
        weight += EVENT + event.weight();
        if let Some(last) = entries.last_mut() {
            last.push(event);
        }
    }
    entries
}
