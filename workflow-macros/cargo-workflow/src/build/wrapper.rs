//! What cargo runs in place of rustc: rustc, with flags that leave what the check reads.

use std::{
    env,
    ffi::OsString,
    process::{Command, ExitCode},
};

/// Set where this program is to be rustc.
pub(crate) const MARK: &str = "CARGO_WORKFLOW_RUSTC";
/// The wrapper that the user has set, which runs rustc.
pub(super) const INNER: &str = "CARGO_WORKFLOW_INNER_WRAPPER";

/// Added to every compilation. The last of two equal options holds, so these win over a profile for one package.
pub(super) fn flags() -> [&'static str; 8] {
    [
        "-C",
        "opt-level=0",
        "-C",
        "debuginfo=line-tables-only",
        "-C",
        "symbol-mangling-version=v0",
        "-C",
        "embed-bitcode=no",
    ]
}

/// True if cargo runs this program in place of rustc.
pub(crate) fn is_wanted() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs the rustc that the first argument names.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let Some((rustc, rest)) = args.split_first() else {
        eprintln!("error: cargo gave no rustc to run");
        return ExitCode::from(2);
    };
    let mut command = match env::var_os(INNER) {
        Some(wrapper) => {
            let mut command = Command::new(wrapper);
            command.arg(rustc);
            command
        }
        None => Command::new(rustc),
    };
    command.args(rest);
    let text: Vec<_> = rest.iter().map(|a| a.to_string_lossy()).collect();
    let text: Vec<&str> = text.iter().map(AsRef::as_ref).collect();
    command.args(added(&text));
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(e) => {
            eprintln!("error: cannot run {}: {e}", rustc.to_string_lossy());
            ExitCode::from(2)
        }
    }
}

/// What is added to the arguments of one compilation. Build scripts and macros run on this machine only, and questions about the
/// compiler compile nothing.
fn added(args: &[&str]) -> Vec<&'static str> {
    let after = |flag: &'static str| args.windows(2).filter(move |w| w[0] == flag).map(|w| w[1]);
    let joined = |flag: &'static str| args.iter().filter_map(move |a| a.strip_prefix(flag));
    let krate = after("--crate-name").next();
    let types: Vec<&str> = after("--crate-type").chain(joined("--crate-type=")).collect();
    let mut emits = after("--emit").chain(joined("--emit="));
    let links = emits.any(|e| e.split(',').any(|e| e == "link"));
    if !links || krate.is_none_or(|k| k == "___" || k.starts_with("build_script_")) || types.contains(&"proc-macro") {
        return vec![];
    }
    let mut flags = flags().to_vec();
    let whole = types.iter().any(|t| matches!(*t, "bin" | "cdylib" | "dylib")) || args.contains(&"--test");
    if whole && !types.iter().any(|t| matches!(*t, "lib" | "rlib" | "staticlib")) {
        flags.push("--emit=obj");
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::added;

    fn words(s: &str) -> Vec<&'static str> {
        added(&s.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn programs_leave_their_object_files() {
        let program =
            words("--crate-name shop --edition=2024 src/main.rs --crate-type bin --emit=dep-info,link -C debuginfo=2");
        assert_eq!(program.last(), Some(&"--emit=obj"));
        let test = words("--crate-name shop src/lib.rs --emit=dep-info,link --test");
        assert_eq!(test.last(), Some(&"--emit=obj"));
        let library = words("--crate-name shop src/lib.rs --crate-type lib --emit=dep-info,metadata,link");
        assert!(library.contains(&"opt-level=0") && !library.contains(&"--emit=obj"));
    }

    #[test]
    fn what_is_not_in_a_program_is_compiled_as_it_was() {
        for args in [
            "-vV",
            "--crate-name ___ - --print=file-names --crate-type bin",
            "--crate-name build_script_build build.rs --crate-type bin --emit=dep-info,link",
            "--crate-name macros src/lib.rs --crate-type proc-macro --emit=dep-info,link",
            "--crate-name probe --crate-type=lib --emit=metadata",
        ] {
            assert_eq!(words(args), Vec::<&str>::new(), "{args}");
        }
    }
}
