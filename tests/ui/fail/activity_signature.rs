use workflow_runtime::prelude::*;

struct Gateway;

#[activity]
fn not_async() {}

#[activity]
async unsafe fn unsafety() {}

#[activity]
async extern "C" fn abi() {}

#[activity]
async fn generic<T>(t: T) {}

#[activity]
async fn lifetimes<'a>(t: &'a str) {}

#[activity]
async fn anything(n: impl Into<u32>) -> impl Send {}

#[activity]
async fn a_pattern((a, b): (u32, u32), _: u32) {}

#[activity]
async fn changes(n: &mut u32) {}

#[activity]
async fn late(n: u32, cx: ActivityContext, gateway: State<Gateway>) {}

#[activity]
async fn two_contexts(a: ActivityContext, b: ActivityContext) {}

#[activity]
async fn by_reference(gateway: &State<Gateway>, cx: &ActivityContext) {}

#[activity]
async fn borrows(names: Vec<&str>, any: Box<dyn Send>) -> &'static str {
    ""
}

impl Gateway {
    #[activity]
    async fn method(&self, n: u32) {}
}

#[activity]
struct Charge;

fn main() {}
