//! An order of food from payment to doorstep: the restaurant may refuse it, nobody may be there to deliver it, and then what was
//! paid goes back.

use crate::{agree, asked};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

type Cents = u64;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Dish {
    name: String,
    price: Cents,
    quantity: u64,
}

impl Dish {
    fn total(&self) -> Cents {
        self.price * self.quantity
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FoodOrder {
    id: String,
    restaurant: String,
    dishes: Vec<Dish>,
    voucher: Option<String>,
    deliver_at: Option<Timestamp>,
    address: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Reply {
    Accepted { minutes: u64 },
    Refused(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Doorstep {
    driver: String,
    paid: Cents,
    complaint: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum FoodError {
    #[error("nothing was ordered")]
    Empty,
    #[error("{restaurant} refuses: {reason}")]
    Refused { restaurant: String, reason: String },
    #[error("nobody is there to deliver it")]
    NoDriver,
    #[error("not paid")]
    Payment(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const PICKED_UP: Signal<String> = Signal::new("picked-up");
const DELIVERED: Signal<Option<String>> = Signal::new("delivered");

#[activity(retry(attempts = 4, initial = "1s"))]
async fn redeem_voucher(code: &str) -> Result<Cents, String> {
    code.strip_prefix("MINUS").and_then(|n| n.parse().ok()).ok_or_else(|| format!("no voucher {code}"))
}

#[activity]
async fn pay_for_food(order: &str, cents: Cents) -> Result<u64, String> {
    if cents > 10_000 { Err(format!("{order}: {cents} is more than the limit")) } else { Ok(cents) }
}

#[activity]
async fn refund_food(order: &str) -> Result<(), String> {
    let _ = order;
    Ok(())
}

#[activity]
async fn ask_restaurant(restaurant: &str, dishes: &[Dish]) -> Result<Reply, String> {
    Ok(match dishes.iter().find(|d| d.name == "fugu") {
        Some(_) if restaurant != "Tokyo" => Reply::Refused("we have no licence for fugu".to_owned()),
        _ => Reply::Accepted { minutes: 10 * dishes.len() as u64 },
    })
}

#[activity]
async fn call_off_food(restaurant: String, order: String) -> Result<(), String> {
    println!("{restaurant} throws {order} away");
    Ok(())
}

#[activity]
async fn drivers_near(restaurant: &str, kilometres: u32) -> Result<Vec<String>, String> {
    let all = [("Ann", 1), ("Bob", 3), ("Cid", 9)];
    let near = all.iter().filter(|(_, far)| *far <= kilometres && restaurant != "Nowhere");
    Ok(near.map(|(name, _)| name.to_string()).collect())
}

#[activity]
async fn offer_delivery(driver: &str, address: &str) -> Result<bool, String> {
    Ok(driver != "Ann" && !(driver == "Bob" && address.contains("hill")))
}

#[workflow]
async fn food_order(order: FoodOrder) -> Result<Doorstep, FoodError> {
    const RADII: [u32; 3] = [1, 3, 9];

    if order.dishes.is_empty() {
        return Err(FoodError::Empty);
    }
    let total = order.dishes.iter().map(Dish::total).sum::<Cents>();
    let discount = match &order.voucher {
        Some(code) => redeem_voucher(code).await.unwrap_or(0),
        None => 0,
    };
    saga::on_failure(refund_food(&order.id));
    let paid = pay_for_food(&order.id, total.saturating_sub(discount)).await?;

    if let Some(at) = order.deliver_at
        && let Ok(begin) = at.checked_sub(1.hour())
        && begin > now()
    {
        set_status("scheduled");
        sleep_until(begin).await?;
    }

    saga::on_failure(call_off_food(order.restaurant.clone(), order.id.clone()));
    let preparation = match ask_restaurant(&order.restaurant, &order.dishes).await? {
        Reply::Accepted { minutes } => minutes,
        Reply::Refused(reason) => return Err(FoodError::Refused { restaurant: order.restaurant, reason }),
    };

    set_status("looking for a driver");
    let driver = 'found: {
        for (round, radius) in RADII.iter().enumerate() {
            for driver in drivers_near(&order.restaurant, *radius).await? {
                if offer_delivery(&driver, &order.address).await? {
                    break 'found Some(driver);
                }
            }
            sleep(minutes(2 * (round as u64 + 1))).await?;
        }
        None
    };
    let Some(driver) = driver else {
        return Err(FoodError::NoDriver);
    };

    set_status("in preparation");
    let (ready, picked_up) = join!(sleep(minutes(preparation)), PICKED_UP.recv());
    ready?;
    set_status(&format!("{} is on the way", picked_up?));

    let complaint = select! {
        complaint = DELIVERED.recv() => complaint?,
        late = sleep(hours(2)) => {
            late?;
            Some(format!("no word from {driver}"))
        }
    };
    Ok(Doorstep { driver, paid, complaint })
}

fn order(restaurant: &str, dishes: &[(&str, Cents)]) -> FoodOrder {
    FoodOrder {
        id: "f-1".to_owned(),
        restaurant: restaurant.to_owned(),
        dishes: dishes
            .iter()
            .map(|(name, price)| Dish { name: name.to_string(), price: *price, quantity: 2 })
            .collect(),
        voucher: None,
        deliver_at: None,
        address: "1 hill".to_owned(),
    }
}

#[test]
fn food_arrives() {
    let mut order = order("Roma", &[("pizza", 900), ("salad", 500)]);
    order.voucher = Some("MINUS300".to_owned());
    let ordered = Differential::new(|| food_order(order.clone()));
    let agreed = ordered.signal(&PICKED_UP, "Cid".to_owned()).signal(&DELIVERED, None).run();
    assert_eq!(agreed.outcome, json!({ "ok": { "driver": "Cid", "paid": 2500, "complaint": null } }));
    assert_eq!(
        asked(&agreed),
        "redeem_voucher pay_for_food ask_restaurant drivers_near offer_delivery timer drivers_near offer_delivery \
         offer_delivery timer drivers_near offer_delivery offer_delivery offer_delivery timer signal signal timer"
    );
}

#[test]
fn food_is_scheduled_and_late() {
    let mut order = order("Tokyo", &[("fugu", 4000)]);
    order.deliver_at = Some("1970-01-02T20:00:00Z".parse().expect("a time"));
    order.voucher = Some("BOGUS".to_owned());
    order.address = "2 valley".to_owned();
    let agreed = Differential::new(|| food_order(order.clone())).signal(&PICKED_UP, "Bob".to_owned()).run();
    assert_eq!(agreed.outcome, json!({ "ok": { "driver": "Bob", "paid": 8000, "complaint": "no word from Bob" } }));
    assert_eq!(agreed.operations[2], "2 timer 1970-01-02T19:00:00Z");
}

#[test]
fn food_that_does_not_come_is_refunded() {
    assert_eq!(agree(|| food_order(order("Roma", &[]))).outcome, json!({ "err": "Empty" }));

    let refused = agree(|| food_order(order("Roma", &[("fugu", 1)])));
    let reason = "we have no licence for fugu";
    assert_eq!(refused.outcome, json!({ "err": { "Refused": { "restaurant": "Roma", "reason": reason } } }));
    assert_eq!(asked(&refused), "pay_for_food ask_restaurant call_off_food refund_food");

    let nobody = agree(|| food_order(order("Nowhere", &[("soup", 100)])));
    assert_eq!(nobody.outcome, json!({ "err": "NoDriver" }));
    assert!(asked(&nobody).ends_with("drivers_near timer call_off_food refund_food"));

    let dear = agree(|| food_order(order("Roma", &[("truffles", 9999)])));
    assert_eq!(asked(&dear), "pay_for_food refund_food");
}

#[workflow_runtime::test(crashes = "every")]
async fn food_survives_crashes(t: Test) {
    let run = t.start("f-1", food_order(order("Roma", &[("pizza", 900)]))).await;
    run.wait_until_at("join/1/PICKED_UP").await;
    run.signal(&PICKED_UP, "Cid".to_owned()).await;
    run.wait_until_at("select/0/DELIVERED").await;
    run.signal(&DELIVERED, Some("cold".to_owned())).await;
    let expected = Doorstep { driver: "Cid".to_owned(), paid: 1800, complaint: Some("cold".to_owned()) };
    assert_eq!(run.result().await, Ok(expected));
    t.calls(offer_delivery).assert_called_times(6);
}
