use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
enum ChargeError {
    #[error("declined")]
    Declined,
    #[error("network")]
    Network,
}

#[activity(retry(unless(Declined)))]
async fn a_name() -> Result<(), ChargeError> {
    Ok(())
}

#[activity(retry(unless(_)))]
async fn a_wildcard() -> Result<(), ChargeError> {
    Ok(())
}

#[activity(retry(unless(ChargeError::Network | Declined, ..)))]
async fn one_of_two() -> Result<(), ChargeError> {
    Ok(())
}

#[activity(retry(unless(ChargeError::Declined, ChargeError::Declined)))]
async fn twice() -> Result<(), ChargeError> {
    Ok(())
}

#[activity(retry(unless = "ChargeError::Declined"))]
async fn a_string() -> Result<(), ChargeError> {
    Ok(())
}

fn main() {}
