//! What is measured.

mod large;
mod long;
mod sleepers;
mod throughput;
mod timers;

use crate::Failure;
use std::path::Path;

/// Runs the workload of this name in this process.
pub(crate) async fn run(dir: &Path, workload: &str, numbers: &[u64]) -> Result<(), Failure> {
    let number = |n: usize| numbers.get(n).copied().ok_or_else(|| format!("{workload}: number {n} is missing"));
    match workload {
        "w1" => throughput::one_at_a_time(dir, number(0)?).await,
        "w2" => throughput::in_flight(dir, number(0)?, number(1)?, number(2)?).await,
        "engine" => throughput::engine_alone(number(0)?, number(1)?, number(2)?).await,
        "counted" => throughput::counted(number(0)?, number(1)?).await,
        "w5" => throughput::fan_out(dir, number(0)?).await,
        "w3-fill" => long::fill(dir, number(0)?).await,
        "w3-wake" => long::wake(dir, number(0)?).await,
        "w4-fill" => sleepers::fill(dir, number(0)?).await,
        "w4-sled" => sleepers::database_alone(dir, number(0)?),
        "w4-wake" => sleepers::wake(dir, number(0)?).await,
        "timers" => timers::stampede(dir, number(0)?).await,
        "large" => large::frames(dir, number(0)?, number(1)?).await,
        other => Err(format!("there is no workload {other:?}").into()),
    }
}
