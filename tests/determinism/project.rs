//! The copy of the corpus that is built.

use crate::case::{self, Case};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) struct Project {
    /// The copy.
    pub(crate) dir: PathBuf,
    /// The target directory of the tests themselves: what the runtime is made of is there already.
    pub(crate) target: PathBuf,
    sources: PathBuf,
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
        };
        project.copy_folder(Path::new(""), root);
        project
    }

    fn copy_folder(&self, folder: &Path, root: &Path) {
        for entry in fs::read_dir(self.sources.join(folder)).expect("a folder of the corpus") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("a kind").is_dir() {
                if entry.file_name() != "target" {
                    self.copy_folder(&path, root);
                }
                continue;
            }
            let mut text = fs::read_to_string(entry.path()).expect("a file of the corpus");
            if path == Path::new("Cargo.toml") {
                let runtime = root.join("workflow-runtime");
                text = text.replace("\"../../../workflow-runtime\"", &format!("{runtime:?}"));
            }
            put(&self.dir.join(path), &text);
        }
    }

    /// The cases of a package.
    pub(crate) fn cases(&self, package: &str) -> Vec<Case> {
        case::of_folder(&self.sources.join(package))
    }
}

/// Writes a file unless it is as it should be, so that it is not compiled again.
pub(crate) fn put(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|t| t == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}
