//! The copy of the corpus that is built.

use crate::{
    build::PACKAGES,
    case::{self, Case},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

pub(crate) struct Project {
    /// The copy.
    pub(crate) dir: PathBuf,
    /// The target directory of the tests themselves: what the runtime is made of is there already.
    pub(crate) target: PathBuf,
    sources: PathBuf,
    root: PathBuf,
}

/// What becomes of a case in the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It is not there. Its lines are empty, so that all others keep their numbers.
    Blank,
    /// Its workflows have exemptions from these rules.
    Exempt(BTreeSet<String>),
}

impl Treatment {
    pub(crate) fn exempts(&self, rule: &str) -> bool {
        matches!(self, Treatment::Exempt(rules) if rules.contains(rule))
    }
}

impl Project {
    /// Copies the corpus. What is as it was is not touched, so that it is not built again.
    pub(crate) fn copy() -> Project {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = tests.parent().expect("the package stands in the workspace");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a directory in the target directory");
        let project = Project {
            dir: target.join("tests/determinism"),
            target: target.to_owned(),
            sources: tests.join("determinism/corpus"),
            root: root.to_owned(),
        };
        project.copy_folder(Path::new(""));
        project
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn copy_folder(&self, folder: &Path) {
        for entry in fs::read_dir(self.sources.join(folder)).expect("a folder of the corpus") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if !entry.file_type().expect("a kind").is_dir() {
                if !Self::is_of_cases(&path) {
                    self.copy_file(&path);
                }
            } else if entry.file_name() != "target" {
                self.copy_folder(&path);
            }
        }
    }

    /// Files of cases are written for each build.
    fn is_of_cases(path: &Path) -> bool {
        PACKAGES.iter().any(|p| path.starts_with(p))
            && path.extension().is_some_and(|e| e == "rs")
            && !path.ends_with("lib.rs")
    }

    fn copy_file(&self, path: &Path) {
        let mut text = fs::read_to_string(self.sources.join(path)).expect("a file of the corpus");
        if path == Path::new("Cargo.toml") {
            let runtime = self.root.join("workflow-runtime");
            text = text.replace("\"../../../workflow-runtime\"", &format!("{runtime:?}"));
        }
        put(&self.dir.join(path), &text);
    }

    /// The cases of a package.
    pub(crate) fn cases(&self, package: &str) -> Vec<Case> {
        case::of_folder(&self.sources.join(package))
    }

    /// Writes the cases of a package as they are to be built.
    pub(crate) fn write(&self, package: &str, cases: &[Case], treated: &BTreeMap<String, Treatment>) {
        let mut files: Vec<&str> = cases.iter().map(|c| c.file.as_str()).collect();
        files.dedup();
        for file in files {
            let path = Path::new(package).join(file);
            let text = fs::read_to_string(self.sources.join(&path)).expect("a file of cases");
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for case in cases.iter().filter(|c| c.file == file) {
                let Some(treatment) = treated.get(&case.name) else { continue };
                lines[case.first - 1..case.last].iter_mut().for_each(|line| treat(line, treatment));
            }
            put(&self.dir.join(path), &(lines.join("\n") + "\n"));
        }
    }
}

fn treat(line: &mut String, treatment: &Treatment) {
    match treatment {
        Treatment::Blank => line.clear(),
        Treatment::Exempt(rules) => {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            let exempt = format!("#[workflow(allow({}, reason = \"for the other nets\"))]", rules.join(", "));
            *line = line.replace("#[workflow]", &exempt);
        }
    }
}

/// Writes a file unless it is as it should be, so that it is not compiled again.
fn put(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|t| t == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}
