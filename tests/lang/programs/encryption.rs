//! A file is encrypted in chunks, under a key that is replaced after some of them; the manifest is what decrypts it again.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DataKey {
    id: String,
    pad: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sealed {
    key: String,
    bytes: Vec<u8>,
    checksum: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Manifest {
    name: String,
    keys: Vec<DataKey>,
    chunks: Vec<(String, u32)>,
    length: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum VaultError {
    #[error("no key {0}")]
    NoKey(String),
    #[error("chunk {0} is damaged")]
    Damaged(usize),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum PipelineError {
    #[error("the vault")]
    Vault(#[from] ActivityError<VaultError>),
    #[error("the store")]
    Store(#[from] ActivityError<String>),
    #[error("chunk {index}: {found} in place of {expected}")]
    Checksum { index: usize, expected: u32, found: u32 },
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(17, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(*b)))
}

#[activity(retry(attempts = 3, initial = "200ms"))]
async fn new_data_key(file: &str, number: usize) -> Result<DataKey, VaultError> {
    if file == "locked" && number == 1 {
        return Err(VaultError::NoKey(file.to_owned()));
    }
    Ok(DataKey { id: format!("{file}/{number}"), pad: 0x50 + number as u8 })
}

#[activity]
async fn seal(key: &DataKey, chunk: &[u8]) -> Result<Sealed, VaultError> {
    let bytes: Vec<u8> = chunk.iter().map(|b| b ^ key.pad).collect();
    Ok(Sealed { key: key.id.clone(), checksum: checksum(chunk), bytes })
}

#[activity]
async fn put_object(name: &str, bytes: &[u8]) -> Result<String, String> {
    Ok(format!("{name}:{}", String::from_utf8_lossy(bytes)))
}

#[activity]
async fn get_object(name: &str) -> Result<Vec<u8>, String> {
    let (_, bytes) = name.split_once(':').ok_or("no such object")?;
    Ok(bytes.as_bytes().to_vec())
}

#[activity]
async fn remove_object(name: String) -> Result<(), String> {
    println!("{name} is gone");
    Ok(())
}

#[workflow]
async fn encrypt_file(name: String, content: Vec<u8>) -> Result<Manifest, PipelineError> {
    const CHUNK: usize = 4;
    const CHUNKS_PER_KEY: usize = 2;

    let mut keys: Vec<DataKey> = Vec::new();
    let mut chunks = Vec::new();
    for (index, chunk) in content.chunks(CHUNK).enumerate() {
        if index % CHUNKS_PER_KEY == 0 {
            keys.push(new_data_key(&name, keys.len()).await?);
        }
        let key = &keys[keys.len() - 1];
        let Sealed { bytes, checksum, .. } = seal(key, chunk).await?;
        let place = put_object(&format!("{name}.{index}"), &bytes).await?;
        saga::on_failure(remove_object(place.clone()));
        chunks.push((place, checksum));
    }
    Ok(Manifest { name, keys, chunks, length: content.len() })
}

#[workflow]
async fn decrypt_file(manifest: Manifest) -> Result<Vec<u8>, PipelineError> {
    let mut content = Vec::with_capacity(manifest.length);
    for (index, (place, expected)) in manifest.chunks.iter().enumerate() {
        let key = &manifest.keys[index / 2];
        let opened = seal(key, &get_object(place).await?).await?;
        let found = checksum(&opened.bytes);
        if found != *expected {
            return Err(PipelineError::Checksum { index, expected: *expected, found });
        }
        content.extend(opened.bytes);
    }
    Ok(content)
}

/// There and back, as a check of a backup.
#[workflow]
async fn round_trip(name: String, content: Vec<u8>, spoil: Option<usize>) -> Result<bool, PipelineError> {
    let mut manifest = encrypt_file(name, content.clone()).await?;
    if let Some((place, _)) = spoil.and_then(|n| manifest.chunks.get_mut(n)) {
        place.push('!');
    }
    Ok(decrypt_file(manifest).await? == content)
}

#[test]
fn files_are_encrypted_in_chunks() {
    let agreed = agree(|| encrypt_file("notes".to_owned(), b"hello, wide world".to_vec()));
    let manifest: Manifest = serde_json::from_value(agreed.outcome["ok"].clone()).expect("a manifest");
    assert_eq!((manifest.keys.len(), manifest.chunks.len(), manifest.length), (3, 5, 17));
    assert_eq!(manifest.chunks[0].0, "notes.0:85<<");
    assert_eq!(asked(&agreed).matches("new_data_key seal put_object seal put_object").count(), 2);
}

#[test]
fn files_come_back() {
    assert_eq!(
        agree(|| round_trip("notes".to_owned(), b"hello, wide world".to_vec(), None)).outcome,
        json!({ "ok": true })
    );
    assert_eq!(agree(|| round_trip("empty".to_owned(), vec![], Some(0))).outcome, json!({ "ok": true }));
    let spoilt = agree(|| round_trip("notes".to_owned(), b"hello".to_vec(), Some(1)));
    assert_eq!(spoilt.outcome["err"]["Checksum"]["index"], 1);
}

#[test]
fn a_file_that_fails_leaves_nothing_behind() {
    let locked = agree(|| encrypt_file("locked".to_owned(), b"hello, wide world".to_vec()));
    assert_eq!(locked.outcome, json!({ "err": { "Vault": { "Failed": { "NoKey": "locked" } } } }));
    assert!(asked(&locked).ends_with("new_data_key remove_object remove_object"), "{locked:?}");
    let full = Differential::new(|| encrypt_file("notes".to_owned(), b"hello".to_vec()));
    let full = full.mock(
        put_object,
        |name: String, _: Vec<u8>| {
            if name.ends_with('1') { Err("disk full".to_owned()) } else { Ok(name) }
        },
    );
    assert_eq!(full.run().outcome, json!({ "err": { "Store": { "Failed": "disk full" } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn no_chunk_is_sealed_twice(t: Test) {
    let run = t.start("f", round_trip("notes".to_owned(), b"hello, wide".to_vec(), None)).await;
    assert_eq!(run.result().await, Ok(true));
    t.calls(put_object).assert_called_times(3);
    t.calls(new_data_key).assert_called_times(2);
}
