//! The world of generated programs: the types and operations that they use, and the comparison of their two renderings.
//!
//! A program is compiled twice from one text: against [`plain`], where an operation is an ordinary async function, and against
//! [`flow`], where it is an activity and the function a `#[workflow]`. In both the [`oracle`] says what an operation gives.

pub mod driver;
pub mod groups;
pub mod operations;
pub mod oracle;
pub mod values;

pub use operations::{flow, plain};
pub use serde;
pub use tokio;
pub use tracing;
pub use workflow_runtime;
