//! What the workflows of these tests work with: activities that must not run for real.

use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Card(pub(crate) String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: u64,
    pub(crate) cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ChargeError {
    #[error("declined with code {code}")]
    Declined { code: u32 },
    #[error("the network is down")]
    Network,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum OrderError {
    #[error(transparent)]
    Charge(#[from] ActivityError<ChargeError>),
    #[error(transparent)]
    Plain(#[from] ActivityError<workflow_runtime::machine::Never>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("nobody approved it")]
    NotApproved,
}

/// A client of a bank that no test has.
pub(crate) struct Gateway;

#[activity(timeout = "10s", retry(attempts = 8, initial = "1s", unless(ChargeError::Declined { .. })))]
pub(crate) async fn charge(
    gateway: State<Gateway>,
    cx: ActivityContext,
    card: &Card,
    cents: u64,
) -> Result<Payment, ChargeError> {
    let _ = (&*gateway, cx, card, cents);
    panic!("a bank is charged in a test")
}

#[activity]
pub(crate) async fn refund(payment: u64) -> Result<(), ChargeError> {
    let _ = payment;
    Ok(())
}

#[activity]
pub(crate) async fn greet(name: &str, titles: &[String]) -> String {
    format!("{} {name}", titles.join(" "))
}

#[activity]
pub(crate) async fn tick() -> u32 {
    1
}

pub(crate) const APPROVED: Signal<String> = Signal::new("approved");

/// Charges, waits for an approval for five days, and gives the money back if there is none.
#[workflow]
pub(crate) async fn order(card: Card, cents: u64) -> Result<String, OrderError> {
    let payment = charge(&card, cents).await?;
    match APPROVED.recv().timeout(days(5)).await {
        Ok(by) => Ok(format!("payment {} of {} cents, approved by {by}", payment.id, payment.cents)),
        Err(WaitError::TimedOut) => {
            refund(payment.id).await?;
            Err(OrderError::NotApproved)
        }
        Err(WaitError::Cancelled) => Err(Cancelled.into()),
    }
}

#[workflow]
pub(crate) async fn greeting(name: String) -> Result<String, OrderError> {
    Ok(greet(&name, &["Dr.".to_string()]).await?)
}

#[workflow]
pub(crate) async fn ticks(n: u32) -> Result<u32, OrderError> {
    let mut sum = 0;
    for _ in 0..n {
        sum += tick().await?;
    }
    Ok(sum)
}

pub(crate) fn card() -> Card {
    Card("4242".into())
}

pub(crate) fn paid(cents: u64) -> Payment {
    Payment { id: 7, cents }
}
