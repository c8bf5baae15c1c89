//! Runs that are archived and removed, while the files of the archive fail.

use crate::{
    audit::{effects_in, lines, open_with},
    passing::{PASSING, Scratch},
    system_calls::{Begin, each_call, is_linux},
    workload::{Lines, Place},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};
use workflow_runtime::{
    archive::Archive,
    engine::{Filter, Status},
};

/// What an archive holds of `passing`: each run that was acknowledged once and whole, with the effects of its steps, and none that was
/// never begun. Gives the runs.
pub(crate) fn archived<'a>(
    archive: &Archive,
    started: impl IntoIterator<Item = &'a str>,
    effects: &BTreeMap<String, Vec<String>>,
    most: usize,
    what: &str,
) -> usize {
    // Of those that go on, what was removed of their histories is there too.
    let mut runs = archive.runs();
    runs.retain(|run| run.workflow == "passing");
    let archived: BTreeSet<&str> = runs.iter().map(|run| run.workflow_id.as_str()).collect();
    assert_eq!(archived.len(), runs.len(), "{what}: an id was used twice");
    for id in started {
        assert!(archived.contains(id), "{what}: `{id}` was acknowledged and is not archived");
    }
    for run in &runs {
        let entries: usize = archive.history(run.run_id).expect("it reads").map(|p| p.expect("it reads").len()).sum();
        assert_eq!(entries as u64, run.entries, "{what}: `{}`", run.workflow_id);
        assert_eq!(run.status, Status::Completed, "{what}: `{}`", run.workflow_id);
        for step in 0..2 {
            let key = format!("{}/{step}", run.workflow_id);
            let times = effects.get(&key).unwrap_or_else(|| panic!("{what}: `{key}` was never done"));
            assert!(times.len() <= most + 1, "{what}: `{key}` was done {} times", times.len());
            assert_eq!(times.iter().collect::<BTreeSet<_>>().len(), 1, "{what}: `{key}`: {times:?}");
        }
    }
    for key in effects.keys() {
        let id = key.split_once('/').map_or(key.as_str(), |(id, _)| id);
        assert!(archived.contains(id), "{what}: the effect `{key}` has no run: it came before its commit");
    }
    archived.len()
}

/// Lets what a process has left come to its end, and looks into the archive.
pub(crate) async fn audit_archive(place: &Place, deaths: usize, what: &str) {
    let within = place.within();
    // For what the audit itself writes there.
    std::fs::create_dir_all(&within.0).expect("a directory");
    let scratch = Scratch(Lines::open(&place.scratch()).expect("it opens"));
    let configure = |b: workflow_runtime::engine::EngineBuilder| {
        b.only(PASSING).state(scratch).retention(Duration::ZERO).archive(within.archive())
    };
    let engine = open_with(&within, configure).await;
    engine.pulse().idle().await;
    assert_eq!(engine.count(&Filter::all()).await.expect("it counts"), 0, "{what}: not all is removed");
    engine.shutdown().await;
    let started = lines(&place.acknowledged());
    let started = started.iter().map(|line| line.strip_prefix("started ").expect("a line of ours"));
    let archive = open(&within.archive(), what);
    archived(&archive, started, &effects_in(&place.scratch()), deaths, what);
}

fn open(directory: &Path, what: &str) -> Archive {
    let archive = Archive::open(directory).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(archive.damage().is_empty(), "{what}: {:?}", archive.damage());
    archive
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_an_archive_loses_no_run() {
    if is_linux() {
        let faults = ["archive:io", "archive:io-on", "archive:full", "archive:full-on", "archive:short"];
        each_call(Begin::room(), &faults, 3).await;
        each_call(Begin::room(), &["archive:kill", "archive:kill-half"], 3).await;
    }
}
