//! What the cases work with, as workflows see it: activities, operations, signals.

pub use workflow_runtime::prelude::*;

#[path = "types.rs"]
mod types;
pub use types::*;

/// Takes money.
#[activity]
pub async fn charge(card: &Card, cents: u64) -> Result<Payment, ChargeError> {
    if card.0.is_empty() { Err(ChargeError::Declined) } else { Ok(Payment { id: cents + 1, cents }) }
}

/// Gives it back.
#[activity]
pub async fn refund(payment: u64) -> Result<(), ChargeError> {
    if payment == 0 { Err(ChargeError::Declined) } else { Ok(()) }
}

/// Sets goods aside.
#[activity]
pub async fn reserve(sku: &str, quantity: u32) -> Result<u32, String> {
    if sku.is_empty() { Err("sold out".into()) } else { Ok(quantity) }
}

/// Answers.
#[activity]
pub async fn ping(n: u32) -> u32 {
    n
}

/// Cannot be used any more.
#[activity]
#[deprecated = "use `ping`"]
pub async fn old_ping(n: u32) -> u32 {
    n
}

/// A workflow that others call.
///
/// # Errors
///
/// What `reserve` says.
#[workflow]
pub async fn helper(n: u32) -> Result<u32, OrderError> {
    let got = reserve("a", n).await?;
    Ok(got)
}

/// Somebody has decided.
pub const APPROVED: Signal<bool> = Signal::new("approved");
