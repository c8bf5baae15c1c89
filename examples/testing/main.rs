//! A workflow whose tests crash it at every commit: `cargo test --bin testing`.
//!
//! The program runs it once for real, with short waits.

use serde::{Deserialize, Serialize};
use workflow_runtime::{Engine, MemoryStore, prelude::*};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum TrialError {
    #[error(transparent)]
    Mail(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Where mails go. The tests have none.
struct Mailbox;

#[activity(retry(attempts = 5, initial = "1s"))]
async fn send(_mailbox: State<Mailbox>, to: &str, text: &str) -> Result<(), String> {
    println!("to {to}: {text}");
    Ok(())
}

const SUBSCRIBED: Signal<String> = Signal::new("subscribed");

/// A customer tries something for some time, is reminded once, and subscribes or does not.
#[workflow]
async fn trial(customer: String, millis_each: u64) -> Result<String, TrialError> {
    send(&customer, "welcome").await?;
    for half in 1..=2 {
        match SUBSCRIBED.recv().timeout(millis(millis_each)).await {
            Ok(plan) => return Ok(format!("{customer} has the plan {plan}")),
            Err(WaitError::TimedOut) => send(&customer, &format!("{half} of 2 halves of your trial are over")).await?,
            Err(WaitError::Cancelled) => return Err(Cancelled.into()),
        }
    }
    Ok(format!("{customer} has gone"))
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let engine = Engine::builder().store(MemoryStore::new()).state(Mailbox).build().await?;
    let run = engine.start("trial-zoe", trial("Zoë".into(), 300)).await?;
    println!("{}", run.result().await?);
    let run = engine.start("trial-ada", trial("Ada".into(), 60_000)).await?;
    run.signal(&SUBSCRIBED, "gold".to_string()).await?;
    println!("{}", run.result().await?);
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::{Mock, Test};

    const WEEK: u64 = 7 * 24 * 3600 * 1000;

    #[workflow_runtime::test]
    async fn a_customer_who_subscribes_after_the_reminder(t: Test) {
        t.mock(send, |_to: String, _text: String| Ok(()));
        let run = t.start("trial-1", trial("Zoë".into(), WEEK)).await;
        t.advance(days(10)).await;
        run.signal(&SUBSCRIBED, "gold".to_string()).await;
        assert_eq!(run.result().await, Ok("Zoë has the plan gold".to_string()));
        t.calls(send).assert_called_times(2);
    }

    #[workflow_runtime::test]
    async fn a_mail_server_that_is_down(t: Test) {
        let down = || Mock::fail("the server is down".to_string());
        t.mock_sequence(send, [down(), Mock::ok(()), Mock::panic("out of memory"), Mock::ok(()), Mock::ok(())]);
        let run = t.start("trial-1", trial("Zoë".into(), WEEK)).await;
        assert_eq!(run.result().await, Ok("Zoë has gone".to_string()));
        let texts: Vec<_> = t.calls(send).iter().map(|call| call.args.1.clone()).collect();
        assert_eq!(texts, ["welcome", "1 of 2 halves of your trial are over", "2 of 2 halves of your trial are over"]);
    }
}
