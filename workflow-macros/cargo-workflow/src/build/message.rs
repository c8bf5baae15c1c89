//! What cargo says of each thing that it built.

use crate::error::Error;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A `compiler-artifact` message.
#[derive(Debug, Deserialize)]
pub(super) struct Artifact {
    package_id: String,
    target: Target,
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

impl Artifact {
    /// A line of cargo's output; `None` if it tells of something else.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, Error> {
        let bad = |e| Error::new(format!("cargo said what is not its format: {e}; is cargo up to date?"));
        match serde_json::from_str::<Reason>(line) {
            Ok(r) if r.reason == "compiler-artifact" => serde_json::from_str(line).map(Some).map_err(bad),
            Ok(_) => Ok(None),
            // What a build script or a test prints stands between the messages.
            Err(_) => Ok(None),
        }
    }

    /// It is of a package on this disk, not of a registry or a repository.
    pub(super) fn is_local(&self) -> bool {
        self.package_id.starts_with("path+") || self.package_id.contains("(path+")
    }

    /// It ends up in a program; build scripts and macros do not.
    pub(super) fn is_code(&self) -> bool {
        !self.target.kind.iter().any(|k| k == "custom-build" || k == "proc-macro")
    }

    /// The name of the crate.
    pub(super) fn krate(&self) -> String {
        self.target.name.replace('-', "_")
    }

    /// Its archives, and the object files that a program was linked from.
    pub(super) fn objects(&self) -> Result<Vec<PathBuf>, Error> {
        if !self.is_code() {
            return Ok(vec![]);
        }
        let archives = self.filenames.iter().filter(|f| f.extension().is_some_and(|e| e == "rlib" || e == "a"));
        let archives: Vec<PathBuf> = archives.cloned().collect();
        if !archives.is_empty() {
            return Ok(archives);
        }
        let linked = self.executable.as_ref().or_else(|| self.filenames.iter().find(|f| is_library(f)));
        linked.map_or(Ok(vec![]), |program| of_program(program, &self.krate()))
    }
}

fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "so" || e == "dylib" || e == "dll")
}

/// The object files of a program. cargo links `deps/name-hash` to `name`, and the wrapper has rustc leave `deps/name-hash*.o`.
fn of_program(program: &Path, krate: &str) -> Result<Vec<PathBuf>, Error> {
    let folder = program.parent().unwrap_or(Path::new("."));
    let folder = match folder.file_name().is_some_and(|f| f == "deps") {
        true => folder.to_owned(),
        false if folder.file_name().is_some_and(|f| f == "examples") => folder.to_owned(),
        false => folder.join("deps"),
    };
    let entries = fs::read_dir(&folder).map_err(|e| Error::read(&folder, &e))?;
    let files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    let name = |p: &Path| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let linked = files.iter().filter(|f| {
        let name = name(f);
        let stem = name.trim_start_matches("lib");
        stem.strip_prefix(krate).is_some_and(|rest| rest.starts_with('-'))
            && !name.ends_with(".o")
            && !name.ends_with(".d")
    });
    let mut objects = vec![];
    for linked in linked.filter(|f| is_same(f, program)) {
        let stem = linked.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stem = stem.trim_start_matches("lib").to_owned();
        let of = |f: &&PathBuf| {
            let name = name(f);
            name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".o"))
        };
        objects.extend(files.iter().filter(of).cloned());
    }
    if objects.is_empty() {
        let program = program.display();
        return Err(Error::new(format!(
            "the object files of {program} are gone: delete the folder target/workflow-check and run again"
        )));
    }
    Ok(objects)
}

/// Whether two files are one: cargo makes a hard link, or a copy where it cannot.
fn is_same(a: &Path, b: &Path) -> bool {
    let len = |p: &Path| fs::metadata(p).map(|m| m.len()).ok();
    if a == b {
        return true;
    }
    match (len(a), len(b)) {
        (Some(x), Some(y)) if x == y => fs::read(a).ok() == fs::read(b).ok(),
        _ => false,
    }
}
