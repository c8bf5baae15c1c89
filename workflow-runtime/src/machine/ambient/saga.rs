//! Compensations: calls that undo what has been done if the workflow fails.

use super::with;
use crate::{
    activity::Activity,
    machine::{
        frame::Compensation,
        operation::{ActivityCall, activity_parts},
    },
};

/// Registers `call` to run if this workflow, or inline helper, ends in an error or is cancelled.
///
/// Registered calls run in reverse order, each retried until it is done, before the workflow closes. Its own timeout, queue
/// and pauses between attempts apply; its limit of attempts does not, and no request to cancel the run reaches it.
/// Register before the effect, keyed by a business id, so that a crash between the two leaves nothing behind.
///
/// A step that panics is a bug and no failure: the instance is blocked and nothing is undone.
///
/// # Panics
///
/// Outside of a workflow.
pub fn on_failure<A: Activity>(call: ActivityCall<A>) {
    let parts = activity_parts(call);
    with("saga::on_failure()", |a| match parts {
        Ok((activity, args, options)) => a.scope.saga.push(Compensation { activity, args, options, op: None }),
        Err(e) => a.error = Some(e),
    });
}

/// Drops the calls that were registered so far in this workflow, or inline helper: what they would undo is final.
///
/// Those that helpers have handed to it are among them; those of its caller are not.
///
/// # Panics
///
/// Outside of a workflow.
pub fn commit() {
    with("saga::commit()", |a| a.scope.saga.clear());
}

/// Lets the calls of this workflow, or inline helper, run all at once instead of one after the other.
///
/// They begin in reverse order, and none waits for another: for effects that do not depend on each other. It holds for
/// everything that this scope has registered or will, and for what helpers hand to it; a helper that fails runs
/// its own calls in its own way.
///
/// # Panics
///
/// Outside of a workflow.
pub fn parallel() {
    with("saga::parallel()", |a| a.scope.parallel = true);
}
