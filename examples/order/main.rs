//! Order fulfilment whose worker is killed over and over, and whose books are audited in the end.
//!
//! `cargo run --release -p examples --bin order` runs it; the README beside this file says what happens.

mod audit;
mod domain;
mod generate;
mod options;
mod report;
mod rng;
mod services;
mod supervisor;
mod worker;
mod workflow;

use options::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let command = match options::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            println!("{}", options::USAGE);
            Ok(true)
        }
        Command::Generate { seed, count } => {
            print!("{}", generate::orders(seed, count));
            Ok(true)
        }
        Command::Run(run) => supervisor::run(&run).map_err(Into::into),
        Command::Worker(worker) => worker::run(&worker).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
