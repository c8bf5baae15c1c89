use std::{rc::Rc, sync::Mutex, time::Duration};
use workflow_runtime::prelude::*;

struct Socket;

#[activity]
async fn charge(cents: u64) -> Result<u64, String> {
    Ok(cents)
}

#[workflow]
async fn not_saved() -> Result<(), WorkflowError> {
    let socket = Socket;
    sleep(days(1)).await?;
    let Socket = socket;
    Ok(())
}

#[workflow(allow(WF006, reason = "its type is what is refused here"))]
async fn shared() -> Result<u64, WorkflowError> {
    let total = Rc::new(Mutex::new(1));
    let n = charge(1).await?;
    *total.lock().unwrap() += n;
    Ok(n)
}

#[workflow]
async fn foreign() {
    tokio::time::sleep(Duration::from_secs(1)).await;
    std::future::ready(1).await;
}

#[workflow]
async fn argument(socket: Socket) {
    let Socket = socket;
}

#[workflow]
async fn outcome() -> Result<Socket, String> {
    Ok(Socket)
}

#[workflow]
async fn wrong_type() -> Result<u64, ActivityError<String>> {
    let s: String = charge(1).await?;
    Ok(s)
}

#[workflow]
async fn moved(text: String) -> Result<String, ActivityError<String>> {
    drop(text);
    charge(1).await?;
    Ok(text)
}

#[workflow]
async fn rest_not_saved() -> Result<(), WorkflowError> {
    for socket in [Socket, Socket] {
        charge(1).await.ok();
        drop(socket);
    }
    Ok(())
}

fn main() {}
