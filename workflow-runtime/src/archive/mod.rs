//! Runs that have ended, in compressed files beside the store: what retention removes can be kept in these.
//!
//! An engine with an [archive](crate::engine::EngineBuilder::archive) writes each run there before it removes it. The files are
//! only ever appended to, and can be copied, moved and deleted like any others; [`Archive`] reads them, from any process.
//!
//! ```standalone_crate
//! use workflow_runtime::{archive::Archive, engine::EngineBuilder, prelude::*, testing::TestEngine};
//!
//! #[workflow]
//! async fn nap(n: u64) -> Result<u64, Cancelled> {
//!     sleep(hours(n)).await?;
//!     Ok(n)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let to = directory.path().join("archive");
//! let configure = |engine: EngineBuilder| engine.archive(&to).retention(days(30));
//! let engine = TestEngine::builder().manual().configure(configure).build().await?;
//! engine.start("nap-1", nap(1)).await?;
//! engine.advance(days(31)).await;
//! assert!(engine.run(nap, "nap-1").status().await.is_err());
//!
//! let archive = Archive::open(&to)?;
//! let run = archive.newest("nap-1").ok_or("archived")?;
//! let events: Vec<_> = archive.history(run.run_id)?.collect::<Result<Vec<_>, _>>()?.concat();
//! assert_eq!(events.len() as u64, run.entries);
//! # Ok(()) }
//! ```

mod error;
mod format;
mod listed;
mod read;
mod scan;
mod write;

#[cfg(test)]
mod tests;

pub use self::error::ArchiveError;
pub(crate) use self::format::Place;
pub use self::listed::{ArchivedRun, RunSummary};
pub use self::read::{Archive, Pages};
pub(crate) use self::write::{PAGE, Writer};
