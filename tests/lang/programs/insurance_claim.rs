//! An insurance claim: documents come in until all are there, damage is assessed by several experts, fraud is looked for at the
//! same time, and the customer may accept an offer or not.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claim {
    policy: String,
    damage: Damage,
    claimed: u64,
    documents: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Damage {
    Water { rooms: u8 },
    Theft { reported: Option<String> },
    Glass,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Policy {
    limit: u64,
    deductible: u64,
    active: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Settled {
    Paid { cents: u64, offers: usize },
    Refused(Reason),
    Court { last_offer: u64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Reason {
    NotInsured,
    DocumentsMissing(Vec<String>),
    Fraud { score: u32 },
}

const DOCUMENT: Signal<String> = Signal::new("claim-document");
const ANSWER: Signal<bool> = Signal::new("offer-answer");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn find_policy(number: &str) -> Result<Policy, String> {
    match number {
        "p-old" => Ok(Policy { limit: 0, deductible: 0, active: false }),
        "p-none" => Err("no such policy".to_owned()),
        _ => Ok(Policy { limit: 50_000, deductible: 1_000, active: true }),
    }
}

#[activity]
async fn ask_customer(policy: &str, text: &str) -> Result<(), String> {
    println!("{policy}: {text}");
    Ok(())
}

#[activity(timeout = "10d")]
async fn expert_opinion(expert: u32, damage: &Damage, claimed: u64) -> Result<u64, String> {
    match damage {
        Damage::Water { rooms } => Ok(claimed.min(u64::from(*rooms) * 10_000) - u64::from(expert) * 500),
        Damage::Theft { .. } if expert == 1 => Err("on holiday".to_owned()),
        _ => Ok(claimed),
    }
}

#[activity]
async fn fraud_score(policy: &str, claimed: u64) -> Result<u32, String> {
    Ok(if policy.ends_with("shady") { 95 } else { (claimed / 10_000) as u32 })
}

#[activity(retry)]
async fn pay_claim(policy: &str, cents: u64) -> Result<(), String> {
    println!("{policy}: {cents}");
    Ok(())
}

/// Which documents are still missing when the customer has had his chances.
#[workflow]
async fn collect_documents(claim: Claim) -> Result<Vec<String>, WorkflowError> {
    let needed: &[&str] = match &claim.damage {
        Damage::Water { .. } => &["photo", "plumber"],
        Damage::Theft { reported: Some(_) } => &["photo"],
        Damage::Theft { reported: None } => &["photo", "police"],
        Damage::Glass => &[],
    };
    let mut missing: BTreeSet<String> =
        needed.iter().map(|d| d.to_string()).filter(|d| !claim.documents.contains(d)).collect();
    for reminder in 1..=2 {
        if missing.is_empty() {
            break;
        }
        ask_customer(&claim.policy, &format!("reminder {reminder}: {missing:?}")).await?;
        while !missing.is_empty()
            && let Ok(document) = DOCUMENT.recv().timeout(days(14)).await
        {
            missing.remove(&document);
        }
    }
    Ok(missing.into_iter().collect())
}

#[workflow]
async fn insurance_claim(claim: Claim) -> Result<Settled, WorkflowError> {
    let Claim { ref policy, ref damage, claimed, .. } = claim;
    let Policy { limit, deductible, active: true } = find_policy(policy).await? else {
        return Ok(Settled::Refused(Reason::NotInsured));
    };
    let missing = collect_documents(claim.clone()).await?;
    if !missing.is_empty() {
        return Ok(Settled::Refused(Reason::DocumentsMissing(missing)));
    }

    let (opinions, fraud) = join!(
        async { join_all((0..3).map(|expert| expert_opinion(expert, damage, claimed))).await },
        fraud_score(policy, claimed)
    );
    match fraud? {
        score @ 90.. => return Ok(Settled::Refused(Reason::Fraud { score })),
        score => tag("fraud", score),
    }
    let mut values: Vec<u64> = opinions.into_iter().flatten().collect();
    values.sort_unstable();
    let median = values.get(values.len() / 2).copied().unwrap_or(claimed);
    let most = median.min(limit).saturating_sub(deductible);

    let mut offer = most * 8 / 10;
    for offers in 1..=3 {
        ask_customer(policy, &format!("we offer {offer}")).await?;
        if ANSWER.recv().timeout(days(30)).await.unwrap_or(true) {
            pay_claim(policy, offer).await?;
            return Ok(Settled::Paid { cents: offer, offers });
        }
        offer = (offer + most) / 2;
    }
    Ok(Settled::Court { last_offer: offer })
}

fn claim(policy: &str, damage: Damage, claimed: u64, documents: &[&str]) -> Claim {
    let documents = documents.iter().map(|d| d.to_string()).collect();
    Claim { policy: policy.to_owned(), damage, claimed, documents }
}

#[test]
fn claims_that_are_paid() {
    let glass = agree(|| insurance_claim(claim("p-1", Damage::Glass, 2_000, &[])));
    assert_eq!(glass.outcome, json!({ "ok": { "Paid": { "cents": 800, "offers": 1 } } }));
    assert!(!asked(&glass).contains("signal claim-document"));
    let water = || insurance_claim(claim("p-1", Damage::Water { rooms: 2 }, 30_000, &["photo"]));
    let water = Differential::new(water).signal(&DOCUMENT, "selfie".to_owned()).signal(&DOCUMENT, "plumber".to_owned());
    let water = water.signal(&ANSWER, false).signal(&ANSWER, true).run();
    assert_eq!(water.outcome, json!({ "ok": { "Paid": { "cents": (14_800 + 18_500) / 2, "offers": 2 } } }));
}

#[test]
fn claims_that_are_not_paid() {
    let refused = |reason| json!({ "ok": { "Refused": reason } });
    let theft = |reported: Option<&str>| Damage::Theft { reported: reported.map(str::to_owned) };
    assert_eq!(agree(|| insurance_claim(claim("p-old", Damage::Glass, 1, &[]))).outcome, refused(json!("NotInsured")));
    let missing = agree(|| insurance_claim(claim("p-1", theft(None), 9_000, &["photo"])));
    assert_eq!(missing.outcome, refused(json!({ "DocumentsMissing": ["police"] })));
    assert_eq!(asked(&missing), "find_policy ask_customer signal ask_customer signal");
    let shady = agree(|| insurance_claim(claim("p-shady", theft(Some("Oslo")), 9_000, &["photo"])));
    assert_eq!(shady.outcome, refused(json!({ "Fraud": { "score": 95 } })));
    let stubborn = Differential::new(|| insurance_claim(claim("p-1", Damage::Glass, 11_000, &[])));
    let stubborn = stubborn.signal(&ANSWER, false).signal(&ANSWER, false).signal(&ANSWER, false).run();
    assert_eq!(stubborn.outcome, json!({ "ok": { "Court": { "last_offer": 9_750 } } }));
    assert!(agree(|| insurance_claim(claim("p-none", Damage::Glass, 1, &[]))).outcome["err"].is_object());
}

#[workflow_runtime::test(crashes = "every")]
async fn a_claim_takes_its_time(t: Test) {
    let run = t.start("c", insurance_claim(claim("p-1", Damage::Water { rooms: 1 }, 30_000, &["photo"]))).await;
    t.advance(days(13)).await;
    run.signal(&DOCUMENT, "plumber".to_owned()).await;
    assert_eq!(run.result().await.expect("an end"), Settled::Paid { cents: 6_800, offers: 1 });
    t.calls(expert_opinion).assert_called_times(3);
    t.calls(pay_claim).assert_called_once();
}
