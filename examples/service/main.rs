//! A crate with workflows as a program: run it with `serve`, and steer it from another terminal.
//!
//! ```text
//! cargo run -p examples --bin service -- serve
//! cargo run -p examples --bin service -- start review doc-1 '"The text."' 2
//! cargo run -p examples --bin service -- show doc-1
//! cargo run -p examples --bin service -- signal doc-1 verdict '{"by": "Ada", "ok": true}'
//! cargo run -p examples --bin service -- update doc-1 needed 3
//! cargo run -p examples --bin service -- result doc-1
//! cargo run -p examples --bin service -- history doc-1
//! cargo run -p examples --bin service -- start rehearsal today
//! ```

use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use workflow_runtime::prelude::*;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Verdict {
    by: String,
    ok: bool,
}

const VERDICT: Signal<Verdict> = Signal::new("verdict");

/// Asks for another number of reviewers; the response is how many have agreed so far.
const NEEDED: Update<u32, u32> = Update::new("needed");

#[activity]
async fn publish(text: &str) -> String {
    format!("published {} characters", text.chars().count())
}

/// Published when so many reviewers agree; refused by the first who does not.
#[workflow]
async fn review(text: String, needed: u32) -> Result<String, WorkflowError> {
    let mut needed = needed as usize;
    let mut agreed = vec![];
    while agreed.len() < needed {
        select! {
            verdict = VERDICT.recv().timeout(days(14)) => {
                let verdict = verdict?;
                if !verdict.ok {
                    return Err(WorkflowError::msg(format!("{} refused it", verdict.by)));
                }
                agreed.push(verdict.by);
            }
            asked = NEEDED.recv() => {
                let (now, reply) = asked?;
                if now == 0 {
                    reply.reject("somebody has to read it");
                } else {
                    needed = now as usize;
                    reply.send(agreed.len() as u32);
                }
            }
        }
    }
    let published = publish(&text).await?;
    Ok(format!("{published}, agreed by {}", agreed.join(" and ")))
}

/// Shows that what a review needs is there. It has no arguments.
#[workflow]
async fn rehearsal() -> Result<String, WorkflowError> {
    Ok(publish("a text that nobody has to read").await?)
}

fn main() -> ExitCode {
    workflow_runtime::service::main()
}
