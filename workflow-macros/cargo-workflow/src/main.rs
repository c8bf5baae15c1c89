//! `cargo workflow`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_workflow::main()
}
