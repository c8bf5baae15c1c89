//! Places in the source, from the debug information (DWARF) of object files.

mod dwarf;

pub(crate) use dwarf::{Inlined, inlined};

use crate::graph::{At, Bytes, Graph, ObjectId};
use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
};

/// A file, and a line in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// The line tables of a build, each read once.
pub(crate) struct Lines<'g> {
    graph: &'g Graph,
    bytes: &'g Bytes,
    root: PathBuf,
    tables: RefCell<HashMap<ObjectId, Rc<Vec<Row>>>>,
}

/// From this place on. Rows of one section stand together, ordered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    place: u64,
    /// `None` where a sequence ends.
    line: Option<Line>,
}

impl<'g> Lines<'g> {
    pub(crate) fn new(graph: &'g Graph, bytes: &'g Bytes, root: PathBuf) -> Self {
        Lines { graph, bytes, root, tables: RefCell::default() }
    }

    /// The line of a call in a function of the user's, if its object file has line tables.
    ///
    /// What the compiler has inlined into it stands in a file of somebody else's; then it is the line before that does not.
    pub(crate) fn own(&self, at: At) -> Option<Line> {
        self.find(at, |l| is_own(&l.file)).or_else(|| self.any(at))
    }

    /// The line of a call in any function.
    pub(crate) fn any(&self, at: At) -> Option<Line> {
        self.find(at, |_| true)
    }

    /// Whether the code of a call stands in a file of the user's. A function of his may have others inlined into it.
    pub(crate) fn is_own(&self, at: At) -> bool {
        self.exact(at).is_none_or(|l| is_own(&l.file))
    }

    fn exact(&self, at: At) -> Option<Line> {
        let table = self.table(at.object);
        let row = table.partition_point(|r| r.place <= place(u64::from(at.section), at.offset)).checked_sub(1)?;
        table.get(row)?.line.clone()
    }

    fn find(&self, at: At, wanted: impl Fn(&Line) -> bool) -> Option<Line> {
        let table = self.table(at.object);
        let place = place(u64::from(at.section), at.offset);
        let before = table.partition_point(|r| r.place <= place);
        let mut rows =
            table[..before].iter().rev().take_while(|r| r.place >= place & !OFFSET).map_while(|r| r.line.as_ref());
        let found = rows.find(|l| l.line > 0 && wanted(l))?;
        Some(Line { file: self.shown(&found.file), line: found.line })
    }

    /// Relative to the workspace, or to the folder of the registry.
    pub(crate) fn shown(&self, file: &str) -> String {
        let path = Path::new(file);
        if let Ok(inside) = path.strip_prefix(&self.root) {
            return inside.display().to_string();
        }
        match file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')) {
            Some((_, inside)) => inside.to_owned(),
            None => file.to_owned(),
        }
    }

    fn table(&self, object: ObjectId) -> Rc<Vec<Row>> {
        if let Some(table) = self.tables.borrow().get(&object) {
            return Rc::clone(table);
        }
        // An object without readable line tables has findings without lines, which is no reason to give up.
        let rows =
            self.bytes.with(self.graph, object, |data| dwarf::rows(data).unwrap_or_default()).unwrap_or_default();
        let table = Rc::new(rows);
        self.tables.borrow_mut().insert(object, Rc::clone(&table));
        table
    }
}

/// Not one of the standard library, or of a dependency from elsewhere.
fn is_own(file: &str) -> bool {
    const OTHERS: [&str; 4] = ["/lib/rustlib/src/rust/library/", "/registry/src/", "/git/checkouts/", "/rustc/"];
    !OTHERS.iter().any(|o| file.contains(o))
}

/// Sections of an object file all begin at zero: here each has a range of its own.
const OFFSET: u64 = 0xffff_ffff;

fn place(section: u64, offset: u64) -> u64 {
    section << 32 | (offset & OFFSET)
}
