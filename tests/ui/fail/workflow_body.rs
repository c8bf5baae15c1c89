use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow]
async fn in_a_closure(list: Vec<u64>) {
    let calls: Vec<_> = list.iter().map(|n| async { charge(*n).await }).collect();
    for c in calls {
        c.await;
    }
    let wait = async |n: u64| charge(n).await;
    wait(1).await;
}

#[workflow]
async fn at_once() {
    let _ = tokio::join!(charge(1), charge(2));
    let _ = futures::select! { a = charge(1) => a };
    let _ = charge(3).await;
}

#[workflow]
async fn in_unsafe() {
    let _ = unsafe { charge(1).await };
}

#[workflow]
async fn in_a_macro(n: u64) {
    let _ = format!("{:?}", charge(n).await);
    unknown!(charge(n).await);
}

fn main() {}
