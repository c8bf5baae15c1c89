//! Starting runs at set times: see [`Schedule`] and [`Engine::schedule`](crate::Engine::schedule).
//!
//! ```text
//! client ──update──> run (a workflow) ──> book (what to do) ──> times (when)
//! ```

mod book;
mod client;
mod run;
mod spec;
mod times;

pub use book::Counts;
pub use client::{ScheduleError, ScheduleHandle};
pub use run::{Recent, ScheduleStatus};
pub use spec::{Overlap, Schedule};
pub use times::InvalidSchedule;
