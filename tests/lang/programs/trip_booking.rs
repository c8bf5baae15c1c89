//! A trip is booked as a whole or not at all.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{prelude::*, testing::Test};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Leg {
    Flight { from: String, to: String },
    Hotel { city: String, nights: u32 },
    Car(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Traveller {
    name: String,
    budget: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reservation {
    number: String,
    price: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trip {
    reservations: Vec<Reservation>,
    total: u32,
    insured: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum Unbookable {
    #[error("sold out: {0}")]
    SoldOut(String),
    #[error("the system of the airline is down")]
    Down,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum TripError {
    #[error("{what} at position {position}")]
    Leg { position: usize, what: String },
    #[error("{over} over the budget")]
    OverBudget { over: u32 },
    #[error("the insurance is not sure")]
    Insurance(#[from] ActivityError<String>),
}

#[activity(retry(attempts = 3, initial = "100ms", unless(Unbookable::SoldOut(_))))]
async fn book_flight(cx: ActivityContext, from: &str, to: &str) -> Result<Reservation, Unbookable> {
    match to {
        "Atlantis" => Err(Unbookable::SoldOut(format!("{from}-{to}"))),
        "Lima" if cx.attempt() < 3 => Err(Unbookable::Down),
        "Mars" => Err(Unbookable::Down),
        _ => Ok(Reservation { number: format!("F-{from}{to}"), price: 300 }),
    }
}

#[activity]
async fn book_hotel(city: &str, nights: u32) -> Result<Reservation, Unbookable> {
    Ok(Reservation { number: format!("H-{city}"), price: 80 * nights })
}

#[activity]
async fn book_car(class: &str) -> Result<Reservation, Unbookable> {
    if class == "tank" {
        return Err(Unbookable::SoldOut(class.to_owned()));
    }
    Ok(Reservation { number: format!("C-{class}"), price: 120 })
}

#[activity]
async fn cancel_booking(trip: &str, leg: Leg) -> Result<(), String> {
    println!("{trip}: without {leg:?}");
    Ok(())
}

#[activity]
async fn insure(name: &str, numbers: &[String], total: u32) -> Result<bool, String> {
    println!("{name} {numbers:?}");
    if total > 1_500 { Err(format!("{total} is a risk")) } else { Ok(total > 400) }
}

/// Books one leg, and says which one it was that failed.
#[workflow]
async fn book_leg(position: usize, leg: Leg) -> Result<Reservation, TripError> {
    saga::on_failure(cancel_booking(&workflow_id(), leg.clone()));
    let booked = match &leg {
        Leg::Flight { from, to } => book_flight(from, to).await,
        Leg::Hotel { city, nights: nights @ 1..=30 } => book_hotel(city, *nights).await,
        Leg::Hotel { nights, .. } => Err(ActivityError::Failed(Unbookable::SoldOut(format!("{nights} nights")))),
        Leg::Car(class) => book_car(class).await,
    };
    booked.map_err(|e| TripError::Leg { position, what: e.to_string() })
}

#[workflow]
async fn book_trip(Traveller { name, budget }: Traveller, legs: Vec<Leg>) -> Result<Trip, TripError> {
    let mut reservations = Vec::with_capacity(legs.len());
    let mut total = 0;
    for (position, leg) in legs.into_iter().enumerate() {
        let reservation = book_leg(position, leg).await?;
        total += reservation.price;
        if total > budget {
            return Err(TripError::OverBudget { over: total - budget });
        }
        reservations.push(reservation);
    }
    let numbers: Vec<_> = reservations.iter().map(|r| r.number.clone()).collect();
    let insured = insure(&name, &numbers, total).await?;
    Ok(Trip { reservations, total, insured })
}

fn flight(to: &str) -> Leg {
    Leg::Flight { from: "Oslo".to_owned(), to: to.to_owned() }
}

fn hotel(city: &str, nights: u32) -> Leg {
    Leg::Hotel { city: city.to_owned(), nights }
}

fn car(class: &str) -> Leg {
    Leg::Car(class.to_owned())
}

fn ada(budget: u32) -> Traveller {
    Traveller { name: "Ada".to_owned(), budget }
}

#[test]
fn trips_that_are_booked() {
    let booked = agree(|| book_trip(ada(2_000), vec![flight("Lima"), hotel("Lima", 3), car("small")]));
    assert_eq!(booked.outcome["ok"]["total"], 660);
    assert_eq!(booked.outcome["ok"]["insured"], true);
    assert_eq!(booked.outcome["ok"]["reservations"][1], json!({ "number": "H-Lima", "price": 240 }));
    assert_eq!(asked(&booked), "book_flight book_hotel book_car insure");
    assert_eq!(
        agree(|| book_trip(ada(0), vec![])).outcome["ok"],
        json!({ "reservations": [], "total": 0, "insured": false })
    );
}

#[test]
fn trips_that_are_undone() {
    let sold_out = agree(|| book_trip(ada(2_000), vec![hotel("Rome", 2), car("small"), flight("Atlantis")]));
    assert_eq!(sold_out.outcome, json!({ "err": { "Leg": { "position": 2, "what": "sold out: Oslo-Atlantis" } } }));
    assert_eq!(asked(&sold_out), "book_hotel book_car book_flight cancel_booking cancel_booking cancel_booking");
    let last = sold_out.operations.last().expect("a call");
    assert!(last.contains("Rome"), "the first leg is undone last: {last}");

    let down = agree(|| book_trip(ada(2_000), vec![flight("Mars")]));
    assert_eq!(down.outcome["err"]["Leg"]["what"], "the system of the airline is down");
    let long = agree(|| book_trip(ada(2_000), vec![hotel("Rome", 31)]));
    assert_eq!(long.outcome["err"]["Leg"]["what"], "sold out: 31 nights");
    let poor = agree(|| book_trip(ada(500), vec![flight("Rome"), hotel("Rome", 3), car("small")]));
    assert_eq!(poor.outcome, json!({ "err": { "OverBudget": { "over": 40 } } }));
    assert_eq!(asked(&poor), "book_flight book_hotel cancel_booking cancel_booking");
    let risky = agree(|| book_trip(ada(9_000), vec![hotel("Nice", 20)]));
    assert_eq!(risky.outcome, json!({ "err": { "Insurance": { "Failed": "1600 is a risk" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_trip_that_crashes_is_undone_once(t: Test) {
    let run = t.start("t-1", book_trip(ada(2_000), vec![flight("Lima"), hotel("Rome", 2), car("tank")])).await;
    let error = run.result().await.expect_err("there is no tank");
    assert_eq!(error, TripError::Leg { position: 2, what: "sold out: tank".to_owned() });
    t.calls(cancel_booking).assert_called_times(3);
    assert!(t.calls(book_flight).assert_called_once().attempt >= 3, "attempts that a crash has lost count too");
}
