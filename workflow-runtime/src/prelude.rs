//! What a file with workflows needs: `use workflow_runtime::prelude::*;`.

pub use crate::{
    ActivityContext, ActivityError, Cancelled, Child, ChildError, ChildStartError, CompletionToken, Engine,
    ExternalError, ExternalRun, OnCancel, ParentClose, Payload, Reply, Retry, Signal, State, Update, WaitError,
    WorkflowError, cancel_requested, continue_as_new, days, external, for_each_concurrent, hours, join, join_all,
    millis, minutes, months, now, now_in, patched, random, run_id, saga, seconds, select, select_all, set_status,
    shielded, side_effect, sleep, sleep_until, tag, try_join, try_join_all, uuid, weeks, workflow_id, years,
};
pub use workflow_macros::{activity, workflow};
