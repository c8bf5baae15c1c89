//! Makes a crate with workflows a program: `serve` runs them, the other commands look at them and steer them.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use workflow_runtime::prelude::*;
//!
//! #[workflow]
//! async fn nap(n: u64) -> Result<u64, WorkflowError> {
//!     sleep(seconds(n)).await?;
//!     Ok(n)
//! }
//!
//! fn main() -> ExitCode {
//!     workflow_runtime::service::main()
//! }
//! ```
//!
//! A service that runs answers on a socket in its data directory (`control.sock`, for the owner of the directory only). The commands go there.
//! When no service runs, those that only read open the store themselves; the others say that a service has to run.

mod answer;
mod archived;
mod args;
mod control;
mod remote;
mod serve;
mod show;
mod stats;

pub use control::ServiceError;

use crate::engine::{Engine, EngineBuilder};
use args::{Args, Command};
use clap::Parser as _;
use control::Request;
use std::{path::Path, process::ExitCode};

/// The program of this crate, with everything annotated in it. See the [module](self).
pub fn main() -> ExitCode {
    Service::new().main()
}

/// A program that needs more than the annotated functions: states for activities, limits, a namespace.
///
/// ```no_run
/// use workflow_runtime::service::Service;
///
/// struct Gateway;
///
/// fn main() -> std::process::ExitCode {
///     Service::new().configure(|engine| engine.state(Gateway).queue("slow", 4)).main()
/// }
/// ```
#[must_use = "call `.main()`"]
pub struct Service {
    configure: Vec<Box<dyn FnOnce(EngineBuilder) -> EngineBuilder>>,
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

impl Service {
    /// A program with everything annotated in this crate.
    pub fn new() -> Self {
        Service { configure: vec![] }
    }

    /// Sets up the engine. The store is set by the program.
    pub fn configure(mut self, with: impl FnOnce(EngineBuilder) -> EngineBuilder + 'static) -> Self {
        self.configure.push(Box::new(with));
        self
    }

    /// Reads the command line and does what it says. The code is 0 if that was done, 1 if it could not be done, and 2 if the command line
    /// cannot be understood.
    pub fn main(self) -> ExitCode {
        match Args::try_parse() {
            Ok(args) => self.run(args),
            Err(e) => {
                // There is nobody left to tell that this could not be printed.
                let _ = e.print();
                ExitCode::from(if e.use_stderr() { 2 } else { 0 })
            }
        }
    }

    fn run(self, args: Args) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => return failed(&ServiceError::Runtime(e)),
        };
        let builder = self.configure.into_iter().fold(Engine::builder(), |builder, with| with(builder));
        let Args { data, json, command } = args;
        let done = runtime.block_on(async {
            match command {
                Command::Serve { archive } => {
                    let builder = archive.into_iter().fold(builder, EngineBuilder::archive);
                    serve::serve(&data, builder).await
                }
                Command::Local(local) => show::local(&local, &data, json),
                Command::Remote(command) if command.archive().is_some() => archived::answer(&command, json),
                Command::Remote(command) => {
                    let request = command.request()?;
                    let answer = ask(&data, builder, &request).await?;
                    show::answer(&command, &answer, json)
                }
            }
        });
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => failed(&e),
        }
    }
}

/// Asks the service that runs, or, if none does and the request only reads, the store.
async fn ask(data: &Path, builder: EngineBuilder, request: &Request) -> Result<serde_json::Value, ServiceError> {
    match remote::ask(data, request).await {
        Err(ServiceError::NotRunning { .. }) if request.only_reads() => {
            let engine = builder.store(serve::existing(data)?).build_read_only().await?;
            let answer = answer::answer(&engine, request.clone()).await;
            engine.shutdown().await;
            answer.into_result()
        }
        answered => answered,
    }
}

fn failed(error: &ServiceError) -> ExitCode {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}
