//! Debug information of an object file that is not linked yet: its addresses are relocations.

use super::{Line, OFFSET, Row, is_own, place};
use gimli::{AttributeValue, EndianSlice, RunTimeEndian};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
use std::{borrow::Cow, collections::HashMap, path::Path, rc::Rc};

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

/// A function of the standard library that the compiler has put into one of the user's, in place of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inlined {
    /// Where its code begins.
    pub(crate) section: usize,
    pub(crate) offset: u64,
    /// As `core::ptr::eq`: of the file and the name, for there is no symbol.
    pub(crate) path: String,
}

/// The line table of an object file.
pub(super) fn rows(data: &[u8]) -> Option<Vec<Row>> {
    let mut rows = vec![];
    with_units(data, |dwarf, unit| {
        let Some(program) = unit.line_program.clone() else { return };
        let mut files: HashMap<u64, String> = HashMap::new();
        let mut state = program.rows();
        while let Ok(Some((header, row))) = state.next_row() {
            let line = (!row.end_sequence()).then(|| {
                let file = files.entry(row.file_index()).or_insert_with(|| file(dwarf, unit, header, row.file_index()));
                let line = row.line().map_or(0, |l| u32::try_from(l.get()).unwrap_or(u32::MAX));
                Line { file: file.clone(), line }
            });
            rows.push(Row { place: row.address(), line });
        }
    })?;
    rows.sort();
    Some(rows)
}

/// The functions of the standard library that were put into functions of the user's; not those that were put into another of these.
pub(crate) fn inlined(data: &[u8]) -> Vec<Inlined> {
    let mut found = vec![];
    // What has no debug information has no such calls that could be seen.
    let _ = with_units(data, |dwarf, unit| {
        let Some(program) = unit.line_program.clone() else { return };
        let header = program.header().clone();
        let mut sources: Option<HashMap<u64, u64>> = None;
        let mut entries = unit.entries();
        while let Ok(Some(entry)) = entries.next_dfs() {
            if entry.tag() == gimli::DW_TAG_inlined_subroutine {
                let sources = sources.get_or_insert_with(|| sources_of(program.clone()));
                found.extend(inlined_call(dwarf, unit, (&header, sources), entry));
            }
        }
    });
    found
}

fn inlined_call<'d>(
    dwarf: &gimli::Dwarf<Slice<'d>>,
    unit: &gimli::Unit<Slice<'d>>,
    (header, sources): (&gimli::LineProgramHeader<Slice<'d>>, &HashMap<u64, u64>),
    entry: &gimli::DebuggingInformationEntry<Slice<'d>>,
) -> Option<Inlined> {
    let AttributeValue::FileIndex(caller) = entry.attr_value(gimli::DW_AT_call_file)? else { return None };
    if !is_own(&file(dwarf, unit, header, caller)) {
        return None;
    }
    let AttributeValue::UnitRef(origin) = entry.attr_value(gimli::DW_AT_abstract_origin)? else { return None };
    let origin = unit.entry(origin).ok()?;
    let name = text(dwarf, unit, origin.attr_value(gimli::DW_AT_name)?)?;
    let start = match entry.attr_value(gimli::DW_AT_low_pc) {
        Some(AttributeValue::Addr(start)) => start,
        _ => dwarf.die_ranges(unit, entry).ok()?.next().ok()??.begin,
    };
    // The code says which file it came from.
    let source = file(dwarf, unit, header, *sources.get(&start)?);
    let module = source.split_once("/library/")?.1.strip_suffix(".rs")?;
    let (krate, module) = module.split_once("/src/")?;
    let module = module.strip_suffix("/mod").unwrap_or(module).replace('/', "::");
    let name = name.split('<').next().unwrap_or_default();
    let (section, offset) = ((start >> 32) as usize, start & OFFSET);
    Some(Inlined { section, offset, path: format!("{krate}::{module}::{name}") })
}

/// By address: the file that its code came from.
fn sources_of(program: gimli::IncompleteLineProgram<Slice<'_>>) -> HashMap<u64, u64> {
    let (mut sources, mut state) = (HashMap::new(), program.rows());
    while let Ok(Some((_, row))) = state.next_row() {
        if !row.end_sequence() {
            sources.insert(row.address(), row.file_index());
        }
    }
    sources
}

