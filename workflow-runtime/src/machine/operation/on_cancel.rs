//! What a request to cancel does to an operation that is under way elsewhere.

use serde::{Deserialize, Serialize};

/// What the workflow gets when an operation that is under way elsewhere is cancelled: an activity, a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum OnCancel {
    /// It is asked to stop. The workflow gets its result or `Cancelled`, whichever is confirmed first.
    #[default]
    Try,
    /// It is asked to stop, and may go on: the workflow waits for its own end, however long that takes.
    Wait,
    /// It is asked to stop and forgotten: the workflow gets `Cancelled` at once.
    Abandon,
}
