//! Workers as tasks of somebody else's executor, for simulations that decide themselves what runs next.

use crate::machine::LocalBoxFuture;

/// Runs the tasks of an engine's workers on the thread that polls them, instead of on threads of their own.
///
/// A task is spawned by whoever builds the engine, or by another task: always on the thread that is to run it.
#[doc(hidden)]
pub trait Inline: Send + Sync + 'static {
    /// Takes a task over.
    fn spawn(&self, task: LocalBoxFuture<()>);
}
