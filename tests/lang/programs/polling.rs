//! Polling: often with a growing pause, seldom by the activity's own retries, and several jobs as one periodic sequence.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use workflow_runtime::{
    prelude::*,
    testing::{Mock, Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum JobState {
    Queued,
    Running { percent: u8 },
    Done(String),
    Failed { retryable: bool, why: String },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Backoff {
    initial: Duration,
    factor: u32,
    most: Duration,
}

impl Backoff {
    fn pauses(self) -> impl Iterator<Item = Duration> {
        std::iter::successors(Some(self.initial), move |d| Some((*d * self.factor).min(self.most)))
    }

    fn after(self, polls: usize) -> Duration {
        self.pauses().nth(polls).unwrap_or(self.most)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum PollError {
    #[error("{0}")]
    Job(String),
    #[error("not done after {polls} polls")]
    GaveUp { polls: usize },
    #[error(transparent)]
    Activity(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

#[activity(timeout = "30s")]
async fn submit_job(spec: &str, attempt: u32) -> Result<u64, String> {
    if spec.is_empty() { Err("nothing to do".to_owned()) } else { Ok(spec.len() as u64 * 100 + u64::from(attempt)) }
}

#[activity(timeout = "5s")]
async fn job_state(job: u64, poll: usize) -> Result<JobState, String> {
    Ok(match (job, poll) {
        (_, 0) => JobState::Queued,
        (301, 2..) => JobState::Failed { retryable: true, why: "the disk is full".to_owned() },
        (401.., 1) => JobState::Failed { retryable: false, why: "bad input".to_owned() },
        (201, _) => JobState::Running { percent: poll.min(99) as u8 },
        (_, 1 | 2) => JobState::Running { percent: poll as u8 * 33 },
        _ => JobState::Done(format!("result of {job}")),
    })
}

/// Fails as long as the answer is not there: its retries are the polling.
#[activity(retry(initial = "60s", factor = 1.0))]
async fn fetch_when_ready(cx: ActivityContext, job: u64) -> Result<String, String> {
    if cx.attempt() < 5 { Err("not yet".to_owned()) } else { Ok(format!("report of {job}")) }
}

/// Polls one job; a job that may be tried again is submitted again, once.
#[workflow]
async fn run_job(spec: String, backoff: Backoff) -> Result<(String, usize), PollError> {
    const MOST_POLLS: usize = 6;
    let mut polls = 0;
    'submit: for attempt in 1.. {
        let job = submit_job(&spec, attempt).await?;
        for poll in 0..MOST_POLLS {
            sleep(backoff.after(poll)).await?;
            polls += 1;
            match job_state(job, poll).await? {
                JobState::Done(result) => return Ok((result, polls)),
                JobState::Failed { retryable: true, .. } if attempt < 2 => continue 'submit,
                JobState::Failed { why, .. } => return Err(PollError::Job(why)),
                state @ (JobState::Queued | JobState::Running { .. }) => set_status(&state),
            }
        }
        break;
    }
    Err(PollError::GaveUp { polls })
}

#[workflow]
async fn run_jobs(specs: Vec<String>) -> Result<BTreeMap<String, String>, PollError> {
    let backoff = Backoff { initial: seconds(1), factor: 2, most: seconds(5) };
    let mut results = BTreeMap::new();
    for spec in &specs {
        let outcome = match run_job(spec.clone(), backoff).await {
            Ok((result, polls)) => format!("{result} after {polls}"),
            Err(PollError::Cancelled(c)) => return Err(c.into()),
            Err(e) => e.to_string(),
        };
        results.insert(spec.clone(), outcome);
    }
    results.insert("report".to_owned(), fetch_when_ready(results.len() as u64).await?);
    Ok(results)
}

#[test]
fn jobs_are_polled_until_they_end() {
    let specs = || ["ab", "abc", "abcd", "", "a"].map(str::to_owned).to_vec();
    let agreed = agree(|| run_jobs(specs()));
    assert_eq!(
        agreed.outcome["ok"],
        json!({
            "": "nothing to do",
            "a": "result of 101 after 4",
            "ab": "not done after 6 polls",
            "abc": "result of 302 after 7",
            "abcd": "bad input",
            "report": "report of 5",
        })
    );
    let timers: Vec<_> = agreed.operations.iter().filter(|o| o.contains("timer")).take(6).collect();
    assert!(timers[5].ends_with("00:00:22Z"), "1, 2, 4, 5, 5 and 5 seconds: {timers:?}");
}

#[test]
fn a_job_that_is_polled_alone() {
    let backoff = Backoff { initial: millis(10), factor: 10, most: seconds(1) };
    let agreed = agree(|| run_job("a".to_owned(), backoff));
    assert_eq!(asked(&agreed), "submit_job timer job_state timer job_state timer job_state timer job_state");
    assert_eq!(agreed.outcome, json!({ "ok": ["result of 101", 4] }));

    let mocked = Differential::new(|| run_job("a".to_owned(), backoff));
    let mocked = mocked.mock(job_state, |_: u64, poll: usize| match poll {
        0 => Ok(JobState::Running { percent: 1 }),
        _ => Err("no network".to_owned()),
    });
    assert_eq!(mocked.run().outcome, json!({ "err": { "Activity": { "Failed": "no network" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn polling_goes_on_where_it_was(t: Test) {
    t.mock_sequence(fetch_when_ready, [Mock::fail("not yet".to_owned()), Mock::ok("the report".to_owned())]);
    let run = t.start("p", run_jobs(vec!["abc".to_owned()])).await;
    let results = run.result().await.expect("results");
    assert_eq!(results["abc"], "result of 302 after 7");
    assert_eq!(results["report"], "the report");
    t.calls(submit_job).assert_called_times(2);
}
