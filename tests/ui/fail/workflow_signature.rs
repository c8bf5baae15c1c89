use workflow_runtime::prelude::*;

struct Shop;

#[workflow]
fn not_async() {}

#[workflow]
async unsafe fn unsafety() {}

#[workflow]
async fn generic<'a>(t: u32) {}

#[workflow]
async fn borrows(name: &str, list: &[u32], option: Option<&u32>) {}

#[workflow]
async fn lifetimes<'a>(name: &'a str) -> std::borrow::Cow<'a, str> {
    name.into()
}

#[workflow]
async fn anything(n: impl Into<u32>) -> impl Send {}

#[workflow]
async fn dynamic(n: Box<dyn Send>) {}

impl Shop {
    #[workflow]
    async fn method(self) {}
}

#[workflow(nam = "order", alias = 3, allow(clock))]
async fn keys() {}

#[workflow]
const ORDER: u32 = 1;

#[workflow]
async fn calls() {
    keys().await;
}

fn main() {}
