//! A semaphore as a workflow: it gives permits in the order in which they were asked for, takes back what is kept for too long,
//! and those who share something ask it first.

use crate::asked;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::VecDeque;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wanted {
    by: String,
    lease_minutes: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Permit {
    holder: String,
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counts {
    granted: u32,
    released: u32,
    expired: u32,
}

const ACQUIRE: Signal<Wanted> = Signal::new("acquire");
const RELEASE: Signal<String> = Signal::new("release-permit");
const GRANTED: Signal<String> = Signal::new("granted");

#[activity]
async fn use_resource(who: &str, resource: &str) -> Result<String, String> {
    Ok(format!("{who} has used {resource}"))
}

/// Ends when nobody has asked for an hour.
#[workflow]
async fn semaphore(resource: String, permits: usize) -> Result<Counts, WorkflowError> {
    let mut held: Vec<Permit> = Vec::new();
    let mut queue: VecDeque<Wanted> = VecDeque::new();
    let mut counts = Counts { granted: 0, released: 0, expired: 0 };
    loop {
        while held.len() < permits
            && let Some(Wanted { by, lease_minutes }) = queue.pop_front()
        {
            // Who is not there any more needs no permit.
            match external(uses_resource, by.clone()).signal(&GRANTED, resource.clone()).await {
                Ok(()) => {
                    counts.granted += 1;
                    held.push(Permit { holder: by, until: now() + SignedDuration::from_mins(lease_minutes) });
                }
                Err(ExternalError::Cancelled { .. }) => return Err(Cancelled.into()),
                Err(_) => continue,
            }
        }
        let first_expiry = held.iter().map(|p| p.until).min();
        select! {
            wanted = ACQUIRE.recv() => queue.push_back(wanted?),
            released = RELEASE.recv() => {
                let holder = released?;
                if let Some(at) = held.iter().position(|p| p.holder == holder) {
                    held.swap_remove(at);
                    counts.released += 1;
                }
            }
            expired = sleep_until(first_expiry.unwrap_or_default()), if first_expiry.is_some() => {
                expired?;
                let before = held.len();
                held.retain(|p| p.until > now());
                counts.expired += (before - held.len()) as u32;
            }
            idle = sleep(hours(1)), if held.is_empty() && queue.is_empty() => {
                idle?;
                return Ok(counts);
            }
        }
    }
}

#[workflow]
async fn uses_resource(gate: String, lease_minutes: i64, busy_minutes: u64) -> Result<String, WorkflowError> {
    let me = workflow_id();
    let gate = external(semaphore, gate);
    gate.signal(&ACQUIRE, Wanted { by: me.clone(), lease_minutes }).await?;
    let resource = GRANTED.recv().await?;
    sleep(minutes(busy_minutes)).await?;
    let used = use_resource(&me, &resource).await?;
    gate.signal(&RELEASE, me).await?;
    Ok(used)
}

#[test]
fn permits_are_given_in_order() {
    let run = Differential::new(|| semaphore("the printer".to_owned(), 1));
    let wanted = |by: &str| Wanted { by: by.to_owned(), lease_minutes: 5 };
    let run = run.signal(&ACQUIRE, wanted("a")).signal(&ACQUIRE, wanted("b")).signal(&RELEASE, "a".to_owned());
    let agreed = run.signal(&RELEASE, "nobody".to_owned()).run();
    assert_eq!(agreed.outcome, json!({ "ok": { "granted": 2, "released": 1, "expired": 1 } }));
    let granted: Vec<_> = agreed.operations.iter().filter(|o| o.contains("signal granted to")).collect();
    assert!(granted[0].contains("to a:") && granted[1].contains("to b:"), "{granted:?}");
}

#[test]
fn one_that_waits_for_a_permit() {
    let agreed = Differential::new(|| uses_resource("gate".to_owned(), 5, 3)).signal(&GRANTED, "it".to_owned()).run();
    assert_eq!(agreed.outcome, json!({ "ok": "differential has used it" }));
    assert_eq!(asked(&agreed), "signal signal timer use_resource signal");
}

#[workflow_runtime::test(crashes = "every")]
async fn two_share_one_printer(t: Test) {
    let gate = t.start("gate", semaphore("the printer".to_owned(), 1)).await;
    let slow = t.start("slow", uses_resource("gate".to_owned(), 10, 30)).await;
    let quick = t.start("quick", uses_resource("gate".to_owned(), 10, 3)).await;
    t.advance(minutes(12)).await;
    assert_eq!(quick.status().await.waits.len(), 1, "it has its turn when the lease of the slow one is over");
    t.advance(minutes(2)).await;
    assert_eq!(quick.result().await.expect("a turn"), "quick has used the printer");
    assert_eq!(slow.result().await.expect("a turn"), "slow has used the printer");
    assert_eq!(gate.result().await.expect("counts"), Counts { granted: 2, released: 1, expired: 1 });
}
