//! What a file with workflows needs: `use workflow_runtime::prelude::*;`.

pub use crate::{
    ActivityContext, ActivityError, Cancelled, Engine, Retry, Signal, State, WaitError, WorkflowError, days, hours,
    millis, minutes, now, patched, random, run_id, saga, seconds, set_status, side_effect, sleep, sleep_until, tag,
    uuid, workflow_id,
};
pub use workflow_macros::{activity, workflow};
