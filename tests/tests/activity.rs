//! Activities as users write them: signatures, options, states, unit tests without an engine.

use serde::{Deserialize, Serialize};
use std::{path::Path, time::Duration};
use workflow_runtime::{
    __private as p,
    activity::{Activity, States},
    prelude::*,
    registry::Registry,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Card(String);

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum ChargeError {
    #[error("declined with {code}")]
    Declined { code: u32 },
    #[error("the bank does not answer")]
    Network,
}

struct Gateway(&'static str);

/// Charges a card.
#[activity(
    timeout = "10s",
    retry(attempts = 5, initial = "100ms", factor = 3.0, max = "1m30s", unless(ChargeError::Declined { code } if *code > 10, ChargeError::Network)),
    queue = "payments",
    alias = "bill",
    alias = "old_charge",
)]
async fn charge(gateway: State<Gateway>, cx: ActivityContext, card: &Card, cents: u64) -> Result<String, ChargeError> {
    if cents == 0 {
        return Err(ChargeError::Declined { code: 7 });
    }
    Ok(format!("{} {} {cents} {}", gateway.0, card.0, cx.attempt()))
}

#[activity]
async fn lends(text: &str, list: &[Card], path: &Path, mut n: u32) -> Option<String> {
    n += 1;
    Some(format!("{text} {} {} {n}", list.len(), path.display()))
}

#[activity(name = "plain-thing")]
async fn plain(cx: ActivityContext, state: State<u32>) -> u32 {
    *state + cx.attempt()
}

#[activity]
async fn nothing() {}

mod order {
    use super::*;
    #[activity]
    pub(crate) async fn order(r#type: u32) -> Result<(), WorkflowError> {
        if r#type == 0 {
            "x".parse::<u32>()?;
        }
        Ok(())
    }
}
pub(crate) use order::order;

/// What an argument is may be known to fewer than who can call.
mod private {
    use super::*;
    #[derive(Serialize, Deserialize, Default)]
    struct Secret(u32);
    #[activity]
    pub async fn hidden(secret: Secret) -> u32 {
        secret.0
    }
    #[workflow]
    pub async fn hides(secret: Secret) -> u32 {
        secret.0
    }
    pub(crate) fn call() -> workflow_runtime::ActivityCall<impl Activity<Ok = u32, Err = p::Never>> {
        hidden(Secret(1))
    }
}

#[workflow]
async fn calls(n: u32) -> Result<u32, ActivityError<p::Never>> {
    private::call().await?;
    Ok(other::helper(n).await)
}

mod other {
    use super::*;
    #[workflow]
    pub async fn helper(n: u32) -> u32 {
        if n == 0 { 0 } else { helper(n - 1).await }
    }
}

fn run<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f)
}

fn options_of<A: Activity>(
    _: fn(&Card, u64) -> workflow_runtime::ActivityCall<A>,
) -> (p::ActivityOptions, fn(&A::Err) -> bool) {
    (A::options(), A::unless)
}

#[test]
fn attributes_become_options() {
    let (options, _) = options_of(charge);
    assert_eq!(options.timeout, Some(Duration::from_secs(10)));
    assert_eq!(options.queue, "payments");
    let retry =
        Retry { attempts: Some(5), initial: Duration::from_millis(100), factor: 3.0, max: Duration::from_secs(90) };
    assert_eq!(options.retry, Some(retry));
}

#[activity(
    heartbeat = "30s",
    schedule_to_start = "5m",
    total_timeout = "1h",
    priority = 7,
    max_concurrent = 3,
    rate = "90/m",
    on_cancel = "abandon"
)]
async fn limited() {}

#[test]
fn attributes_become_limits() {
    fn of<A: Activity>(_: fn() -> workflow_runtime::ActivityCall<A>) -> (p::ActivityOptions, p::Limits) {
        (A::options(), A::LIMITS)
    }
    let (options, limits) = of(limited);
    let expected = p::ActivityOptions {
        heartbeat: Some(seconds(30)),
        schedule_to_start: Some(minutes(5)),
        total_timeout: Some(hours(1)),
        priority: 7,
        on_cancel: OnCancel::Abandon,
        ..p::ActivityOptions::default()
    };
    assert_eq!(options, expected);
    assert_eq!(limits, p::Limits::new().max_concurrent(3).rate("90/m".parse().unwrap()));
    assert_eq!(of(nothing).1, p::Limits::new());
}

#[test]
fn patterns_with_guards_say_what_is_final() {
    fn unless<A: Activity<Err = ChargeError>>(
        _: fn(&'static Card, u64) -> workflow_runtime::ActivityCall<A>,
    ) -> [bool; 3] {
        [
            A::unless(&ChargeError::Declined { code: 5 }),
            A::unless(&ChargeError::Declined { code: 11 }),
            A::unless(&ChargeError::Network),
        ]
    }
    assert_eq!(unless(charge), [false, true, true]);
}

#[test]
fn activities_run_without_an_engine() {
    let mut states = States::default();
    states.insert(Gateway("gate"));
    states.insert(4u32);
    let card = Card("visa".into());
    let cx = ActivityContext::for_test;
    assert_eq!(run(charge(&card, 5).run_local_with(&states, cx())), Ok("gate visa 5 1".into()));
    assert_eq!(run(charge(&card, 0).run_local_with(&states, cx())), Err(ChargeError::Declined { code: 7 }));
    assert_eq!(run(lends("a", &[card], Path::new("/x"), 1).run_local(cx())), Ok(Some("a 1 /x 2".into())));
    assert_eq!(run(plain().run_local_with(&states, cx())), Ok(5));
    assert_eq!(run(nothing().run_local(cx())), Ok(()));
    assert!(run(order(0).run_local(cx())).is_err());
}

#[test]
fn activities_register_themselves() {
    let registry = Registry::linked().unwrap();
    for name in ["charge", "bill", "old_charge", "lends", "plain-thing", "nothing", "order"] {
        assert!(registry.activity(name).is_some(), "{name}");
    }
    assert!(registry.activity("plain").is_none());
    assert!(registry.activity("charge").unwrap().file.ends_with("activity.rs"));
    let missing: Vec<_> =
        registry.missing_states(&States::default()).into_iter().map(|m| (m.state, m.activity)).collect();
    assert_eq!(missing, [("activity::Gateway", "charge"), ("u32", "plain-thing")]);
}
