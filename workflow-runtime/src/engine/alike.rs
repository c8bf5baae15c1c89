//! Whether a checkpoint that was made anew is what was lost: for a test kit, which has both.

use super::checkpoint::{Checkpoint, Operation, State};
use crate::{
    journal::encoding,
    machine::{Closed, OpId},
};
use jiff::Timestamp;
use std::sync::Arc;

/// The first line in which a checkpoint that was made anew differs from what it was, but for what nobody can know. `None`: it does not.
#[doc(hidden)]
pub fn rebuilt_differs(was: &[u8], is: &[u8]) -> Option<String> {
    let read = |bytes| encoding::decode::<Checkpoint>(bytes).map(known).map_err(|e| e.to_string());
    let (mut was, is) = match (read(was), read(is)) {
        (Ok(was), Ok(is)) => (was, is),
        (Err(e), _) | (_, Err(e)) => return Some(e),
    };
    // Those who wait no longer, because they have ended, are not found any more.
    was.relations.watchers.retain(|watcher| is.relations.watchers.contains(watcher));
    if was == is {
        return None;
    }
    let (was, is) = (format!("{was:#?}"), format!("{is:#?}"));
    let differs = was.lines().zip(is.lines()).find(|(was, is)| was != is);
    let (line, found) = differs.unwrap_or(("nothing more", "something more"));
    Some(format!("expected `{}`, found `{}`, in {was}\n{is}", line.trim(), found.trim()))
}

/// A checkpoint without what is not told anywhere else: times of mail, which are those of commits then, and why processes died.
fn known(mut c: Checkpoint) -> Checkpoint {
    let never = Timestamp::UNIX_EPOCH;
    (c.updated, c.history) = (never, 0);
    if matches!(c.state, State::Blocked(_)) {
        c.state = State::Running;
    }
    if let State::Closed(Closed::Failed { message, .. }) = &mut c.state {
        message.clear();
    }
    c.cancel.iter_mut().for_each(|request| request.at = never);
    c.inbox.retain(|_, inbox| inbox.next > 0);
    if c.is_closed() {
        // What was in it is gone, and nobody asks for its numbers.
        c.inbox.clear();
        (c.relations.outbox.next, c.trimmed, c.segment, c.expires) = (0, 0, 0, None);
        c.relations.outbox.open.values_mut().for_each(|letter| letter.op = None::<OpId>);
    }
    for p in c.pending.values_mut() {
        p.done.iter_mut().for_each(|done| done.at = never);
        match &mut p.what {
            Operation::Activity(call) => {
                let call = Arc::make_mut(call);
                (call.lost, call.stuck) = (0, false);
                call.deferred.iter_mut().for_each(|deferred| deferred.beat = never);
            }
            // Of one that is over nobody counts the members.
            Operation::Group(group) if p.done.is_some() => group.count(&[], None),
            _ => {}
        }
    }
    c
}
