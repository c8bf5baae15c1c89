//! The symbols and relocations of one object file.

use super::{At, Edge, Graph, NodeId, ObjectId};
use crate::lines::Inlined;
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, Relocation, RelocationKind, RelocationTarget, SectionIndex,
    SectionKind, SymbolIndex, SymbolKind,
};
use std::collections::HashMap;

type File<'d> = object::File<'d>;

/// Adds the symbols of an object file, and an edge for each relocation. `inlined` are calls of which only debug information tells.
pub(super) fn add(graph: &mut Graph, object: ObjectId, data: &[u8], inlined: &[Inlined]) -> object::Result<()> {
    let file = File::parse(data)?;
    let mut sections = Sections::of(graph, object, &file);
    for section in file.sections().filter(|s| carries_references(s.name().unwrap_or_default())) {
        let index = section.index();
        for (offset, relocation) in section.relocations() {
            let at = At { object, section: index.0 as u32, offset };
            let from = sections.at(graph, &file, index, offset);
            let Some((to, addend)) = sections.target(graph, &file, &section, offset, &relocation) else { continue };
            if from != to {
                graph.nodes[from as usize].edges.push(Edge { to, at, addend });
            }
        }
    }
    for call in inlined {
        let at = At { object, section: call.section as u32, offset: call.offset };
        let (from, to) =
            (sections.at(graph, &file, SectionIndex(call.section), call.offset), graph.inlined(&call.path));
        graph.nodes[from as usize].edges.push(Edge { to, at, addend: 0 });
    }
    Ok(())
}

/// Debug information, unwind tables and notes name functions and call none.
fn carries_references(section: &str) -> bool {
    const NONE: [&str; 10] = [
        ".debug",
        "__debug",
        ".eh_frame",
        "__eh_frame",
        "__compact_unwind",
        ".gcc_except",
        "__gcc_except",
        ".note",
        ".pdata",
        ".xdata",
    ];
    !NONE.iter().any(|n| section.starts_with(n)) && !section.starts_with(".llvm")
}

/// A section, as far as symbols and relocations need it.
struct Extent {
    address: u64,
    size: u64,
    writable: bool,
}

/// Which symbol stands where.
struct Sections {
    object: ObjectId,
    extents: HashMap<SectionIndex, Extent>,
    /// By section: start, end, node; by start.
    symbols: HashMap<SectionIndex, Vec<(u64, u64, NodeId)>>,
    by_index: HashMap<SymbolIndex, NodeId>,
    /// What stands for the bytes of a section that no symbol covers.
    rest: HashMap<SectionIndex, NodeId>,
}

