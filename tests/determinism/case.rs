//! The cases of a file: modules at its left edge, each with what it is about.

use std::fs;
use std::path::Path;

/// One workflow and what stands around it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The file, below the sources of its package.
    pub(crate) file: String,
    pub(crate) name: String,
    /// The lines of the module, counted from one, both included.
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Case {
    pub(crate) fn holds(&self, file: &str, line: usize) -> bool {
        self.file == file && (self.first..=self.last).contains(&line)
    }
}

/// The cases of the files in a folder, in the order of their names.
pub(crate) fn of_folder(folder: &Path) -> Vec<Case> {
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "rs") && !f.ends_with("lib.rs"));
    files.sort();
    files.iter().flat_map(|f| of_file(f)).collect()
}

fn of_file(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a file of cases");
    let file = path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut cases = vec![];
    let mut open: Option<Case> = None;
    for (i, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(" {")) {
            assert!(open.is_none(), "{file}:{}: a case in a case", i + 1);
            open = Some(Case { file: file.clone(), name: name.to_owned(), first: i + 1, last: i + 1 });
        } else if line == "}"
            && let Some(case) = open.take()
        {
            cases.push(Case { last: i + 1, ..case });
        }
    }
    assert!(open.is_none() && !cases.is_empty(), "{file} is not a file of cases");
    cases
}
