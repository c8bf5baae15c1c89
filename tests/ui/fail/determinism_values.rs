use std::{
    any::{TypeId, type_name},
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, DefaultHasher},
    sync::atomic::{AtomicU64, Ordering},
};
use workflow_runtime::prelude::*;

static SERVED: AtomicU64 = AtomicU64::new(0);

#[activity]
async fn ship(item: &str) {
    let _ = item;
}

#[workflow]
async fn hash_order(stock: HashMap<String, u64>, tags: Vec<String>) -> Result<Vec<String>, WorkflowError> {
    for item in stock.keys() {
        ship(item).await?;
    }
    let seen: HashSet<String> = tags.into_iter().collect();
    for tag in &seen {
        ship(tag).await?;
    }
    let text = format!("{stock:?} {:#?}", seen);
    let first = seen.iter().next().cloned();
    let rates: Vec<u64> = stock.values().map(|n| n * 2).collect();
    ship(&format!("{text}{first:?}{rates:?}")).await?;
    Ok(stock.into_keys().collect())
}

#[workflow]
async fn keys_alone(stock: HashMap<String, u64>) -> Result<u64, WorkflowError> {
    let mut fixed: HashMap<u64, u64, BuildHasherDefault<DefaultHasher>> = HashMap::default();
    fixed.insert(1, 2);
    let mut names: Vec<_> = stock.keys().collect();
    names.sort();
    Ok(stock.values().sum::<u64>() + fixed.values().next().copied().unwrap_or_default() + names.len() as u64)
}

#[workflow]
async fn addresses(name: String) -> Result<String, WorkflowError> {
    let at = name.as_ptr() as usize;
    let same = std::ptr::eq(&name, &name);
    let ty = TypeId::of::<String>() == TypeId::of::<str>();
    Ok(format!("{at} {same} {ty} {:p} {}", &name, type_name::<String>()))
}

#[workflow]
async fn globals() -> Result<u64, WorkflowError> {
    static LAST: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    std::thread_local!(static OPEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
    let n = SERVED.fetch_add(1, Ordering::Relaxed);
    Ok(n + LAST.get().unwrap_or(&1) + OPEN.get())
}

#[workflow]
async fn escapes(names: Vec<String>) -> Result<String, WorkflowError> {
    unsafe extern "C" {
        fn getpid() -> i32;
    }
    let pid = unsafe { getpid() };
    let trace = std::backtrace::Backtrace::capture().to_string();
    Ok(format!("{pid}{}{trace}", names.len()))
}

fn main() {}
