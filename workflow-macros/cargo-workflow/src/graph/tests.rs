//! Object files of every format and processor that Rust compiles for most, written here.

use super::{Bytes, Graph, NodeId, Object, load, object_file};
use crate::lines::Lines;
use object::{
    Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags, RelocationKind, SymbolFlags,
    SymbolKind, SymbolScope,
    write::{self, SectionId, StandardSection, SymbolId, SymbolSection},
};
use std::{path::Path, process::Command};

/// A file in which `caller` calls the function `outside` of another file and names a table, which holds the address of `second`; and
/// a static that can be written.
struct Written {
    file: write::Object<'static>,
    text: SectionId,
}

impl Written {
    fn new(format: BinaryFormat, architecture: Architecture) -> Self {
        let mut file = write::Object::new(format, architecture, Endianness::Little);
        let text = file.section_id(StandardSection::Text);
        Written { file, text }
    }

    fn symbol(&mut self, name: &str, scope: SymbolScope, kind: SymbolKind) -> SymbolId {
        let (section, flags) = (SymbolSection::Undefined, SymbolFlags::None);
        self.file.add_symbol(write::Symbol {
            name: name.into(),
            value: 0,
            size: 0,
            kind,
            scope,
            weak: false,
            section,
            flags,
        })
    }

    fn relocate(&mut self, section: SectionId, offset: u64, symbol: SymbolId, addend: i64, flags: RelocationFlags) {
        self.file.add_relocation(section, write::Relocation { offset, symbol, addend, flags }).expect("a relocation");
    }

    fn bytes(format: BinaryFormat, architecture: Architecture) -> Vec<u8> {
        let mut w = Written::new(format, architecture);
        let caller = w.symbol("caller", SymbolScope::Linkage, SymbolKind::Text);
        let second = w.symbol("second", SymbolScope::Compilation, SymbolKind::Text);
        let outside = w.symbol("outside", SymbolScope::Unknown, SymbolKind::Text);
        let counter = w.symbol("counter", SymbolScope::Compilation, SymbolKind::Data);
        let text = w.text;
        w.file.add_symbol_data(caller, text, &[0; 32], 16);
        let start = w.file.add_symbol_data(second, text, &[0; 16], 16);
        let (table, data) =
            (w.file.section_id(StandardSection::ReadOnlyDataWithRel), w.file.section_id(StandardSection::Data));
        w.file.append_section_data(table, &[0; 16], 8);
        w.file.add_symbol_data(counter, data, &[0; 8], 8);
        let generic = |kind, encoding, size| RelocationFlags::Generic { kind, encoding, size };
        let x86 = architecture == Architecture::X86_64;
        let (call, behind) = match x86 {
            true => (generic(RelocationKind::Relative, RelocationEncoding::X86Branch, 32), -4),
            false => (generic(RelocationKind::Relative, RelocationEncoding::AArch64Call, 26), 0),
        };
        w.relocate(text, 4, outside, behind, call);
        // The table has no symbol, so the one of its section names it; so it is with what a table of rustc holds.
        let table_symbol = w.file.section_symbol(table);
        let absolute = generic(RelocationKind::Absolute, RelocationEncoding::Generic, 64);
        let names = if x86 { generic(RelocationKind::Relative, RelocationEncoding::Generic, 32) } else { absolute };
        w.relocate(text, 12, table_symbol, behind, names);
        w.relocate(text, 20, counter, behind, names);
        let in_text = w.file.section_symbol(text);
        match format {
            BinaryFormat::MachO => w.relocate(table, 8, second, 0, absolute),
            _ => w.relocate(table, 8, in_text, start as i64, absolute),
        }
        w.file.write().expect("an object file")
    }
}

fn graph(format: BinaryFormat, architecture: Architecture) -> Graph {
    let mut graph = Graph::default();
    let id = graph.add_object(Object { file: "a.o".into(), member: None });
    object_file::add(&mut graph, id, &Written::bytes(format, architecture), &[]).expect("it can be read");
    graph
}

