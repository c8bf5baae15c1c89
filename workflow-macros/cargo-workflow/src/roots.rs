//! The workflows of a build: where their generated step functions are, and what was exempted in their source.
//!
//! The macro puts a static with a fixed layout beside each machine (`workflow_runtime::machine::WorkflowDef`, `repr(C)`): the step
//! function, the registered name, file and line. Reading it needs no debug information and no list of the user's.

use crate::{
    error::Error,
    graph::{Bytes, Edge, Graph, NodeId},
};
use std::collections::HashSet;

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// The registered name.
    pub(crate) name: String,
    /// Where the function stands, as the compiler names it.
    pub(crate) file: String,
    pub(crate) line: u32,
    /// The crate that it is in.
    pub(crate) krate: String,
    /// The generated step function. A generic workflow has none: each of its instances is reached from the workflow that awaits it.
    pub(crate) step: Option<NodeId>,
}

/// What the symbol of the description ends with, in both manglings.
const DESCRIPTION: &str = "__def3DEF";

/// All workflows, by crate and name.
///
/// # Errors
///
/// An object file cannot be read any more.
pub(crate) fn find(graph: &Graph, bytes: &Bytes) -> Result<Vec<Root>, Error> {
    let mut roots = vec![];
    for id in graph.ids() {
        let node = graph.node(id);
        if node.anonymous || node.defined.is_none() || !node.symbol.contains(DESCRIPTION) {
            continue;
        }
        let name = graph.name(id);
        if name.path.ends_with("::__def::DEF") {
            roots.extend(read(graph, bytes, id)?);
        }
    }
    roots.sort_by(|a, b| (&a.krate, &a.name, &a.file, a.line).cmp(&(&b.krate, &b.name, &b.file, b.line)));
    roots.dedup();
    Ok(roots)
}

/// The step functions, which end a search: each is searched as a root of its own.
pub(crate) fn steps(roots: &[Root]) -> HashSet<NodeId> {
    roots.iter().filter_map(|r| r.step).collect()
}

/// Step function, name and its length, file and its length, line; each but the last as wide as a pointer.
fn read(graph: &Graph, bytes: &Bytes, id: NodeId) -> Result<Option<Root>, Error> {
    let Some((start, _)) = graph.node(id).defined else { return Ok(None) };
    let pointer = |place: u64| {
        let at = start.offset.wrapping_add(place);
        graph.node(id).edges.iter().find(|e| e.at.object == start.object && e.at.offset == at)
    };
    let data = bytes.of(graph, id)?;
    let wide = bytes.width(graph, start.object)?;
    let number = |place: u64, width: u64| {
        let field = data.get(place as usize..(place + width) as usize)?;
        let mut wide = [0u8; 8];
        wide.get_mut(..field.len())?.copy_from_slice(field);
        Some(u64::from_le_bytes(wide))
    };
    let text = |pointer: Option<&Edge>, len: Option<u64>| -> Result<Option<String>, Error> {
        let (Some(pointer), Some(len)) = (pointer, len) else { return Ok(None) };
        Ok(String::from_utf8(bytes.behind(graph, pointer, len)?).ok())
    };
    let name = text(pointer(wide), number(2 * wide, wide))?;
    let file = text(pointer(3 * wide), number(4 * wide, wide))?;
    let (Some(name), Some(file), Some(line)) = (name, file, number(5 * wide, 4)) else { return Ok(None) };
    let krate = graph.name(id).krate.clone().unwrap_or_default();
    Ok(Some(Root { name, file, line: line as u32, krate, step: pointer(0).map(|e| e.to) }))
}
