//! The workflow, and the activities that it is made of.

use crate::{
    domain::{Address, Card, Order},
    services::{Unavailable, client::Services, desk, desk::Approval, payment, shipping, stock},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use workflow_runtime::prelude::*;

/// How long an attempt may take: the `timeout` of every activity below.
pub(crate) const PATIENCE: Duration = seconds(1);

/// How long a large order waits for approval. In a shop these would be days.
const APPROVAL: Duration = seconds(5);

/// Says whether a large order may go out.
pub(crate) const APPROVED: Signal<Approval> = Signal::new("approved");

/// What a customer gets for an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub payment: String,
    pub parcel: Parcel,
    pub approved_by: Option<String>,
}

/// Why an order came to nothing. All that was done for it has been undone by then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("payment: {0}")]
    Payment(#[from] ActivityError<ChargeError>),
    #[error("stock: {0}")]
    Stock(#[from] ActivityError<StockError>),
    #[error("shipping: {0}")]
    Shipping(#[from] ActivityError<ShippingError>),
    #[error("approval: {0}")]
    Approval(#[from] ActivityError<Unavailable>),
    #[error("nobody approved it: {0}")]
    NotApproved(#[from] WaitError),
    #[error("refused by {by}")]
    Refused { by: String },
}

/// Fulfils one order, or undoes what it did for it.
#[workflow]
pub(crate) async fn order(order: Order) -> Result<Receipt, OrderError> {
    set_status("charging");
    saga::on_failure(refund(&order.payment_key())); // before the effect, and keyed by a business id
    let payment = charge(&order.payment_key(), &order.card, order.total()).await?;

    set_status("reserving");
    for line in &order.lines {
        saga::on_failure(release(order.id, &line.sku));
        reserve(order.id, &line.sku, line.quantity).await?;
    }

    let mut approved_by = None;
    if order.is_large() {
        set_status("waiting for approval");
        ask_for_approval(order.id, order.total()).await?;
        let approval = APPROVED.recv().timeout(APPROVAL).await?;
        if !approval.approved {
            return Err(OrderError::Refused { by: approval.by });
        }
        approved_by = Some(approval.by);
    }

    set_status("shipping");
    saga::on_failure(recall(order.id));
    let parcel = ship(order.id, &order.address).await?;
    set_status("shipped");
    Ok(Receipt { payment, parcel, approved_by })
}

/// Why a card was not charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ChargeError {
    #[error("{reason}")]
    Declined { reason: String },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Charges the card; gives the receipt.
#[activity(timeout = "1s", retry(attempts = 5, initial = "50ms", factor = 2.0, max = "1s", unless(ChargeError::Declined { .. })))]
async fn charge(
    services: State<Services>,
    cx: ActivityContext,
    payment: &str,
    card: &Card,
    cents: u64,
) -> Result<String, ChargeError> {
    let request = payment::Request::Charge { payment: payment.into(), card: card.clone(), cents };
    match services.payment(cx.idempotency_key(), request).await? {
        payment::Answer::Paid { receipt } => Ok(receipt),
        payment::Answer::Declined { reason } => Err(ChargeError::Declined { reason }),
        payment::Answer::Refunded { .. } => Err(Unavailable { service: "payment".into() }.into()),
    }
}

/// Gives back what was charged under this payment id, if anything was, and closes it.
#[activity(timeout = "1s", retry(initial = "50ms", factor = 2.0, max = "1s"))]
async fn refund(services: State<Services>, cx: ActivityContext, payment: &str) -> Result<(), Unavailable> {
    services.payment(cx.idempotency_key(), payment::Request::Refund { payment: payment.into() }).await.map(drop)
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum StockError {
    #[error("only {left} of `{sku}` left")]
    OutOfStock { sku: String, left: u32 },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Puts pieces aside for an order.
#[activity(timeout = "1s", retry(attempts = 5, initial = "50ms", factor = 2.0, max = "1s", unless(StockError::OutOfStock { .. })))]
async fn reserve(
    services: State<Services>,
    cx: ActivityContext,
    order: u64,
    sku: &str,
    quantity: u32,
) -> Result<(), StockError> {
    let request = stock::Request::Reserve { order, sku: sku.into(), quantity };
    match services.stock(cx.idempotency_key(), request).await? {
        stock::Answer::OutOfStock { left } => Err(StockError::OutOfStock { sku: sku.into(), left }),
        stock::Answer::Reserved | stock::Answer::Released { .. } => Ok(()),
    }
}

/// Puts back what was reserved for an order, if anything was.
#[activity(timeout = "1s", retry(initial = "50ms", factor = 2.0, max = "1s"))]
async fn release(services: State<Services>, cx: ActivityContext, order: u64, sku: &str) -> Result<(), Unavailable> {
    services.stock(cx.idempotency_key(), stock::Request::Release { order, sku: sku.into() }).await.map(drop)
}

/// Asks somebody to look at a large order. The answer comes as the signal [`APPROVED`], if it comes.
#[activity(timeout = "1s", retry(attempts = 5, initial = "50ms", factor = 2.0, max = "1s"))]
async fn ask_for_approval(
    services: State<Services>,
    cx: ActivityContext,
    order: u64,
    cents: u64,
) -> Result<(), Unavailable> {
    services.desk(cx.idempotency_key(), desk::Request { order, cents }).await
}

/// A parcel on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub carrier: String,
    pub tracking: String,
}

/// Why nothing was shipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ShippingError {
    #[error("no carrier goes to {city}, {country}")]
    NoCarrier { city: String, country: String },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Hands the parcel to a carrier.
#[activity(timeout = "1s", retry(attempts = 5, initial = "50ms", factor = 2.0, max = "1s", unless(ShippingError::NoCarrier { .. })))]
async fn ship(
    services: State<Services>,
    cx: ActivityContext,
    order: u64,
    to: &Address,
) -> Result<Parcel, ShippingError> {
    let request = shipping::Request::Ship { order, country: to.country.clone(), postcode: to.postcode.clone() };
    match services.shipping(cx.idempotency_key(), request).await? {
        shipping::Answer::Shipped { carrier, tracking } => Ok(Parcel { carrier, tracking }),
        shipping::Answer::NoCarrier => {
            Err(ShippingError::NoCarrier { city: to.city.clone(), country: to.country.clone() })
        }
        shipping::Answer::Recalled { .. } => Err(Unavailable { service: "shipping".into() }.into()),
    }
}

/// Takes the parcel back, if there is one.
#[activity(timeout = "1s", retry(initial = "50ms", factor = 2.0, max = "1s"))]
async fn recall(services: State<Services>, cx: ActivityContext, order: u64) -> Result<(), Unavailable> {
    services.shipping(cx.idempotency_key(), shipping::Request::Recall { order }).await.map(drop)
}
