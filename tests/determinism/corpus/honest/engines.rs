//! The plots of what other engines publish as samples, told again: transfers, trips, approvals, polls, carts, subscriptions.

use crate::desk;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use workflow_runtime::prelude::*;

#[activity(retry(attempts = 5, initial = "500ms", max = "1m"))]
pub async fn withdraw(account: &str, cents: u64, key: &str) -> Result<String, String> {
    if cents > 1_000_000 { Err(format!("{account} has less")) } else { Ok(format!("w-{key}")) }
}

#[activity(retry(initial = "500ms"))]
pub async fn deposit(account: String, cents: u64, key: String) -> Result<String, String> {
    Ok(format!("d-{account}-{cents}-{key}"))
}

pub mod money_transfer {
    use super::*;

    #[workflow]
    pub async fn money_transfer(from: String, to: String, cents: u64) -> Result<(String, String), WorkflowError> {
        let reference = workflow_id().to_string();
        let out = withdraw(&from, cents, &reference).await?;
        saga::on_failure(deposit(from, cents, reference.clone()));
        let into = deposit(to, cents, reference).await?;
        saga::commit();
        Ok((out, into))
    }
}

pub mod expense_approval {
    use super::*;

    const DECIDED: Signal<(String, bool)> = Signal::new("expense-decided");

    #[workflow]
    pub async fn expense_approval(cents: u64, approvers: Vec<String>) -> Result<bool, WorkflowError> {
        let mut open: HashSet<String> = approvers.iter().cloned().collect();
        for approver in &approvers {
            desk::mail(approver, &format!("{cents} cents?")).await?;
        }
        let deadline = now() + days(3);
        while !open.is_empty() && now() < deadline {
            let Ok((who, yes)) = DECIDED.recv().timeout(days(1)).await else { continue };
            if yes {
                open.remove(&who);
            } else {
                return Ok(false);
            }
        }
        Ok(open.is_empty())
    }
}

pub mod polling {
    use super::*;

    #[workflow]
    pub async fn polling(job: String) -> Result<Option<String>, WorkflowError> {
        for attempt in 0u32..10 {
            let state = desk::ask(&job).await?;
            if state.starts_with("done") {
                return Ok(Some(state));
            }
            sleep(seconds(2u64.pow(attempt.min(6)))).await?;
        }
        Ok(None)
    }
}

pub mod shopping_cart {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub enum Change {
        Add(String, u32),
        Remove(String),
        Checkout,
    }

    const CHANGE: Signal<Change> = Signal::new("cart-change");

    #[workflow]
    pub async fn shopping_cart() -> Result<u64, WorkflowError> {
        let mut cart: BTreeMap<String, u32> = BTreeMap::new();
        loop {
            let change = match CHANGE.recv().timeout(hours(24)).await {
                Err(WaitError::TimedOut) => {
                    desk::mail("ann@example.com", &format!("{} things wait", cart.len())).await?;
                    continue;
                }
                change => change?,
            };
            match change {
                Change::Add(sku, n) => *cart.entry(sku).or_default() += n,
                Change::Remove(sku) => drop(cart.remove(&sku)),
                Change::Checkout => break,
            }
        }
        let prices = desk::prices().await?;
        Ok(cart.iter().map(|(sku, n)| prices.get(sku).unwrap_or(&0) * u64::from(*n)).sum())
    }
}

pub mod subscription {
    use super::*;

    #[workflow]
    pub async fn subscription(customer: String, cents: u64) -> Result<u32, WorkflowError> {
        sleep(days(14)).await?;
        let mut months = 0;
        while cancel_requested().is_none() && months < 36 {
            if withdraw(&customer, cents, &format!("{customer}-{months}")).await.is_err() {
                desk::mail(&customer, "your card was declined").await?;
                sleep(days(3)).await?;
                continue;
            }
            months += 1;
            sleep(days(30)).await?;
        }
        Ok(months)
    }
}

pub mod trip {
    use super::*;

    #[activity]
    pub async fn reserve(what: &str, nights: u32) -> Result<String, String> {
        Ok(format!("{what} for {nights}"))
    }

