//! What every store promises, checked on each of them, and what the store on disk promises besides.

#![allow(missing_docs, reason = "tests")]

mod backend;
mod contract;
mod damage;
mod faults;
mod files;
mod pinned;
mod snapshot;
