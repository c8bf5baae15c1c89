//! Every kind of value that no checkpoint can hold, alive across an `.await`.

use std::{
    cell::RefCell,
    fs::File,
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Instant, SystemTime},
};
use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow(allow(WF006, reason = "its type is what is refused here"))]
async fn arc_mutex(n: u64) -> Result<u64, WorkflowError> {
    let total = Arc::new(Mutex::new(n));
    charge(n).await?;
    Ok(*total.lock().unwrap())
}

#[workflow]
async fn arc(n: u64) -> Result<u64, WorkflowError> {
    let total = Arc::new(n);
    charge(n).await?;
    Ok(*total)
}

#[workflow]
async fn futures(n: u64) -> Result<u64, WorkflowError> {
    let later = std::future::ready(n);
    let boxed: std::pin::Pin<Box<dyn Future<Output = u64>>> = Box::pin(std::future::ready(n));
    let call = charge(1);
    charge(n).await?;
    drop((later, boxed));
    Ok(call.await?)
}

#[workflow]
async fn rcs(n: u64) -> Result<u64, WorkflowError> {
    let rc = Rc::new(n);
    let cell = RefCell::new(n);
    let both = Rc::new(RefCell::new(n));
    charge(n).await?;
    *both.borrow_mut() += 1;
    *cell.borrow_mut() += *rc;
    Ok(1)
}

#[workflow(allow(WF001, reason = "its type is what is refused here"))]
async fn times(n: u64) -> Result<u64, WorkflowError> {
    let at = SystemTime::now();
    let began = Instant::now();
    charge(n).await?;
    tracing::info!("{at:?} {began:?}");
    Ok(1)
}

#[workflow(allow(WF007, WF008, reason = "its type is what is refused here"))]
async fn files(n: u64) -> Result<u64, WorkflowError> {
    let file = File::open("x")?;
    let lines = std::io::BufReader::new(File::open("x")?);
    let out = std::io::stdout();
    let locked = out.lock();
    let child = std::process::Command::new("ls").spawn()?;
    charge(n).await?;
    drop((file, lines, locked, child));
    Ok(1)
}

#[workflow(allow(WF006, reason = "its type is what is refused here"))]
async fn tokios(n: u64) -> Result<u64, WorkflowError> {
    let (tx, rx) = tokio::sync::mpsc::channel::<u64>(1);
    let m = tokio::sync::Mutex::new(1);
    charge(n).await?;
    drop((tx, rx, m));
    Ok(1)
}

#[workflow]
async fn dyns(n: u64) -> Result<u64, WorkflowError> {
    let e: Box<dyn std::error::Error> = "x".into();
    let s: &dyn ToString = &n;
    let r: Result<u64, Box<dyn std::error::Error + Send + Sync>> = Ok(1);
    charge(n).await?;
    tracing::info!("{e} {} {r:?}", s.to_string());
    Ok(1)
}

struct Own {
    n: u64,
}

#[workflow]
async fn own(n: u64) -> Result<u64, WorkflowError> {
    let o = Own { n };
    let list = vec![Own { n }];
    let pair = (Own { n }, 1);
    let ann = anyhow::anyhow!("x");
    charge(n).await?;
    drop(ann);
    Ok(o.n + list[0].n + pair.0.n)
}

#[workflow]
async fn pointers(n: u64) -> Result<u64, WorkflowError> {
    let p = &raw const n;
    let q = std::ptr::NonNull::from(&n);
    let f = u64::isqrt;
    let g: fn(u64, u64) -> u64 = |a, b| a + b;
    charge(n).await?;
    tracing::info!("{p:?} {q:?} {} {}", f(1), g(1, 2));
    Ok(1)
}

#[workflow]
async fn iters(list: Vec<u64>) -> Result<u64, WorkflowError> {
    let mut a = list.iter().map(|n| n + 1);
    let mut b = list.iter().filter(|n| **n > 1).peekable();
    let mut c: Box<dyn Iterator<Item = &u64>> = Box::new(list.iter());
    let mut d = std::iter::from_fn(|| Some(1));
    let mut e = std::iter::repeat(3);
    charge(1).await?;
    a.next();
    b.next();
    c.next();
    d.next();
    e.next();
    Ok(1)
}

#[workflow]
async fn borrows(name: String, list: Vec<u64>) -> Result<u64, WorkflowError> {
    let chosen = list.iter().reduce(|a, b| a.max(b));
    let words: Vec<&str> = name.split(' ').collect();
    let found = list.iter().enumerate().find(|(_, n)| **n > 1);
    charge(1).await?;
    tracing::info!("{chosen:?} {words:?} {found:?}");
    Ok(1)
}

fn main() {}
