//! Updates: requests that clients wait for, and the answers that reach them after the commit that decided them.

use super::{
    actor::Actor,
    checkpoint::{Response, Seen, SignalRecord},
    error::{Unavailable, UpdateError},
    instance::Next,
    worker::Worker,
};
use crate::{
    hash::HashMap,
    journal::{
        encoding::EncodeError,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Envelope, Ticket, channel},
};
use jiff::Timestamp;
use std::cell::RefCell;
use tokio::sync::oneshot;

/// Where the answer to an update goes.
pub(super) type Client = oneshot::Sender<Result<Payload, UpdateError>>;

/// The clients that wait for answers of one worker's instances.
#[derive(Default)]
pub(super) struct Clients(RefCell<HashMap<WorkflowId, Waiting>>);

/// By chain of runs, name and number of the request.
type Waiting = HashMap<(RunId, String, u64), Vec<Client>>;

impl Clients {
    pub(super) fn add(&self, id: &WorkflowId, chain: RunId, name: &str, seq: u64, client: Client) {
        let mut all = self.0.borrow_mut();
        let waiting = all.entry(id.clone()).or_default().entry((chain, name.to_owned(), seq)).or_default();
        waiting.retain(|c| !c.is_closed());
        waiting.push(client);
    }

    /// The clients of one request.
    fn take(&self, id: &WorkflowId, chain: RunId, ticket: &Ticket) -> Vec<Client> {
        let mut all = self.0.borrow_mut();
        let Some(of) = all.get_mut(id) else { return vec![] };
        let clients = of.remove(&(chain, ticket.name.clone(), ticket.seq)).unwrap_or_default();
        if of.is_empty() {
            all.remove(id);
        }
        clients
    }

    /// Tells all clients of an instance, but for those of one chain, that there is no answer.
    pub(super) fn refuse(&self, id: &WorkflowId, but: Option<RunId>, error: impl Fn(String) -> UpdateError) {
        let mut all = self.0.borrow_mut();
        let Some(mut waiting) = all.remove(id) else { return };
        let (keep, gone): (Waiting, Waiting) = waiting.drain().partition(|((chain, ..), _)| Some(*chain) == but);
        if !keep.is_empty() {
            all.insert(id.clone(), keep);
        }
        for ((_, name, _), clients) in gone {
            for client in clients {
                let _ = client.send(Err(error(name.clone())));
            }
        }
    }
}

/// What an answer is to the client.
fn told(id: &WorkflowId, update: &str, answer: Response) -> Result<Payload, UpdateError> {
    match answer {
        Response::Value(value) => Ok(value),
        Response::Rejected(reason) => {
            Err(UpdateError::Rejected { workflow_id: id.to_string(), update: update.into(), reason })
        }
    }
}

impl Worker {
    /// Hands durable answers to those who wait for them.
    pub(super) fn hand_out(&self, id: &WorkflowId, chain: RunId, answers: Vec<(Ticket, Response)>) {
        for (ticket, answer) in answers {
            for client in self.clients.take(id, chain, &ticket) {
                let _ = client.send(told(id, &ticket.name, answer.clone()));
            }
        }
    }

    /// Chains of runs have ended, all or all but one: nobody answers any more.
    pub(super) fn leave_unanswered(&self, id: &WorkflowId, but: Option<RunId>, state: &'static str) {
        self.clients.refuse(id, but, |update| UpdateError::Unanswered { workflow_id: id.to_string(), update, state });
    }
}

/// What the inbox holds for a request.
pub(super) fn record(ticket: Ticket, request: Payload, received: Timestamp) -> Result<SignalRecord, EncodeError> {
    Ok(SignalRecord { payload: Payload::encode(&Envelope { ticket, request })?, received })
}

impl Actor {
    /// Takes a request into the inbox, or finds that it was taken before.
    ///
    /// # Errors
    ///
    /// The store does not answer; then all clients are told.
    pub(super) async fn update(
        &mut self,
        name: String,
        request: Payload,
        id: Option<String>,
        (at, now): (Timestamp, Timestamp),
        client: Client,
    ) -> Result<(), Unavailable> {
        let channel = channel(&name);
        let (own, workflow_id) = (self.instance.id.clone(), self.instance.id.to_string());
        // Clients may be gone; what was done is done.
        let Some(mut draft) = self.draft(now) else {
            let _ = client.send(Err(UpdateError::NotFound { workflow_id, update: name }));
            return Ok(());
        };
        let chain = draft.checkpoint.first_run();
        let closed = draft.checkpoint.is_closed().then(|| draft.checkpoint.status().as_str());
        let seen = match &id {
            Some(id) => match self.seen(&channel, id).await {
                Ok(seen) => seen,
                Err(e) => {
                    let _ = client.send(Err(e.clone().into()));
                    return Err(e);
                }
            },
            None => None,
        };
        let full = self.full_inbox(&draft.checkpoint, &channel);
        let refused = match (seen, closed) {
            (Some(Seen { answer: Some(answer), .. }), _) => told(&own, &name, answer),
            (Some(_), Some(state)) => Err(UpdateError::Unanswered { workflow_id, update: name, state }),
            (Some(Seen { seq, .. }), None) => {
                self.worker.clients.add(&own, chain, &name, seq, client);
                return Ok(());
            }
            (None, Some(state)) => Err(UpdateError::Closed { workflow_id, update: name, state }),
            (None, None) if full.is_some() => {
                let buffered = full.unwrap_or_default();
                Err(UpdateError::InboxFull { workflow_id, update: name, buffered })
            }
            (None, None) => {
                let seq = draft.checkpoint.inbox.get(&channel).map_or(0, |i| i.next);
                let ticket = Ticket { name: name.clone(), seq, id: id.clone() };
                let buffered = record(ticket, request, at)
                    .and_then(|record| draft.buffer(&self.instance.keys, &channel, record, id.as_deref()));
                match buffered {
                    Err(source) => Err(UpdateError::Unencodable { workflow_id, update: name, source }),
                    Ok(()) => {
                        // Before the commit: the step that this leads to may answer at once.
                        self.worker.clients.add(&own, chain, &name, seq, client);
                        return match self.receiver(&draft.checkpoint, &channel) {
                            Some(op) => self.deliver(draft, Next::Signal(op)).await.map(drop),
                            None => self.store(draft).await,
                        };
                    }
                }
            }
        };
        let _ = client.send(refused);
        Ok(())
    }
}
