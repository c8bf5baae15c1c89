//! What cannot stand in for an activity.

use workflow_runtime::{prelude::*, testing::TestEngine};

#[activity]
async fn charge(card: &str, cents: u64) -> Result<u64, String> {
    let _ = card;
    Ok(cents)
}

#[activity]
async fn tick() -> u32 {
    1
}

fn another_type(engine: &TestEngine) {
    engine.mock(charge, |card: String, cents: u32| {
        let _ = card;
        Ok(u64::from(cents))
    });
}

fn too_few(engine: &TestEngine) {
    engine.mock(charge, |card: String| Ok(card.len() as u64));
}

fn another_result(engine: &TestEngine) {
    engine.mock(charge, |_: String, cents: u64| cents);
}

fn no_closure(engine: &TestEngine) {
    engine.mock(tick, 7);
}

fn no_activity(engine: &TestEngine) {
    engine.mock("charge", |_: String, cents: u64| Ok(cents));
}

fn another_sequence(engine: &TestEngine) {
    engine.mock_sequence(tick, ["seven"]);
}

fn main() {}
