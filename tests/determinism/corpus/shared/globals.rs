//! Globals.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

static NEXT: AtomicU64 = AtomicU64::new(0);

pub fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

thread_local! {
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// How many names there are now.
pub fn remember(name: &str) -> usize {
    NAMES.with_borrow_mut(|names| {
        names.push(name.to_owned());
        names.len()
    })
}
