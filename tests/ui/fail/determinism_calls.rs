use std::time::{Duration, Instant, SystemTime};
use workflow_runtime::prelude::*;

#[activity]
async fn remind(at: u64) {
    let _ = at;
}

fn elapsed(since: SystemTime) -> Duration {
    since.elapsed().unwrap_or_default()
}

#[workflow]
async fn clocks(since: SystemTime) -> Result<u64, WorkflowError> {
    use std::time as clock;
    let started = Instant::now();
    let later = clock::SystemTime::now();
    let all: Vec<jiff::Timestamp> = (0..3).map(|_| jiff::Timestamp::now()).collect();
    let spent = since.elapsed().unwrap_or_default() + elapsed(later);
    let read = std::time::Instant::now;
    let text = format!("{:?} {}", SystemTime::now(), all.len());
    remind(text.len() as u64).await?;
    Ok(read().duration_since(started).as_secs() + spent.as_secs())
}

#[workflow]
async fn blocks() -> Result<u32, WorkflowError> {
    use std::{
        sync::{Mutex as Lock, mpsc::*},
        thread::{self as threads, sleep as wait},
    };
    wait(Duration::from_secs(1));
    let both = Lock::new(1);
    let (send, receive) = channel::<u32>();
    let other = threads::spawn(move || send.send(2));
    let task = tokio::spawn(async { 3 });
    task.abort();
    let _ = other.join();
    Ok(*both.lock().unwrap() + receive.recv()?)
}

#[workflow]
async fn reads_the_world(name: String) -> Result<String, WorkflowError> {
    use std::{env, fs::*};
    fn home() -> String {
        env::var("HOME").unwrap_or_default()
    }
    let text = read_to_string(&name)?;
    let there = std::path::Path::new(&name).exists();
    let zone = jiff::tz::TimeZone::system();
    println!("{there}");
    dbg!(&text);
    let build = option_env!("BUILD").unwrap_or(file!());
    Ok(format!("{text}{}{build}{}", home(), zone.iana_name().unwrap_or_default()))
}

fn main() {}
