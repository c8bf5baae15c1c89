//! An order is taken apart: each part of it moves to whoever needs it, and what the customer is told at the end is what is left.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Purchase {
    id: u64,
    payment: Payment,
    items: Vec<Item>,
    address: Option<Address>,
    gift: Option<Gift>,
    loyalty: Loyalty,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Payment {
    Card { number: String, cvc: String },
    Invoice(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    sku: String,
    kind: Kind,
    cents: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Parcel,
    Download,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    island: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Gift {
    wrapping: String,
    message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Loyalty {
    number: String,
    points: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fulfilled {
    receipt: String,
    parcel: Option<String>,
    links: Vec<String>,
    points: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum FulfilmentError {
    #[error("no address for {parcels} parcels")]
    NoAddress { parcels: usize },
    #[error(transparent)]
    Failed(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

#[activity(retry(attempts = 2, initial = "1s"))]
async fn charge_purchase(payment: Payment, cents: u64) -> Result<String, String> {
    match payment {
        Payment::Card { number, cvc } if cvc == "000" => Err(format!("{number}: wrong code")),
        Payment::Card { number, .. } => Ok(format!("{cents} by {number}")),
        Payment::Invoice(to) => Ok(format!("{cents} to {to}")),
    }
}

#[activity(retry)]
async fn refund_purchase(id: u64) -> Result<(), String> {
    println!("{id} is refunded");
    Ok(())
}

#[activity]
async fn pack(items: Vec<Item>, wrapping: Option<String>) -> Result<String, String> {
    let skus: Vec<_> = items.iter().map(|i| i.sku.as_str()).collect();
    Ok(format!("{}{}", skus.join("+"), wrapping.map(|w| format!(" in {w}")).unwrap_or_default()))
}

#[activity]
async fn ship_parcel(parcel: &str, address: Address) -> Result<String, String> {
    if address.street == "nowhere" {
        Err("unknown street".to_owned())
    } else {
        Ok(format!("{parcel} to {}", address.street))
    }
}

#[activity]
async fn download_link(item: Item) -> Result<String, String> {
    Ok(format!("/get/{}", item.sku))
}

#[activity]
async fn print_card(message: String) -> Result<(), String> {
    if message.len() > 40 { Err("too long".to_owned()) } else { Ok(()) }
}

#[activity(retry)]
async fn add_points(number: String, points: u64) -> Result<u64, String> {
    println!("{number}: {points}");
    Ok(points)
}

#[workflow]
async fn fulfilment(purchase: Purchase) -> Result<Fulfilled, FulfilmentError> {
    let total: u64 = purchase.items.iter().map(|i| i.cents).sum();
    saga::on_failure(refund_purchase(purchase.id));
    let receipt = charge_purchase(purchase.payment, total).await?;

    let (parcels, downloads): (Vec<_>, Vec<_>) = purchase.items.into_iter().partition(|i| i.kind == Kind::Parcel);
    let mut links = Vec::with_capacity(downloads.len());
    for item in downloads {
        links.push(download_link(item).await?);
    }

    let parcel = match (parcels.len(), purchase.address) {
        (0, _) => None,
        (parcels, None) => return Err(FulfilmentError::NoAddress { parcels }),
        (_, Some(address)) => {
            let wrapping = match purchase.gift {
                Some(Gift { wrapping, message: Some(message) }) => {
                    print_card(message).await?;
                    Some(wrapping)
                }
                Some(Gift { wrapping, message: None }) => Some(wrapping),
                None => None,
            };
            let packed = pack(parcels, wrapping).await?;
            if address.island {
                sleep(days(2)).await?;
            }
            Some(ship_parcel(&packed, address).await?)
        }
    };

    let Loyalty { number, mut points } = purchase.loyalty;
    if total >= 1_000 {
        points += add_points(number, total / 100).await?;
    }
    Ok(Fulfilled { receipt, parcel, links, points })
}

fn item(sku: &str, kind: Kind, cents: u64) -> Item {
    Item { sku: sku.to_owned(), kind, cents }
}

fn purchase(items: Vec<Item>) -> Purchase {
    Purchase {
        id: 1,
        payment: Payment::Card { number: "42".to_owned(), cvc: "123".to_owned() },
        items,
        address: Some(Address { street: "1 hill".to_owned(), island: true }),
        gift: Some(Gift { wrapping: "red".to_owned(), message: Some("enjoy".to_owned()) }),
        loyalty: Loyalty { number: "l-1".to_owned(), points: 5 },
    }
}

#[test]
fn every_part_goes_where_it_is_needed() {
    let items =
        vec![item("lamp", Kind::Parcel, 900), item("song", Kind::Download, 100), item("desk", Kind::Parcel, 2_000)];
    let agreed = agree(|| fulfilment(purchase(items.clone())));
    let fulfilled = json!({ "receipt": "3000 by 42", "parcel": "lamp+desk in red to 1 hill", "links": ["/get/song"], "points": 35 });
    assert_eq!(agreed.outcome, json!({ "ok": fulfilled }));
    assert_eq!(asked(&agreed), "charge_purchase download_link print_card pack timer ship_parcel add_points");

    let song = || purchase(vec![item("song", Kind::Download, 100)]);
    let invoice = Payment::Invoice("Ada".to_owned());
    let small = agree(|| fulfilment(Purchase { payment: invoice.clone(), address: None, gift: None, ..song() }));
    assert_eq!(asked(&small), "charge_purchase download_link");
    assert_eq!(small.outcome["ok"]["points"], 5);
}

#[test]
fn what_fails_is_refunded() {
    let lamp = || purchase(vec![item("lamp", Kind::Parcel, 900)]);
    let nowhere = agree(|| fulfilment(Purchase { address: None, ..lamp() }));
    assert_eq!(nowhere.outcome, json!({ "err": { "NoAddress": { "parcels": 1 } } }));
    assert!(asked(&nowhere).ends_with("refund_purchase"));
    let long = Gift { wrapping: "blue".to_owned(), message: Some("very ".repeat(9)) };
    let long = agree(|| fulfilment(Purchase { gift: Some(long.clone()), ..lamp() }));
    assert_eq!(long.outcome, json!({ "err": { "Failed": { "Failed": "too long" } } }));
    let wrong = Payment::Card { number: "1".to_owned(), cvc: "000".to_owned() };
    let wrong = agree(|| fulfilment(Purchase { payment: wrong.clone(), ..lamp() }));
    assert_eq!(asked(&wrong), "charge_purchase refund_purchase");
    let lost = Differential::new(|| fulfilment(Purchase { gift: None, ..lamp() }));
    let lost = lost.mock(ship_parcel, |_: String, a: Address| Err(format!("{} is closed", a.street))).run();
    assert_eq!(lost.outcome["err"]["Failed"]["Failed"], "1 hill is closed");
}

#[workflow_runtime::test(crashes = "every")]
async fn parts_that_were_moved_stay_moved(t: Test) {
    let items = vec![item("song", Kind::Download, 100), item("desk", Kind::Parcel, 2_000)];
    let run = t.start("f", fulfilment(purchase(items))).await;
    t.advance(days(1)).await;
    let locals: Vec<_> = run.status().await.locals.iter().map(|l| l.name.clone()).collect();
    assert!(locals.iter().all(|name| name != "parcels" && name != "downloads"), "{locals:?}");
    assert_eq!(run.result().await.expect("an end").points, 26);
    t.calls(pack).assert_called_once();
}
