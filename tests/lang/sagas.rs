//! Shields, scopes of compensations and calendar timers, compared with the plain function.

use crate::{agree, shop::*};
use workflow_runtime::{machine::Workflow, prelude::*};

#[workflow]
async fn guarded(n: u32) -> Result<u32, OrderError> {
    let a = shielded(double(n)).await?;
    shielded(sleep(months(1))).await?;
    let b = shielded(twice(a)).await?;
    sleep(weeks(1)).await?;
    if cancel_requested().is_some() {
        return Err(OrderError::Empty);
    }
    shielded(sleep(years(1)).label("long")).await?;
    Ok(b)
}

#[workflow]
async fn hands_over(n: u32) -> Result<u32, OrderError> {
    saga::parallel();
    saga::on_failure(release("a"));
    saga::on_failure(release("b"));
    let x = double(n).await?;
    Ok(x)
}

#[workflow]
async fn at_once(n: u32, m: u32) -> Result<u32, OrderError> {
    saga::on_failure(release("first"));
    let x = hands_over(n).await?;
    saga::on_failure(release("last"));
    let y = double(m).await?;
    saga::commit();
    saga::parallel();
    saga::on_failure(release("c"));
    saga::on_failure(release("d"));
    double(x * y).await?;
    Ok(x + y)
}

#[test]
fn shields_and_scopes() {
    for n in [1, 200, 600, 2_000] {
        agree(|| guarded(n));
    }
    for (n, m) in [(1, 1), (2_000, 1), (1, 2_000), (900, 900)] {
        agree(|| at_once(n, m));
    }
}

/// A shield can be added under instances that wait.
#[test]
fn a_shield_does_not_change_a_label() {
    fn labels<W: Workflow>(_: impl Fn() -> workflow_runtime::WorkflowCall<W>) -> Vec<String> {
        W::def().definition().points.iter().map(|p| p.label.clone()).collect()
    }
    assert_eq!(labels(|| guarded(1)), ["double", "sleep", "twice", "sleep#1", "long"]);
}