/// A file of a line table, below the folder that rustc was run in.
fn file<'d>(
    dwarf: &gimli::Dwarf<Slice<'d>>,
    unit: &gimli::Unit<Slice<'d>>,
    header: &gimli::LineProgramHeader<Slice<'d>>,
    index: u64,
) -> String {
    let Some(entry) = header.file(index) else { return String::new() };
    let name = text(dwarf, unit, entry.path_name()).unwrap_or_default();
    let folder = entry.directory(header).and_then(|d| text(dwarf, unit, d)).unwrap_or_default();
    let base = unit.comp_dir.as_ref().and_then(|d| string(d.clone())).unwrap_or_default();
    Path::new(&base).join(folder).join(name).display().to_string()
}

fn text<'d>(
    dwarf: &gimli::Dwarf<Slice<'d>>,
    unit: &gimli::Unit<Slice<'d>>,
    v: AttributeValue<Slice<'d>>,
) -> Option<String> {
    dwarf.attr_string(unit, v).ok().and_then(string)
}

fn string(s: Slice<'_>) -> Option<String> {
    use gimli::Reader as _;
    s.to_string_lossy().ok().map(Cow::into_owned)
}

/// Calls `f` for each unit of an object file; `None` if it is not an object file. A unit that cannot be read ends it.
fn with_units(data: &[u8], mut f: impl for<'d> FnMut(&gimli::Dwarf<Slice<'d>>, &gimli::Unit<Slice<'d>>)) -> Option<()> {
    let file = object::File::parse(data).ok()?;
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let sections = gimli::DwarfSections::load(|id| Ok::<_, gimli::Error>(section(&file, id.name()))).ok()?;
    let dwarf = sections.borrow(|s| Slice::new(EndianSlice::new(&s.data, endian), s.relocated.clone()));
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        f(&dwarf, &unit);
    }
    Some(())
}

#[derive(Default)]
struct Section {
    data: Vec<u8>,
    relocated: Relocated,
}

/// A section of debug information, with what relocations write into it.
fn section(file: &object::File<'_>, name: &str) -> Section {
    let Some(section) = file.section_by_name(name) else { return Section::default() };
    let data = section.uncompressed_data().map(Cow::into_owned).unwrap_or_default();
    let mut written = HashMap::new();
    for (offset, r) in section.relocations() {
        // Mach-O writes the addend, or the whole address, into the place itself.
        let stored = if r.has_implicit_addend() { stored(&data, offset, r.size(), file.is_little_endian()) } else { 0 };
        let (of, address) = match r.target() {
            RelocationTarget::Symbol(index) => match file.symbol_by_index(index) {
                Ok(symbol) => (symbol.section_index(), symbol.address()),
                Err(_) => continue,
            },
            RelocationTarget::Section(index) => (Some(index), 0),
            _ => continue,
        };
        let target = of.and_then(|i| file.section_by_index(i).ok());
        let is_debug = target.as_ref().is_some_and(|s| s.name().unwrap_or_default().contains("debug_"));
        let base = target.as_ref().map_or(0, |s| s.address());
        let inside = address.wrapping_add(stored).wrapping_sub(base).wrapping_add_signed(r.addend());
        let value = match of {
            Some(i) if !is_debug => place(i.0 as u64, inside),
            _ => inside,
        };
        written.insert(offset as usize, value);
    }
    Section { data, relocated: Relocated(Rc::new(written)) }
}

/// The number that stands in a place.
fn stored(data: &[u8], offset: u64, bits: u8, little: bool) -> u64 {
    let field = usize::try_from(offset).ok().and_then(|o| data.get(o..)?.get(..usize::from(bits / 8)));
    let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
    match field {
        Some(bytes) if bytes.len() <= 8 && little => bytes.iter().rev().fold(0, fold),
        Some(bytes) if bytes.len() <= 8 => bytes.iter().fold(0, fold),
        _ => 0,
    }
}
