//! Know your customer: documents are read, lists are searched, owners of companies are followed to the people behind them, and a
//! risk decides who looks at it and when again.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Party {
    Person { name: String, country: String },
    Company { name: String },
}

impl Party {
    fn name(&self) -> &str {
        match self {
            Party::Person { name, .. } | Party::Company { name } => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hit {
    list: String,
    score: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Findings {
    people: BTreeSet<String>,
    hits: Vec<Hit>,
    unclear: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Risk {
    Low,
    Medium,
    High,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kyc {
    Accepted { risk: Risk, officer: Option<String>, review_in_months: u32 },
    Rejected { because: String },
}

const OFFICER: Signal<(String, bool)> = Signal::new("officer");
const PASSPORT: Signal<String> = Signal::new("passport");

#[activity(timeout = "30s", retry(attempts = 3, initial = "1s"))]
async fn read_passport(image: &str, name: &str) -> Result<bool, String> {
    if image == "blurred" { Err("it cannot be read".to_owned()) } else { Ok(image == format!("passport of {name}")) }
}

#[activity(timeout = "10s")]
async fn search_list(list: &str, name: &str) -> Result<Option<Hit>, String> {
    let score = match (list, name) {
        ("sanctions", "Moriarty") => 99,
        ("politicians", "Ada") => 40,
        ("sanctions", "Bo") => 60,
        ("press", _) if name.starts_with('X') => return Err("the archive is closed".to_owned()),
        _ => return Ok(None),
    };
    Ok(Some(Hit { list: list.to_owned(), score }))
}

#[activity]
async fn owners_of(company: &str) -> Result<Vec<(Party, u8)>, String> {
    let person = |name: &str, country: &str| Party::Person { name: name.to_owned(), country: country.to_owned() };
    let company_ = |name: &str| Party::Company { name: name.to_owned() };
    Ok(match company {
        "Acme" => vec![(person("Ada", "no"), 60), (company_("Holding"), 40)],
        "Holding" => vec![(company_("Island"), 80), (person("Bo", "se"), 20)],
        "Island" => vec![(person("Moriarty", "xx"), 100)],
        "Ring" => vec![(company_("Ring"), 50), (person("Cy", "dk"), 50)],
        _ => return Err(format!("{company} is in no register")),
    })
}

/// Follows owners of a quarter and more, depth first, each company once.
#[workflow]
async fn investigate(party: Party, mut findings: Findings, depth: u32) -> Result<Findings, WorkflowError> {
    const LISTS: [&str; 3] = ["sanctions", "politicians", "press"];

    if !findings.people.insert(party.name().to_owned()) {
        return Ok(findings);
    }
    let searched = join_all(LISTS.iter().map(|list| search_list(list, party.name()))).await;
    for (list, found) in LISTS.iter().zip(searched) {
        match found {
            Ok(hit) => findings.hits.extend(hit),
            Err(e) => findings.unclear.push(format!("{list} for {}: {e}", party.name())),
        }
    }
    let Party::Company { name } = party else {
        return Ok(findings);
    };
    if depth == 0 {
        findings.unclear.push(format!("too deep at {name}"));
        return Ok(findings);
    }
    match owners_of(&name).await {
        Ok(owners) => {
            for (owner, percent) in owners {
                if percent >= 25 {
                    findings = investigate(owner, findings, depth - 1).await?;
                }
            }
        }
        Err(e) => findings.unclear.push(e.to_string()),
    }
    Ok(findings)
}

#[workflow]
async fn identify(name: String) -> Result<bool, WorkflowError> {
    for tries in 1..=3 {
        let Ok(image) = PASSPORT.recv().timeout(days(30)).await else {
            break;
        };
        match read_passport(&image, &name).await {
            Ok(matches) => return Ok(matches),
            Err(e) => set_status(&format!("try {tries}: {e}")),
        }
    }
    Ok(false)
}

#[workflow]
async fn know_your_customer(party: Party, depth: u32) -> Result<Kyc, WorkflowError> {
    if let Party::Person { name, .. } = &party
        && !identify(name.clone()).await?
    {
        return Ok(Kyc::Rejected { because: format!("{name} is not identified") });
    }
    let begun = Findings { people: BTreeSet::new(), hits: vec![], unclear: vec![] };
    let Findings { people, hits, unclear } = investigate(party.clone(), begun, depth).await?;

    let worst = hits.iter().max_by_key(|h| h.score);
    if let Some(Hit { list, score: 90.. }) = worst {
        return Ok(Kyc::Rejected { because: format!("found in {list}") });
    }
    let risk = match (worst, &party) {
        (Some(Hit { score: 50.., .. }), _) => Risk::High,
        (_, Party::Person { country, .. }) if country == "xx" => Risk::High,
        (Some(_), _) => Risk::Medium,
        (None, _) if !unclear.is_empty() || people.len() > 3 => Risk::Medium,
        (None, _) => Risk::Low,
    };
    tag("risk", format!("{risk:?}"));
    if risk == Risk::Low {
        return Ok(Kyc::Accepted { risk, officer: None, review_in_months: 36 });
    }

    let needed = if risk == Risk::High { 2 } else { 1 };
    let mut officers: Vec<String> = vec![];
    let accepted = loop {
        if officers.len() == needed {
            break Ok(officers.join(" and "));
        }
        match OFFICER.recv().timeout(days(10)).await {
            Ok((by, _)) if officers.contains(&by) => continue,
            Ok((by, true)) => officers.push(by),
            Ok((by, false)) => break Err(format!("{by} said no")),
            Err(WaitError::TimedOut) => break Err("no officer looked at it".to_owned()),
            Err(WaitError::Cancelled) => return Err(Cancelled.into()),
        }
    };
    Ok(match accepted {
        Ok(officer) => Kyc::Accepted { risk, officer: Some(officer), review_in_months: 12 / needed as u32 },
        Err(because) => Kyc::Rejected { because },
    })
}

fn person(name: &str, country: &str) -> Party {
    Party::Person { name: name.to_owned(), country: country.to_owned() }
}

fn company(name: &str) -> Party {
    Party::Company { name: name.to_owned() }
}

#[test]
fn people_are_identified() {
    let run = |name: &'static str, country: &'static str| {
        Differential::new(move || know_your_customer(person(name, country), 3))
    };
    let low =
        run("Cy", "dk").signal(&PASSPORT, "blurred".to_owned()).signal(&PASSPORT, "passport of Cy".to_owned()).run();
    let accepted = json!({ "risk": "Low", "officer": null, "review_in_months": 36 });
    assert_eq!(low.outcome, json!({ "ok": { "Accepted": accepted } }));
    let other = run("Cy", "dk").signal(&PASSPORT, "passport of Bo".to_owned()).run();
    assert_eq!(other.outcome, json!({ "ok": { "Rejected": { "because": "Cy is not identified" } } }));
    let high = run("Bo", "se").signal(&PASSPORT, "passport of Bo".to_owned());
    let high = high.signal(&OFFICER, ("Eve".to_owned(), true)).signal(&OFFICER, ("Eve".to_owned(), true));
    let high = high.signal(&OFFICER, ("Fay".to_owned(), true)).run();
    let accepted = json!({ "risk": "High", "officer": "Eve and Fay", "review_in_months": 6 });
    assert_eq!(high.outcome, json!({ "ok": { "Accepted": accepted } }));
    let unclear = run("Xi", "cn").signal(&PASSPORT, "passport of Xi".to_owned()).run();
    assert_eq!(unclear.outcome, json!({ "ok": { "Rejected": { "because": "no officer looked at it" } } }));
}

#[test]
fn companies_are_followed() {
    let deep = agree(|| know_your_customer(company("Acme"), 5));
    assert_eq!(deep.outcome, json!({ "ok": { "Rejected": { "because": "found in sanctions" } } }));
    assert_eq!(asked(&deep).matches("owners_of").count(), 3);
    let shallow =
        Differential::new(|| know_your_customer(company("Acme"), 1)).signal(&OFFICER, ("Eve".to_owned(), true)).run();
    assert_eq!(shallow.outcome["ok"]["Accepted"]["risk"], "Medium");
    let ring = agree(|| know_your_customer(company("Ring"), 9));
    assert_eq!(ring.outcome["ok"]["Accepted"]["risk"], "Low");
    let unknown =
        Differential::new(|| know_your_customer(company("Ghost"), 9)).signal(&OFFICER, ("Eve".to_owned(), false));
    assert_eq!(unknown.run().outcome, json!({ "ok": { "Rejected": { "because": "Eve said no" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn an_investigation_survives(t: Test) {
    let run = t.start("k", know_your_customer(company("Acme"), 2)).await;
    run.wait_until_at("OFFICER").await;
    run.signal(&OFFICER, ("Eve".to_owned(), true)).await;
    let accepted = Kyc::Accepted { risk: Risk::Medium, officer: Some("Eve".to_owned()), review_in_months: 12 };
    assert_eq!(run.result().await.expect("a decision"), accepted);
    t.calls(owners_of).assert_called_times(2);
}
