//! An auction: bids come as updates, late ones extend it, and the winner has to pay, or the next one may.

use crate::{agree, asked};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{prelude::*, testing::differential::Differential};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bid {
    bidder: String,
    cents: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lot {
    name: String,
    reserve: Option<u64>,
    minutes: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Hammer {
    Sold { bid: Bid, passed_over: Vec<String> },
    NotSold { highest: Option<Bid> },
}

const BID: Update<Bid, u64> = Update::new("bid-for-lot");
const PAID: Signal<String> = Signal::new("lot-paid");

#[activity]
async fn check_bidder(name: &str) -> Result<u64, String> {
    match name {
        "mallory" => Err("mallory is banned".to_owned()),
        "poor" => Ok(1_000),
        _ => Ok(u64::MAX),
    }
}

#[activity(retry)]
async fn send_invoice(bidder: &str, lot: &str, cents: u64) -> Result<(), String> {
    println!("{bidder}: {lot} for {cents}");
    Ok(())
}

#[workflow]
async fn collect_bids(lot: Lot) -> Result<Vec<Bid>, Cancelled> {
    fn step(highest: u64) -> u64 {
        (highest / 20).max(100)
    }

    let mut bids: Vec<Bid> = vec![];
    let mut end = now() + SignedDuration::from_mins(lot.minutes);
    while now() < end {
        let request = select! {
            request = BID.recv() => Some(request?),
            over = sleep_until(end) => {
                over?;
                None
            }
        };
        let Some((bid, reply)) = request else { break };
        let highest = bids.last().map_or(0, |b| b.cents);
        let least = highest + step(highest);
        match check_bidder(&bid.bidder).await {
            Err(e) => reply.reject(e.to_string()),
            Ok(limit) if bid.cents > limit => reply.reject(format!("your limit is {limit}")),
            Ok(_) if bid.cents < least => reply.reject(format!("bid at least {least}")),
            Ok(_) => {
                set_status(&bid);
                reply.send(bid.cents);
                bids.push(bid);
                end = end.max(now() + SignedDuration::from_mins(2));
            }
        }
    }
    Ok(bids)
}

#[workflow]
async fn auction(lot: Lot) -> Result<Hammer, WorkflowError> {
    let mut bids = collect_bids(lot.clone()).await?;
    let Lot { name, reserve, .. } = lot;
    if let Some(reserve) = reserve
        && bids.last().is_none_or(|b| b.cents < reserve)
    {
        return Ok(Hammer::NotSold { highest: bids.pop() });
    }
    let mut passed_over = vec![];
    while let Some(bid) = bids.pop() {
        if passed_over.contains(&bid.bidder) {
            continue;
        }
        send_invoice(&bid.bidder, &name, bid.cents).await?;
        let paid = loop {
            match PAID.recv().timeout(days(3)).await {
                Ok(payer) if payer == bid.bidder => break true,
                Ok(_) => continue,
                Err(WaitError::TimedOut) => break false,
                Err(WaitError::Cancelled) => return Err(Cancelled.into()),
            }
        };
        if paid {
            return Ok(Hammer::Sold { bid, passed_over });
        }
        passed_over.push(bid.bidder);
    }
    Ok(Hammer::NotSold { highest: None })
}

fn lot(reserve: Option<u64>) -> Lot {
    Lot { name: "a vase".to_owned(), reserve, minutes: 10 }
}

fn bid(bidder: &str, cents: u64) -> Bid {
    Bid { bidder: bidder.to_owned(), cents }
}

#[test]
fn the_highest_who_pays_gets_it() {
    let bids =
        [bid("ada", 500), bid("mallory", 900), bid("bo", 550), bid("bo", 700), bid("poor", 2_000), bid("ada", 900)];
    let run = Differential::new(|| auction(lot(None)));
    let run = bids.into_iter().fold(run, |run, bid| run.update(&BID, bid));
    let sold = run.signal(&PAID, "cy".to_owned()).signal(&PAID, "ada".to_owned()).run();
    assert_eq!(sold.outcome, json!({ "ok": { "Sold": { "bid": bid("ada", 900), "passed_over": [] } } }));
    let rejected: Vec<_> = sold.operations.iter().filter(|o| o.starts_with("reject")).collect();
    assert_eq!(rejected.len(), 3, "{rejected:?}");
    assert!(rejected[1].ends_with("bid at least 600"));
}

#[test]
fn nobody_gets_it() {
    let unsold = agree(|| auction(lot(Some(1))));
    assert_eq!(unsold.outcome, json!({ "ok": { "NotSold": { "highest": null } } }));
    let low = Differential::new(|| auction(lot(Some(1_000)))).update(&BID, bid("ada", 500)).run();
    assert_eq!(low.outcome, json!({ "ok": { "NotSold": { "highest": bid("ada", 500) } } }));
    let run = Differential::new(|| auction(lot(None)));
    let run = run.update(&BID, bid("ada", 500)).update(&BID, bid("bo", 600)).update(&BID, bid("ada", 800));
    let unpaid = run.run();
    assert_eq!(unpaid.outcome, json!({ "ok": { "NotSold": { "highest": null } } }));
    assert_eq!(asked(&unpaid).matches("send_invoice").count(), 2);
}
