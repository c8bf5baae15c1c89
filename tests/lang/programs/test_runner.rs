//! A distributed test runner: suites are cut into shards of about the same time, shards run at once, what is flaky runs again
//! alone, and the first suite that is broken stops the rest if that is wanted.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{cmp::Reverse, collections::BTreeMap, fmt};
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Suite {
    name: String,
    tests: Vec<(String, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Verdict {
    Passed,
    Failed(String),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Report {
    passed: usize,
    flaky: Vec<String>,
    failed: BTreeMap<String, String>,
    skipped: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} flaky, {} failed", self.passed, self.flaky.len(), self.failed.len())
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Options {
    shards: usize,
    reruns: u32,
    fail_fast: bool,
}

#[activity(timeout = "30m")]
async fn prepare_image(suite: &str) -> Result<String, String> {
    if suite == "broken" { Err("it does not compile".to_owned()) } else { Ok(format!("{suite}:latest")) }
}

#[activity(timeout = "1h", heartbeat = "1m")]
async fn run_shard(image: &str, tests: &[String], run: u32) -> Result<Vec<(String, Verdict)>, String> {
    let verdict = |test: &String| match test.as_str() {
        "flaky" if run < 2 => Verdict::Failed("timed out".to_owned()),
        name if name.starts_with("bad") => Verdict::Failed(format!("{name} of {image}")),
        _ => Verdict::Passed,
    };
    if tests.iter().any(|t| t == "crash") {
        return Err("the machine is gone".to_owned());
    }
    Ok(tests.iter().map(|t| (t.clone(), verdict(t))).collect())
}

#[activity]
async fn annotate(text: &str) {
    println!("{text}");
}

/// The longest test first, each to the shard that has the least to do.
fn balance(mut tests: Vec<(String, u32)>, shards: usize) -> Vec<Vec<String>> {
    tests.sort_by_key(|(name, time)| (Reverse(*time), name.clone()));
    let mut all: Vec<(u32, Vec<String>)> = vec![(0, vec![]); shards.max(1)];
    for (name, time) in tests {
        if let Some((load, shard)) = all.iter_mut().min_by_key(|(load, _)| *load) {
            *load += time;
            shard.push(name);
        }
    }
    all.into_iter().map(|(_, shard)| shard).filter(|shard| !shard.is_empty()).collect()
}

#[workflow]
async fn run_suite(suite: Suite, options: Options) -> Result<Report, ActivityError<String>> {
    let mut report = Report::default();
    let image = prepare_image(&suite.name).await?;
    let shards = balance(suite.tests, options.shards);
    let ended = join_all(shards.iter().map(|tests| run_shard(&image, tests, 1))).await;

    let mut again = vec![];
    for (shard, ended) in shards.into_iter().zip(ended) {
        match ended {
            Ok(verdicts) => {
                for (test, verdict) in verdicts {
                    match verdict {
                        Verdict::Passed => report.passed += 1,
                        Verdict::Failed(why) => again.push((test, why)),
                    }
                }
            }
            Err(ActivityError::Cancelled) => return Err(ActivityError::Cancelled),
            Err(e) => again.extend(shard.into_iter().map(|test| (test, e.to_string()))),
        }
    }
    'tests: while let Some((test, mut why)) = again.pop() {
        for run in 2..2 + options.reruns {
            match run_shard(&image, std::slice::from_ref(&test), run).await.as_deref() {
                Ok([(_, Verdict::Passed)]) => {
                    report.flaky.push(test);
                    continue 'tests;
                }
                Ok([(_, Verdict::Failed(new)), ..]) => why.clone_from(new),
                Ok([]) | Ok([..]) => {}
                Err(e) => why = e.to_string(),
            }
        }
        report.failed.insert(test, why);
    }
    Ok(report)
}

#[workflow]
async fn test_runner(mut suites: Vec<Suite>, options: Options) -> Result<Report, WorkflowError> {
    let mut total = Report::default();
    suites.reverse();
    while let Some(suite) = suites.pop() {
        let name = suite.name.clone();
        match run_suite(suite, options).await {
            Ok(Report { passed, flaky, failed, skipped }) => {
                total.passed += passed;
                total.flaky.extend(flaky);
                total.skipped.extend(skipped);
                total.failed.extend(failed);
            }
            Err(ActivityError::Cancelled) => Err(Cancelled)?,
            Err(e) => drop(total.failed.insert(name.clone(), e.to_string())),
        }
        annotate(&format!("{name}: {total}")).await?;
        if options.fail_fast && !total.failed.is_empty() {
            break;
        }
    }
    total.skipped.extend(suites.into_iter().rev().map(|s| s.name));
    Ok(total)
}

fn suite(name: &str, tests: &[(&str, u32)]) -> Suite {
    Suite { name: name.to_owned(), tests: tests.iter().map(|(name, time)| (name.to_string(), *time)).collect() }
}

fn suites() -> Vec<Suite> {
    vec![
        suite("unit", &[("a", 1), ("b", 2), ("c", 3), ("flaky", 9)]),
        suite("broken", &[("d", 1)]),
        suite("slow", &[("bad news", 5), ("crash", 4), ("e", 1)]),
    ]
}

#[test]
fn all_suites_run() {
    let agreed = agree(|| test_runner(suites(), Options { shards: 2, reruns: 1, fail_fast: false }));
    assert_eq!(
        agreed.outcome["ok"],
        json!({
            "passed": 3,
            "flaky": ["flaky", "e"],
            "failed": {
                "bad news": "bad news of slow:latest",
                "broken": "it does not compile",
                "crash": "the machine is gone",
            },
            "skipped": [],
        })
    );
    assert_eq!(asked(&agreed).matches("run_shard").count(), 8);
    assert!(agreed.operations.iter().any(|o| o.contains("slow: 3 passed, 2 flaky, 3 failed")), "{agreed:?}");
}

#[test]
fn the_first_failure_stops_the_rest() {
    let agreed = agree(|| test_runner(suites(), Options { shards: 9, reruns: 0, fail_fast: true }));
    assert_eq!(agreed.outcome["ok"]["skipped"], json!(["broken", "slow"]));
    assert_eq!(agreed.outcome["ok"]["failed"], json!({ "flaky": "timed out" }));
    let mocked = Differential::new(|| test_runner(suites(), Options { shards: 1, reruns: 2, fail_fast: true }));
    let mocked = mocked.mock(run_shard, |_: String, _: Vec<String>, _: u32| Ok(vec![])).run();
    assert_eq!(mocked.outcome["ok"]["skipped"], json!(["slow"]));
}

#[workflow_runtime::test(crashes = "every")]
async fn no_shard_runs_twice(t: Test) {
    let run = t.start("t", test_runner(suites(), Options { shards: 2, reruns: 1, fail_fast: true })).await;
    assert_eq!(run.result().await.expect("a report").to_string(), "3 passed, 1 flaky, 1 failed");
    t.calls(run_shard).assert_called_times(3);
}
