//! A subscription: a trial, then one payment in each period, at a price that can be changed, until it is cancelled or unpaid.

use crate::asked;
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Customer {
    email: String,
    card: String,
    plan: Plan,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    trial_days: u64,
    periods: u32,
    price: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Ended {
    InTrial,
    Cancelled { period: u32, paid: u64 },
    Unpaid { period: u32 },
    Expired { paid: u64 },
}

const CANCEL: Signal<()> = Signal::new("cancel-subscription");
const PRICE: Signal<u64> = Signal::new("subscription-price");
const CARD: Signal<String> = Signal::new("new-card");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum CardError {
    #[error("declined")]
    Declined,
    #[error("the bank does not answer")]
    Silence,
}

#[activity(timeout = "1m")]
async fn mail_subscriber(email: &str, text: &str) {
    println!("{email}: {text}");
}

#[activity(retry(attempts = 2, initial = "1h", unless(CardError::Declined)))]
async fn charge_subscriber(card: &str, cents: u64) -> Result<(), CardError> {
    match card {
        "empty" if cents > 0 => Err(CardError::Declined),
        "foreign" if cents > 0 => Err(CardError::Silence),
        _ => Ok(()),
    }
}

/// Charges a card; if it is declined, asks for another one three times, a week each.
#[workflow]
async fn charge_or_ask(email: String, mut card: String, cents: u64) -> Result<Option<String>, WorkflowError> {
    for reminder in 1..=3 {
        match charge_subscriber(&card, cents).await {
            Ok(()) => return Ok(Some(card)),
            Err(ActivityError::Cancelled) => return Err(Cancelled.into()),
            Err(e) => mail_subscriber(&email, &format!("reminder {reminder}: {e}")).await?,
        }
        if let Ok(new) = CARD.recv().timeout(weeks(1)).await {
            card = new;
        }
    }
    Ok(None)
}

#[workflow]
async fn subscription(customer: Customer) -> Result<Ended, WorkflowError> {
    let Customer { email, mut card, plan } = customer;
    let mut price = plan.price;
    let mut paid = 0;

    mail_subscriber(&email, "welcome").await?;
    let cancelled = CANCEL.recv().timeout(days(plan.trial_days)).await.is_ok();
    if cancelled {
        mail_subscriber(&email, "sorry to see you go").await?;
        return Ok(Ended::InTrial);
    }

    for period in 1..=plan.periods {
        set_status(&json!({ "period": period, "price": price }));
        let Some(working) = charge_or_ask(email.clone(), card, price).await? else {
            mail_subscriber(&email, &format!("period {period} is unpaid")).await?;
            return Ok(Ended::Unpaid { period });
        };
        card = working;
        paid += price;
        let end = now() + jiff::SignedDuration::from_hours(30 * 24);
        let cancelled = loop {
            select! {
                cancel = CANCEL.recv() => {
                    cancel?;
                    break true;
                }
                new = PRICE.recv() => {
                    let before = std::mem::replace(&mut price, new?);
                    if price > before {
                        mail_subscriber(&email, &format!("from {before} to {price}")).await?;
                    }
                }
                over = sleep_until(end) => {
                    over?;
                    break false;
                }
            }
        };
        if cancelled {
            mail_subscriber(&email, "sorry to see you go").await?;
            return Ok(Ended::Cancelled { period, paid });
        }
    }
    Ok(Ended::Expired { paid })
}

fn customer(card: &str, trial_days: u64) -> Customer {
    let plan = Plan { trial_days, periods: 3, price: 10 };
    Customer { email: "ada@example.com".to_owned(), card: card.to_owned(), plan }
}

#[test]
fn subscriptions_end_in_four_ways() {
    let run = |card: &'static str| Differential::new(move || subscription(customer(card, 30)));

    let expired = run("good").signal(&PRICE, 8).run();
    assert_eq!(expired.outcome, json!({ "ok": { "Expired": { "paid": 26 } } }));
    let raised = run("good").signal(&PRICE, 12).run();
    assert_eq!(raised.outcome, json!({ "ok": { "Expired": { "paid": 34 } } }));
    assert_eq!(raised.operations.iter().filter(|o| o.contains("from 10 to 12")).count(), 1);

    let in_trial = run("good").signal(&CANCEL, ()).run();
    assert_eq!(in_trial.outcome, json!({ "ok": "InTrial" }));
    assert_eq!(asked(&in_trial), "mail_subscriber signal mail_subscriber");

    let unpaid = run("empty").run();
    assert_eq!(unpaid.outcome, json!({ "ok": { "Unpaid": { "period": 1 } } }));
    assert_eq!(unpaid.operations.iter().filter(|o| o.contains("reminder")).count(), 3);
    let mended = run("empty").signal(&CARD, "foreign".to_owned()).signal(&CARD, "good".to_owned()).run();
    assert_eq!(mended.outcome, json!({ "ok": { "Expired": { "paid": 30 } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_subscription_is_charged_once_for_each_period(t: Test) {
    let run = t.start("s", subscription(customer("good", 10))).await;
    t.advance(days(41)).await;
    run.signal(&PRICE, 20).await;
    t.advance(days(30)).await;
    run.signal(&CANCEL, ()).await;
    assert_eq!(run.result().await.expect("a result"), Ended::Cancelled { period: 3, paid: 10 + 10 + 20 });
    t.calls(charge_subscriber).assert_called_times(3);
}
