//! The smallest workflow: one activity, one timer.
//!
//! Run it, stop it with ctrl-c while it waits, and run it again: it goes on where it was. Run it once more after it
//! has ended: it attaches to the greeting of before and does nothing again.

use workflow_runtime::{Engine, prelude::*};

#[activity]
async fn greet(name: &str) -> String {
    println!("(the activity runs)");
    format!("Hello, {name}!")
}

#[workflow]
async fn hello(name: String) -> Result<String, WorkflowError> {
    let greeting = greet(&name).await?;
    sleep(seconds(3)).await?;
    Ok(format!("{greeting} This took three seconds, however often the program was stopped."))
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "world".into());
    let data = args.next().unwrap_or_else(|| "hello-data".into());
    let engine = Engine::open(data).await?;
    let run = engine.start(format!("hello-{name}"), hello(name)).await?;
    println!("{}", if run.is_new() { "started" } else { "attached" });
    println!("{}", run.result().await?);
    engine.shutdown().await;
    Ok(())
}
