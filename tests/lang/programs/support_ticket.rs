//! A ticket of customer support: its priority says how fast somebody has to answer, the clock stops while the customer has to
//! act, and what is late goes to the next team.

use crate::{agree, asked};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Priority {
    Low,
    High,
    Critical,
}

impl Priority {
    const fn allowed(self) -> SignedDuration {
        match self {
            Priority::Low => SignedDuration::from_hours(48),
            Priority::High => SignedDuration::from_hours(8),
            Priority::Critical => SignedDuration::from_hours(1),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Agent { text: String, resolves: bool },
    AskCustomer(String),
    Customer(String),
    Raise(Priority),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Closed {
    resolution: Option<String>,
    breaches: u32,
    team: String,
    reopened: u32,
}

const EVENT: Signal<Event> = Signal::new("ticket-event");
const TEAMS: [&str; 3] = ["first line", "second line", "engineering"];

#[activity]
async fn assign(team: &str, subject: &str, priority: Priority) -> Result<String, String> {
    Ok(format!("{team} has {subject} as {priority:?}"))
}

#[activity(retry)]
async fn mail_customer(text: &str) -> Result<(), String> {
    println!("{text}");
    Ok(())
}

/// What is left of the time when the clock is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Clock {
    Running { until: Timestamp },
    Stopped { left: SignedDuration },
}

#[workflow]
async fn support_ticket(subject: String, mut priority: Priority) -> Result<Closed, WorkflowError> {
    let (mut level, mut breaches, mut reopened) = (0, 0, 0);
    let mut clock = Clock::Running { until: now() + priority.allowed() };
    tag("team", assign(TEAMS[level], &subject, priority).await?);

    let resolution = 'open: loop {
        let wake = match clock {
            Clock::Running { until } => until,
            Clock::Stopped { .. } => now() + SignedDuration::from_hours(7 * 24),
        };
        let event = select! {
            event = EVENT.recv() => event?,
            late = sleep_until(wake) => {
                late?;
                if let Clock::Stopped { .. } = clock {
                    break None;
                }
                breaches += 1;
                level = (level + 1).min(TEAMS.len() - 1);
                priority = if priority == Priority::Low { Priority::High } else { Priority::Critical };
                assign(TEAMS[level], &subject, priority).await?;
                if breaches > 3 {
                    break 'open None;
                }
                clock = Clock::Running { until: now() + priority.allowed() };
                continue;
            }
        };
        match (event, clock) {
            (Event::Agent { text, resolves: true }, _) => {
                mail_customer(&format!("resolved: {text}")).await?;
                match EVENT.recv().timeout(days(3)).await {
                    Ok(Event::Customer(words)) if words.contains("still") => {
                        reopened += 1;
                        priority = priority.max(Priority::High);
                        clock = Clock::Running { until: now() + priority.allowed() };
                    }
                    Err(WaitError::Cancelled) => return Err(Cancelled.into()),
                    _ => break Some(text),
                }
            }
            (Event::Agent { text, .. }, _) => mail_customer(&text).await?,
            (Event::AskCustomer(question), Clock::Running { until }) => {
                clock = Clock::Stopped { left: until.duration_since(now()) };
                mail_customer(&question).await?;
            }
            (Event::Customer(_), Clock::Stopped { left }) => clock = Clock::Running { until: now() + left },
            (Event::Raise(to), Clock::Running { until }) if to > priority => {
                priority = to;
                clock = Clock::Running { until: until.min(now() + priority.allowed()) };
            }
            (Event::AskCustomer(_) | Event::Customer(_) | Event::Raise(_), _) => {}
        }
    };
    Ok(Closed { resolution, breaches, team: TEAMS[level].to_owned(), reopened })
}

fn agent(text: &str, resolves: bool) -> Event {
    Event::Agent { text: text.to_owned(), resolves }
}

#[test]
fn tickets_that_are_resolved() {
    let events = [
        agent("have you tried", false),
        Event::AskCustomer("which version".to_owned()),
        Event::Customer("the last".to_owned()),
        agent("fixed", true),
        Event::Customer("it still fails".to_owned()),
        Event::Raise(Priority::Critical),
        agent("fixed again", true),
        Event::Customer("thanks".to_owned()),
    ];
    let run = Differential::new(|| support_ticket("a crash".to_owned(), Priority::Low));
    let agreed = events.into_iter().fold(run, |run, event| run.signal(&EVENT, event)).run();
    let closed = json!({ "resolution": "fixed again", "breaches": 0, "team": "first line", "reopened": 1 });
    assert_eq!(agreed.outcome, json!({ "ok": closed }));
    assert_eq!(asked(&agreed).matches("mail_customer").count(), 4);
}

#[test]
fn tickets_that_nobody_resolves() {
    let late = agree(|| support_ticket("a crash".to_owned(), Priority::Low));
    let closed = json!({ "resolution": null, "breaches": 4, "team": "engineering", "reopened": 0 });
    assert_eq!(late.outcome, json!({ "ok": closed }));
    let times: Vec<_> = late.operations.iter().filter_map(|o| o.split("timer ").nth(1)).collect();
    let (first, last) = ("1970-01-03T00:00:00Z", "1970-01-03T10:00:00Z");
    assert_eq!((times[0], times[times.len() - 1]), (first, last), "48, 8, 1 and 1 hours");
    let silent = Differential::new(|| support_ticket("a crash".to_owned(), Priority::Critical));
    let silent = silent.signal(&EVENT, Event::AskCustomer("what?".to_owned())).run();
    assert_eq!(silent.outcome["ok"]["breaches"], 0);
}

#[workflow_runtime::test(crashes = "every")]
async fn the_clock_stops_for_the_customer(t: Test) {
    let run = t.start("t", support_ticket("a crash".to_owned(), Priority::Critical)).await;
    t.advance(minutes(30)).await;
    run.signal(&EVENT, Event::AskCustomer("which one?".to_owned())).await;
    t.advance(days(2)).await;
    run.signal(&EVENT, Event::Customer("that one".to_owned())).await;
    t.advance(minutes(31)).await;
    run.signal(&EVENT, agent("done", true)).await;
    let closed = run.result().await.expect("an end");
    assert_eq!((closed.breaches, closed.team.as_str()), (1, "second line"));
}
