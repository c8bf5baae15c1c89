//! A document goes to several reviewers at once; when enough have approved it, it is published, when one asks for changes, the
//! author makes a new version and the review begins again.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Document {
    title: String,
    version: u32,
    body: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Review {
    by: String,
    version: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Verdict {
    Approve,
    Change(Vec<String>),
    Veto,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Published { url: String, version: u32, approved_by: Vec<String> },
    Vetoed { by: String },
    Stalled { version: u32, silent: Vec<String> },
}

const REVIEW: Signal<Review> = Signal::new("review");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn ask_reviewer(who: &str, document: &Document) -> Result<(), String> {
    if who == "ghost" { Err(format!("{who} has left, {} stays", document.title)) } else { Ok(()) }
}

#[activity]
async fn revise(document: Document, changes: &[String]) -> Result<Document, String> {
    let Document { title, version, body } = document;
    if changes.iter().any(|c| c == "everything") {
        return Err("the author gives up".to_owned());
    }
    Ok(Document { title, version: version + 1, body: format!("{body} ({})", changes.join(", ")) })
}

#[activity]
async fn publish(document: &Document) -> Result<String, String> {
    Ok(format!("/docs/{}/{}", document.title, document.version))
}

#[workflow]
async fn document_review(
    mut document: Document,
    reviewers: Vec<String>,
    needed: usize,
) -> Result<Outcome, WorkflowError> {
    let reachable = 'reachable: {
        let asked = join_all(reviewers.iter().map(|who| ask_reviewer(who, &document))).await;
        if asked.iter().all(Result::is_ok) {
            break 'reachable reviewers;
        }
        let reached = reviewers.into_iter().zip(asked).filter(|(_, asked)| asked.is_ok());
        reached.map(|(who, _)| who).collect()
    };

    let outcome = 'version: loop {
        let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
        let deadline = now() + jiff::SignedDuration::from_hours(5 * 24);
        loop {
            let approvals = verdicts.values().filter(|v| **v == Verdict::Approve).count();
            if approvals >= needed.min(reachable.len()) {
                break;
            }
            let review = select! {
                review = REVIEW.recv() => review?,
                late = sleep_until(deadline) => {
                    late?;
                    let silent = reachable.iter().filter(|who| !verdicts.contains_key(*who)).cloned().collect();
                    break 'version Outcome::Stalled { version: document.version, silent };
                }
            };
            match review {
                Review { version, .. } if version != document.version => {}
                Review { ref by, .. } if !reachable.contains(by) => {}
                Review { by, verdict: Verdict::Veto, .. } => break 'version Outcome::Vetoed { by },
                Review { verdict: Verdict::Change(changes), by, .. } => {
                    document = revise(document, &changes).await?;
                    for who in reachable.iter().filter(|who| **who != by).cloned().collect::<Vec<_>>() {
                        ask_reviewer(&who, &document).await?;
                    }
                    continue 'version;
                }
                Review { by, verdict, .. } => {
                    verdicts.insert(by, verdict);
                }
            }
        }
        let approved_by = verdicts.into_keys().collect();
        let url = publish(&document).await?;
        break Outcome::Published { url, version: document.version, approved_by };
    };
    set_status(&outcome);
    Ok(outcome)
}

fn document() -> Document {
    Document { title: "plan".to_owned(), version: 1, body: "we do it".to_owned() }
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|n| n.to_string()).collect()
}

fn review(by: &str, version: u32, verdict: Verdict) -> Review {
    Review { by: by.to_owned(), version, verdict }
}

#[test]
fn a_document_is_published() {
    let run = Differential::new(|| document_review(document(), names(&["ann", "bob", "ghost"]), 2));
    let change = Verdict::Change(vec!["shorter".to_owned()]);
    let reviews = [
        review("ann", 1, Verdict::Approve),
        review("eve", 1, Verdict::Veto),
        review("bob", 1, change),
        review("ann", 1, Verdict::Veto),
        review("ann", 2, Verdict::Approve),
        review("ann", 2, Verdict::Approve),
        review("bob", 2, Verdict::Approve),
    ];
    let agreed = reviews.into_iter().fold(run, |run, r| run.signal(&REVIEW, r)).run();
    let published = json!({ "url": "/docs/plan/2", "version": 2, "approved_by": ["ann", "bob"] });
    assert_eq!(agreed.outcome, json!({ "ok": { "Published": published } }));
    assert!(asked(&agreed).starts_with("join_all ask_reviewer ask_reviewer ask_reviewer signal timer signal"));
}

#[test]
fn a_document_is_not_published() {
    let run = || Differential::new(|| document_review(document(), names(&["ann", "bob"]), 2));
    let stalled = run().signal(&REVIEW, review("bob", 1, Verdict::Approve)).run();
    assert_eq!(stalled.outcome, json!({ "ok": { "Stalled": { "version": 1, "silent": ["ann"] } } }));
    let vetoed = run().signal(&REVIEW, review("bob", 1, Verdict::Veto)).run();
    assert_eq!(vetoed.outcome, json!({ "ok": { "Vetoed": { "by": "bob" } } }));
    let all = Verdict::Change(vec!["everything".to_owned()]);
    assert_eq!(run().signal(&REVIEW, review("ann", 1, all)).run().outcome["err"]["message"], "the author gives up");
    let nobody = agree(|| document_review(document(), names(&["ghost"]), 1));
    assert_eq!(nobody.outcome["ok"]["Published"]["approved_by"], json!([]));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_review_takes_days(t: Test) {
    let run = t.start("r", document_review(document(), names(&["ann", "bob"]), 1)).await;
    t.advance(days(4)).await;
    run.signal(&REVIEW, review("ann", 1, Verdict::Change(vec!["a title".to_owned()]))).await;
    t.advance(days(4)).await;
    run.signal(&REVIEW, review("bob", 2, Verdict::Approve)).await;
    assert!(matches!(run.result().await.expect("an outcome"), Outcome::Published { version: 2, .. }));
    t.calls(revise).assert_called_once();
}
