//! A batch of records, of which a bounded number is under way at a time: as children in a window that slides over the pages, and
//! as a fan-out with a limit. A run takes some pages and continues as new.

use crate::agree;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::VecDeque;
use workflow_runtime::{prelude::*, testing::Test};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page {
    records: Vec<u32>,
    next: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    offset: u32,
    pages: u32,
    processed: u64,
    failed: Vec<u32>,
}

impl Progress {
    fn note(&mut self, record: u32, ended: Result<u64, impl std::fmt::Display>) {
        match ended {
            Ok(n) => self.processed += n,
            Err(_) => self.failed.push(record),
        }
    }
}

const PAGES_PER_RUN: u32 = 2;

#[activity(retry(attempts = 3, initial = "1s"))]
async fn load_page(offset: u32, size: u32) -> Result<Page, String> {
    const RECORDS: u32 = 11;
    let records: Vec<u32> = (offset..RECORDS.min(offset + size)).collect();
    Ok(Page { next: (offset + size < RECORDS).then_some(offset + size), records })
}

#[activity]
async fn process_record(record: u32) -> Result<u64, String> {
    if record % 5 == 4 { Err(format!("{record} is broken")) } else { Ok(1) }
}

#[workflow]
async fn record_processor(record: u32) -> Result<u64, WorkflowError> {
    sleep(seconds(1 + u64::from(record % 3))).await?;
    Ok(process_record(record).await?)
}

/// The window is a queue of children: the oldest one is awaited before a new one starts.
#[workflow]
async fn sliding_window(size: usize, mut progress: Progress) -> Result<Progress, WorkflowError> {
    let mut window = VecDeque::new();
    let mut pages = 0;
    let next = loop {
        let Page { records, next } = load_page(progress.offset, 3).await?;
        for record in records {
            if window.len() >= size
                && let Some((oldest, child)) = window.pop_front()
            {
                let child: Child<_> = child;
                progress.note(oldest, child.result().await);
            }
            let child = record_processor(record).start_child(format!("{}/{record}", workflow_id())).await?;
            window.push_back((record, child));
        }
        pages += 1;
        match next {
            Some(offset) if pages < PAGES_PER_RUN => progress.offset = offset,
            next => break next,
        }
    };
    while let Some((record, child)) = window.pop_front() {
        progress.note(record, child.result().await);
    }
    progress.pages += pages;
    match next {
        Some(offset) => continue_as_new!(size, Progress { offset, ..progress }),
        None => Ok(progress),
    }
}

/// The same with a limit in place of a window.
#[workflow]
async fn whole_batch(limit: usize) -> Result<Progress, WorkflowError> {
    let mut progress = Progress::default();
    let mut next = Some(0);
    while let Some(offset) = next {
        let page = load_page(offset, 4).await?;
        let ended = for_each_concurrent(limit, page.records.iter().map(|r| process_record(*r))).await;
        for (record, ended) in page.records.iter().zip(ended) {
            progress.note(*record, ended);
        }
        progress.pages += 1;
        next = page.next;
    }
    Ok(progress)
}

#[test]
fn a_window_slides_over_two_pages_and_continues() {
    let first = agree(|| sliding_window(2, Progress::default()));
    let expected = json!({ "offset": 6, "pages": 2, "processed": 5, "failed": [4] });
    assert_eq!(first.outcome, json!({ "continued": [2, expected] }));
    let last = Progress { offset: 9, pages: 3, processed: 8, failed: vec![4] };
    let last = agree(|| sliding_window(2, last.clone()));
    assert_eq!(last.outcome["ok"], json!({ "offset": 9, "pages": 4, "processed": 9, "failed": [4, 9] }));
}

#[test]
fn a_batch_with_a_limit() {
    let agreed = agree(|| whole_batch(2));
    assert_eq!(agreed.outcome["ok"], json!({ "offset": 0, "pages": 3, "processed": 9, "failed": [4, 9] }));
    assert!(agreed.operations[1].ends_with("join_all of 4, limit Some(2)"), "{agreed:?}");
}

#[workflow_runtime::test(crashes = "every")]
async fn every_record_is_processed_once(t: Test) {
    t.mock(load_page, |n: u32, _size: u32| Ok(Page { records: vec![n], next: (n < 4).then_some(n + 1) }));
    let run = t.start("b", sliding_window(2, Progress { offset: 2, ..Progress::default() })).await;
    let progress = run.result().await.expect("all pages");
    assert_eq!(progress, Progress { offset: 4, pages: 3, processed: 2, failed: vec![4] });
    t.calls(process_record).assert_called_times(3);
}
