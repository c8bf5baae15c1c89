//! Seats of a show are held for some minutes, paid for, or free again; who holds them is known to the workflow of the show, which
//! answers requests and lets holds run out.

use crate::asked;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Seat {
    Free,
    Held { by: String, until: Timestamp },
    Sold { to: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Ask {
    Hold { seats: Vec<String>, by: String },
    Pay { by: String, card: String },
    Leave { by: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sold {
    seats: BTreeMap<String, String>,
    expired: u32,
}

const ASK: Update<Ask, usize> = Update::new("seats");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn charge_for_seats(card: &str, seats: &[String]) -> Result<String, String> {
    match card {
        "empty" => Err("declined".to_owned()),
        _ => Ok(format!("{card}-{}", seats.len())),
    }
}

#[activity]
async fn print_tickets(receipt: &str, to: &str) {
    println!("{receipt} for {to}");
}

#[workflow]
async fn seats_of_show(names: Vec<String>, doors: Timestamp) -> Result<Sold, WorkflowError> {
    const HOLD: SignedDuration = SignedDuration::from_mins(15);

    let mut seats: BTreeMap<_, _> = names.into_iter().map(|name| (name, Seat::Free)).collect();
    let mut expired = 0;
    loop {
        let next_expiry = seats.values().filter_map(|s| match s {
            Seat::Held { until, .. } => Some(*until),
            _ => None,
        });
        let wake = next_expiry.min().unwrap_or(doors).min(doors);
        let asked = select! {
            asked = ASK.recv() => Some(asked?),
            woken = sleep_until(wake) => {
                woken?;
                None
            }
        };
        let Some((ask, reply)) = asked else {
            if now() >= doors {
                break;
            }
            for seat in seats.values_mut() {
                if matches!(seat, Seat::Held { until, .. } if *until <= now()) {
                    *seat = Seat::Free;
                    expired += 1;
                }
            }
            continue;
        };
        match ask {
            Ask::Hold { seats: wanted, by } => {
                if let Some(taken) = wanted.iter().find(|name| seats.get(*name) != Some(&Seat::Free)) {
                    reply.reject(format!("{taken} is not free"));
                    continue;
                }
                let until = now() + HOLD;
                reply.send(wanted.len());
                seats.extend(wanted.into_iter().map(|name| (name, Seat::Held { by: by.clone(), until })));
            }
            Ask::Pay { by, card } => {
                let held = |seat: &Seat| matches!(seat, Seat::Held { by: holder, .. } if *holder == by);
                let mine: Vec<String> = seats.iter().filter(|(_, s)| held(s)).map(|(name, _)| name.clone()).collect();
                if mine.is_empty() {
                    reply.reject("nothing is held");
                    continue;
                }
                match charge_for_seats(&card, &mine).await {
                    Ok(receipt) => {
                        print_tickets(&receipt, &by).await?;
                        reply.send(mine.len());
                        for name in mine {
                            seats.insert(name, Seat::Sold { to: by.clone() });
                        }
                    }
                    Err(e) => reply.reject(e),
                }
            }
            Ask::Leave { by } => {
                let mut left = 0;
                for (_, seat) in seats.iter_mut() {
                    if let Seat::Held { by: holder, .. } = seat
                        && *holder == by
                    {
                        *seat = Seat::Free;
                        left += 1;
                    }
                }
                reply.send(left);
            }
        }
        set_status(&seats);
    }
    let sold = seats.into_iter().filter_map(|(name, seat)| match seat {
        Seat::Sold { to } => Some((name, to)),
        _ => None,
    });
    Ok(Sold { seats: sold.collect(), expired })
}

fn hold(seats: &[&str], by: &str) -> Ask {
    Ask::Hold { seats: seats.iter().map(|s| s.to_string()).collect(), by: by.to_owned() }
}

fn pay(by: &str, card: &str) -> Ask {
    Ask::Pay { by: by.to_owned(), card: card.to_owned() }
}

#[test]
fn seats_are_held_and_sold() {
    let run = Differential::new(|| {
        seats_of_show(["a1", "a2", "b1"].map(str::to_owned).to_vec(), "1970-01-01T20:00:00Z".parse().expect("a time"))
    });
    let asks = [
        hold(&["a1", "a2"], "ada"),
        hold(&["a2", "b1"], "bo"),
        hold(&["b1"], "bo"),
        pay("ada", "gold"),
        pay("cy", "gold"),
        pay("bo", "empty"),
        Ask::Leave { by: "bo".to_owned() },
        hold(&["b1"], "cy"),
        hold(&["x9"], "cy"),
    ];
    let agreed = asks.into_iter().fold(run, |run, ask| run.update(&ASK, ask)).run();
    assert_eq!(agreed.outcome, json!({ "ok": { "seats": { "a1": "ada", "a2": "ada" }, "expired": 1 } }));
    let answers: Vec<_> = agreed.operations.iter().filter(|o| o.contains(" seats ")).cloned().collect();
    let answers = &answers[answers.len() - 9..];
    assert_eq!(answers[0], "answer seats 0: 2");
    assert_eq!(answers[1], "reject seats 1: a2 is not free");
    assert_eq!(
        answers[3..7],
        ["answer seats 3: 2", "reject seats 4: nothing is held", "reject seats 5: declined", "answer seats 6: 1",]
    );
    assert_eq!(answers[8], "reject seats 8: x9 is not free");
    assert_eq!(asked(&agreed).matches("charge_for_seats").count(), 2);
}

#[workflow_runtime::test(crashes = "every", in_order)]
async fn a_hold_runs_out(t: Test) {
    let doors = t.now() + SignedDuration::from_hours(1);
    let run = t.start("s", seats_of_show(vec!["a1".to_owned()], doors)).await;
    let ask = async |ask: Ask, id: &str| {
        t.call(async |engine| engine.run(seats_of_show, "s").update(&ASK, ask.clone()).id(id).await).await
    };
    assert_eq!(ask(hold(&["a1"], "ada"), "1").await.expect("a seat"), 1);
    assert!(ask(hold(&["a1"], "bo"), "2").await.is_err());
    t.advance(minutes(16)).await;
    assert_eq!(ask(hold(&["a1"], "bo"), "3").await.expect("a seat"), 1);
    assert_eq!(ask(pay("bo", "gold"), "4").await.expect("a payment"), 1);
    let sold = run.result().await.expect("an end");
    assert_eq!(sold, Sold { seats: [("a1".to_owned(), "bo".to_owned())].into(), expired: 1 });
    t.calls(charge_for_seats).assert_called_once();
}