impl Sections {
    fn of(graph: &mut Graph, object: ObjectId, file: &File<'_>) -> Self {
        let extent = |s: object::Section<'_, '_>| {
            (s.index(), Extent { address: s.address(), size: s.size(), writable: is_writable(&s) })
        };
        let extents = file.sections().map(extent).collect();
        let (symbols, by_index, rest) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut sections = Sections { object, extents, symbols, by_index, rest };
        for symbol in file.symbols() {
            let name = symbol.name().unwrap_or_default();
            if name.is_empty() || matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File) {
                continue;
            }
            let visible = symbol.is_global() || symbol.is_weak() || symbol.is_undefined() || symbol.is_common();
            let node = if visible { graph.global(name) } else { graph.add(name, false) };
            sections.by_index.insert(symbol.index(), node);
            let Some(index) = symbol.section_index() else { continue };
            let (start, size) = (symbol.address(), symbol.size());
            sections.symbols.entry(index).or_default().push((start, start.saturating_add(size), node));
            let Some(extent) = sections.extents.get(&index) else { continue };
            let at = At { object, section: index.0 as u32, offset: start.wrapping_sub(extent.address) };
            let of = &mut graph.nodes[node as usize];
            of.defined.get_or_insert((at, size));
            of.writable |= extent.writable;
        }
        for (index, symbols) in &mut sections.symbols {
            symbols.sort_unstable();
            // Mach-O and COFF give no sizes: a symbol reaches to the next one.
            let extent = sections.extents.get(index);
            let mut end = extent.map_or(u64::MAX, |e| e.address.saturating_add(e.size));
            for symbol in symbols.iter_mut().rev() {
                if symbol.1 == symbol.0 {
                    symbol.1 = end;
                }
                end = symbol.0;
            }
        }
        sections
    }

    /// The node that holds this byte. `offset` counts from the start of the section.
    fn at(&mut self, graph: &mut Graph, file: &File<'_>, index: SectionIndex, offset: u64) -> NodeId {
        let extent = self.extents.get(&index);
        let address = extent.map_or(0, |e| e.address).wrapping_add(offset);
        if let Some(symbols) = self.symbols.get(&index) {
            let behind = symbols.partition_point(|s| s.0 <= address);
            if let Some((_, _, node)) = symbols[..behind].iter().rev().take(4).find(|s| address < s.1) {
                return *node;
            }
        }
        *self.rest.entry(index).or_insert_with(|| {
            let section = file.section_by_index(index);
            let node = graph.add(section.as_ref().ok().and_then(|s| s.name().ok()).unwrap_or("?"), true);
            let at = At { object: self.object, section: index.0 as u32, offset: 0 };
            let of = &mut graph.nodes[node as usize];
            of.defined = Some((at, extent.map_or(0, |e| e.size)));
            of.writable = extent.is_some_and(|e| e.writable);
            node
        })
    }

    /// What a relocation names, and where in it.
    fn target(
        &mut self,
        graph: &mut Graph,
        file: &File<'_>,
        section: &object::Section<'_, '_>,
        offset: u64,
        r: &Relocation,
    ) -> Option<(NodeId, i64)> {
        let addend = addend(file, section, offset, r);
        match r.target() {
            RelocationTarget::Symbol(index) => {
                if let Some(node) = self.by_index.get(&index) {
                    return Some((*node, addend));
                }
                // The symbol of a section, or one without a name: the addend says where in the section.
                let symbol = file.symbol_by_index(index).ok()?;
                let section = symbol.section_index()?;
                let base = self.extents.get(&section).map_or(0, |e| e.address);
                let offset = symbol.address().wrapping_sub(base) as i64 + addend;
                self.within(graph, file, section, offset)
            }
            RelocationTarget::Section(section) => self.within(graph, file, section, addend),
            _ => None,
        }
    }

    fn within(
        &mut self,
        graph: &mut Graph,
        file: &File<'_>,
        section: SectionIndex,
        offset: i64,
    ) -> Option<(NodeId, i64)> {
        let offset = offset.max(0) as u64;
        let node = self.at(graph, file, section, offset);
        let start = graph.nodes[node as usize].defined.map_or(0, |(at, _)| at.offset);
        Some((node, offset.wrapping_sub(start) as i64))
    }
}

/// The addend as a distance from the symbol. An instruction of x86 counts from its own end: behind the field of four bytes, and an
/// immediate operand if there is one.
fn addend(file: &File<'_>, section: &object::Section<'_, '_>, offset: u64, r: &Relocation) -> i64 {
    let written = if r.has_implicit_addend() { stored(file, section, offset, r.size()) } else { 0 };
    let addend = r.addend().wrapping_add(written);
    let x86 = matches!(file.architecture(), object::Architecture::X86_64 | object::Architecture::I386);
    let from_its_end =
        matches!(r.kind(), RelocationKind::Relative | RelocationKind::PltRelative | RelocationKind::GotRelative);
    if x86 && from_its_end && addend < 0 { (addend + 4).max(0) } else { addend }
}

/// The addend that stands in the place that is relocated.
fn stored(file: &File<'_>, section: &object::Section<'_, '_>, offset: u64, bits: u8) -> i64 {
    let bytes = usize::from(bits / 8);
    let data = section.data().unwrap_or_default();
    let Some(field) = usize::try_from(offset).ok().and_then(|o| data.get(o..)).and_then(|d| d.get(..bytes)) else {
        return 0;
    };
    let mut wide = [0; 8];
    match (field.len(), file.is_little_endian()) {
        (4, true) => i64::from(i32::from_le_bytes([field[0], field[1], field[2], field[3]])),
        (8, true) => {
            wide.copy_from_slice(field);
            i64::from_le_bytes(wide)
        }
        // Big-endian formats write the addend into the relocation.
        _ => 0,
    }
}

fn is_writable<'d>(section: &impl object::ObjectSection<'d>) -> bool {
    let name = section.name().unwrap_or_default();
    let relocated = name.starts_with(".data.rel.ro") || name == "__const" || name.starts_with(".init_array");
    let data = matches!(
        section.kind(),
        SectionKind::Data
            | SectionKind::UninitializedData
            | SectionKind::Tls
            | SectionKind::UninitializedTls
            | SectionKind::TlsVariables
    );
    data && !relocated
}
