//! A schedule that fires every second: watch it skip, start and stop. Stop the program with ctrl-c and run it again: the
//! schedule goes on, and says what it missed.

use workflow_runtime::{
    Engine,
    prelude::*,
    schedule::{Overlap, Schedule, ScheduleStatus},
};

#[activity]
async fn measure(sensor: String) -> u32 {
    sensor.len() as u32
}

/// Takes longer than the time between two runs.
#[workflow]
async fn survey(sensor: String) -> Result<u32, WorkflowError> {
    let first = measure(sensor.clone()).await?;
    sleep(millis(1500)).await?;
    Ok(first + measure(sensor).await?)
}

fn show(status: &ScheduleStatus) {
    let counts = status.counts;
    println!("started {}, skipped {}, missed {}", counts.started, counts.skipped, counts.missed);
    for run in status.recent.iter().take(3) {
        println!("  {}: {}", run.workflow_id, run.outcome.as_deref().unwrap_or("running"));
    }
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let data = std::env::args().nth(1).unwrap_or_else(|| "schedule-data".into());
    let engine = Engine::open(data).await?;
    let every_second = Schedule::every(seconds(1)).overlap(Overlap::Skip).catch_up(seconds(10));
    let schedule = engine.schedule("survey", every_second, survey("attic".into())).await?;
    for _ in 0..5 {
        // Programs may sleep as they like; workflows wait with `sleep(..).await`.
        tokio::time::sleep(seconds(2)).await;
        show(&schedule.describe().await?);
    }
    schedule.pause("the demonstration is over").await?;
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn every_other_run_is_skipped() {
        let engine = TestEngine::builder().manual().build().await.unwrap();
        let schedule =
            engine.schedule("s", Schedule::every(seconds(1)).limit(4), survey("attic".into())).await.unwrap();
        engine.clock().advance(seconds(60)).await;
        let status = schedule.describe().await.unwrap();
        assert_eq!((status.counts.started, status.counts.skipped), (4, 3));
        assert!(status.recent.iter().all(|r| r.outcome.as_deref() == Some("completed")));
    }
}
