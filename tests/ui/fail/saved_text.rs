//! A text that a function lends, alive across an `.await`: its type is that of a literal, which could be saved.

use std::borrow::Cow;
use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

fn word(text: &str) -> &str {
    text.trim()
}

#[workflow]
async fn texts(name: String) -> Result<u64, WorkflowError> {
    let first = word(&name);
    charge(1).await?;
    Ok(first.len() as u64)
}

#[workflow]
async fn perhaps_owned(name: String) -> Result<u64, WorkflowError> {
    let first = Cow::from(word(&name));
    charge(1).await?;
    Ok(first.len() as u64)
}

fn main() {}
