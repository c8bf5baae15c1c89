//! Schedules start what is due, once each, whatever crashes.

use workflow_runtime::{
    engine::{Clock as _, Filter, Status},
    prelude::*,
    schedule::{InvalidSchedule, Overlap, Schedule, ScheduleError},
    testing::TestEngine,
};

type Test = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[activity]
async fn tick(n: u32) -> u32 {
    n
}

/// Works for so many minutes.
#[workflow]
async fn job(minutes_long: u64) -> Result<u32, WorkflowError> {
    sleep(minutes(minutes_long)).await?;
    Ok(tick(1).await?)
}

async fn engine() -> TestEngine {
    TestEngine::builder().manual().build().await.unwrap()
}

async fn jobs(engine: &TestEngine, status: Status) -> Vec<String> {
    let page = engine.list(&Filter::all().workflow("job").status(status)).await.unwrap();
    let mut ids: Vec<_> = page.instances.into_iter().map(|i| i.workflow_id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_is_due_is_started_and_its_end_is_told() -> Test {
    let engine = engine().await;
    let schedule = engine.schedule("s", Schedule::every(hours(1)), job(5)).await?;
    engine.clock().advance(hours(4)).await;
    let status = schedule.describe().await?;
    assert_eq!(status.counts.started, 4);
    assert_eq!(status.recent.len(), 4);
    assert_eq!(jobs(&engine, Status::Completed).await.len(), 3);
    assert_eq!(status.running.as_deref(), jobs(&engine, Status::Running).await.first().map(String::as_str));
    assert_eq!(status.recent.back().unwrap().outcome.as_deref(), Some("completed"));
    engine.untyped("schedule/s").verify().await?;
    Ok(())
}

#[tokio::test]
async fn runs_that_would_overlap_go_by_the_policy() -> Test {
    let policies = [(Overlap::Skip, 2), (Overlap::BufferOne, 2), (Overlap::Allow, 4), (Overlap::CancelOther, 4)];
    for (overlap, most) in policies {
        let engine = engine().await;
        let every = Schedule::every(hours(1)).overlap(overlap).limit(4);
        let schedule = engine.schedule("s", every, job(90)).await?;
        engine.clock().advance(minutes(60 * 4 + 10)).await;
        let started = jobs(&engine, Status::Running).await.len()
            + jobs(&engine, Status::Completed).await.len()
            + jobs(&engine, Status::Cancelled).await.len();
        assert!(started >= most, "{overlap:?}: {started}, {:?}", schedule.describe().await?);
        let cancelled = jobs(&engine, Status::Cancelled).await.len();
        assert_eq!(cancelled > 0, overlap == Overlap::CancelOther, "{overlap:?}");
        assert!(overlap == Overlap::Allow || jobs(&engine, Status::Running).await.len() <= 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_schedule_is_paused_triggered_backfilled_changed_and_deleted() -> Test {
    let engine = engine().await;
    let schedule = engine.schedule("s", Schedule::every(hours(1)), job(1)).await?;
    schedule.pause("holidays").await?;
    engine.clock().advance(hours(10)).await;
    assert!(jobs(&engine, Status::Completed).await.is_empty());
    let status = schedule.describe().await?;
    assert_eq!((status.paused.as_deref(), status.next), (Some("holidays"), None));

    schedule.trigger(None).await?;
    let now = engine.clock().now();
    schedule.trigger(None).await?;
    schedule.backfill(now - hours(2), now, Overlap::Allow).await?;
    engine.clock().advance(minutes(30)).await;
    assert_eq!(jobs(&engine, Status::Completed).await.len(), 4);
    let counts = schedule.describe().await?.counts;
    assert_eq!((counts.extra, counts.skipped), (4, 1));

    schedule.resume().await?;
    engine.clock().advance(hours(1)).await;
    assert_eq!(schedule.describe().await?.counts.started, 1);

    // The same id: other rules, and another call.
    let changed = engine.schedule("s", Schedule::every(minutes(10)), job(2)).await?;
    engine.clock().advance(minutes(60)).await;
    assert_eq!(changed.describe().await?.counts.started, 7);
    assert_eq!(engine.schedules().await?, ["s"]);

    schedule.delete().await?;
    assert!(engine.schedules().await?.is_empty());
    assert!(matches!(schedule.trigger(None).await, Err(ScheduleError::NotFound { .. })));
    assert_eq!(engine.scheduled("other").describe().await.unwrap_err().code(), "WE112");

    // The id is free again.
    engine.schedule("s", Schedule::every(hours(1)), job(1)).await?;
    assert_eq!(engine.schedules().await?, ["s"]);
    Ok(())
}

#[tokio::test]
async fn a_downtime_is_made_up_for_within_the_window() -> Test {
    let engine = engine().await;
    let every = Schedule::every(hours(1)).overlap(Overlap::Allow).catch_up(minutes(150));
    engine.schedule("s", every, job(1)).await?;
    engine.clock().jump(hours(10));
    let engine = engine.restart().await?;
    engine.clock().advance(minutes(5)).await;
    let counts = engine.scheduled("s").describe().await?.counts;
    assert_eq!((counts.started, counts.missed), (3, 7));
    Ok(())
}

#[tokio::test]
async fn a_schedule_begins_new_runs_of_itself() -> Test {
    let engine = engine().await;
    let schedule = engine.schedule("s", Schedule::every(minutes(1)), job(0)).await?;
    engine.clock().advance(minutes(1200)).await;
    assert_eq!(schedule.describe().await?.counts.started, 1200);
    let history = engine.untyped("schedule/s").history().await?;
    assert!(history.len() < 4000, "{}", history.len());
    Ok(())
}

#[tokio::test]
async fn rules_that_cannot_be_used_are_refused() {
    let engine = engine().await;
    let why = async |schedule| match engine.schedule("s", schedule, job(1)).await {
        Err(ScheduleError::Invalid { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(why(Schedule::cron("every day")).await, InvalidSchedule::Cron { .. }));
    assert!(matches!(why(Schedule::cron("* * * * *").time_zone("Mars")).await, InvalidSchedule::TimeZone { .. }));
    let past = engine.clock().now() - hours(1);
    assert_eq!(why(Schedule::every(hours(1)).until(past)).await, InvalidSchedule::Never);
}

#[workflow_runtime::test]
async fn a_schedule_survives_a_crash_at_every_commit(t: workflow_runtime::testing::Test) {
    let rules = Schedule::every(hours(1)).overlap(Overlap::BufferOne).limit(2);
    t.call(async |engine| engine.schedule("s", rules.clone(), job(90)).await.map(drop)).await.unwrap();
    t.advance(hours(6)).await;
    let status = t.call(async |engine| engine.scheduled("s").describe().await).await.unwrap();
    assert_eq!((status.counts.started, status.running), (2, None));
    assert!(status.recent.iter().any(|r| r.outcome.as_deref() == Some("completed")));
}
