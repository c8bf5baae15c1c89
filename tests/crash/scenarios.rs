//! Workflows that are crashed at every commit.

use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use workflow_runtime::prelude::*;
use workflow_runtime::{activity, testing::TestClock, workflow};

/// Every function of this file: the ledger of [`bookkeeping`](crate::bookkeeping) is nothing to them.
pub(crate) const NAMES: [&str; 16] = [
    "charge",
    "reserve",
    "release",
    "print_label",
    "call_support",
    "payment",
    "patience",
    "approval",
    "trip",
    "errand",
    "errands",
    "draws",
    "hopeless",
    "forgetful",
    "delivered_after",
    "deliveries",
];

/// What the activities have done to the world, by what they were called for.
#[derive(Clone, Default)]
pub(crate) struct Stock(Arc<AtomicI64>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ShopError {
    #[error("the gateway is busy")]
    Busy,
    #[error("the card was declined: {reason}")]
    Declined { reason: String },
    #[error("an activity failed: {0}")]
    Activity(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl From<ActivityError<ShopError>> for ShopError {
    fn from(e: ActivityError<ShopError>) -> Self {
        match e {
            ActivityError::Failed(e) => e,
            other => ShopError::Activity(other.to_string()),
        }
    }
}

/// Busy twice.
#[activity(timeout = "10s", retry(attempts = 10, initial = "1s", max = "1m", unless(ShopError::Declined { .. })))]
pub(crate) async fn charge(cx: ActivityContext, cents: u64) -> Result<u64, ShopError> {
    if cents == 13 {
        return Err(ShopError::Declined { reason: "unlucky".into() });
    }
    if cx.attempt() < 3 {
        return Err(ShopError::Busy);
    }
    Ok(cents)
}

#[activity]
pub(crate) async fn reserve(stock: State<Stock>, sku: &str, quantity: i64) -> Result<String, ShopError> {
    stock.0.fetch_sub(quantity, Ordering::SeqCst);
    Ok(format!("{quantity} x {sku}"))
}

#[activity]
pub(crate) async fn release(stock: State<Stock>, sku: String, quantity: i64) -> Result<(), ShopError> {
    stock.0.fetch_add(quantity, Ordering::SeqCst);
    if sku == "cursed" {
        return Err(ShopError::Busy);
    }
    Ok(())
}

/// Panics once.
#[activity]
pub(crate) async fn print_label(cx: ActivityContext, text: String) -> Result<String, ShopError> {
    if cx.attempt() == 1 {
        panic!("paper jam");
    }
    Ok(text.to_uppercase())
}

/// Never comes back.
#[activity(timeout = "1m", retry(attempts = 2, initial = "1s"))]
pub(crate) async fn call_support(clock: State<TestClock>, number: u32) -> Result<u32, ShopError> {
    clock.hang().await;
    Ok(number)
}

#[workflow]
pub(crate) async fn payment(cents: u64) -> Result<String, ShopError> {
    let paid = charge(cents).await?;
    let label = print_label(format!("paid {paid}")).await?;
    Ok(label)
}

#[workflow]
pub(crate) async fn patience(naps: u32) -> Result<i64, ShopError> {
    let begin = now();
    let mut slept = 0;
    while slept < naps {
        sleep(days(30)).await?;
        slept += 1;
    }
    Ok(now().duration_since(begin).as_hours())
}

/// Gives back what it was given when it has slept `naps` nights and reserved something behind each.
#[workflow]
pub(crate) async fn delivered_after<T: Payload + Clone + Into<i64>>(what: T, naps: u32) -> Result<(T, i64), ShopError> {
    let mut reserved = 0;
    for _ in 0..naps {
        sleep(days(1)).await?;
        reserve("gem", what.clone().into()).await?;
        reserved += what.clone().into();
    }
    Ok((what, reserved))
}

/// One generic helper with two types: one behind the other, then both side by side.
#[workflow]
pub(crate) async fn deliveries(n: u8) -> Result<String, ShopError> {
    let (small, a) = delivered_after(n, 2).await?;
    let (big, b) = delivered_after(i64::from(small) * 1000, 1).await?;
    let (c, d) = join!(delivered_after(small, 1), delivered_after(big, 2));
    Ok(format!("{a} {b} {} {}", c?.1, d?.1))
}

pub(crate) const APPROVED: Signal<String> = Signal::new("approved");

#[workflow]
pub(crate) async fn approval(item: String) -> Result<String, ShopError> {
    let reserved = reserve(&item, 2).await?;
    set_status(&"waits for approval");
    match APPROVED.recv().timeout(days(5)).await {
        Ok(by) => Ok(format!("{reserved}, approved by {by}")),
        Err(WaitError::TimedOut) => Ok(format!("{reserved}, nobody cared")),
        Err(e) => Err(e.into()),
    }
}

#[workflow]
pub(crate) async fn trip(cents: u64) -> Result<String, ShopError> {
    saga::on_failure(release("hotel".to_string(), 1));
    reserve("hotel", 1).await?;
    saga::on_failure(release("flight".to_string(), 2));
    reserve("flight", 2).await?;
    let paid = charge(cents).await?;
    saga::commit();
    Ok(format!("paid {paid}"))
}

/// Part of [`errands`].
#[workflow]
pub(crate) async fn errand(name: String) -> Result<String, ShopError> {
    let got = reserve(&name, 1).await?;
    sleep(minutes(5)).await?;
    Ok(format!("{got} at {}", now()))
}

#[workflow]
pub(crate) async fn errands(names: Vec<String>) -> Result<Vec<String>, ShopError> {
    let mut done = vec![];
    for name in names {
        let one = errand(name).await?;
        done.push(one);
    }
    Ok(done)
}

#[workflow]
pub(crate) async fn draws(n: u32) -> Result<Vec<String>, ShopError> {
    let mut drawn = vec![];
    let mut i = 0;
    while i < n {
        let id = uuid();
        let dice: u32 = random();
        let measured = side_effect(|| 7u32);
        tag("round", i.to_string());
        sleep(seconds(1)).await?;
        drawn.push(format!("{id} {dice} {measured}"));
        i += 1;
    }
    Ok(drawn)
}

#[workflow]
pub(crate) async fn hopeless(number: u32) -> Result<String, ShopError> {
    match call_support(number).await {
        Ok(n) => Ok(format!("{n} answered")),
        Err(ActivityError::TimedOut) => Ok("nobody answers".to_string()),
        Err(e) => Err(e.into()),
    }
}

/// Remembers something outside of its locals: what no type can refuse, and only a sweep finds.
#[workflow(allow(WF010, reason = "the sweep has to find it"))]
pub(crate) async fn forgetful(n: u32) -> Result<u32, ShopError> {
    static SEEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let seen = SEEN.fetch_add(1, Ordering::SeqCst);
    sleep(seconds(1)).await?;
    Ok(n + seen)
}
