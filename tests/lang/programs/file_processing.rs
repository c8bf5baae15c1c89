//! A file is downloaded, processed and uploaded by one host; if that host is lost, everything begins again on another one.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Mock, Test, differential::Differential},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Download,
    Process,
    Upload,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LocalFile {
    host: String,
    path: String,
    bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum HostError {
    #[error("{0} is lost")]
    Lost(String),
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum FileError {
    #[error("no host is left after {tries} tries, the last one in {stage:?}")]
    NoHost { tries: u32, stage: Stage },
    #[error("{stage:?}")]
    Stage { stage: Stage, source: ActivityError<HostError> },
    #[error("no host")]
    Scheduler(#[from] ActivityError<String>),
}

#[activity]
async fn pick_host(file: &str, avoid: &[String]) -> Result<Option<String>, String> {
    if file == "nowhere" {
        return Err("no cluster".to_owned());
    }
    Ok(["h1", "h2", "h3"].into_iter().map(str::to_owned).find(|h| !avoid.contains(h)))
}

#[activity(timeout = "10m")]
async fn download(host: &str, file: &str) -> Result<LocalFile, HostError> {
    match (host, file) {
        ("h1", "big.csv") => Err(HostError::Lost(host.to_owned())),
        _ => Ok(LocalFile { host: host.to_owned(), path: format!("/tmp/{file}"), bytes: file.len() as u64 }),
    }
}

#[activity(timeout = "1h")]
async fn process_file(local: &LocalFile) -> Result<LocalFile, HostError> {
    match local {
        LocalFile { host, path, .. } if host == "h2" && path.contains("big") => Err(HostError::Lost(host.clone())),
        LocalFile { path, .. } if path.ends_with(".bad") => Err(HostError::Damaged(path.clone())),
        local => Ok(LocalFile { path: format!("{}.out", local.path), bytes: local.bytes / 2, ..local.clone() }),
    }
}

#[activity(timeout = "10m")]
async fn upload(local: LocalFile, to: &str) -> Result<String, HostError> {
    let name = local.path.rsplit('/').next().unwrap_or_default();
    Ok(format!("{to}/{name} ({} bytes)", local.bytes))
}

#[activity(retry)]
async fn clean_up_host(host: String, file: String) -> Result<(), String> {
    println!("{file} is gone from {host}");
    Ok(())
}

#[workflow]
async fn on_one_host(host: String, file: String, to: String) -> Result<String, (Stage, ActivityError<HostError>)> {
    let local = download(&host, &file).await.map_err(|e| (Stage::Download, e))?;
    let processed = process_file(&local).await.map_err(|e| (Stage::Process, e))?;
    drop(local);
    upload(processed, &to).await.map_err(|e| (Stage::Upload, e))
}

#[workflow]
async fn file_processing(files: Vec<String>, to: String) -> Result<Vec<String>, FileError> {
    let mut uploaded = Vec::new();
    'files: for file in &files {
        let mut avoid = vec![];
        let mut reached = Stage::Download;
        while let Some(host) = pick_host(file, &avoid).await? {
            set_status(&format!("{file} on {host}"));
            let ended = on_one_host(host.clone(), file.clone(), to.clone()).await;
            clean_up_host(host.clone(), file.clone()).await?;
            match ended {
                Ok(place) => {
                    uploaded.push(place);
                    continue 'files;
                }
                Err((stage, ActivityError::Failed(HostError::Lost(lost)))) => {
                    reached = stage;
                    avoid.push(lost);
                    sleep(minutes(1)).await.map_err(|_| FileError::NoHost { tries: 0, stage })?;
                }
                Err((stage, source)) => return Err(FileError::Stage { stage, source }),
            }
        }
        return Err(FileError::NoHost { tries: avoid.len() as u32, stage: reached });
    }
    Ok(uploaded)
}

fn names(files: &[&str]) -> Vec<String> {
    files.iter().map(|f| f.to_string()).collect()
}

#[test]
fn files_move_to_hosts_that_live() {
    let agreed = agree(|| file_processing(names(&["a.csv", "big.csv"]), "s3".to_owned()));
    assert_eq!(agreed.outcome, json!({ "ok": ["s3/a.csv.out (2 bytes)", "s3/big.csv.out (3 bytes)"] }));
    assert_eq!(
        asked(&agreed),
        "pick_host download process_file upload clean_up_host pick_host download clean_up_host timer pick_host download \
         process_file clean_up_host timer pick_host download process_file upload clean_up_host"
    );
    assert_eq!(agree(|| file_processing(vec![], "s3".to_owned())).outcome, json!({ "ok": [] }));
}

#[test]
fn files_that_no_host_can_process() {
    let bad = agree(|| file_processing(names(&["x.bad", "a.csv"]), "s3".to_owned()));
    assert_eq!(bad.outcome["err"]["Stage"]["stage"], "Process");
    let nowhere = agree(|| file_processing(names(&["nowhere"]), "s3".to_owned()));
    assert_eq!(nowhere.outcome, json!({ "err": { "Scheduler": { "Failed": "no cluster" } } }));
    let lost = Differential::new(|| file_processing(names(&["a.csv"]), "s3".to_owned()));
    let lost = lost.mock(upload, |local: LocalFile, _: String| Err(HostError::Lost(local.host))).run();
    assert_eq!(lost.outcome, json!({ "err": { "NoHost": { "tries": 3, "stage": "Upload" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn an_upload_that_hangs_is_tried_again(t: Test) {
    t.mock_sequence(upload, [Mock::time_out(), Mock::ok("s3/a".to_owned())]);
    let run = t.start("f", file_processing(names(&["a.csv"]), "s3".to_owned())).await;
    assert_eq!(run.result().await, Ok(vec!["s3/a".to_owned()]));
    assert!(t.calls(upload).assert_called_once().attempt >= 2, "an attempt that a crash has lost counts too");
}
