//! An expense claim that people decide about: requests with answers, remarks, and a look inside while it waits.
//!
//! Two approvals are needed. Run it, stop it with ctrl-c between two lines, and run it again: requests have ids, so
//! nobody approves twice, and the answers of before are given again.

use serde::{Deserialize, Serialize};
use workflow_runtime::{
    Engine, Run,
    engine::{IdReuse, UpdateError},
    machine::Workflow,
    prelude::*,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Vote {
    by: String,
    approve: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Standing {
    approvals: usize,
    needed: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Decision {
    Approved(Vec<String>),
    Declined(String),
    Expired,
}

const VOTE: Update<Vote, Standing> = Update::new("vote");
const REMARK: Signal<String> = Signal::new("remark");

#[workflow]
async fn claim(cents: u64) -> Result<Decision, WorkflowError> {
    let needed = if cents > 10_000 { 2 } else { 1 };
    let mut approved: Vec<String> = vec![];
    let mut remarks: Vec<String> = vec![];
    while approved.len() < needed {
        set_status(&format!("{} of {needed} approvals", approved.len()));
        let (vote, reply) = match VOTE.recv().timeout(days(14)).await {
            Err(WaitError::TimedOut) => return Ok(Decision::Expired),
            request => request?,
        };
        while let Some(remark) = REMARK.try_recv() {
            remarks.push(remark);
        }
        if approved.contains(&vote.by) {
            reply.reject(format!("{} has approved already", vote.by));
            continue;
        }
        if !vote.approve {
            reply.send(Standing { approvals: 0, needed });
            return Ok(Decision::Declined(vote.by));
        }
        approved.push(vote.by);
        reply.send(Standing { approvals: approved.len(), needed });
    }
    Ok(Decision::Approved(approved))
}

fn vote(by: &str) -> Vote {
    Vote { by: by.into(), approve: true }
}

/// What the people of the program do.
async fn people<W: Workflow>(run: &Run<W>) -> Result<(), WorkflowError> {
    run.signal(&REMARK, "the receipt is attached".into()).id("remark-1").await?;
    match run.update(&VOTE, vote("Ada")).id("ada").await {
        Ok(standing) => println!("Ada approves: {standing:?}"),
        Err(e) => println!("Ada: {e}"),
    }
    println!("inside: approved by {:?}, {:?}", run.local("approved").await?, run.status_as::<String>().await?);
    match run.update(&VOTE, vote("Ada")).id("ada-again").await {
        Err(UpdateError::Rejected { reason, .. }) => println!("Ada again: {reason}"),
        other => println!("Ada again: {other:?}"),
    }
    match run.update(&VOTE, vote("Grace")).id("grace").await {
        Ok(standing) => println!("Grace approves: {standing:?}"),
        Err(e) => println!("Grace: {e}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let data = std::env::args().nth(1).unwrap_or_else(|| "messages-data".into());
    let engine = Engine::open(data).await?;
    let start = engine.start("claim-7", claim(25_000)).tag("department", "sales");
    let run = start.reuse(IdReuse::AllowIfFailed).execution_timeout(days(60)).await?;
    println!("{} {}", if run.is_new() { "started" } else { "attached to" }, run.id());
    people(&run).await?;
    println!("{:?}", run.result().await?);
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn two_people_approve_and_nobody_twice() -> Result<(), WorkflowError> {
        let engine = TestEngine::builder().manual().build().await?;
        let run = engine.start("c", claim(25_000)).await?;
        assert_eq!(run.update(&VOTE, vote("Ada")).id("1").await?, Standing { approvals: 1, needed: 2 });
        assert_eq!(run.local_as::<Vec<String>>("approved").await?, Some(vec!["Ada".to_string()]));
        assert_eq!(run.status_as::<String>().await?.as_deref(), Some("1 of 2 approvals"));
        let again = run.update(&VOTE, vote("Ada")).await;
        assert!(matches!(again, Err(UpdateError::Rejected { .. })), "{again:?}");
        people(&run).await?;
        assert_eq!(run.result().await?, Decision::Approved(vec!["Ada".into(), "Grace".into()]));
        Ok(())
    }

    #[tokio::test]
    async fn a_claim_that_nobody_looks_at_expires() -> Result<(), WorkflowError> {
        let engine = TestEngine::new().await?;
        let run = engine.start("c", claim(5)).delay(days(1)).await?;
        assert_eq!(run.result().await?, Decision::Expired);
        Ok(())
    }
}
