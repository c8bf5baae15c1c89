//! What generated code names. Not part of the public contract: macro and runtime are released together.

pub use crate::{
    activity::{
        Activity, ActivityContext, ActivityDef, ActivityOptions, ActivityRegistration, Lend, Retry, SendBoxFuture,
        State, States,
    },
    machine::{
        ActivityCall, AnySlot, Checkpoint, Cx, Described, Durable, Entry, Flow, Go, LocalBoxFuture, Never, Outcome,
        Plain, Slot, SlotExt, StepError, Token, What, Workflow, WorkflowCall, WorkflowDef, WorkflowRegistration, drive,
        oracle::awaited, patched,
    },
};
pub use inventory;
pub use serde;
pub use std::{sync::OnceLock, time::Duration};
pub use workflow_definition::{Definition, Edge, Parameter, Point};
