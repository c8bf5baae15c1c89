//! A monitor looks at a place in growing intervals until it is well there or its time is over, and a watchdog that never ends
//! counts what fails.

use crate::{agree, asked};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Watch {
    place: String,
    phone: Option<String>,
    hours: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
enum Sky {
    Storm,
    Rain,
    Cloudy,
    Clear,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Observed {
    best: Option<Sky>,
    looks: u32,
    cleared_at: Option<Timestamp>,
}

#[activity(timeout = "10s", retry(attempts = 2, initial = "5s"))]
async fn look_at_sky(place: &str, look: u32) -> Result<Sky, String> {
    match (place, look) {
        ("Bergen", n) if n % 7 != 6 => Ok(Sky::Rain),
        ("Oslo", 0..=2) => Ok([Sky::Storm, Sky::Rain, Sky::Cloudy][look as usize]),
        ("Atlantis", _) => Err("no such place".to_owned()),
        _ => Ok(Sky::Clear),
    }
}

#[activity]
async fn text_message(phone: &str, text: &str) -> Result<(), String> {
    if phone == "0" { Err(format!("no such number for {text}")) } else { Ok(()) }
}

#[workflow]
async fn weather_monitor(watch: Watch) -> Result<Observed, WorkflowError> {
    let Watch { place, phone, hours: limit } = watch;
    let expires = now().checked_add(SignedDuration::from_hours(limit))?;
    let mut pause = minutes(10);
    let mut observed = Observed { best: None, looks: 0, cleared_at: None };

    while now() < expires {
        let sky = match look_at_sky(&place, observed.looks).await {
            Ok(sky) => sky,
            Err(e) if observed.looks == 0 => return Err(e.into()),
            Err(_) => Sky::Storm,
        };
        observed.looks += 1;
        if observed.best.is_none_or(|best| sky > best) {
            observed.best = Some(sky);
        }
        if sky == Sky::Clear {
            observed.cleared_at = Some(now());
            break;
        }
        set_status(&observed);
        sleep(pause).await?;
        pause = (pause * 2).min(hours(1));
    }

    if let Some(phone) = phone
        && let Some(at) = observed.cleared_at
        && let Err(e) = text_message(&phone, &format!("{place}: clear since {at}")).await
    {
        set_status(&e.to_string());
    }
    Ok(observed)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Health {
    rounds: u64,
    in_a_row: u32,
    alarms: u32,
}

#[activity]
async fn ping_service(name: &str, round: u64) -> Result<u32, String> {
    if (3..6).contains(&round) { Err(format!("{name} is down")) } else { Ok(5) }
}

/// Never ends: each day is a run of its own, and takes over what the day before has counted.
#[workflow]
async fn watchdog(service: String, mut health: Health) -> Result<(), Cancelled> {
    const ROUNDS_A_DAY: u64 = 4;
    for _ in 0..ROUNDS_A_DAY {
        match ping_service(&service, health.rounds).await {
            Ok(_) => health.in_a_row = 0,
            Err(ActivityError::Cancelled) => return Err(Cancelled),
            Err(_) => health.in_a_row += 1,
        }
        if health.in_a_row == 2 {
            health.alarms += 1;
            let _ = text_message("112", &service).await;
        }
        health.rounds += 1;
        sleep(hours(6)).await?;
    }
    continue_as_new!(service, health)
}

fn watch(place: &str, phone: Option<&str>, hours: i64) -> Watch {
    Watch { place: place.to_owned(), phone: phone.map(str::to_owned), hours }
}

#[test]
fn the_sky_clears() {
    let agreed = agree(|| weather_monitor(watch("Oslo", Some("1"), 6)));
    let at = "1970-01-01T01:10:00Z";
    assert_eq!(agreed.outcome["ok"], json!({ "best": "Clear", "looks": 4, "cleared_at": at }));
    assert!(asked(&agreed).ends_with("timer look_at_sky text_message"));
    let silent = agree(|| weather_monitor(watch("Rome", None, 6)));
    assert_eq!(asked(&silent), "look_at_sky");
    let lost = agree(|| weather_monitor(watch("Rome", Some("0"), 6)));
    assert_eq!(lost.outcome["ok"]["looks"], 1);
}

#[test]
fn it_rains_on() {
    let rain = agree(|| weather_monitor(watch("Bergen", Some("1"), 4)));
    assert_eq!(rain.outcome["ok"], json!({ "best": "Rain", "looks": 6, "cleared_at": null }));
    assert!(agree(|| weather_monitor(watch("Atlantis", None, 4))).outcome["err"].is_object());
    let flaky = Differential::new(|| weather_monitor(watch("Oslo", None, 1)));
    let flaky =
        flaky.mock(look_at_sky, |_: String, look: u32| if look == 1 { Err("fog".into()) } else { Ok(Sky::Rain) });
    assert_eq!(flaky.run().outcome["ok"], json!({ "best": "Rain", "looks": 3, "cleared_at": null }));
}

#[test]
fn a_day_of_the_watchdog() {
    let begin = Health::default();
    let first = agree(|| watchdog("shop".to_owned(), begin));
    assert_eq!(first.outcome["continued"][1], json!({ "rounds": 4, "in_a_row": 1, "alarms": 0 }));
    let second = agree(|| watchdog("shop".to_owned(), Health { rounds: 4, in_a_row: 1, alarms: 0 }));
    assert_eq!(second.outcome["continued"][1], json!({ "rounds": 8, "in_a_row": 0, "alarms": 1 }));
}

#[workflow_runtime::test(crashes = "every")]
async fn the_watchdog_is_cancelled_after_three_days(t: Test) {
    let run = t.start("w", watchdog("shop".to_owned(), Health::default())).await;
    t.advance(days(3)).await;
    run.cancel("the shop is closed").await;
    assert!(run.outcome().await.is_err());
    t.calls(ping_service).assert_called_times(13);
    t.calls(text_message).assert_called_once_with(("112".to_owned(), "shop".to_owned()));
}
