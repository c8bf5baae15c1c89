//! Stores as earlier builds wrote them, checked in. Every build opens all of them and goes on with what they hold.
//!
//! `PIN=1 cargo test -p tests --test conformance pinned` writes the store of the present format, if there is none.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use workflow_runtime::engine::Engine;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{SledStore, Store};

const LINE: Signal<String> = Signal::new("line");

#[activity]
async fn shout(text: String) -> Result<String, WorkflowError> {
    Ok(text.to_uppercase())
}

/// Has a large local, so that parts are among what is pinned.
#[workflow]
async fn chorus(title: String) -> Result<String, WorkflowError> {
    let background = "la ".repeat(5_000);
    let mut song = vec![shout(title).await?];
    while song.len() < 4 {
        song.push(shout(LINE.recv().await?).await?);
    }
    Ok(format!("{} ({} bytes)", song.join("; "), background.len()))
}

#[workflow]
async fn quiet(title: String) -> Result<String, WorkflowError> {
    shout(title).await.map_err(Into::into)
}

const FINISHED: &str = "finished";
const WAITING: [&str; 3] = ["first", "second", "third"];

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/stores")
}

async fn engine(directory: &Path) -> Engine {
    Engine::builder().store(SledStore::open(directory).unwrap()).build().await.unwrap()
}

async fn write(directory: &Path) {
    let engine = engine(directory).await;
    assert_eq!(engine.start(FINISHED, quiet("over".into())).await.unwrap().result().await.unwrap(), "OVER");
    for id in WAITING {
        let run = engine.start(id, chorus(id.into())).await.unwrap();
        run.signal(&LINE, "one".into()).await.unwrap();
    }
    engine.shutdown().await;
}

/// All of it is there, and each instance goes on behind where it was.
async fn check(directory: &Path) {
    let engine = engine(directory).await;
    assert_eq!(engine.run(quiet, FINISHED).result().await.unwrap(), "OVER");
    for id in WAITING {
        let run = engine.run(chorus, id);
        run.signal(&LINE, "two".into()).await.unwrap();
        run.signal(&LINE, "three".into()).await.unwrap();
        let song = format!("{}; ONE; TWO; THREE (15000 bytes)", id.to_uppercase());
        assert_eq!(run.result().await.unwrap(), song);
        assert!(!run.history().await.unwrap().is_empty());
    }
    engine.shutdown().await;
}

fn pack(directory: &Path, to: &Path) {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(to).unwrap(), Compression::best()));
    archive.append_dir_all(".", directory).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
}

fn unpack(from: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    tar::Archive::new(GzDecoder::new(File::open(from).unwrap())).unpack(directory.path()).unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_stores_open_and_go_on() {
    let mut found = 0;
    for entry in std::fs::read_dir(stores()).unwrap() {
        let directory = unpack(&entry.unwrap().path());
        check(directory.path()).await;
        // And once more, by a build that has written to it.
        SledStore::open(directory.path()).unwrap().close().await.unwrap();
        found += 1;
    }
    assert!(found > 0, "no pinned store was found in {:?}", stores());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pinned_store_of_the_present_format_is_there() {
    let pinned = stores().join(format!("format-{}.tar.gz", SledStore::FORMAT));
    if std::env::var_os("PIN").is_some() && !pinned.exists() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).await;
        pack(directory.path(), &pinned);
    }
    assert!(pinned.exists(), "the format has changed: run this test with PIN=1 and commit {pinned:?}");
}
