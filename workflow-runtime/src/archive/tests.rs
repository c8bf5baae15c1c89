use super::{
    format::{self, HEAD},
    *,
};
use crate::{
    engine::Status,
    journal::{
        history::{Entry, Event},
        id::RunId,
        payload::Payload,
    },
};
use jiff::Timestamp;
use std::{collections::BTreeMap, fs, path::Path};
use uuid::Uuid;

fn entries(run: u128, n: u64) -> Vec<Entry> {
    let event = |seq| Event::SideEffect(Payload::encode(&format!("event {seq} of run {run}")).unwrap());
    (0..n).map(|seq| Entry::of(seq, seq + 1, Timestamp::UNIX_EPOCH, vec![event(seq)])).collect()
}

fn run(n: u128, entries: u64) -> ArchivedRun {
    let (started, run_id) = (Timestamp::from_second(n as i64).unwrap(), RunId(Uuid::from_u128(n)));
    ArchivedRun {
        summary: RunSummary {
            namespace: "default".into(),
            workflow_id: format!("order-{n}"),
            run_id,
            workflow: "order".into(),
            status: Status::Completed,
            started,
            closed: started,
            entries,
            first_entry: 0,
        },
        outcome: Some(Payload::encode(&n).unwrap()),
        input: Some(Payload::encode(&(n,)).unwrap()),
        set_status: None,
        tags: BTreeMap::from([("city".to_owned(), "Oslo".to_owned())]),
        cancel_requested: None,
        steps: entries,
        first_run_id: run_id,
        previous_run_id: None,
        next_run_id: None,
        damaged_entries: 0,
        definitions: vec![],
    }
}

async fn write(writer: &Writer, n: u128, count: u64) {
    let (archived, mut entries) = (run(n, count), entries(n, count));
    let mut parts = vec![];
    while entries.len() > 10 {
        let rest = entries.split_off(10);
        parts.push(writer.part(archived.summary.run_id, entries).await.unwrap());
        entries = rest;
    }
    writer.run(archived, parts, entries, vec![]).await.unwrap();
}

/// Runs 1, 2, ..: each with as many entries as it says.
async fn archive(directory: &Path, full: u64, counts: &[u64]) {
    let writer = Writer::open_with(directory, full).unwrap();
    for (n, count) in (1..).zip(counts) {
        write(&writer, n, *count).await;
    }
}

/// Compares a run with what was written; the error if it, or some of it, cannot be read.
fn compare(archive: &Archive, n: u128, count: u64) -> Result<(), ArchiveError> {
    let id = RunId(Uuid::from_u128(n));
    assert_eq!(archive.run(id)?, run(n, count));
    let expected = entries(n, count);
    let mut at = 0;
    let mut failed = None;
    for page in archive.history(id)? {
        match page {
            Ok(page) => {
                // The pages behind a damaged one are shown too.
                at = page.first().map_or(at, |entry| entry.seq as usize);
                assert_eq!(page, expected[at..at + page.len()]);
                at += page.len();
            }
            Err(e) => failed = Some(e),
        }
    }
    assert!(failed.is_some() || at == expected.len());
    failed.map_or(Ok(()), Err)
}

#[tokio::test]
async fn what_is_archived_reads_back_over_many_files_and_openings() {
    let directory = tempfile::tempdir().unwrap();
    let counts: Vec<u64> = (0..120).map(|n| n % 37).collect();
    archive(directory.path(), 4_000, &counts[..50]).await;
    let before = scan::numbers(directory.path()).unwrap();
    assert!(before.len() > 3, "{before:?}");
    let writer = Writer::open_with(directory.path(), 4_000).unwrap();
    assert!(matches!(Writer::open(directory.path()), Err(ArchiveError::Locked { .. })));
    for (n, count) in (51..).zip(&counts[50..]) {
        write(&writer, n, *count).await;
        // Whoever reads need not wait for the end.
        assert!(n % 10 > 0 || Archive::open(directory.path()).unwrap().newest(&format!("order-{n}")).is_some());
    }
    // Of two copies the one with more entries counts.
    write(&writer, 20, 3).await;
    writer.close();
    assert!(matches!(writer.part(RunId(Uuid::nil()), vec![]).await, Err(ArchiveError::Closed { .. })));
    let archive = Archive::open(directory.path()).unwrap();
    assert_eq!(archive.damage().len(), 0);
    let listed: Vec<_> = archive.runs().into_iter().map(|run| run.run_id.0.as_u128()).collect();
    assert_eq!(listed, (1..=120).collect::<Vec<_>>());
    for (n, count) in (1..).zip(counts) {
        compare(&archive, n, count).unwrap();
    }
    let absent = archive.run(RunId(Uuid::from_u128(999))).unwrap_err();
    assert_eq!(absent.code(), "WS054");
}

