#![deny(unused)]

use workflow_runtime::prelude::*;

#[activity]
async fn charge(cx: ActivityContext, card: String, cents: u64) -> u64 {
    let fee = 1;
    cents
}

fn main() {}
