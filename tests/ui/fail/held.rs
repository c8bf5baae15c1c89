//! Values that are alive over an `.await` only to be dropped behind it.

use std::sync::Mutex;
use workflow_runtime::prelude::*;

#[activity]
async fn charge(n: u64) -> u64 {
    n
}

struct Permit;

impl Drop for Permit {
    fn drop(&mut self) {}
}

#[workflow(allow(WF006, reason = "its type is what is refused here"))]
async fn locks(n: u64) -> Result<u64, WorkflowError> {
    let mutex = Mutex::new(n);
    let _guard = mutex.lock().unwrap();
    Ok(charge(n).await?)
}

#[workflow]
async fn permits(n: u64) -> Result<u64, WorkflowError> {
    let _permit = Permit;
    let sum = charge(n).await? + charge(2).await?;
    Ok(sum)
}

#[workflow]
async fn written_through(n: u64) -> Result<u64, WorkflowError> {
    let mut numbers = Some(Box::new(std::cell::Cell::new(n)));
    let first = numbers.as_mut().unwrap();
    *first = Box::new(std::cell::Cell::new(3));
    {
        let _permit = Permit;
    }
    Ok(charge(n).await?)
}

#[workflow]
async fn in_a_branch(n: u64) -> Result<u64, WorkflowError> {
    let (a, b) = join!(charge(n), async {
        let _permit = Permit;
        charge(1).await
    });
    Ok(a? + b?)
}

fn permit(n: u64) -> Result<Permit, Permit> {
    if n > 3 { Ok(Permit) } else { Err(Permit) }
}

#[workflow]
async fn of_a_pattern(n: u64) -> Result<u64, WorkflowError> {
    let Ok(_permit) = permit(n) else {
        return Ok(charge(n).await?);
    };
    Ok(charge(n).await? + 1)
}

/// What an arm binds is not looked at, under whatever name: it may be an error that nobody wants to see.
#[workflow]
async fn in_an_arm(mut all: Vec<u64>, n: u64) -> Result<u64, WorkflowError> {
    let _to = &mut all;
    match permit(n) {
        Ok(_to) => {
            charge(1).await?;
        }
        Err(_) => (*_to).push(3),
    }
    Ok(1)
}

fn main() {}
