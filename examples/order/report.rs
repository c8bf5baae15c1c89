//! What people see: progress, and the table at the end.

use crate::{
    audit::{Audit, Outcome},
    services::{faults::Fault, host::Traffic},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How many findings are printed.
const SHOWN: usize = 25;

/// What the supervisor has counted.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    pub kills: u64,
    /// Unfinished orders that a worker found when it started, over all workers.
    pub resumed: usize,
    /// Longest time from the start of a worker until every order was attached.
    pub slowest_start: Duration,
    pub took: Duration,
    /// What was wrong before the audit began.
    pub findings: Vec<String>,
}

impl Numbers {
    /// A worker is up and found `resumed` unfinished orders.
    pub(crate) fn opened(&mut self, resumed: usize, millis: u64) {
        self.resumed += resumed;
        self.slowest_start = self.slowest_start.max(Duration::from_millis(millis));
    }
}

/// A bar on a terminal, lines elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    orders: u64,
    began: Instant,
}

impl Progress {
    /// Nothing done of so many orders.
    pub(crate) fn new(orders: u64) -> Self {
        let style = ProgressStyle::with_template("{elapsed:>4} {bar:40} {pos}/{len} orders  {msg}");
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(orders), ProgressDrawTarget::stdout());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, orders, began: Instant::now() }
    }

    /// So many orders have an outcome.
    pub(crate) fn closed(&self, orders: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(orders as u64);
        }
    }

    /// The worker was killed.
    pub(crate) fn killed(&self, kills: u64, requests: u64, orders: usize) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("killed {kills} times")),
            None => println!(
                "{:6.1} s  kill {kills:3} after {requests:6} requests, {orders:5} of {} orders closed",
                self.began.elapsed().as_secs_f64(),
                self.orders
            ),
        }
    }

    /// The table comes next.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints the table; true if every line adds up.
pub(crate) fn print(orders: usize, numbers: &Numbers, traffic: &Traffic, audit: &Audit) -> bool {
    let mut findings = numbers.findings.clone();
    let seconds = numbers.took.as_secs_f64();
    println!();
    row("orders", orders, &format!("in {seconds:.1} s, {:.1} per second", orders as f64 / seconds));
    for (outcome, n) in &audit.outcomes {
        row(&format!("  {}", outcome.label()), *n, "");
    }
    row("worker killed", numbers.kills, "with SIGKILL");
    let slowest =
        format!("summed over all restarts, of which the slowest took {} ms", numbers.slowest_start.as_millis());
    row("orders resumed", numbers.resumed, &slowest);
    services(traffic, &mut findings);
    let cents = |(n, cents): (usize, u64)| (n, format!("{}.{:02}", cents / 100, cents % 100));
    let (charges, sum) = cents(audit.charged);
    row("cards charged", charges, &format!("{sum}, at most {} per order", audit.most_charges));
    let (refunds, sum) = cents(audit.refunded);
    row("  refunded", refunds, &sum);
    row("stock reserved", audit.reserved.0, "");
    row("  released", audit.reserved.1, "");
    row("parcels shipped", audit.shipped.0, "");
    row("  recalled", audit.shipped.1, "");
    findings.extend(audit.findings.iter().cloned());
    println!();
    if findings.is_empty() {
        let fulfilled = audit.outcomes.get(&Outcome::Fulfilled).copied().unwrap_or(0);
        println!("Every line adds up: {fulfilled} orders paid and shipped once, the others undone completely.");
        return true;
    }
    println!("{} lines do NOT add up:", findings.len());
    findings.iter().take(SHOWN).for_each(|f| println!("  {f}"));
    if let Some(more) = findings.len().checked_sub(SHOWN + 1) {
        println!("  and {} more", more + 1);
    }
    false
}

/// The traffic of each service. A request that came under two idempotency keys is a finding.
fn services(traffic: &Traffic, findings: &mut Vec<String>) {
    let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for ((service, content), keys) in &traffic.seen {
        let total = services.entry(service).or_default();
        total.0 += keys.len() as u64;
        total.1 += keys.values().sum::<u64>();
        if keys.len() > 1 {
            findings.push(format!("{service} got one request under {} idempotency keys: {content}", keys.len()));
        }
    }
    let (run, seen) = services.values().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    row("activities run", run, &format!("in {seen} requests, {} of them repeated", seen - run));
    for (service, (run, seen)) in services {
        row(&format!("  {service}"), run, &format!("{} repeated", seen - run));
    }
    let n = |fault| traffic.faults.get(&fault).copied().unwrap_or(0);
    let injected = n(Fault::Before) + n(Fault::After) + n(Fault::LostReply) + n(Fault::Late);
    let kinds = format!(
        "{} before and {} after they were applied, {} answers lost, {} too late",
        n(Fault::Before),
        n(Fault::After),
        n(Fault::LostReply),
        n(Fault::Late)
    );
    row("requests that failed", injected, &kinds);
}

fn row(what: &str, n: impl std::fmt::Display, note: &str) {
    println!("{}", format!("{what:<24}{n:>8}   {note}").trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(keys: &[&str]) -> Vec<String> {
        let mut traffic = Traffic::default();
        let keys = keys.iter().map(|key| ((*key).to_owned(), 2)).collect();
        traffic.seen.insert(("payment", "charge order-1".into()), keys);
        let mut findings = vec![];
        services(&traffic, &mut findings);
        findings
    }

    #[test]
    fn one_request_under_two_keys_is_found_and_a_repeated_one_is_not() {
        assert_eq!(findings(&["run-1"]), Vec::<String>::new());
        assert_eq!(findings(&["run-1", "run-2"]), ["payment got one request under 2 idempotency keys: charge order-1"]);
    }
}
