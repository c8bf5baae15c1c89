#![forbid(unsafe_code)]

use std::ptr::NonNull;
use workflow_runtime::prelude::*;

#[activity]
async fn ship(item: &str) {
    let _ = item;
}

struct Server(u64);

impl Server {
    fn addr(&self) -> u64 {
        self.0
    }
}

#[workflow]
async fn addresses(names: Vec<String>) -> Result<u64, WorkflowError> {
    let first = names.as_ptr();
    let mut sum = Server(3).addr() as usize + first.addr();
    sum += names[0].as_ptr().expose_provenance() + NonNull::from(&names).addr().get();
    sum += <*const String>::addr(first) + (&raw const names).cast::<u8>().align_offset(64);
    ship("sum").await?;
    Ok(sum as u64)
}

fn main() {}
