//! A loan application: the credit bureau and the employer are asked at once, and what is not clear goes to an underwriter.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Application {
    applicant: Applicant,
    amount: u64,
    months: u32,
    collateral: Option<Collateral>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Applicant {
    name: String,
    employer: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Collateral {
    House { address: String, claimed: u64 },
    Car { claimed: u64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Decision {
    Approved { rate: f64, monthly: u64 },
    Rejected { reasons: Vec<String> },
    Withdrawn,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opinion {
    by: String,
    approve: bool,
    rate: Option<f64>,
}

const OPINION: Signal<Opinion> = Signal::new("underwriter");
const WITHDRAW: Signal<()> = Signal::new("withdraw-application");

#[activity(timeout = "30s", retry(attempts = 3, initial = "1s"))]
async fn credit_score(name: &str) -> Result<u32, String> {
    name.split(' ').nth(1).and_then(|n| n.parse().ok()).ok_or_else(|| format!("{name} is unknown"))
}

#[activity(timeout = "2d")]
async fn verify_income(name: &str, employer: &str) -> Result<u64, String> {
    if employer == "none" { Err(format!("{name} does not work here")) } else { Ok(3_000) }
}

#[activity]
async fn value_house(address: &str) -> Result<u64, String> {
    Ok(if address.contains("swamp") { 10_000 } else { 400_000 })
}

#[activity]
async fn send_decision(name: &str, decision: &Decision) -> Result<(), String> {
    println!("{name}: {decision:?}");
    Ok(())
}

fn monthly(amount: u64, rate: f64, months: u32) -> u64 {
    let r = rate / 12.0;
    let factor = if r == 0.0 { 1.0 / f64::from(months) } else { r / (1.0 - (1.0 + r).powi(-(months as i32))) };
    (amount as f64 * factor).round() as u64
}

#[workflow]
async fn assess(application: Application) -> Result<Decision, WorkflowError> {
    fn rate_for(score: u32) -> Option<f64> {
        match score {
            700.. => Some(0.04),
            600..700 => Some(0.07),
            _ => None,
        }
    }

    let Application { applicant: Applicant { name, employer }, amount, months, collateral } = application;
    let (score, income) = join!(credit_score(&name), async {
        let Some(employer) = &employer else { return Ok(0) };
        verify_income(&name, employer).await
    });
    let score = score.unwrap_or(500);

    let mut reasons = vec![];
    if let Err(e) = &income {
        reasons.push(e.to_string());
    }
    let income = income.unwrap_or_default();
    let secured = match collateral {
        Some(Collateral::House { address, claimed }) => value_house(&address).await?.min(claimed),
        Some(Collateral::Car { claimed }) if claimed < 20_000 => claimed / 2,
        Some(Collateral::Car { .. }) | None => 0,
    };
    if let Some(rate) = rate_for(score)
        && let monthly = monthly(amount, rate, months)
        && (monthly * 3 < income || secured > amount)
    {
        return Ok(Decision::Approved { rate, monthly });
    }
    if score < 550 && secured < amount {
        reasons.push(format!("score {score}"));
        return Ok(Decision::Rejected { reasons });
    }

    set_status("with an underwriter");
    let opinion = select! {
        opinion = OPINION.recv().timeout(days(7)) => opinion.ok(),
        gone = WITHDRAW.recv() => {
            gone?;
            return Ok(Decision::Withdrawn);
        }
    };
    Ok(match opinion {
        Some(Opinion { approve: true, rate, .. }) => {
            let rate = rate.unwrap_or(0.09);
            Decision::Approved { rate, monthly: monthly(amount, rate, months) }
        }
        Some(Opinion { by, .. }) => {
            reasons.push(format!("{by} said no"));
            Decision::Rejected { reasons }
        }
        None => Decision::Rejected { reasons: [reasons, vec!["nobody looked at it".to_owned()]].concat() },
    })
}

#[workflow]
async fn loan(application: Application) -> Result<Decision, WorkflowError> {
    let name = application.applicant.name.clone();
    let decision = assess(application).await?;
    if decision != Decision::Withdrawn {
        send_decision(&name, &decision).await?;
    }
    Ok(decision)
}

fn application(name: &str, employer: Option<&str>, amount: u64, collateral: Option<Collateral>) -> Application {
    let applicant = Applicant { name: name.to_owned(), employer: employer.map(str::to_owned) };
    Application { applicant, amount, months: 24, collateral }
}

fn house(address: &str) -> Option<Collateral> {
    Some(Collateral::House { address: address.to_owned(), claimed: 300_000 })
}

#[test]
fn loans_that_are_clear() {
    let good = agree(|| loan(application("Ada 720", Some("x"), 12_000, None)));
    assert_eq!(good.outcome, json!({ "ok": { "Approved": { "rate": 0.04, "monthly": 521 } } }));
    assert_eq!(asked(&good), "credit_score verify_income send_decision");
    let secured = agree(|| loan(application("Bo 650", None, 100_000, house("1 hill"))));
    assert_eq!(secured.outcome["ok"]["Approved"]["rate"], 0.07);
    assert_eq!(asked(&secured), "credit_score value_house send_decision");
    let poor = agree(|| loan(application("Cy", Some("none"), 1_000, Some(Collateral::Car { claimed: 1_000 }))));
    assert_eq!(poor.outcome, json!({ "ok": { "Rejected": { "reasons": ["Cy does not work here", "score 500"] } } }));
}

#[test]
fn loans_that_are_not_clear() {
    let unclear = || loan(application("Di 580", Some("x"), 50_000, house("1 swamp")));
    let late = agree(unclear);
    assert_eq!(late.outcome, json!({ "ok": { "Rejected": { "reasons": ["nobody looked at it"] } } }));
    let opinion = |approve, rate| Opinion { by: "Eve".to_owned(), approve, rate };
    let yes = Differential::new(unclear).signal(&OPINION, opinion(true, Some(0.0))).run();
    assert_eq!(yes.outcome, json!({ "ok": { "Approved": { "rate": 0.0, "monthly": 2083 } } }));
    let no = Differential::new(unclear).signal(&OPINION, opinion(false, None)).run();
    assert_eq!(no.outcome, json!({ "ok": { "Rejected": { "reasons": ["Eve said no"] } } }));
    let gone = Differential::new(unclear).signal(&WITHDRAW, ()).run();
    assert_eq!(gone.outcome, json!({ "ok": "Withdrawn" }));
    assert!(!asked(&gone).contains("send_decision"));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_loan_waits_for_its_underwriter(t: Test) {
    let run = t.start("l", loan(application("Di 580", Some("x"), 50_000, None))).await;
    t.advance(days(6)).await;
    run.signal(&OPINION, Opinion { by: "Eve".to_owned(), approve: true, rate: None }).await;
    let decision = run.result().await.expect("a decision");
    assert_eq!(decision, Decision::Approved { rate: 0.09, monthly: 2284 });
    t.calls(send_decision).assert_called_once();
}
