//! A customer of a loyalty programme is one instance for life: points come and go by messages, levels have guests, and each year
//! is a run of its own.

use crate::{agree, asked};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    points: u64,
    earned_this_year: u64,
    level: Level,
    guests: BTreeSet<String>,
    years: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Level {
    #[default]
    Member,
    Silver,
    Gold,
}

impl Level {
    fn of(points: u64) -> Self {
        match points {
            0..500 => Level::Member,
            500..1_000 => Level::Silver,
            _ => Level::Gold,
        }
    }

    fn guests(self) -> usize {
        self as usize
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Earn(u64),
    Leave,
}

const EVENT: Signal<Event> = Signal::new("loyalty-event");
const REDEEM: Update<u64, u64> = Update::new("redeem-points");
const INVITE: Update<String, bool> = Update::new("invite-guest");

#[activity(retry)]
async fn congratulate(level: Level, points: u64) -> Result<(), String> {
    println!("{level:?} with {points}");
    Ok(())
}

#[activity]
async fn send_voucher(points: u64) -> Result<u64, String> {
    if points > 5_000 { Err("ask in the shop".to_owned()) } else { Ok(points / 10) }
}

#[workflow]
async fn guest(of: String, name: String) -> Result<String, WorkflowError> {
    sleep(days(1)).await?;
    Ok(format!("{name}, guest of {of}"))
}

#[workflow]
async fn loyalty(customer: String, mut account: Account) -> Result<Account, WorkflowError> {
    let new_year: Timestamp = now_in("UTC")?.checked_add(1.year())?.timestamp();
    loop {
        select! {
            event = EVENT.recv() => match event? {
                Event::Leave => {
                    if account.points > 0 && let Err(e) = send_voucher(account.points).await {
                        set_status(&e.to_string());
                    }
                    return Ok(account);
                }
                Event::Earn(points) => {
                    account.points += points;
                    account.earned_this_year += points;
                    let level = Level::of(account.earned_this_year);
                    if level > account.level {
                        account.level = level;
                        congratulate(level, account.points).await?;
                    }
                }
            },
            (points, reply) = async { REDEEM.recv().await.expect("nobody cancels a customer") } => {
                match account.points.checked_sub(points) {
                    None => reply.reject(format!("{} points are missing", points - account.points)),
                    Some(left) => match send_voucher(points).await {
                        Ok(voucher) => {
                            account.points = left;
                            reply.send(voucher);
                        }
                        Err(e) => reply.reject(e.to_string()),
                    },
                }
            }
            invited = INVITE.recv() => {
                let (name, reply) = invited?;
                if account.guests.len() >= account.level.guests() {
                    reply.send(false);
                } else {
                    guest(customer.clone(), name.clone()).start_child(format!("{customer}/{name}")).detached().await?;
                    reply.send(account.guests.insert(name));
                }
            }
            over = sleep_until(new_year) => {
                over?;
                break;
            }
        }
    }
    let level = Level::of(account.earned_this_year);
    let guests = account.guests.into_iter().take(level.guests()).collect();
    continue_as_new!(customer, Account { earned_this_year: 0, level, guests, years: account.years + 1, ..account })
}

#[test]
fn points_come_and_go() {
    let run = Differential::new(|| loyalty("ada".to_owned(), Account::default()));
    let run = [200, 400, 10].into_iter().fold(run, |run, n| run.signal(&EVENT, Event::Earn(n)));
    let run = run
        .update(&REDEEM, 100)
        .update(&REDEEM, 1_000)
        .update(&INVITE, "bo".to_owned())
        .update(&INVITE, "cy".to_owned());
    let year = run.run();
    let account = json!({ "points": 510, "earned_this_year": 0, "level": "Silver", "guests": ["bo"], "years": 1 });
    assert_eq!(year.outcome["continued"], json!(["ada", account]));
    assert!(year.operations.contains(&"reject redeem-points 1: 490 points are missing".to_owned()), "{year:?}");
    assert_eq!(year.operations.iter().filter(|o| o.contains("answer invite-guest")).count(), 2);
    assert_eq!(asked(&year).matches("congratulate").count(), 1);
}

#[test]
fn a_customer_leaves() {
    let rich = Account { points: 9_000, years: 3, ..Account::default() };
    let left = Differential::new(|| loyalty("ada".to_owned(), rich.clone())).signal(&EVENT, Event::Leave).run();
    assert_eq!(left.outcome["ok"]["years"], 3);
    let gold = Account { level: Level::Gold, guests: ["bo", "cy"].map(str::to_owned).into(), ..Account::default() };
    let lazy = agree(|| loyalty("ada".to_owned(), gold.clone()));
    assert_eq!(lazy.outcome["continued"][1]["guests"], json!([]));
    assert_eq!(lazy.outcome["continued"][1]["level"], "Member");
}

#[workflow_runtime::test(crashes = "every")]
async fn two_years_are_three_runs(t: Test) {
    let run = t.start("ada", loyalty("ada".to_owned(), Account::default())).await;
    run.signal(&EVENT, Event::Earn(700)).await;
    t.advance(days(366 + 365)).await;
    run.signal(&EVENT, Event::Leave).await;
    let account = run.result().await.expect("an account");
    assert_eq!((account.years, account.level, account.points), (2, Level::Member, 700));
    t.calls(send_voucher).assert_called_once();
}
