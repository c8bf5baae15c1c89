//! As much of crossbeam as the corpus calls, so that names and paths are those of crossbeam.

use std::thread::{self, Scope};

pub struct Spawner<'a, 'scope, 'env>(pub &'a Scope<'scope, 'env>);

pub fn scope<'env, R>(f: impl for<'a, 'scope> FnOnce(&Spawner<'a, 'scope, 'env>) -> R) -> R {
    thread::scope(|s| f(&Spawner(s)))
}

impl Spawner<'_, '_, '_> {
    pub fn spawn<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        thread::scope(|s| s.spawn(f).join().expect("no panic"))
    }
}
