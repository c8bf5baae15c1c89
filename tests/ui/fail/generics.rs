use workflow_runtime::prelude::*;

#[workflow]
async fn generic<T: Payload>(t: T) -> Result<T, Cancelled> {
    sleep(days(1)).await?;
    Ok(t)
}

#[workflow]
async fn again<T: Payload>(t: T) -> Result<T, Cancelled> {
    sleep(days(1)).await?;
    continue_as_new!(t)
}

#[workflow]
async fn lifetimes<'a, T: Payload>(t: T, name: &'a str) -> T {
    t
}

#[workflow]
async fn something(t: impl Payload) -> u32 {
    1
}

#[workflow]
async fn borrowed(&a: &u32, b: u32) -> u32 {
    a + b
}

#[workflow]
async fn thirteen(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8) {}

fn main() {}
