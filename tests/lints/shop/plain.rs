//! The same as ordinary async functions, which give what an await in a workflow gives.

pub use tokio::{join, select, try_join};
pub use workflow_runtime::{machine::Never, prelude::{ActivityError, Cancelled, WorkflowError, days, hours, now}};

#[path = "types.rs"]
mod types;
pub use types::*;

use std::{marker::PhantomData, time::Duration};

/// Takes money.
pub async fn charge(card: &Card, cents: u64) -> Result<Payment, ActivityError<ChargeError>> {
    if card.0.is_empty() { Err(ActivityError::TimedOut) } else { Ok(Payment { id: cents + 1, cents }) }
}

/// Gives it back.
pub async fn refund(payment: u64) -> Result<(), ActivityError<ChargeError>> {
    if payment == 0 { Err(ActivityError::TimedOut) } else { Ok(()) }
}

/// Sets goods aside.
pub async fn reserve(sku: &str, quantity: u32) -> Result<u32, ActivityError<String>> {
    if sku.is_empty() { Err(ActivityError::TimedOut) } else { Ok(quantity) }
}

/// Answers.
pub async fn ping(n: u32) -> Result<u32, ActivityError<Never>> {
    Ok(n)
}

/// Cannot be used any more.
#[deprecated = "use `ping`"]
pub async fn old_ping(n: u32) -> Result<u32, ActivityError<Never>> {
    Ok(n)
}

/// A workflow that others call.
///
/// # Errors
///
/// What `reserve` says.
pub async fn helper(n: u32) -> Result<u32, OrderError> {
    let got = reserve("a", n).await?;
    Ok(got)
}

/// Waits.
pub async fn sleep(time: Duration) -> Result<(), Cancelled> {
    if time.is_zero() { Err(Cancelled) } else { Ok(()) }
}

/// A signal.
pub struct Signal<T>(PhantomData<fn() -> T>);

impl<T: Default> Signal<T> {
    /// Waits for it.
    pub async fn recv(&self) -> Result<T, Cancelled> {
        Ok(T::default())
    }
}

/// Somebody has decided.
pub const APPROVED: Signal<bool> = Signal(PhantomData);

/// Undoes things.
pub mod saga {
    /// Runs the call if the workflow fails.
    pub fn on_failure<F>(call: F) {
        drop(call);
    }
}
