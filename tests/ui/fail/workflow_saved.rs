use std::{cell::RefCell, fs::File, sync::Mutex, time::Instant};
use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<u64, String> {
    Ok(cents)
}

#[workflow(allow(WF006, reason = "its type is what is refused here"))]
async fn guards(n: u64) {
    let lock = Box::leak(Box::new(Mutex::new(n)));
    let guard = lock.lock().unwrap();
    let _ = charge(1).await;
    tracing::info!("{guard}");
}

#[workflow]
async fn borrowed_cell(n: u64) {
    let cell: &'static RefCell<u64> = Box::leak(Box::new(RefCell::new(n)));
    let held = cell.borrow_mut();
    let _ = charge(1).await;
    tracing::info!("{held}");
}

#[workflow]
async fn addresses(n: u64) {
    let pointer: *const u64 = &raw const n;
    let function: fn(u64) -> u64 = u64::isqrt;
    let _ = charge(1).await;
    tracing::info!("{pointer:?} {}", function(1));
}

#[workflow(allow(WF001, WF007, reason = "its type is what is refused here"))]
async fn of_the_process() -> Result<(), WorkflowError> {
    let file = File::open("x")?;
    let began = Instant::now();
    charge(1).await?;
    tracing::info!("{file:?} {:?}", began.elapsed());
    Ok(())
}

#[workflow]
async fn iterators(list: Vec<u64>) -> Result<u64, WorkflowError> {
    let mut doubled = list.into_iter().map(|n| n * 2);
    let mut sum = 0;
    while let Some(n) = doubled.next() {
        sum += charge(n).await?;
    }
    Ok(sum)
}

#[workflow]
async fn unnamed(by: u64) -> Result<u64, WorkflowError> {
    let add = move |n: u64| n + by;
    let dynamic: Box<dyn Fn(u64) -> u64> = Box::new(add);
    let n = charge(add(1)).await?;
    Ok(add(n) + dynamic(n))
}

#[workflow(allow(WF001, reason = "its type is what is refused here"))]
async fn several(list: Vec<u64>) -> Result<u64, WorkflowError> {
    let began = Instant::now();
    let n: String = charge(1).await?;
    let _ = unsafe { charge(2).await };
    tracing::info!("{:?}", began.elapsed());
    drop(list);
    Ok(list.len() as u64)
}

fn main() {}
