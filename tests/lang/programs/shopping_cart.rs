//! A shopping cart lives as long as its customer comes back: items go in and out, a mail reminds of a cart that is left, and the
//! checkout pays for what is there.

use crate::asked;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Change {
    Add { sku: String, quantity: u32 },
    Remove { sku: String },
    Email(String),
    Clear,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    quantity: u32,
    price: u64,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: BTreeMap<String, Item>,
    email: Option<String>,
}

impl Cart {
    fn total(&self) -> u64 {
        self.items.values().map(|i| i.price * u64::from(i.quantity)).sum()
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Left {
    Bought { total: u64, order: String },
    Abandoned { reminded: bool, cart: Cart },
}

const CHANGE: Signal<Change> = Signal::new("cart-change");
const CHECKOUT: Update<String, u64> = Update::new("checkout");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn price_of(sku: &str) -> Result<u64, String> {
    match sku {
        "tea" => Ok(350),
        "cup" => Ok(900),
        _ => Err(format!("{sku} is not sold here")),
    }
}

#[activity]
async fn mail_reminder(email: &str, items: usize) -> Result<(), String> {
    println!("{email}: {items} items wait for you");
    Ok(())
}

#[activity]
async fn buy(cart: &Cart, card: &str) -> Result<String, String> {
    if card == "empty" { Err("the card is declined".to_owned()) } else { Ok(format!("order of {}", cart.items.len())) }
}

#[workflow]
async fn shopping_cart(reminder_after: u64) -> Result<Left, WorkflowError> {
    let mut cart = Cart::default();
    let mut reminded = false;
    loop {
        select! {
            change = CHANGE.recv() => match change? {
                Change::Add { sku, quantity } => {
                    if let Some(item) = cart.items.get_mut(&sku) {
                        item.quantity += quantity;
                    } else if let Ok(price) = price_of(&sku).await {
                        cart.items.insert(sku, Item { quantity, price });
                    }
                }
                Change::Remove { ref sku } => {
                    cart.items.remove(sku);
                }
                Change::Email(email) => cart.email = Some(email),
                Change::Clear => cart.items.clear(),
            },
            request = CHECKOUT.recv() => {
                let (card, reply) = request?;
                match cart.total() {
                    0 => reply.reject("the cart is empty"),
                    total => match buy(&cart, &card).await {
                        Ok(order) => {
                            reply.send(total);
                            return Ok(Left::Bought { total, order });
                        }
                        Err(e) => reply.reject(e.to_string()),
                    },
                }
            }
            idle = sleep(minutes(reminder_after)) => {
                idle?;
                match &cart.email {
                    Some(email) if !reminded && !cart.items.is_empty() => {
                        mail_reminder(email, cart.items.len()).await?;
                        reminded = true;
                    }
                    _ => return Ok(Left::Abandoned { reminded, cart }),
                }
            }
        }
        set_status(&cart.total());
    }
}

fn add(sku: &str, quantity: u32) -> Change {
    Change::Add { sku: sku.to_owned(), quantity }
}

#[test]
fn a_cart_is_bought() {
    let run = Differential::new(|| shopping_cart(30));
    let changes =
        [add("tea", 2), add("cup", 1), add("tea", 1), add("cow", 1), Change::Remove { sku: "cup".to_owned() }];
    let run = changes.into_iter().fold(run, |run, change| run.signal(&CHANGE, change));
    let agreed = run.update(&CHECKOUT, "empty".to_owned()).update(&CHECKOUT, "gold".to_owned()).run();
    assert_eq!(agreed.outcome, json!({ "ok": { "Bought": { "total": 1050, "order": "order of 1" } } }));
    assert_eq!(agreed.operations.iter().filter(|o| o.contains("price_of")).count(), 3);
    assert!(agreed.operations.iter().any(|o| o == "reject checkout 0: the card is declined"), "{agreed:?}");
}

#[test]
fn a_cart_is_left() {
    let empty = Differential::new(|| shopping_cart(30)).update(&CHECKOUT, "gold".to_owned()).run();
    assert_eq!(empty.outcome["ok"]["Abandoned"]["reminded"], false);
    let run = Differential::new(|| shopping_cart(30)).signal(&CHANGE, Change::Email("a@b.c".to_owned()));
    let left = run.signal(&CHANGE, add("tea", 1)).run();
    let item = json!({ "quantity": 1, "price": 350 });
    let cart = json!({ "items": { "tea": item }, "email": "a@b.c" });
    assert_eq!(left.outcome, json!({ "ok": { "Abandoned": { "reminded": true, "cart": cart } } }));
    assert!(asked(&left).contains("mail_reminder"));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_cart_survives(t: Test) {
    let run = t.start("c", shopping_cart(30)).await;
    run.signal(&CHANGE, add("tea", 1)).await;
    run.signal(&CHANGE, Change::Email("a@b.c".to_owned())).await;
    t.advance(minutes(31)).await;
    run.signal(&CHANGE, Change::Clear).await;
    let left = run.result().await.expect("an end");
    assert!(matches!(left, Left::Abandoned { reminded: true, cart } if cart.items.is_empty()));
    t.calls(mail_reminder).assert_called_once();
}