/// What a crash leaves: any beginning of the last file. What was whole is there, and the archive goes on.
#[tokio::test]
async fn a_file_that_ends_anywhere_keeps_what_is_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let counts = [3, 25, 0, 14];
    archive(directory.path(), 1 << 20, &counts).await;
    let path = format::file(directory.path(), 1);
    let whole = fs::read(&path).unwrap();
    let ends: Vec<u64> = scan::scan(&path).unwrap().index.runs.iter().map(|(at, _)| *at).collect();
    let length = |at: u64| format::head(&whole[at as usize..], at).unwrap().length as usize;
    for cut in (0..whole.len()).filter(|cut| cut % 3 == 0 || ends.contains(&(*cut as u64))) {
        fs::write(&path, &whole[..cut]).unwrap();
        let archive = Archive::open(directory.path()).unwrap();
        assert_eq!(archive.damage().len(), 0, "cut at {cut}");
        for ((n, count), at) in (1..).zip(counts).zip(&ends) {
            let is_whole = *at as usize + HEAD + length(*at) <= cut;
            assert_eq!(compare(&archive, n, count).is_ok(), is_whole, "run {n}, cut at {cut}");
        }
        if cut % 30 == 0 {
            let writer = Writer::open_with(directory.path(), 1 << 20).unwrap();
            write(&writer, 9, 12).await;
            drop(writer);
            let archive = Archive::open(directory.path()).unwrap();
            compare(&archive, 9, 12).unwrap();
            for number in scan::numbers(directory.path()).unwrap().into_iter().filter(|n| *n > 1) {
                fs::remove_file(format::file(directory.path(), number)).unwrap();
            }
        }
    }
}

/// A flipped bit costs the run whose block it is in, at most, and says where. Never is something else read.
#[tokio::test]
async fn damage_is_told_and_costs_one_block() {
    for full in [1 << 20, 300] {
        let directory = tempfile::tempdir().unwrap();
        let counts = [2, 13, 1];
        archive(directory.path(), full, &counts).await;
        let (mut lost, mut flips) = (0, 0);
        for number in scan::numbers(directory.path()).unwrap() {
            let path = format::file(directory.path(), number);
            let whole = fs::read(&path).unwrap();
            for at in (0..whole.len()).step_by(if number % 2 == 0 { 5 } else { 3 }) {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                fs::write(&path, &flipped).unwrap();
                flips += 1;
                let archive = match Archive::open(directory.path()) {
                    Ok(archive) => archive,
                    Err(newer) => {
                        assert!(matches!(newer, ArchiveError::Newer { .. }) && (4..8).contains(&at), "{newer}");
                        continue;
                    }
                };
                let failed: Vec<_> = (1..).zip(counts).filter_map(|(n, c)| compare(&archive, n, c).err()).collect();
                assert!(failed.len() <= 1, "{failed:?}, byte {at} of {path:?}");
                lost += failed.len();
                for error in failed {
                    // The last block of the last file may be one that was not finished.
                    let told = !archive.damage().is_empty() || matches!(&error, ArchiveError::Damaged { .. });
                    assert!(told || matches!(error, ArchiveError::NotFound { .. }), "{error}");
                }
            }
            fs::write(&path, &whole).unwrap();
        }
        println!("files of {full} bytes: {flips} flips, {lost} runs not read whole");
        assert!(lost > 50, "{lost}");
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_the_next_run_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let writer = Writer::open(directory.path()).unwrap();
    write(&writer, 1, 30).await;
    drop(writer);
    // Where the next file is to be there is something else.
    let last = format::file(directory.path(), 1);
    fs::write(&last, [fs::read(&last).unwrap(), vec![0; 5]].concat()).unwrap();
    fs::create_dir(format::file(directory.path(), 2)).unwrap();
    let unreadable = Writer::open(directory.path());
    assert!(matches!(unreadable, Err(ArchiveError::Io { .. })));
    fs::remove_dir(format::file(directory.path(), 2)).unwrap();
    let writer = Writer::open(directory.path()).unwrap();
    fs::create_dir(format::file(directory.path(), 2)).unwrap();
    let refused = writer.run(run(2, 0), vec![], vec![], vec![]).await.unwrap_err();
    assert_eq!(refused.code(), "WS050");
    fs::remove_dir(format::file(directory.path(), 2)).unwrap();
    write(&writer, 2, 4).await;
    drop(writer);
    let archive = Archive::open(directory.path()).unwrap();
    compare(&archive, 1, 30).unwrap();
    compare(&archive, 2, 4).unwrap();
}

#[tokio::test]
async fn nobody_goes_on_in_a_file_whose_sync_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    archive(directory.path(), 1 << 20, &[3]).await;
    fs::write(directory.path().join("unsynced"), "").unwrap();
    for _ in 0..2 {
        // As long as there is no other file.
        drop(Writer::open(directory.path()).unwrap());
    }
    for n in 2..4 {
        let writer = Writer::open(directory.path()).unwrap();
        write(&writer, n, 5).await;
        drop(writer);
        assert_eq!(scan::numbers(directory.path()).unwrap(), [1, 2]);
    }
    let found = Archive::open(directory.path()).unwrap();
    for (n, count) in [(1, 3), (2, 5), (3, 5)] {
        compare(&found, n, count).unwrap();
    }
}
