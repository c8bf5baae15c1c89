#![allow(unsafe_code)]

use workflow_runtime::prelude::*;

macro_rules! first {
    ($of:expr) => {
        unsafe { $of.get_unchecked(0) }.clone()
    };
}

macro_rules! last {
    ($of:expr) => {
        $of.last().cloned().unwrap_or_default()
    };
}

#[activity]
async fn ship(item: &str) {
    let _ = item;
}

#[workflow]
#[allow(unsafe_code)]
async fn of_macros(names: Vec<String>) -> Result<String, WorkflowError> {
    let last = last!(names);
    ship(&first!(names)).await?;
    Ok(last)
}

#[workflow]
async fn beside_what_is_left(names: Vec<String>) -> Result<usize, WorkflowError> {
    let recorded: String = side_effect(|| first!(names));
    #[workflow(allow(WF012, reason = "the list is not empty"))]
    let exempt: String = first!(names);
    if recorded == exempt {
        let found: String = first!(names);
        ship(&found).await?;
    }
    let last: String = last!(names);
    first!(names);
    for _ in 0..last.len() {
        ship(&first!(names)).await?;
    }
    Ok(recorded.len())
}

fn main() {}
