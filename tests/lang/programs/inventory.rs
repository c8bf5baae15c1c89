//! Stock is reserved in several warehouses, what is missing is ordered from suppliers, and what arrives is counted.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write as _};
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Supplier {
    name: String,
    days: u64,
    pack: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Restocked {
    reserved: Vec<(String, String, u32)>,
    backorders: BTreeMap<String, u32>,
    log: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum StockError {
    #[error("nobody supplies {sku}")]
    NoSupplier { sku: String },
    #[error("only {arrived} of {ordered} {sku} have arrived")]
    Short { sku: String, ordered: u32, arrived: u32 },
    #[error(transparent)]
    Warehouse(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const ARRIVED: Signal<(String, u32)> = Signal::new("goods-arrived");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn reserve_stock(warehouse: &str, sku: &str, quantity: u32) -> Result<u32, String> {
    let there = match (warehouse, sku) {
        ("burnt", _) => return Err(format!("{warehouse} is closed")),
        ("north", "nail") => 100,
        ("south", "nail") => 30,
        ("south", "hammer") => 1,
        _ => 0,
    };
    Ok(quantity.min(there))
}

#[activity]
async fn release_stock(warehouse: String, sku: String, quantity: u32) -> Result<(), String> {
    println!("{quantity} {sku} back in {warehouse}");
    Ok(())
}

#[activity]
async fn suppliers_of(sku: &str) -> Result<Vec<Supplier>, String> {
    let supplier = |name: &str, days, pack| Supplier { name: name.to_owned(), days, pack };
    Ok(match sku {
        "hammer" => vec![supplier("slow", 20, 1), supplier("fast", 2, 5)],
        "saw" => vec![supplier("slow", 20, 1)],
        _ => vec![],
    })
}

#[activity(retry)]
async fn order_goods(supplier: &str, sku: &str, packs: u32) -> Result<(), String> {
    println!("{supplier}: {packs} packs of {sku}");
    Ok(())
}

/// Orders what is missing from the fastest supplier, and waits for it.
#[workflow]
async fn restock(sku: String, missing: u32) -> Result<u32, StockError> {
    let suppliers = suppliers_of(&sku).await?;
    let Some(Supplier { name, days: takes, pack }) = suppliers.into_iter().min_by_key(|s| s.days) else {
        return Err(StockError::NoSupplier { sku });
    };
    let packs = missing.div_ceil(pack);
    order_goods(&name, &sku, packs).await?;
    let ordered = packs * pack;
    let mut arrived = 0;
    while arrived < ordered {
        match ARRIVED.recv().timeout(days(takes * 2)).await {
            Ok((of, quantity)) if of == sku => arrived += quantity,
            Ok(_) => {}
            Err(WaitError::TimedOut) if arrived >= missing => break,
            Err(WaitError::TimedOut) => return Err(StockError::Short { sku, ordered, arrived }),
            Err(WaitError::Cancelled) => return Err(Cancelled.into()),
        }
    }
    Ok(arrived - missing)
}

#[workflow]
async fn fulfil_demand(demand: BTreeMap<String, u32>, warehouses: Vec<String>) -> Result<Restocked, StockError> {
    let mut reserved: Vec<(String, String, u32)> = vec![];
    let mut backorders = BTreeMap::new();
    let mut log = String::new();
    for (sku, wanted) in &demand {
        let mut missing = *wanted;
        for warehouse in &warehouses {
            if missing == 0 {
                break;
            }
            let got = reserve_stock(warehouse, sku, missing).await.unwrap_or(0);
            if got > 0 {
                saga::on_failure(release_stock(warehouse.clone(), sku.clone(), got));
                reserved.push((warehouse.clone(), sku.clone(), got));
                missing -= got;
            }
        }
        if missing > 0 {
            let spare = restock(sku.clone(), missing).await?;
            writeln!(log, "{sku}: {missing} ordered, {spare} spare").ok();
            backorders.insert(sku.clone(), missing);
        }
    }
    Ok(Restocked { reserved, backorders, log })
}

fn demand(all: &[(&str, u32)]) -> BTreeMap<String, u32> {
    all.iter().map(|(sku, n)| (sku.to_string(), *n)).collect()
}

fn warehouses() -> Vec<String> {
    ["burnt", "north", "south"].map(str::to_owned).to_vec()
}

#[test]
fn stock_is_there() {
    let agreed = agree(|| fulfil_demand(demand(&[("nail", 110)]), warehouses()));
    let reserved = json!([["north", "nail", 100], ["south", "nail", 10]]);
    assert_eq!(agreed.outcome, json!({ "ok": { "reserved": reserved, "backorders": {}, "log": "" } }));
    assert_eq!(asked(&agreed), "reserve_stock reserve_stock reserve_stock");
}

#[test]
fn stock_is_ordered() {
    let run = Differential::new(|| fulfil_demand(demand(&[("hammer", 7), ("nail", 1)]), warehouses()));
    let run = run.signal(&ARRIVED, ("saw".to_owned(), 9)).signal(&ARRIVED, ("hammer".to_owned(), 4));
    let agreed = run.signal(&ARRIVED, ("hammer".to_owned(), 6)).run();
    assert_eq!(agreed.outcome["ok"]["log"], "hammer: 6 ordered, 4 spare\n");
    assert_eq!(agreed.outcome["ok"]["backorders"], json!({ "hammer": 6 }));
}

#[test]
fn stock_does_not_come() {
    let short = Differential::new(|| fulfil_demand(demand(&[("nail", 5), ("saw", 2)]), warehouses()));
    let short = short.signal(&ARRIVED, ("saw".to_owned(), 1)).run();
    assert_eq!(short.outcome, json!({ "err": { "Short": { "sku": "saw", "ordered": 2, "arrived": 1 } } }));
    assert!(asked(&short).ends_with("signal signal release_stock"), "{short:?}");
    let none = agree(|| fulfil_demand(demand(&[("nail", 131)]), warehouses()));
    assert_eq!(none.outcome, json!({ "err": { "NoSupplier": { "sku": "nail" } } }));
    assert!(asked(&none).ends_with("suppliers_of release_stock release_stock"));
}

#[workflow_runtime::test(crashes = "every")]
async fn goods_arrive_in_parts(t: Test) {
    let run = t.start("i", fulfil_demand(demand(&[("hammer", 3)]), warehouses())).await;
    run.signal(&ARRIVED, ("hammer".to_owned(), 2)).await;
    let restocked = run.result().await.expect("enough, if not all");
    assert_eq!(restocked.log, "hammer: 2 ordered, 0 spare\n");
    t.calls(order_goods).assert_called_once_with(("fast".to_owned(), "hammer".to_owned(), 1));
    t.calls(release_stock).assert_not_called();
}
