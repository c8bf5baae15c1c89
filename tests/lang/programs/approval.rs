//! A request goes up the line until somebody decides: each level has a deadline and is reminded, and a decision may be delegated.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    id: u32,
    what: String,
    cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Decision {
    Approve { by: String },
    Deny { by: String, why: Option<String> },
    Delegate { to: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Verdict {
    Automatic,
    Approved { by: String, level: usize },
    Denied(String),
    Expired { asked: Vec<String> },
    Withdrawn,
}

const DECISION: Signal<Decision> = Signal::new("decision");
const WITHDRAWN: Signal<()> = Signal::new("withdrawn");

#[activity]
async fn line_of_managers(id: u32) -> Result<Vec<String>, String> {
    match id {
        0 => Err("no such employee".to_owned()),
        7 => Ok(vec![]),
        _ => Ok(["Ann", "Bob", "Cid"].map(str::to_owned).to_vec()),
    }
}

#[activity]
async fn ask_for_approval(who: &str, what: &str, urgent: bool) -> Result<(), String> {
    println!("{who}: {what}{}", if urgent { "!" } else { "" });
    Ok(())
}

#[workflow]
async fn approval(request: Request) -> Result<Verdict, WorkflowError> {
    let Request { id, what, cents } = request;
    if cents < 1_000 {
        return Ok(Verdict::Automatic);
    }
    let line = line_of_managers(id).await?;
    let mut asked: Vec<String> = vec![];

    for (level, manager) in line.iter().enumerate() {
        let mut who = manager.clone();
        let deadline = now() + jiff::SignedDuration::from_hours(if cents > 100_000 { 72 } else { 24 });
        let mut reminders = 2;
        ask_for_approval(&who, &what, false).await?;
        asked.push(who.clone());

        let decided = loop {
            select! {
                decision = DECISION.recv() => match decision? {
                    Decision::Delegate { to } if asked.contains(&to) => {
                        set_status(&format!("{to} has been asked already"));
                    }
                    Decision::Delegate { to } => {
                        ask_for_approval(&to, &what, true).await?;
                        who = to;
                        asked.push(who.clone());
                    }
                    other => break Some(other),
                },
                _ = WITHDRAWN.recv() => return Ok(Verdict::Withdrawn),
                over = sleep_until(deadline) => {
                    over?;
                    break None;
                }
                remind = sleep(hours(8)), if reminders > 0 => {
                    remind?;
                    reminders -= 1;
                    ask_for_approval(&who, &what, true).await?;
                }
            }
        };
        match decided {
            Some(Decision::Approve { by }) => return Ok(Verdict::Approved { by, level }),
            Some(Decision::Deny { by, why: Some(why) }) => return Ok(Verdict::Denied(format!("{by}: {why}"))),
            Some(Decision::Deny { by, why: None }) => return Ok(Verdict::Denied(by)),
            Some(Decision::Delegate { .. }) | None => continue,
        }
    }
    Ok(Verdict::Expired { asked })
}

fn laptop(id: u32) -> Request {
    Request { id, what: "a laptop".to_owned(), cents: 200_000 }
}

fn approve(by: &str) -> Decision {
    Decision::Approve { by: by.to_owned() }
}

fn delegate(to: &str) -> Decision {
    Decision::Delegate { to: to.to_owned() }
}

#[test]
fn requests_that_are_decided() {
    let run = || Differential::new(|| approval(laptop(1)));
    let approved = run().signal(&DECISION, approve("Ann")).run();
    assert_eq!(approved.outcome, json!({ "ok": { "Approved": { "by": "Ann", "level": 0 } } }));

    let delegated = run().signal(&DECISION, delegate("Eve")).signal(&DECISION, delegate("Ann"));
    let delegated = delegated.signal(&DECISION, approve("Eve")).run();
    assert_eq!(delegated.outcome, json!({ "ok": { "Approved": { "by": "Eve", "level": 0 } } }));
    assert!(delegated.operations.contains(&r#"6 ask_for_approval["Eve","a laptop",true]"#.to_owned()), "{delegated:?}");

    let why = Some("too dear".to_owned());
    let denied = run().signal(&DECISION, Decision::Deny { by: "Ann".to_owned(), why }).run();
    assert_eq!(denied.outcome, json!({ "ok": { "Denied": "Ann: too dear" } }));
    let withdrawn = run().signal(&WITHDRAWN, ()).run();
    assert_eq!(withdrawn.outcome, json!({ "ok": "Withdrawn" }));
}

#[test]
fn requests_that_nobody_decides() {
    let expired = agree(|| approval(laptop(1)));
    assert_eq!(expired.outcome, json!({ "ok": { "Expired": { "asked": ["Ann", "Bob", "Cid"] } } }));
    assert_eq!(asked(&expired).matches("ask_for_approval").count(), 9, "three asked, each reminded twice");
    assert_eq!(agree(|| approval(laptop(7))).outcome, json!({ "ok": { "Expired": { "asked": [] } } }));
    assert_eq!(agree(|| approval(laptop(0))).outcome["err"]["message"], "no such employee");
    let pencil = Request { id: 1, what: "a pencil".to_owned(), cents: 90 };
    assert_eq!(agree(|| approval(pencil.clone())).outcome, json!({ "ok": "Automatic" }));
}

#[workflow_runtime::test(crashes = "every")]
async fn the_second_level_decides(t: Test) {
    let run = t.start("a", approval(laptop(1))).await;
    t.advance(hours(72 + 9)).await;
    run.signal(&DECISION, approve("Bob")).await;
    assert_eq!(run.result().await.expect("a verdict"), Verdict::Approved { by: "Bob".to_owned(), level: 1 });
    t.calls(ask_for_approval).assert_called_times(5);
}
