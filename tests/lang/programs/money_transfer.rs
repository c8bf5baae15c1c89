//! Money goes from one account to others, in one of two currencies, and back if it cannot be deposited.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Account {
    iban: String,
    currency: Currency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Currency {
    Eur,
    Nok,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transfer {
    from: Account,
    to: Vec<(Account, u64)>,
    reference: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum BankError {
    #[error("{missing} cents are missing")]
    Insufficient { missing: u64 },
    #[error("no account {0}")]
    NoAccount(String),
    #[error("the bank is closed")]
    Closed,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum TransferError {
    #[error("not withdrawn")]
    Bank(#[from] ActivityError<BankError>),
    #[error("not deposited, and returned: {deposited} of {intended}")]
    Returned { deposited: usize, intended: usize },
    #[error("nobody confirmed it")]
    Unconfirmed,
}

impl From<WaitError> for TransferError {
    fn from(_: WaitError) -> Self {
        TransferError::Unconfirmed
    }
}

const CONFIRMED: Signal<bool> = Signal::new("transfer-confirmed");

#[activity]
async fn exchange_rate(from: Currency, to: Currency) -> Result<f64, BankError> {
    match (from, to) {
        (Currency::Eur, Currency::Nok) => Ok(11.5),
        (Currency::Nok, Currency::Eur) => Ok(1.0 / 11.5),
        _ => Ok(1.0),
    }
}

#[activity(retry(attempts = 3, initial = "1s", unless(BankError::Insufficient { .. })))]
async fn withdraw(account: &Account, cents: u64, key: &str) -> Result<String, BankError> {
    if cents > 1_000_000 {
        return Err(BankError::Insufficient { missing: cents - 1_000_000 });
    }
    Ok(format!("W-{}-{key}", account.iban))
}

#[activity(retry(attempts = 3, initial = "1s", unless(BankError::NoAccount(_))))]
async fn deposit(cx: ActivityContext, account: &Account, cents: u64, key: &str) -> Result<String, BankError> {
    match account.iban.as_str() {
        "closed" if cx.attempt() < 3 => Err(BankError::Closed),
        "nobody" => Err(BankError::NoAccount(account.iban.clone())),
        iban => Ok(format!("D-{iban}-{cents}-{key}")),
    }
}

#[activity(retry)]
async fn reverse_booking(booking: String) -> Result<(), BankError> {
    println!("{booking} is reversed");
    Ok(())
}

#[workflow]
async fn transfer_money(transfer: Transfer) -> Result<Vec<String>, TransferError> {
    let Transfer { from, to, reference } = transfer;
    let total: u64 = to.iter().map(|(_, cents)| cents).sum();
    if total > 500_000 && !CONFIRMED.recv().timeout(hours(24)).await? {
        return Err(TransferError::Unconfirmed);
    }

    let mut bookings = vec![withdraw(&from, total, &reference).await?];
    let intended = to.len();
    for (n, (account, cents)) in to.iter().enumerate() {
        let cents = if account.currency == from.currency {
            *cents
        } else {
            (*cents as f64 * exchange_rate(from.currency, account.currency).await?).round() as u64
        };
        match deposit(account, cents, &format!("{reference}/{n}")).await {
            Ok(booking) => bookings.push(booking),
            Err(e) => {
                set_status(&format!("returning, because {e}"));
                let deposited = bookings.len() - 1;
                while let Some(booking) = bookings.pop() {
                    reverse_booking(booking).await?;
                }
                return Err(TransferError::Returned { deposited, intended });
            }
        }
    }
    Ok(bookings)
}

fn account(iban: &str, currency: Currency) -> Account {
    Account { iban: iban.to_owned(), currency }
}

fn transfer(to: &[(&str, Currency, u64)]) -> Transfer {
    Transfer {
        from: account("ada", Currency::Eur),
        to: to.iter().map(|(iban, currency, cents)| (account(iban, *currency), *cents)).collect(),
        reference: "rent".to_owned(),
    }
}

#[test]
fn money_arrives() {
    let agreed = agree(|| transfer_money(transfer(&[("closed", Currency::Eur, 700), ("bo", Currency::Nok, 100)])));
    assert_eq!(agreed.outcome, json!({ "ok": ["W-ada-rent", "D-closed-700-rent/0", "D-bo-1150-rent/1"] }));
    assert_eq!(asked(&agreed), "withdraw deposit exchange_rate deposit");
}

#[test]
fn money_comes_back() {
    let lost = [("bo", Currency::Eur, 5), ("nobody", Currency::Nok, 5), ("cy", Currency::Eur, 5)];
    let agreed = agree(|| transfer_money(transfer(&lost)));
    assert_eq!(agreed.outcome, json!({ "err": { "Returned": { "deposited": 1, "intended": 3 } } }));
    assert_eq!(asked(&agreed), "withdraw deposit exchange_rate deposit reverse_booking reverse_booking");
    assert!(agreed.operations[5].contains("W-ada-rent"), "{agreed:?}");
}

#[test]
fn much_money_is_confirmed() {
    let much = || transfer_money(transfer(&[("bo", Currency::Eur, 1_000_001)]));
    assert_eq!(agree(much).outcome, json!({ "err": "Unconfirmed" }));
    let no = Differential::new(much).signal(&CONFIRMED, false).run();
    assert_eq!((no.outcome, no.operations.len()), (json!({ "err": "Unconfirmed" }), 1));
    let yes = Differential::new(much).signal(&CONFIRMED, true).run();
    assert_eq!(yes.outcome, json!({ "err": { "Bank": { "Failed": { "Insufficient": { "missing": 1 } } } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn no_crash_books_twice(t: Test) {
    let to = [("bo", Currency::Nok, 600_000), ("closed", Currency::Eur, 5), ("nobody", Currency::Eur, 5)];
    let run = t.start("rent", transfer_money(transfer(&to))).await;
    run.wait_until_at("CONFIRMED").await;
    run.signal(&CONFIRMED, true).await;
    assert_eq!(run.result().await, Err(TransferError::Returned { deposited: 2, intended: 3 }));
    t.calls(withdraw).assert_called_once();
    t.calls(reverse_booking).assert_called_times(3);
}
