//! Damaged files of a store: what is read is right or an error, however the damage came about.
//!
//! `DAMAGES=20000 cargo test -p tests --test conformance damage -- --nocapture` tries more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use workflow_runtime::journal::id::{Namespace, RunId, WorkflowId};
use workflow_runtime::journal::key::{InstanceKeys, NamespaceKeys};
use workflow_runtime::store::{SledStore, Store, Write};

use crate::backend::{commit, fence, put};

const INSTANCES: u64 = 60;
const STEPS: u64 = 5;

type Truth = BTreeMap<Vec<u8>, Vec<u8>>;

async fn step_all(store: &SledStore, steps: std::ops::Range<u64>, truth: &mut Truth) {
    let fence = fence(store).await;
    for n in steps {
        for i in 0..INSTANCES {
            let (name, size) = (format!("i{i:02}"), if i % 9 == 0 { 9_000 } else { 300 });
            let frame = put(&name, vec![n as u8; size]);
            let history = put(format!("{name}/{n:04}"), format!("{name} {n}"));
            let mut writes = vec![frame, history];
            writes.extend(small(&name, i, n));
            for write in &writes {
                let Write::Put { key, value } = write else { unreachable!() };
                truth.insert(key.clone(), value.clone());
            }
            store.commit(commit(fence, &name, n, writes)).await.unwrap();
        }
    }
}

/// Records of an instance that are stored with those of others, and the first entry of its history, which may be.
fn small(name: &str, i: u64, n: u64) -> Vec<Write> {
    let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new(name).unwrap());
    let run = RunId(Default::default());
    let put = |key, text: String| Write::Put { key, value: text.into_bytes() };
    let result = put(keys.result(run, n), format!("{name} result {n}"));
    match n {
        0 => vec![
            put(keys.start(run), format!("{name} was started")),
            put(keys.listing("damaged", 1, i as i64), format!("{name} is listed")),
            put(keys.history(run, 0), format!("{name} begins")),
            result,
        ],
        _ => vec![result],
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    tests::copy(from, to.path()).unwrap();
    to
}

/// Flips a bit, zeroes a sector, cuts the end off, or removes a file.
fn damage(directory: &Path, choices: &mut StdRng) -> String {
    let all = files(directory);
    let file = &all[choices.random_range(0..all.len())];
    let mut bytes = fs::read(file).unwrap();
    let name = file.strip_prefix(directory).unwrap().display().to_string();
    if bytes.is_empty() {
        fs::remove_file(file).unwrap();
        return format!("{name} removed");
    }
    // Most of a file may be zeros that mean nothing.
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    let at = choices.random_range(0..end);
    let what = match choices.random_range(0..10) {
        0..5 => {
            bytes[at] ^= 1 << choices.random_range(0..8);
            "flipped"
        }
        5..7 => {
            let (from, to) = (at / 512 * 512, bytes.len().min(at / 512 * 512 + 512));
            bytes[from..to].fill(0);
            "zeroed"
        }
        7..9 => {
            bytes.truncate(at);
            "cut off"
        }
        _ => {
            fs::remove_file(file).unwrap();
            return format!("{name} removed");
        }
    };
    fs::write(file, bytes).unwrap();
    format!("{name} {what} at {at}")
}

#[derive(Debug, Default)]
struct Counts {
    refused: u64,
    whole: u64,
    with_errors: u64,
}

/// Opens what is left and reads everything.
async fn look(directory: &Path, truth: &Truth, damage: &str, counts: &mut Counts) {
    let store = match SledStore::open(directory) {
        Ok(store) => store,
        Err(e) => {
            assert!(e.code().starts_with("WS02"), "{damage}: {e}");
            counts.refused += 1;
            return;
        }
    };
    let mut errors = 0;
    for (key, value) in truth {
        match store.get(key).await {
            Ok(found) => assert_eq!(found.as_ref(), Some(value), "{damage}: {}", key.escape_ascii()),
            Err(e) => {
                assert!(["WS001", "WS005"].contains(&e.code()), "{damage}: {e}");
                errors += 1;
            }
        }
    }
    for (from, to) in [(b"i".to_vec(), b"j".to_vec()), NamespaceKeys::new(&Namespace::default()).everything()] {
        let expected = truth.range(from.clone()..to.clone()).map(|(key, value)| (key.clone(), value.clone()));
        match store.scan(&from, &to, usize::MAX).await {
            Ok(rows) => assert_eq!(rows, expected.collect::<Vec<_>>(), "{damage}"),
            Err(e) => {
                assert!(["WS001", "WS005"].contains(&e.code()), "{damage}: {e}");
                errors += 1;
            }
        }
    }
    // A store with damage may close with an error, but it closes.
    let _ = store.close().await;
    if errors == 0 {
        counts.whole += 1;
    } else {
        counts.with_errors += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_wrong_is_ever_read() {
    let tries = std::env::var("DAMAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let closed = tempfile::tempdir().unwrap();
    let mut truth = Truth::new();
    let store = SledStore::open(closed.path()).unwrap();
    step_all(&store, 0..STEPS - 1, &mut truth).await;
    store.close().await.unwrap();
    let store = SledStore::open(closed.path()).unwrap();
    step_all(&store, STEPS - 1..STEPS, &mut truth).await;
    // As a kill leaves it: what was written last is in the log only.
    let killed = copy(closed.path());
    store.close().await.unwrap();
    let mut counts = [Counts::default(), Counts::default()];
    for seed in 0..tries {
        for (state, counts) in [closed.path(), killed.path()].into_iter().zip(&mut counts) {
            let directory = copy(state);
            let what = damage(directory.path(), &mut StdRng::seed_from_u64(seed));
            look(directory.path(), &truth, &format!("seed {seed}: {what}"), counts).await;
        }
    }
    println!("{tries} damages of a closed store: {:?}; of a killed one: {:?}", counts[0], counts[1]);
    assert!(counts.iter().all(|c| c.refused > 0 && c.whole > 0), "{counts:?}");
}
