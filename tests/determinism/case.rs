//! The cases of a file: modules at its left edge, each with what it hides and where.

use std::{fs, path::Path};

/// One workflow and what stands around it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The file, below the sources of its package.
    pub(crate) file: String,
    pub(crate) name: String,
    /// The lines of the module and of its comment, counted from one, both included.
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) hides: Option<Hides>,
}

/// What an evasive case has over it: `/// WF001: a helper`. Where several codes stand, each is a right answer.
#[derive(Debug, Clone)]
pub(crate) struct Hides {
    pub(crate) rules: Vec<String>,
    pub(crate) place: String,
    /// No net can see it.
    pub(crate) unreached: bool,
}

impl Case {
    pub(crate) fn holds(&self, file: &str, line: usize) -> bool {
        self.file == file && (self.first..=self.last).contains(&line)
    }

    /// The rule that it stands for.
    pub(crate) fn rule(&self) -> &str {
        self.hides.as_ref().and_then(|h| h.rules.first()).map_or("", String::as_str)
    }

    pub(crate) fn expects(&self, code: &str) -> bool {
        self.hides.as_ref().is_some_and(|h| h.rules.iter().any(|r| r == code))
    }

    pub(crate) fn is_unreached(&self) -> bool {
        self.hides.as_ref().is_some_and(|h| h.unreached)
    }
}

impl Hides {
    fn of(comment: &str) -> Option<Self> {
        let (codes, place) = comment.strip_prefix("/// ")?.split_once(": ")?;
        let (unreached, codes) = match codes.strip_prefix("UNREACHED ") {
            Some(codes) => (true, codes),
            None => (false, codes),
        };
        let rules: Vec<String> = codes.split(' ').map(str::to_owned).collect();
        let known = rules.iter().all(|r| workflow_rules::Rule::with_code(r).is_some());
        known.then(|| Hides { rules, place: place.to_owned(), unreached })
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
    let mut before = "";
    for (i, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(" {")) {
            assert!(open.is_none(), "{file}:{}: a case in a case", i + 1);
            let hides = Hides::of(before);
            let first = if hides.is_some() { i } else { i + 1 };
            open = Some(Case { file: file.clone(), name: name.to_owned(), first, last: i + 1, hides });
        } else if line == "}" {
            cases.extend(open.take().map(|case| Case { last: i + 1, ..case }));
        }
        before = line;
    }
    assert!(open.is_none() && !cases.is_empty(), "{file} is not a file of cases");
    cases
}
