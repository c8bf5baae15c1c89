//! `cargo workflow check`: what a workflow calls, and what that calls, in this workspace and in its dependencies, through generics,
//! closures, function pointers and trait objects, up to a clock, a source of randomness, a file.
//!
//! It reads the object files of a dev build: a relocation is an edge, the generated step functions are where it begins. `build` makes
//! the object files, `graph` reads them, `roots` finds the workflows, `rules` says what is searched for, `search` searches, `lines`
//! finds the places in the source, `exemptions` takes out what the user answers for, `report` says the rest.

mod build;
mod check;
mod cli;
mod error;
mod exemptions;
mod graph;
mod lines;
mod name;
mod report;
mod roots;
mod rules;
mod search;

use cli::{Cli, Command};
use std::{env, io::Write as _, process::ExitCode};
use workflow_rules::{RULES, Rule};

/// Something was found.
const FOUND: u8 = 1;
/// Nothing could be checked.
const NOT_RUN: u8 = 2;

/// The program.
pub fn main() -> ExitCode {
    if build::wrapper::is_wanted() {
        return build::wrapper::run(env::args_os().skip(1));
    }
    let cli = match Cli::read(env::args_os()) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { ExitCode::from(NOT_RUN) } else { ExitCode::SUCCESS };
        }
    };
    let (text, code) = match &cli.command {
        Command::Check(args) => match check::check(args) {
            Ok(report) => (report.print(args.message_format), if report.fails() { FOUND } else { 0 }),
            Err(e) => return not_run(&e),
        },
        Command::Explain { code } => match explain(code.as_deref()) {
            Ok(text) => (text, 0),
            Err(e) => return not_run(&e),
        },
    };
    // Whoever reads it may have closed the pipe.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::from(code)
}

fn not_run(e: &error::Error) -> ExitCode {
    eprintln!("error: {e}");
    ExitCode::from(NOT_RUN)
}

fn explain(code: Option<&str>) -> Result<String, error::Error> {
    let Some(code) = code else {
        return Ok(RULES.iter().map(|r| format!("{} {}: {}\n", r.code, r.name, r.why)).collect());
    };
    let rule = Rule::with_code(&code.to_uppercase())
        .ok_or_else(|| error::Error::new(format!("there is no rule `{code}`: `cargo workflow explain` lists them")))?;
    Ok(rule.page())
}
