//! What `tests/generated` has found, made small.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn the_other_branch_is_left(n: u32) -> u32 {
    let held;
    if ping(n).await == Ok(4) {
        held = order("a", n);
    } else {
        return 0;
    }
    ping(held.lines[0].quantity).await.unwrap_or(1) + held.card.0.len() as u32
}

#[workflow]
async fn the_other_branch_of_a_branch_is_left(n: u32) -> Result<u32, Cancelled> {
    let (_, value) = join!(sleep(seconds(1)), async {
        let held;
        if ping(n).await == Ok(4) {
            held = n;
        } else if n > 8 {
            return Ok(8);
        } else {
            return Err(Cancelled);
        }
        sleep(seconds(u64::from(held))).await?;
        Ok::<_, Cancelled>(held)
    });
    value
}

#[workflow]
async fn or_beside_let(n: u32, note: Option<String>) -> u32 {
    if let Some(text) = &note
        && (n > 1 || text.is_empty())
        && (ping(n).await == Ok(4) || n == 0)
    {
        ping(text.len() as u32).await.unwrap_or(0)
    } else {
        ping(7).await.unwrap_or(0)
    }
}

#[test]
fn what_was_found() {
    for n in 0..4 {
        agree(|| the_other_branch_is_left(n));
        agree(|| the_other_branch_of_a_branch_is_left(n));
        agree(|| or_beside_let(n, Some("a".into())));
    }
    agree(|| the_other_branch_of_a_branch_is_left(9));
    agree(|| or_beside_let(0, Some(String::new())));
    agree(|| or_beside_let(2, None));
}
