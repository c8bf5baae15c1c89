//! The command line.

use crate::{build::Request, report::Format};
use clap::{Args, Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf};

/// Checks that workflows are deterministic.
#[derive(Debug, Parser)]
#[command(name = "cargo-workflow", bin_name = "cargo workflow", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follows every call of every workflow to what makes it nondeterministic.
    ///
    /// Builds what `cargo build` would build with the same flags, without optimization and into `target/workflow-check`, and reads
    /// the object files. Exits with 1 if something was found, and with 2 if nothing could be checked.
    Check(Box<Check>),
    /// Prints the page of a rule, or lists the rules.
    Explain {
        /// Such as WF001.
        code: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The form of the report.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: Format,
    /// The list of exemptions; by default `workflow-check.toml` beside the Cargo.toml of the workspace, if it is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) exemptions: Option<PathBuf>,
    /// Only workflows with this registered name.
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    cargo: Cargo,
}

/// What to build, as with cargo.
#[derive(Debug, Args)]
struct Selection {
    /// Package to check.
    #[arg(short, long, value_name = "SPEC")]
    package: Vec<String>,
    /// Check all packages of the workspace.
    #[arg(long, alias = "all")]
    workspace: bool,
    /// Leave packages out.
    #[arg(long, value_name = "SPEC")]
    exclude: Vec<String>,
    /// Only the library.
    #[arg(long)]
    lib: bool,
    /// Only this program.
    #[arg(long, value_name = "NAME")]
    bin: Vec<String>,
    /// All programs.
    #[arg(long)]
    bins: bool,
    /// Only this example.
    #[arg(long, value_name = "NAME")]
    example: Vec<String>,
    /// All examples.
    #[arg(long)]
    examples: bool,
    /// Only this test target.
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    /// All targets that have tests.
    #[arg(long)]
    tests: bool,
    /// Programs, examples, tests and the library.
    #[arg(long)]
    all_targets: bool,
    /// Features to turn on.
    #[arg(short = 'F', long, value_name = "FEATURES")]
    features: Vec<String>,
    /// Turn all features on.
    #[arg(long)]
    all_features: bool,
    /// Turn the default features off.
    #[arg(long)]
    no_default_features: bool,
}

/// How to build, as with cargo.
#[derive(Debug, Args)]
struct Cargo {
    /// Path to Cargo.toml.
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// Platform to build for.
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// How many compilations at once.
    #[arg(short, long, value_name = "N")]
    jobs: Option<String>,
    /// Do not ask the network.
    #[arg(long)]
    offline: bool,
    /// The lock file must not change.
    #[arg(long)]
    locked: bool,
    /// `--locked` and `--offline`.
    #[arg(long)]
    frozen: bool,
    /// Say nothing of the build.
    #[arg(short, long)]
    quiet: bool,
}

impl Cli {
    /// Takes the arguments apart. cargo gives the name of the subcommand first.
    pub(crate) fn read(args: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args = args.enumerate().filter(|(i, a)| *i != 1 || a != "workflow").map(|(_, a)| a);
        Cli::try_parse_from(args)
    }
}

impl Check {
    /// What cargo is to build.
    pub(crate) fn request(&self) -> Request {
        let (s, c) = (&self.selection, &self.cargo);
        let mut args: Vec<OsString> = vec![];
        let lists = [
            ("--package", &s.package),
            ("--exclude", &s.exclude),
            ("--bin", &s.bin),
            ("--example", &s.example),
            ("--test", &s.test),
            ("--features", &s.features),
        ];
        for (flag, values) in lists {
            args.extend(values.iter().flat_map(|v| [OsString::from(flag), OsString::from(v)]));
        }
        let flags = [
            ("--workspace", s.workspace),
            ("--lib", s.lib),
            ("--bins", s.bins),
            ("--examples", s.examples),
            ("--tests", s.tests),
            ("--all-targets", s.all_targets),
            ("--all-features", s.all_features),
            ("--no-default-features", s.no_default_features),
            ("--offline", c.offline),
            ("--locked", c.locked),
            ("--frozen", c.frozen),
        ];
        args.extend(flags.iter().filter(|(_, on)| *on).map(|(flag, _)| OsString::from(flag)));
        args.extend(c.jobs.iter().flat_map(|j| [OsString::from("--jobs"), OsString::from(j)]));
        Request { args, manifest_path: c.manifest_path.clone(), quiet: c.quiet, target: c.target.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cargo_gives_the_name_of_the_subcommand() {
        for line in
            ["cargo-workflow workflow check -p shop --bin worker", "cargo-workflow check --package shop --bin worker"]
        {
            let cli = Cli::read(line.split(' ').map(Into::into)).unwrap();
            let Command::Check(check) = cli.command else { panic!("{line}") };
            assert_eq!(check.request().args, ["--package", "shop", "--bin", "worker"]);
        }
    }
}
