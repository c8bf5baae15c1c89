//! A chargeback: the merchant collects evidence from several systems before the card network's deadline, answers in rounds, and
//! books what was decided.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Mock, Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Dispute {
    payment: String,
    cents: u64,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    Fraud,
    NotReceived,
    Duplicate,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Evidence {
    receipt: Option<String>,
    delivery: Option<Delivery>,
    login: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Delivery {
    carrier: String,
    signed_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Ruling {
    Merchant,
    Customer,
    MoreEvidence { about: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Won { rounds: u32 },
    Lost { cents: u64, why: String },
    Accepted,
}

const RULING: Signal<Ruling> = Signal::new("ruling");

#[activity(timeout = "1m", retry(attempts = 2, initial = "10s"))]
async fn find_receipt(payment: &str) -> Result<String, String> {
    if payment.starts_with("lost") {
        Err(format!("no receipt of {payment}"))
    } else {
        Ok(format!("receipt of {payment}"))
    }
}

#[activity(timeout = "1m")]
async fn find_delivery(payment: &str) -> Result<Delivery, String> {
    let signed_by = payment.ends_with("signed").then(|| "Ada".to_owned());
    Ok(Delivery { carrier: "post".to_owned(), signed_by })
}

#[activity(timeout = "1m")]
async fn find_login(payment: &str) -> Result<Option<String>, String> {
    Ok((!payment.contains("guest")).then(|| format!("login before {payment}")))
}

#[activity(retry)]
async fn submit_evidence(payment: &str, round: u32, evidence: &Evidence) -> Result<(), String> {
    println!("{payment} {round} {evidence:?}");
    Ok(())
}

#[activity(retry)]
async fn book_chargeback(payment: &str, cents: u64, fee: bool) -> Result<(), String> {
    println!("{payment}: {cents} {fee}");
    Ok(())
}

/// What there is for this reason. What does not come within a day is left out.
#[workflow]
async fn collect_evidence(payment: String, reason: Reason) -> Result<Evidence, Cancelled> {
    let mut evidence = Evidence::default();
    select! {
        found = async {
            match reason {
                Reason::Fraud => {
                    let (receipt, login) = join!(find_receipt(&payment), find_login(&payment));
                    Evidence { receipt: receipt.ok(), login: login.ok().flatten(), ..Evidence::default() }
                }
                Reason::NotReceived => {
                    let (receipt, delivery) = join!(find_receipt(&payment), find_delivery(&payment));
                    Evidence { receipt: receipt.ok(), delivery: delivery.ok(), ..Evidence::default() }
                }
                Reason::Duplicate => Evidence { receipt: find_receipt(&payment).await.ok(), ..Evidence::default() },
            }
        } => evidence = found,
        late = sleep(days(1)) => late?,
    }
    Ok(evidence)
}

#[workflow]
async fn chargeback(dispute: Dispute) -> Result<Outcome, WorkflowError> {
    fn is_strong(evidence: &Evidence) -> bool {
        matches!(
            evidence,
            Evidence { delivery: Some(Delivery { signed_by: Some(_), .. }), .. }
                | Evidence { receipt: Some(_), login: Some(_), .. }
        )
    }

    let Dispute { payment, cents, reason } = dispute;
    book_chargeback(&payment, cents, false).await?;
    if cents < 1_000 {
        return Ok(Outcome::Accepted);
    }
    let mut evidence = collect_evidence(payment.clone(), reason).await?;
    if !is_strong(&evidence) && reason != Reason::Duplicate {
        return Ok(Outcome::Lost { cents, why: "too little evidence".to_owned() });
    }
    let mut rounds = 0;
    let why = loop {
        rounds += 1;
        submit_evidence(&payment, rounds, &evidence).await?;
        match RULING.recv().timeout(days(45)).await {
            Ok(Ruling::Merchant) | Err(WaitError::TimedOut) => {
                if patched!("chargeback-fee-returned") {
                    book_chargeback(&payment, 1_500, true).await?;
                }
                return Ok(Outcome::Won { rounds });
            }
            Ok(Ruling::Customer) => break "the network has decided".to_owned(),
            Ok(Ruling::MoreEvidence { about }) if rounds < 3 => match about.as_str() {
                "login" => evidence.login = find_login(&payment).await?,
                "delivery" => evidence.delivery = Some(find_delivery(&payment).await?),
                _ => break format!("there is no evidence about {about}"),
            },
            Ok(Ruling::MoreEvidence { .. }) => break "too many rounds".to_owned(),
            Err(e) => return Err(e.into()),
        }
    };
    Ok(Outcome::Lost { cents, why })
}

fn dispute(payment: &str, cents: u64, reason: Reason) -> Dispute {
    Dispute { payment: payment.to_owned(), cents, reason }
}

fn more(about: &str) -> Ruling {
    Ruling::MoreEvidence { about: about.to_owned() }
}

#[test]
fn disputes_that_are_won() {
    let silent = agree(|| chargeback(dispute("p", 5_000, Reason::Fraud)));
    assert_eq!(silent.outcome, json!({ "ok": { "Won": { "rounds": 1 } } }));
    assert_eq!(asked(&silent), "book_chargeback find_receipt find_login timer submit_evidence signal book_chargeback");
    let run = Differential::new(|| chargeback(dispute("p-signed", 5_000, Reason::NotReceived)));
    let run = run.signal(&RULING, more("login")).signal(&RULING, more("delivery")).signal(&RULING, Ruling::Merchant);
    assert_eq!(run.run().outcome, json!({ "ok": { "Won": { "rounds": 3 } } }));
}

#[test]
fn disputes_that_are_lost() {
    let lost = |why: &str| json!({ "ok": { "Lost": { "cents": 5_000, "why": why } } });
    let weak = agree(|| chargeback(dispute("lost", 5_000, Reason::Fraud)));
    assert_eq!(weak.outcome, lost("too little evidence"));
    let guest = agree(|| chargeback(dispute("guest", 5_000, Reason::NotReceived)));
    assert_eq!(guest.outcome, lost("too little evidence"));
    assert_eq!(agree(|| chargeback(dispute("p", 900, Reason::Fraud))).outcome, json!({ "ok": "Accepted" }));
    let run = || Differential::new(|| chargeback(dispute("lost", 5_000, Reason::Duplicate)));
    assert_eq!(run().signal(&RULING, Ruling::Customer).run().outcome, lost("the network has decided"));
    assert_eq!(run().signal(&RULING, more("luck")).run().outcome, lost("there is no evidence about luck"));
    let rounds = (0..3).fold(run(), |run, _| run.signal(&RULING, more("login"))).run();
    assert_eq!(rounds.outcome, lost("too many rounds"));
}

#[workflow_runtime::test(crashes = "every")]
async fn evidence_that_does_not_come_is_left_out(t: Test) {
    t.mock(find_receipt, |_: String| Mock::<String, String>::hang());
    let run = t.start("c", chargeback(dispute("p", 5_000, Reason::Duplicate))).await;
    run.wait_until_at("RULING").await;
    run.signal(&RULING, Ruling::Customer).await;
    let outcome = run.result().await.expect("an outcome");
    assert_eq!(outcome, Outcome::Lost { cents: 5_000, why: "the network has decided".to_owned() });
    assert_eq!(t.calls(submit_evidence).assert_called_once().args.2, Evidence::default());
}
