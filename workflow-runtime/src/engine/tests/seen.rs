//! What people see of runs.

use super::{super::*, running::timed, script::*};
use crate::journal::history::Event;
use serde_json::json;

#[tokio::test]
async fn the_status_says_where_a_run_is_and_why_it_waits() {
    let (f, clock, _) = timed(&[]).await;
    let todo = vec![Do::Status("half".into()), Do::Tag("city".into(), "Oslo".into()), call("a"), Do::Sleep(60)];
    let run = f.engine.start("v", script(todo)).await.unwrap();
    f.engine.pulse().idle().await;
    let status = run.status().await.unwrap();
    assert_eq!((status.state, status.steps), (Status::Running, 2));
    assert_eq!((status.point.as_deref(), status.line), (Some("sleep"), Some(20)));
    assert_eq!(status.status, Some(json!("half")));
    assert_eq!(status.tags["city"], "Oslo");
    assert_eq!(status.locals[0].name, "log");
    assert_eq!(status.locals[0].value, json!(["a"]));
    let due = clock.now().checked_add(crate::seconds(60)).unwrap();
    assert!(matches!(&status.waits[..], [Waits::Timer { at, .. }] if *at == due));
    assert!(status.waits[0].to_string().contains("due at 2000-01-01T00:01:00"));
    assert_eq!(f.engine.run(script, "other").status().await.unwrap_err().code(), "WE050");
}

#[tokio::test]
async fn the_history_tells_every_input_and_what_it_led_to() {
    let (f, _, _) = timed(&[]).await;
    let run = f.engine.start("h", script(vec![call("a"), Do::Recv])).await.unwrap();
    f.engine.pulse().idle().await;
    run.signal(&NEWS, "n".into()).await.unwrap();
    run.result().await.unwrap();
    let history = run.history().await.unwrap();
    let steps: Vec<_> = history.iter().map(|e| (e.seq, e.revision, e.step)).collect();
    assert_eq!(steps, [(0, 1, Some(1)), (1, 2, Some(2)), (2, 3, Some(3))]);
    assert!(matches!(&history[0].events[..], [Event::Started { .. }, Event::Scheduled { op: 0, .. }]));
    assert!(matches!(&history[1].events[..], [Event::Completed { op: 0, .. }, Event::Waiting { op: 1, .. }]));
    let last = &history[2].events[..];
    assert!(matches!(last, [Event::SignalReceived { .. }, Event::SignalConsumed { op: 1, .. }, Event::Closed(_)]));
    assert!(history.iter().all(|e| e.frame.is_some() && e.definition.is_some()));
    assert_eq!(run.history_page(1, 1).await.unwrap(), history[1..2]);
}

#[tokio::test]
async fn lists_come_in_pages_by_workflow_state_and_tag() {
    let (f, _, _) = timed(&[]).await;
    for n in 0..7 {
        let tag = Do::Tag("parity".into(), (n % 2).to_string());
        let todo = if n < 3 { vec![tag] } else { vec![tag, Do::Recv] };
        f.engine.start(format!("l-{n}"), script(todo)).await.unwrap();
    }
    let mut filter = Filter::all().workflow("script").status(Status::Running).limit(3);
    let first = f.engine.list(&filter).await.unwrap();
    assert_eq!(first.instances.len(), 3);
    assert!(first.instances.iter().all(|l| l.status == Status::Running));
    filter = filter.after(first.next.unwrap());
    let second = f.engine.list(&filter).await.unwrap();
    assert_eq!((second.instances.len(), second.next), (1, None));
    assert_eq!(f.engine.list(&Filter::all().status(Status::Completed)).await.unwrap().instances.len(), 3);
    assert_eq!(f.engine.list(&Filter::all().tag("parity", "1")).await.unwrap().instances.len(), 3);
    assert_eq!(f.engine.list(&Filter::all()).await.unwrap().instances.len(), 7);
    assert_eq!(f.engine.list(&Filter::all().workflow("none")).await.unwrap().instances.len(), 0);
}

#[tokio::test]
async fn limits_refuse_what_is_too_large_and_block_instead_of_losing_a_result() {
    let (builder, _started) = builder(crate::store::MemoryStore::new(), &[Then::Large(2000)]);
    let engine = builder.payload_limit(1000).build().await.unwrap();
    let big = || "x".repeat(2000);
    assert_eq!(engine.start("l", script(vec![call(&big())])).await.unwrap_err().code(), "WE023");
    let run = engine.start("l", script(vec![call("a"), Do::Recv])).await.unwrap();
    engine.pulse().idle().await;
    assert_eq!(run.status().await.unwrap().blocked.unwrap().code, "WB104");
    assert_eq!(run.signal(&NEWS, big()).await.unwrap_err().code(), "WE033");
    run.retry().await.unwrap();
    run.signal(&NEWS, "n".into()).await.unwrap();
    assert_eq!(run.result().await.unwrap(), ["a", "n"]);
    assert_eq!(engine.start("a\0b", script(vec![])).await.unwrap_err().code(), "WS032");
}

#[tokio::test]
async fn every_call_can_be_made_from_a_spawned_task() {
    fn send<F: std::future::IntoFuture<IntoFuture: Send> + Send>(_: F) {}
    let (f, _, _) = timed(&[]).await;
    let run = f.engine.run(script, "s");
    send(f.engine.start("s", script(vec![])));
    send(run.signal(&NEWS, String::new()));
    send(run.update(&crate::Update::<u8, u8>::new("u"), 1));
    send(run.result());
    send(run.local("x"));
    send(run.local_as::<u8>("x"));
    send(run.status_as::<u8>());
    send(run.status());
    send(run.history());
    send(run.cancel(""));
    send(run.terminate(""));
    send(run.retry());
    send(f.engine.list(&Filter::all()));
    send(f.engine.shutdown());
    send(Engine::builder().build());
}