fn find(graph: &Graph, name: &str) -> NodeId {
    let named = |id: &NodeId| graph.node(*id).symbol.trim_start_matches('_') == name;
    graph.ids().find(named).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn calls_tables_and_statics_are_edges_in_every_format() {
    for (format, architecture) in [
        (BinaryFormat::Elf, Architecture::X86_64),
        (BinaryFormat::Elf, Architecture::Aarch64),
        (BinaryFormat::MachO, Architecture::X86_64),
        (BinaryFormat::MachO, Architecture::Aarch64),
        (BinaryFormat::Coff, Architecture::X86_64),
        (BinaryFormat::Coff, Architecture::Aarch64),
    ] {
        let graph = graph(format, architecture);
        let what = format!("{format:?} {architecture:?}");
        let (caller, second, outside, counter) =
            (find(&graph, "caller"), find(&graph, "second"), find(&graph, "outside"), find(&graph, "counter"));
        let to: Vec<NodeId> = graph.node(caller).edges.iter().map(|e| e.to).collect();
        assert!(to.contains(&outside), "{what}: a call");
        assert!(to.contains(&counter), "{what}: a static");
        let table = to.iter().copied().find(|t| graph.node(*t).anonymous).unwrap_or_else(|| panic!("{what}: no table"));
        let held: Vec<NodeId> = graph.node(table).edges.iter().map(|e| e.to).collect();
        assert_eq!(held, [second], "{what}: what the table holds");
        assert!(graph.node(counter).writable && !graph.node(table).writable, "{what}");
        assert!(graph.node(outside).defined.is_none() && graph.node(second).defined.is_some(), "{what}");
        assert_eq!(graph.name(outside).path, "extern outside", "{what}");
    }
}

#[test]
fn what_is_no_object_file_is_an_error() {
    for data in [&b""[..], b"\x7fELF", b"!<arch>\n", &[0xcf, 0xfa, 0xed, 0xfe, 7]] {
        let mut graph = Graph::default();
        assert!(object_file::add(&mut graph, 0, data, &[]).is_err());
    }
    let whole = Written::bytes(BinaryFormat::Elf, Architecture::X86_64);
    for end in 0..whole.len() {
        // Cut anywhere, it is an error or less of a graph, and never a panic.
        let _ = object_file::add(&mut Graph::default(), 0, &whole[..end], &[]);
    }
}

/// Objects that rustc makes for other platforms, of a crate without a standard library, which need not be installed for that.
#[test]
fn objects_of_other_platforms_have_the_same_graph() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platforms/no_core.rs");
    for (platform, lines) in [
        ("x86_64-unknown-linux-gnu", true),
        ("aarch64-unknown-linux-gnu", true),
        ("x86_64-apple-darwin", true),
        ("aarch64-apple-darwin", true),
        // Its debug information is of another kind.
        ("x86_64-pc-windows-msvc", false),
    ] {
        let file = folder.path().join(format!("{platform}.o"));
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition", "2024", "--emit", "obj", "-C", "debuginfo=line-tables-only", "-C", "panic=abort"]);
        rustc.args(["-C", "symbol-mangling-version=v0", "--target", platform, "-o"]).arg(&file).arg(&source);
        // A crate without `core` is for the standard library alone.
        let output = rustc.env("RUSTC_BOOTSTRAP", "1").output().expect("rustc runs");
        assert!(output.status.success(), "{platform}: {}", String::from_utf8_lossy(&output.stderr));
        check_platform(platform, &file, lines);
    }
}

fn check_platform(platform: &str, file: &Path, lines: bool) {
    let mut graph = Graph::default();
    load(&mut graph, file, true).expect("it can be read");
    let of = |path: &str| {
        let all = || graph.ids().filter(|id| !graph.node(*id).anonymous);
        let found = all().find(|id| graph.name(*id).path == path);
        found.unwrap_or_else(|| {
            panic!("{platform}: no {path} in {:?}", all().map(|i| &graph.name(i).path).collect::<Vec<_>>())
        })
    };
    let (mut reached, mut at) = (vec![of("no_core::caller")], 0);
    while let Some(node) = reached.get(at) {
        let next: Vec<NodeId> = graph.node(*node).edges.iter().map(|e| e.to).filter(|n| !reached.contains(n)).collect();
        reached.extend(next);
        at += 1;
    }
    for path in ["<no_core::Wall as no_core::Clock>::read", "no_core::by_table", "extern outside", "no_core::COUNTER"] {
        assert!(reached.contains(&of(path)), "{platform}: {path} is not reached");
    }
    // The one through the table of the trait object, the other through the table of functions.
    let names = |from: &str, to: &str| graph.node(of(from)).edges.iter().any(|e| e.to == of(to));
    assert!(
        names("no_core::TABLE", "no_core::by_table")
            && !names("no_core::by_object", "<no_core::Wall as no_core::Clock>::read")
    );
    assert!(graph.node(of("no_core::COUNTER")).writable && !graph.node(of("no_core::TABLE")).writable, "{platform}");
    let call =
        graph.node(of("no_core::by_table")).edges.iter().find(|e| e.to == of("extern outside")).expect("the call");
    let bytes = Bytes::default();
    let line = Lines::new(&graph, &bytes, "/".into()).own(call.at).map(|l| l.line as usize);
    let source = include_str!("../../tests/platforms/no_core.rs");
    let written = source.lines().position(|l| l.trim() == "outside()").map(|i| i + 1);
    assert_eq!(line, written.filter(|_| lines), "{platform}");
}
