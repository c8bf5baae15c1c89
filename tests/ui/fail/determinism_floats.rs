#![deny(deprecated)]

use workflow_runtime::prelude::*;

#[workflow]
async fn warned_of(rate: f64, years: f64) -> Result<f64, WorkflowError> {
    let grown = (rate * years).exp();
    let angle = f64::sin(grown);
    Ok(angle.sqrt() + years.powf(2.0))
}

#[workflow]
#[allow(deprecated)]
async fn allowed(rate: f64) -> Result<f64, WorkflowError> {
    Ok(rate.exp())
}

#[workflow(allow(WF013, reason = "all servers are of one kind"))]
async fn exempt(rate: f64) -> Result<f64, WorkflowError> {
    Ok(rate.exp())
}

fn main() {}
