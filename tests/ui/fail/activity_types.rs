use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

struct Socket;

#[derive(Serialize, Deserialize)]
struct Silent;

#[derive(Debug)]
struct Unsaved;

impl std::fmt::Display for Unsaved {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

#[activity]
async fn argument(fine: u32, socket: &Socket) {}

#[activity]
async fn value() -> Result<Socket, String> {
    Err(String::new())
}

#[activity]
async fn plain() -> Socket {
    Socket
}

#[activity]
async fn not_displayed() -> Result<(), Silent> {
    Ok(())
}

#[activity]
async fn not_saved() -> Result<(), Unsaved> {
    Ok(())
}

#[activity]
async fn of_somebody_else() -> std::io::Result<()> {
    Ok(())
}

#[activity]
async fn not_send(n: u32) -> u32 {
    let n = std::rc::Rc::new(n);
    std::future::ready(()).await;
    *n
}

#[workflow]
async fn calls() -> Result<(), WorkflowError> {
    not_displayed().await.ok();
    Ok(())
}

fn main() {}