    #[activity]
    pub async fn release(reservation: String) -> Result<(), String> {
        if reservation.is_empty() { Err("nothing to release".into()) } else { Ok(()) }
    }

    #[workflow]
    pub async fn trip(nights: u32) -> Result<Vec<String>, WorkflowError> {
        let mut reserved = vec![];
        for what in ["car", "hotel", "flight"] {
            let reservation = reserve(what, nights).await?;
            saga::on_failure(release(reservation.clone()));
            reserved.push(reservation);
        }
        Ok(reserved)
    }
}

pub mod first_answer {
    use super::*;

    #[workflow]
    pub async fn first_answer(questions: Vec<String>) -> Result<String, WorkflowError> {
        let fast = select! {
            answer = desk::ask(&questions[0]) => answer?,
            late = sleep(seconds(30)) => {
                late?;
                "nobody".to_owned()
            }
        };
        let (size, again) = join!(desk::count(&fast), desk::ask(&fast));
        Ok(format!("{} {}", size?, again?))
    }
}

pub mod accumulator {
    use super::*;

    const GREETING: Signal<(String, String)> = Signal::new("greeting");

    /// Collects greetings, each key once, until nobody greets for a minute.
    #[workflow]
    pub async fn accumulator(bucket: String, mut seen: HashSet<String>) -> Result<u32, WorkflowError> {
        let mut n = 0;
        while let Ok((key, text)) = GREETING.recv().timeout(minutes(1)).await {
            if seen.insert(key) {
                desk::store(&bucket, &text).await?;
                n += 1;
            }
            if n >= 1_000 {
                continue_as_new!(bucket, seen);
            }
        }
        Ok(n)
    }
}

pub mod interpreter {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub enum Statement {
        Call { activity: String, input: Vec<String>, output: Option<String> },
        Sequence(Vec<Statement>),
        Wait(u64),
    }

    #[workflow]
    pub async fn interpret(
        statement: Statement,
        mut variables: HashMap<String, String>,
    ) -> Result<HashMap<String, String>, WorkflowError> {
        match statement {
            Statement::Call { activity, input, output } => {
                let words: Vec<&str> = input.iter().filter_map(|i| variables.get(i)).map(String::as_str).collect();
                let result = desk::ask(&format!("{activity}({})", words.join(","))).await?;
                if let Some(name) = output {
                    variables.insert(name, result);
                }
            }
            Statement::Sequence(all) => {
                for one in all {
                    variables = interpret(one, variables).await?;
                }
            }
            Statement::Wait(s) => sleep(seconds(s)).await?,
        }
        Ok(variables)
    }
}

pub mod batches {
    use super::*;

    #[workflow]
    pub async fn batches(urls: Vec<String>) -> Result<(usize, usize), WorkflowError> {
        let (mut good, mut bad) = (0, 0);
        for page in for_each_concurrent(4, urls.iter().map(|u| desk::fetch(u))).await {
            if page.is_ok() { good += 1 } else { bad += 1 }
        }
        Ok((good, bad))
    }
}

pub mod mutual_lock {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Request {
        by: String,
        minutes: u64,
    }

    const ACQUIRE: Signal<Request> = Signal::new("lock-acquire");
    const RELEASE: Signal<String> = Signal::new("lock-release");

    /// A lock as an instance of its own: who asks first gets it first.
    #[workflow]
    pub async fn mutual_lock(resource: String) -> Result<u32, WorkflowError> {
        let mut held = 0;
        while let Ok(request) = ACQUIRE.recv().timeout(hours(1)).await {
            desk::mail(&request.by, &resource).await?;
            let released = RELEASE.recv().timeout(minutes(request.minutes)).await;
            held += u32::from(released.is_ok_and(|by| by == request.by));
        }
        Ok(held)
    }
}

pub mod progress {
    use super::*;

    #[workflow]
    pub async fn progress(steps: u32) -> Result<String, WorkflowError> {
        tag("kind", "progress");
        for step in 0..steps {
            set_status(&format!("{}%", step * 100 / steps));
            sleep(minutes(1)).await?;
        }
        Ok("100%".to_owned())
    }
}
