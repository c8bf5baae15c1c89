//! Drivers are sent to rides: offers go out in rounds to several drivers at once, the first who takes it wins, and a surge price
//! is asked for if nobody does.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

impl Point {
    fn far_from(self, other: Point) -> u32 {
        self.x.abs_diff(other.x) + self.y.abs_diff(other.y)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Driver {
    name: String,
    at: Point,
    rating: f32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ride {
    from: Point,
    to: Point,
    most: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum RideError {
    #[error("nobody drives, not even for {price}")]
    Nobody { price: u64 },
    #[error("the price of {0} was not accepted")]
    TooDear(u64),
    #[error("the rider has left")]
    Gone,
    #[error(transparent)]
    Failed(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const TAKEN: Signal<(String, u32)> = Signal::new("ride-taken");
const PRICE_OK: Signal<bool> = Signal::new("ride-price");
const GONE: Signal<()> = Signal::new("rider-gone");

#[activity(retry(attempts = 2, initial = "1s"))]
async fn drivers_around(at: Point, radius: u32) -> Result<Vec<Driver>, String> {
    let all = [("ann", 1, 4.9), ("bob", 2, 3.0), ("cid", 4, 4.5), ("dot", 9, 5.0)];
    let all = all.map(|(name, x, rating)| Driver { name: name.to_owned(), at: Point { x, y: 0 }, rating });
    Ok(all.into_iter().filter(|d| d.at.far_from(at) <= radius).collect())
}

#[activity(timeout = "5s")]
async fn push_offer(driver: &str, round: u32, price: u64) -> Result<(), String> {
    if driver == "cid" { Err(format!("{driver} is offline in round {round} at {price}")) } else { Ok(()) }
}

#[activity]
async fn withdraw_offer(driver: String, round: u32) {
    println!("{driver} is too late in round {round}");
}

/// Offers a ride to a handful of drivers, the best ones first.
#[workflow]
async fn one_round(round: u32, mut drivers: Vec<Driver>, at: Point, price: u64) -> Result<Option<String>, RideError> {
    drivers.sort_by(|a, b| {
        let cost = |d: &Driver| d.at.far_from(at) as f32 - d.rating;
        cost(a).total_cmp(&cost(b))
    });
    drivers.truncate(2);
    let offered: Vec<String> = join_all(drivers.iter().map(|d| push_offer(&d.name, round, price)))
        .await
        .into_iter()
        .zip(drivers)
        .filter_map(|(sent, driver)| sent.is_ok().then_some(driver.name))
        .collect();
    if offered.is_empty() {
        return Ok(None);
    }
    let taken = loop {
        let Ok((name, of_round)) = TAKEN.recv().timeout(seconds(30)).await else { break None };
        if of_round == round && offered.contains(&name) {
            break Some(name);
        }
    };
    for late in offered.into_iter().filter(|name| Some(name) != taken.as_ref()).collect::<Vec<_>>() {
        withdraw_offer(late, round).await.ok();
    }
    Ok(taken)
}

#[workflow]
async fn find_driver(ride: Ride) -> Result<(String, u64), RideError> {
    let mut price = 100 * u64::from(ride.from.far_from(ride.to));
    for (round, radius) in (1..).zip([2, 5, 9]) {
        set_status(&format!("round {round} within {radius} at {price}"));
        let around = drivers_around(ride.from, radius).await?;
        if let Some(driver) = one_round(round, around, ride.from, price).await? {
            return Ok((driver, price));
        }
        let dearer = price * 3 / 2;
        if dearer > ride.most && !PRICE_OK.recv().timeout(minutes(1)).await.unwrap_or(false) {
            return Err(RideError::TooDear(dearer));
        }
        price = dearer;
    }
    Err(RideError::Nobody { price })
}

#[workflow]
async fn dispatch(ride: Ride) -> Result<(String, u64), RideError> {
    select! {
        found = find_driver(ride) => found,
        gone = GONE.recv() => {
            gone?;
            Err(RideError::Gone)
        }
    }
}

fn ride(most: u64) -> Ride {
    Ride { from: Point { x: 0, y: 0 }, to: Point { x: 3, y: 4 }, most }
}

fn taken(by: &str, round: u32) -> (String, u32) {
    (by.to_owned(), round)
}

#[test]
fn somebody_drives() {
    let first = Differential::new(|| dispatch(ride(9_000))).signal(&TAKEN, taken("bob", 1)).run();
    assert_eq!(first.outcome, json!({ "ok": ["bob", 700] }));
    assert!(asked(&first).ends_with("join_all push_offer push_offer signal withdraw_offer"), "{first:?}");
    let third =
        Differential::new(|| dispatch(ride(9_000))).signal(&TAKEN, taken("dot", 1)).signal(&TAKEN, taken("ann", 1));
    assert_eq!(third.run().outcome, json!({ "ok": ["ann", 700] }));
}

#[test]
fn nobody_drives() {
    let nobody = agree(|| dispatch(ride(9_000)));
    assert_eq!(nobody.outcome, json!({ "err": { "Nobody": { "price": 2362 } } }));
    let dear = agree(|| dispatch(ride(1_200)));
    assert_eq!(dear.outcome, json!({ "err": { "TooDear": 1575 } }));
    let accepted = Differential::new(|| dispatch(ride(1_200))).signal(&PRICE_OK, true).signal(&PRICE_OK, false).run();
    assert_eq!(accepted.outcome, json!({ "err": { "TooDear": 2362 } }));
    let gone = Differential::new(|| dispatch(ride(9_000))).signal(&GONE, ()).run();
    assert_eq!(gone.outcome, json!({ "err": "Gone" }));
}

#[workflow_runtime::test(crashes = "every")]
async fn the_rider_leaves_in_the_second_round(t: Test) {
    let run = t.start("r", dispatch(ride(9_000))).await;
    t.advance(seconds(40)).await;
    run.signal(&GONE, ()).await;
    assert_eq!(run.result().await, Err(RideError::Gone));
    t.calls(push_offer).assert_called_times(4);
}
