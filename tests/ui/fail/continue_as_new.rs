use workflow_runtime::prelude::*;

#[workflow]
async fn wrong_arguments(n: u64, text: String) -> u64 {
    let _ = sleep(seconds(1)).await;
    if n == 1 {
        continue_as_new!(n + 1);
    }
    if n == 2 {
        continue_as_new!(n, text.len());
    }
    n
}

#[workflow]
async fn no_arguments(n: u64) -> u64 {
    let _ = sleep(seconds(1)).await;
    continue_as_new!(n; n)
}

#[workflow]
async fn moved(text: String) {
    let _ = sleep(seconds(1)).await;
    drop(text);
    continue_as_new!(text)
}

#[workflow]
async fn in_a_closure(list: Vec<u64>) {
    let _ = sleep(seconds(1)).await;
    list.into_iter().for_each(|n| continue_as_new!(vec![n]));
}

#[workflow]
async fn in_another_macro(n: u64) {
    let _ = sleep(seconds(1)).await;
    unknown!(continue_as_new!(n));
}

macro_rules! unknown {
    ($e:expr) => {
        $e
    };
}
use unknown;

fn outside() {
    continue_as_new!();
}

fn main() {
    outside();
}
