//! Places in the source, from the line tables (DWARF) of object files.

use crate::graph::{At, Bytes, Graph, ObjectId};
use gimli::{EndianSlice, Reader as _, RunTimeEndian};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
use std::{
    borrow::Cow,
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
        let rows = self.bytes.with(self.graph, object, |data| rows(data).unwrap_or_default()).unwrap_or_default();
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

/// What relocations write into a section.
#[derive(Debug, Clone, Default)]
struct Relocated(Rc<HashMap<usize, u64>>);

impl gimli::Relocate for Relocated {
    fn relocate_address(&self, offset: usize, value: u64) -> gimli::Result<u64> {
        Ok(self.0.get(&offset).copied().unwrap_or(value))
    }
    fn relocate_offset(&self, offset: usize, value: usize) -> gimli::Result<usize> {
        Ok(self.0.get(&offset).map_or(value, |v| *v as usize))
    }
}

type Slice<'d> = gimli::RelocateReader<EndianSlice<'d, RunTimeEndian>, Relocated>;

/// The line table of an object file.
fn rows(data: &[u8]) -> Option<Vec<Row>> {
    let file = object::File::parse(data).ok()?;
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let lines = section(&file, ".debug_line");
    let (strings, line_strings) = (section(&file, ".debug_str"), section(&file, ".debug_line_str"));
    let (debug_line, strings, line_strings) = (lines.slice(endian), strings.slice(endian), line_strings.slice(endian));
    let width = if file.is_64() { 8 } else { 4 };
    let (mut rows, mut at) = (vec![], 0);
    while at < lines.data.len() {
        let Ok(program) =
            gimli::DebugLine::from(debug_line.clone()).program(gimli::DebugLineOffset(at), width, None, None)
        else {
            break;
        };
        let header = program.header();
        at += header.unit_length() + if header.format() == gimli::Format::Dwarf64 { 12 } else { 4 };
        read(program, &strings, &line_strings, &mut rows);
    }
    rows.sort();
    Some(rows)
}

fn read<'d>(
    program: gimli::IncompleteLineProgram<Slice<'d>>,
    strings: &Slice<'d>,
    line_strings: &Slice<'d>,
    rows: &mut Vec<Row>,
) {
    let text = |value: gimli::AttributeValue<Slice<'d>>| -> Option<String> {
        let reader = match value {
            gimli::AttributeValue::String(s) => s,
            gimli::AttributeValue::DebugStrRef(at) => string_at(strings, at.0)?,
            gimli::AttributeValue::DebugLineStrRef(at) => string_at(line_strings, at.0)?,
            _ => return None,
        };
        reader.to_string_lossy().ok().map(Cow::into_owned)
    };
    let mut files: HashMap<u64, String> = HashMap::new();
    let mut state = program.rows();
    while let Ok(Some((header, row))) = state.next_row() {
        if row.end_sequence() {
            rows.push(Row { place: row.address(), line: None });
            continue;
        }
        let index = row.file_index();
        let file = files.entry(index).or_insert_with(|| {
            let Some(entry) = header.file(index) else { return String::new() };
            let name = text(entry.path_name()).unwrap_or_default();
            // The first folder is the one that rustc was run in: that of the workspace.
            let folder = if entry.directory_index() == 0 { None } else { entry.directory(header).and_then(text) };
            match folder {
                Some(folder) => Path::new(&folder).join(name).display().to_string(),
                None => name,
            }
        });
        let line = row.line().map_or(0, |l| u32::try_from(l.get()).unwrap_or(u32::MAX));
        rows.push(Row { place: row.address(), line: Some(Line { file: file.clone(), line }) });
    }
}

fn string_at<'d>(strings: &Slice<'d>, at: usize) -> Option<Slice<'d>> {
    let mut rest = strings.clone();
    rest.skip(at).ok()?;
    rest.read_null_terminated_slice().ok()
}

struct Section {
    data: Vec<u8>,
    relocated: Relocated,
}

impl Section {
    fn slice(&self, endian: RunTimeEndian) -> Slice<'_> {
        Slice::new(EndianSlice::new(&self.data, endian), self.relocated.clone())
    }
}

/// A section of debug information, with what relocations write into it.
fn section(file: &object::File<'_>, name: &str) -> Section {
    let Some(section) = file.section_by_name(name) else {
        return Section { data: vec![], relocated: Relocated::default() };
    };
    let data = section.uncompressed_data().map(Cow::into_owned).unwrap_or_default();
    let mut written = HashMap::new();
    for (offset, r) in section.relocations() {
        let RelocationTarget::Symbol(index) = r.target() else { continue };
        let Ok(symbol) = file.symbol_by_index(index) else { continue };
        let (of, address) = (symbol.section_index(), symbol.address());
        let target = of.and_then(|i| file.section_by_index(i).ok());
        let is_debug = target.as_ref().is_some_and(|s| s.name().unwrap_or_default().contains("debug_"));
        let base = target.as_ref().map_or(0, |s| s.address());
        let inside = address.wrapping_sub(base).wrapping_add_signed(r.addend());
        let value = match of {
            Some(i) if !is_debug => place(i.0 as u64, inside),
            _ => inside,
        };
        written.insert(offset as usize, value);
    }
    Section { data, relocated: Relocated(Rc::new(written)) }
}
