//! A payroll: hours are collected until the cut-off, pay is computed for each person, two people sign, and transfers that fail
//! are corrected and sent again.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Employee {
    id: u32,
    contract: Contract,
    account: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Contract {
    Salary { monthly: u64 },
    Hourly { rate: u64, most: u32 },
    Intern,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Payslip {
    id: u32,
    gross: u64,
    tax: u64,
}

impl Payslip {
    fn net(&self) -> u64 {
        self.gross - self.tax
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct PayDay {
    paid: BTreeMap<u32, u64>,
    unpaid: Vec<u32>,
    total_tax: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum PayrollError {
    #[error("{0} did not sign")]
    NotSigned(String),
    #[error("the books")]
    Books(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const HOURS: Signal<(u32, u32)> = Signal::new("hours");
const SIGNED: Signal<String> = Signal::new("payroll-signed");
const ACCOUNT: Signal<(u32, String)> = Signal::new("corrected-account");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn employees_of(month: u8) -> Result<Vec<Employee>, String> {
    let employee = |id, contract, account: &str| Employee { id, contract, account: account.to_owned() };
    match month {
        1..=11 => Ok(vec![
            employee(1, Contract::Salary { monthly: 400_000 }, "a1"),
            employee(2, Contract::Hourly { rate: 2_000, most: 160 }, "a2"),
            employee(3, Contract::Intern, "a3"),
            employee(4, Contract::Hourly { rate: 1_500, most: 100 }, "wrong"),
        ]),
        12 => Ok(vec![]),
        _ => Err(format!("no month {month}")),
    }
}

#[activity]
async fn income_tax(id: u32, gross: u64) -> Result<u64, String> {
    println!("tax of {id}");
    Ok(match gross {
        0..=100_000 => 0,
        100_001..=300_000 => gross / 5,
        _ => gross * 3 / 10,
    })
}

#[activity]
async fn transfer_pay(account: &str, cents: u64, month: u8) -> Result<(), String> {
    if account == "wrong" { Err(format!("{account}: {cents} for {month} came back")) } else { Ok(()) }
}

#[activity(retry)]
async fn report_tax(month: u8, cents: u64) -> Result<(), String> {
    println!("{month}: {cents}");
    Ok(())
}

/// The hours that have come by the cut-off; the last word about a person counts.
#[workflow]
async fn collect_hours(days_to_wait: u64) -> Result<BTreeMap<u32, u32>, Cancelled> {
    let mut hours = BTreeMap::new();
    let cut_off = now() + jiff::SignedDuration::from_hours(24 * days_to_wait as i64);
    loop {
        select! {
            told = HOURS.recv() => {
                let (id, worked) = told?;
                hours.insert(id, worked);
            }
            over = sleep_until(cut_off) => {
                over?;
                return Ok(hours);
            }
        }
    }
}

#[workflow]
async fn payroll(month: u8, signers: Vec<String>) -> Result<PayDay, PayrollError> {
    let (employees, hours) = join!(employees_of(month), collect_hours(5));
    let (employees, hours) = (employees?, hours?);

    let mut slips = vec![];
    for Employee { id, contract, .. } in &employees {
        let gross = match (contract, hours.get(id)) {
            (Contract::Salary { monthly }, None) => *monthly,
            (Contract::Salary { monthly }, Some(extra)) => monthly + u64::from(*extra) * (monthly / 160),
            (Contract::Hourly { rate, most }, Some(worked)) => u64::from(*worked.min(most)) * rate,
            (Contract::Hourly { .. }, None) => continue,
            (Contract::Intern, _) => 50_000,
        };
        slips.push(Payslip { id: *id, gross, tax: income_tax(*id, gross).await? });
    }

    let mut missing = signers;
    while let Some(first) = missing.first() {
        let first = first.clone();
        let Ok(by) = SIGNED.recv().timeout(days(3)).await else { return Err(PayrollError::NotSigned(first)) };
        missing.retain(|who| *who != by);
    }

    let mut day = PayDay::default();
    let mut accounts: BTreeMap<u32, String> =
        employees.into_iter().map(|Employee { id, account, .. }| (id, account)).collect();
    'slips: for slip in &slips {
        let net = slip.net();
        day.total_tax += slip.tax;
        for correction in 0..=2 {
            let Some(account) = accounts.get(&slip.id) else { continue 'slips };
            if transfer_pay(account, net, month).await.is_ok() {
                day.paid.insert(slip.id, net);
                continue 'slips;
            }
            set_status(&format!("{} waits for account number {}", slip.id, correction + 1));
            match ACCOUNT.recv().timeout(days(10)).await {
                Ok((id, account)) => drop(accounts.insert(id, account)),
                Err(WaitError::TimedOut) => break,
                Err(WaitError::Cancelled) => return Err(Cancelled.into()),
            }
        }
        day.unpaid.push(slip.id);
    }
    if day.total_tax > 0 {
        report_tax(month, day.total_tax).await?;
    }
    Ok(day)
}

fn signers() -> Vec<String> {
    ["ann", "bob"].map(str::to_owned).to_vec()
}

#[test]
fn everybody_is_paid() {
    let run = Differential::new(|| payroll(6, signers()));
    let run = [(2, 10), (1, 8), (2, 170), (4, 100)].into_iter().fold(run, |run, hours| run.signal(&HOURS, hours));
    let run = run.signal(&SIGNED, "ann".to_owned()).signal(&SIGNED, "ann".to_owned()).signal(&SIGNED, "bob".to_owned());
    let paid = run.signal(&ACCOUNT, (4, "wrong".to_owned())).signal(&ACCOUNT, (4, "a4".to_owned())).run();
    let nets = json!({ "1": 294_000, "2": 224_000, "3": 50_000, "4": 120_000 });
    assert_eq!(paid.outcome["ok"], json!({ "paid": nets, "unpaid": [], "total_tax": 126_000 + 96_000 + 30_000 }));
    assert_eq!(asked(&paid).matches("transfer_pay").count(), 6);
}

#[test]
fn some_are_not_paid() {
    let run = Differential::new(|| payroll(6, vec![])).signal(&HOURS, (4, 10)).run();
    assert_eq!(run.outcome["ok"]["unpaid"], json!([4]));
    assert_eq!(run.outcome["ok"]["paid"], json!({ "1": 280_000, "3": 50_000 }));
    let unsigned = Differential::new(|| payroll(6, signers())).signal(&SIGNED, "ann".to_owned()).run();
    assert_eq!(unsigned.outcome, json!({ "err": { "NotSigned": "bob" } }));
    let empty = agree(|| payroll(12, vec![]));
    assert_eq!(empty.outcome["ok"]["total_tax"], 0);
    assert!(agree(|| payroll(13, vec![])).outcome["err"]["Books"].is_object());
}

#[workflow_runtime::test(crashes = "every")]
async fn nobody_is_paid_twice(t: Test) {
    let run = t.start("p", payroll(6, signers())).await;
    run.signal(&HOURS, (2, 160)).await;
    t.advance(days(6)).await;
    run.signal(&SIGNED, "bob".to_owned()).await;
    run.signal(&SIGNED, "ann".to_owned()).await;
    let day = run.result().await.expect("a pay day");
    assert_eq!((day.paid.len(), day.total_tax), (3, 120_000 + 96_000));
    t.calls(transfer_pay).assert_called_times(3);
}
