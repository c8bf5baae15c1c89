use std::time::{Instant, SystemTime};
use workflow_runtime::prelude::*;

#[workflow(allow(WF001))]
async fn without_a_reason() -> Result<bool, Cancelled> {
    Ok(Instant::now().elapsed().is_zero())
}

#[workflow(allow(WF001, reason = " "), allow(WF008, WF008, reason = "twice"))]
async fn without_words() -> Result<bool, Cancelled> {
    println!("x");
    Ok(Instant::now().elapsed().is_zero())
}

#[workflow(allow(WF099, wf001, clock, "WF001", reason = "there are no such rules"))]
async fn unknown() -> Result<(), Cancelled> {
    Ok(())
}

#[workflow(allow(reason = "no rule"), allow, allow = "WF001")]
async fn no_rule() -> Result<(), Cancelled> {
    Ok(())
}

#[workflow(allow(WF001, reason = "one"), allow(WF001, reason = "two"))]
async fn exempt_twice() -> Result<(), Cancelled> {
    Ok(())
}

#[workflow(allow(WF008, reason = "another rule"))]
async fn on_statements() -> Result<bool, Cancelled> {
    #[workflow(allow(WF001))]
    let a = SystemTime::now();
    #[workflow]
    let b = SystemTime::now();
    #[workflow(name = "x")]
    let c = SystemTime::now();
    #[workflow(allow(WF001, reason = "only for this one"))]
    let d = SystemTime::now();
    let e = SystemTime::now();
    Ok([a, b, c, d].iter().all(|t| *t < e))
}

fn main() {}
