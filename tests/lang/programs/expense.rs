//! An expense report: each line is checked by the rules of its category, a person approves what is large, and accounting pays.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    prelude::*,
    testing::{Mock, Test, differential::Differential},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Report {
    employee: String,
    lines: Vec<Expense>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Expense {
    category: Category,
    cents: u64,
    receipt: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Category {
    Travel,
    Meal { guests: u32 },
    Other,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Paid {
    cents: u64,
    by_category: BTreeMap<String, u64>,
    refused: Vec<(usize, String)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum ExpenseError {
    #[error("{0} has nothing to be paid")]
    Nothing(String),
    #[error("denied by {by}")]
    Denied { by: String },
    #[error("nobody answered")]
    NoAnswer,
    #[error("the accounting system says no")]
    Accounting(#[from] ActivityError<String>),
}

#[activity(retry(attempts = 3, initial = "1s"))]
async fn read_receipt(name: &str) -> Result<u64, String> {
    name.rsplit('-').next().and_then(|n| n.parse().ok()).ok_or_else(|| format!("{name} cannot be read"))
}

/// Sends a mail with two links; whoever clicks one completes the activity.
#[activity(total_timeout = "14d")]
async fn wait_for_decision(cx: ActivityContext, report: &str, cents: u64) -> Result<bool, String> {
    println!("{report}, {cents}: {}", cx.completion_token());
    cx.defer().await
}

#[activity(retry)]
async fn pay_expenses(employee: &str, cents: u64) -> Result<(), String> {
    println!("{cents} for {employee}");
    Ok(())
}

#[workflow]
async fn check_line(expense: Expense) -> Result<u64, String> {
    let Expense { category, cents, receipt } = expense;
    let Some(receipt) = receipt else {
        return match category {
            Category::Meal { .. } if cents <= 1_500 => Ok(cents),
            _ => Err("there is no receipt".to_owned()),
        };
    };
    let read = read_receipt(&receipt).await.map_err(|e| e.to_string())?;
    match category {
        _ if read < cents => Err(format!("the receipt says {read}")),
        Category::Meal { guests } => Ok(cents.min(u64::from(guests + 1) * 3_000)),
        Category::Travel | Category::Other => Ok(cents),
    }
}

#[workflow]
async fn expense_report(report: Report) -> Result<Paid, ExpenseError> {
    let (mut cents, mut refused) = (0, vec![]);
    let mut by_category = BTreeMap::<_, u64>::new();
    let mut seen = BTreeSet::new();
    for (n, line) in report.lines.iter().enumerate() {
        if let Some(receipt) = &line.receipt
            && !seen.insert(receipt.clone())
        {
            refused.push((n, format!("{receipt} is there twice")));
            continue;
        }
        match check_line(line.clone()).await {
            Ok(accepted) => {
                let name = match line.category {
                    Category::Travel => "travel",
                    Category::Meal { .. } => "meals",
                    Category::Other => "other",
                };
                *by_category.entry(name.to_owned()).or_default() += accepted;
                cents += accepted;
            }
            Err(why) => refused.push((n, why)),
        }
    }
    if cents == 0 {
        return Err(ExpenseError::Nothing(report.employee));
    }
    if cents > 20_000 || by_category.get("other").is_some_and(|c| *c > 5_000) {
        match wait_for_decision(&report.employee, cents).await {
            Ok(true) => {}
            Ok(false) => return Err(ExpenseError::Denied { by: "the manager".to_owned() }),
            Err(ActivityError::TimedOut) => return Err(ExpenseError::NoAnswer),
            Err(e) => Err(e)?,
        }
    }
    pay_expenses(&report.employee, cents).await?;
    Ok(Paid { cents, by_category, refused })
}

fn line(category: Category, cents: u64, receipt: Option<&str>) -> Expense {
    Expense { category, cents, receipt: receipt.map(str::to_owned) }
}

fn report(lines: Vec<Expense>) -> Report {
    Report { employee: "Ada".to_owned(), lines }
}

fn small() -> Report {
    report(vec![
        line(Category::Travel, 5_000, Some("train-5000")),
        line(Category::Meal { guests: 1 }, 9_000, Some("dinner-9000")),
        line(Category::Meal { guests: 0 }, 1_200, None),
        line(Category::Other, 700, None),
        line(Category::Other, 700, Some("pens-600")),
        line(Category::Travel, 5_000, Some("train-5000")),
        line(Category::Other, 100, Some("blurred")),
    ])
}

#[test]
fn small_reports_are_paid_at_once() {
    let agreed = agree(|| expense_report(small()));
    assert_eq!(
        agreed.outcome["ok"],
        json!({
            "cents": 12_200,
            "by_category": { "meals": 7_200, "travel": 5_000 },
            "refused": [
                [3, "there is no receipt"],
                [4, "the receipt says 600"],
                [5, "train-5000 is there twice"],
                [6, "blurred cannot be read"],
            ],
        })
    );
    assert_eq!(asked(&agreed), "read_receipt read_receipt read_receipt read_receipt pay_expenses");
    let nothing = agree(|| expense_report(report(vec![line(Category::Other, 5, None)])));
    assert_eq!(nothing.outcome, json!({ "err": { "Nothing": "Ada" } }));
}

#[test]
fn large_reports_are_decided() {
    let large = || expense_report(report(vec![line(Category::Other, 6_000, Some("chair-6000"))]));
    let by = |answer: Mock<bool, String>| Differential::new(large).mock_sequence(wait_for_decision, [answer]).run();
    assert_eq!(by(Mock::ok(true)).outcome["ok"]["cents"], 6_000);
    assert_eq!(by(Mock::ok(false)).outcome, json!({ "err": { "Denied": { "by": "the manager" } } }));
    let broken = by(Mock::fail("no mail".to_owned()));
    assert_eq!(broken.outcome, json!({ "err": { "Accounting": { "Failed": "no mail" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn nobody_decides_for_two_weeks(t: Test) {
    t.mock_sequence(wait_for_decision, [Mock::hang()]);
    let large = report(vec![line(Category::Travel, 30_000, Some("flight-30000"))]);
    let run = t.start("e", expense_report(large)).await;
    assert_eq!(run.result().await, Err(ExpenseError::NoAnswer));
    t.calls(pay_expenses).assert_not_called();
}
