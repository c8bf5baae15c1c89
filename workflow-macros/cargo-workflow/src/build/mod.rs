//! The dev build whose object files are read.
//!
//! It goes to a target directory of its own, so that neither the user's artifacts nor his profiles are touched: opt-level 0, because a
//! call that was inlined is not there to be seen, and line tables, for the places in the report. `wrapper` is what rustc is run by.

mod message;
pub(crate) mod wrapper;

use crate::{error::Error, rules};
use message::Artifact;
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a build made.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// Archives and object files.
    pub(crate) files: Vec<PathBuf>,
    /// The files of `files` that were compiled from packages of the workspace and other packages on this disk.
    pub(crate) local_files: BTreeSet<PathBuf>,
    /// Crates of those packages.
    pub(crate) local_crates: BTreeSet<String>,
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

/// A new name whenever the flags of the wrapper change, because cargo does not see those.
const DIRECTORY: &str = "workflow-check";

/// What cargo is to build, as the user wrote it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Request {
    /// Selection of packages, targets and features.
    pub(crate) args: Vec<OsString>,
    /// `--manifest-path`, which `cargo metadata` takes too.
    pub(crate) manifest_path: Option<PathBuf>,
    /// Says nothing of what is compiled.
    pub(crate) quiet: bool,
    /// The platform to build for.
    pub(crate) target: Option<String>,
}

/// Builds, and says where the object files are.
///
/// # Errors
///
/// cargo cannot be run, or the build fails; cargo has then said why on standard error.
pub(crate) fn build(request: &Request) -> Result<Built, Error> {
    let metadata = metadata(request)?;
    let target = metadata.target_directory.join(DIRECTORY);
    prepare(&target)?;
    let artifacts = artifacts(request, &target)?;
    let mut built = Built { root: metadata.workspace_root, ..Built::default() };
    for artifact in &artifacts {
        let (local, files) = (artifact.is_local(), artifact.objects()?);
        if local && artifact.is_code() && !rules::is_trusted(&artifact.krate()) {
            built.local_crates.insert(artifact.krate());
            built.local_files.extend(files.iter().cloned());
        }
        built.files.extend(files);
    }
    let platform = request.target.clone().or_else(|| built.files.iter().find_map(|f| platform(f, &target)));
    built.files.extend(standard_library(platform.as_deref())?);
    built.files.sort();
    built.files.dedup();
    Ok(built)
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn metadata(request: &Request) -> Result<Metadata, Error> {
    let mut cargo = cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    if let Some(path) = &request.manifest_path {
        cargo.arg("--manifest-path").arg(path);
    }
    let output = cargo.stderr(Stdio::inherit()).output().map_err(|e| cannot_run("cargo metadata", &e))?;
    if !output.status.success() {
        return Err(Error::new(
            "`cargo metadata` failed: run the check in a folder with a Cargo.toml, or give --manifest-path",
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|e| Error::new(format!("`cargo metadata` answered what is not its format: {e}; is cargo up to date?")))
}

/// Clears what another version of the wrapper has built.
fn prepare(target: &Path) -> Result<(), Error> {
    let stamp = target.join("flags");
    let flags = wrapper::flags().join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|s| s == flags) {
        return Ok(());
    }
    let failed = |e: std::io::Error| Error::new(format!("cannot write to {}: {e}", target.display()));
    if target.exists() {
        fs::remove_dir_all(target).map_err(failed)?;
    }
    fs::create_dir_all(target).map_err(failed)?;
    fs::write(stamp, flags).map_err(failed)
}

fn artifacts(request: &Request, target: &Path) -> Result<Vec<Artifact>, Error> {
    let me = env::current_exe().map_err(|e| Error::new(format!("cannot find the path of this program: {e}")))?;
    let mut cargo = cargo();
    cargo.args(["build", "--message-format", "json-render-diagnostics", "--target-dir"]).arg(target);
    if request.quiet {
        cargo.arg("--quiet");
    }
    if let Some(path) = &request.manifest_path {
        cargo.arg("--manifest-path").arg(path);
    }
    if let Some(triple) = &request.target {
        cargo.arg("--target").arg(triple);
    }
    cargo.args(&request.args);
    for (key, value) in [("OPT_LEVEL", "0"), ("DEBUG", "line-tables-only"), ("LTO", "off"), ("STRIP", "none")] {
        cargo.env(format!("CARGO_PROFILE_DEV_{key}"), value).env(format!("CARGO_PROFILE_TEST_{key}"), value);
    }
    if let Some(theirs) = env::var_os("RUSTC_WRAPPER").filter(|w| !w.is_empty()) {
        cargo.env(wrapper::INNER, theirs);
    }
    cargo.env("RUSTC_WRAPPER", me).env(wrapper::MARK, "1");
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(|e| cannot_run("cargo build", &e))?;
    let mut artifacts = vec![];
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|e| cannot_run("cargo build", &e))?;
            artifacts.extend(Artifact::parse(&line)?);
        }
    }
    let status = child.wait().map_err(|e| cannot_run("cargo build", &e))?;
    if !status.success() {
        return Err(Error::new("the build failed: nothing was checked; make `cargo build` succeed first"));
    }
    Ok(artifacts)
}

/// The platform that cargo's configuration asks for: its name stands before that of the profile.
fn platform(file: &Path, target: &Path) -> Option<String> {
    let first = file.strip_prefix(target).ok()?.components().next()?.as_os_str().to_str()?;
    (first != "debug").then(|| first.to_owned())
}

/// The archives of the standard library.
fn standard_library(platform: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir"]);
    if let Some(triple) = platform {
        rustc.arg("--target").arg(triple);
    }
    let output = rustc.output().map_err(|e| cannot_run("rustc", &e))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let entries = fs::read_dir(&folder).map_err(|e| Error::read(&folder, &e))?;
    let archives =
        entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|e| e == "rlib"));
    Ok(archives.filter(|p| !is_of_the_compiler(p)).collect())
}

/// Libraries beside the standard one that a program does not link.
fn is_of_the_compiler(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["libproc_macro-", "libtest-", "libgetopts-", "libprofiler_builtins-", "libpanic_abort-"]
        .iter()
        .any(|p| name.starts_with(p))
}

fn cannot_run(what: &str, e: &std::io::Error) -> Error {
    Error::new(format!("cannot run {what}: {e}; is it installed and in PATH?"))
}
