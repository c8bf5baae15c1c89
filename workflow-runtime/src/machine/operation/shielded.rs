//! Operations that a request to cancel the run does not reach.

use super::{Durable, Request, Sealed};
use crate::{
    journal::encoding::{DecodeError, EncodeError},
    machine::{command::Completion, workflow::Helper},
};

/// An operation that a request to cancel the run does not reach, made by [`shielded`].
#[derive(Debug, Clone)]
#[must_use = "an operation does nothing until it is awaited in a workflow"]
pub struct Shielded<D>(D);

/// Keeps a request to cancel the run away from `operation`: it ends as it would have without one.
///
/// Works for everything that can be awaited: an activity, a timer, a signal, an inline helper with all that it waits for.
/// The request is not lost: [`cancel_requested`](crate::cancel_requested) tells of it, what else is pending at that moment is
/// cancelled, and the run that ends in an error is `Cancelled`. Operations that begin later work, shielded or not, so a
/// workflow that is to stop behind the shield looks:
///
/// ```
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[activity]
/// async fn settle(cents: u64) -> u64 {
///     cents
/// }
///
/// #[workflow]
/// async fn closing(cents: u64) -> Result<u64, WorkflowError> {
///     shielded(sleep(days(1))).await?;
///     let settled = shielded(settle(cents)).await?;
///     if let Some(why) = cancel_requested() {
///         return Err(WorkflowError::msg(format!("settled {settled}, then stopped: {why}")));
///     }
///     sleep(days(30)).await?;
///     Ok(settled)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// let run = engine.start("c-1", closing(500)).await?;
/// run.cancel("no longer wanted").await?;
/// let error = run.result().await.unwrap_err();
/// assert!(error.to_string().contains("settled 500, then stopped: no longer wanted"));
/// # Ok(()) }
/// ```
pub fn shielded<D: Durable>(operation: D) -> Shielded<D> {
    Shielded(operation)
}

impl<D: Durable> Shielded<D> {
    /// Names the suspension point that awaits this operation. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<D: Durable> Durable for Shielded<D> {
    const GROUP: bool = D::GROUP;
    const INLINE: bool = D::INLINE;
    type Output = D::Output;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(match self.0.request()? {
            request @ Request::Shielded(_) => request,
            request => Request::Shielded(Box::new(request)),
        })
    }
    fn helper() -> Option<Helper> {
        D::helper()
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        D::output(completion)
    }
    type Future = D::Future;
    fn future(self) -> Self::Future {
        self.0.future()
    }
}
impl<D: Durable> Sealed for Shielded<D> {}
