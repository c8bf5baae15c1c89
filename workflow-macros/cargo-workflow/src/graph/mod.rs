//! The graph of references between symbols: who calls, or names, whom.
//!
//! A node is a function, a static, a vtable or an anonymous constant; a relocation in the one that names the other is an edge. A
//! table of methods that is named counts as called, which is what makes calls through trait objects and function pointers visible.

mod bytes;
mod load;
mod object_file;
#[cfg(test)]
mod tests;

pub(crate) use bytes::Bytes;
pub(crate) use load::load;

use crate::name::Name;
use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap, HashSet},
    path::PathBuf,
};

/// A node, by its number.
pub(crate) type NodeId = u32;

/// An object file, by its number.
pub(crate) type ObjectId = u32;

/// Where an object file is.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The file on disk.
    pub(crate) file: PathBuf,
    /// The member of an archive.
    pub(crate) member: Option<String>,
}

/// A place in an object file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) object: ObjectId,
    pub(crate) section: u32,
    pub(crate) offset: u64,
}

/// A reference to a symbol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) to: NodeId,
    /// The place of the relocation.
    pub(crate) at: At,
    /// What is to be added to the address of the symbol.
    pub(crate) addend: i64,
}

/// A symbol.
#[derive(Debug)]
pub(crate) struct Node {
    /// As it stands in the object file, or the name of the section for what has no symbol.
    pub(crate) symbol: Box<str>,
    /// Where it is defined.
    pub(crate) defined: Option<(At, u64)>,
    /// It is data that the program can change.
    pub(crate) writable: bool,
    /// It stands for the rest of a section, which no symbol names.
    pub(crate) anonymous: bool,
    /// It has no code of its own where it is called: it is always put in place of a call.
    pub(crate) inlined: bool,
    pub(crate) edges: Vec<Edge>,
    name: OnceCell<Name>,
}

/// All symbols of a build.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    /// Symbols that other objects see.
    global: HashMap<Box<str>, NodeId>,
    objects: Vec<Object>,
}

impl Graph {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        0..self.nodes.len() as NodeId
    }

    pub(crate) fn object(&self, id: ObjectId) -> &Object {
        &self.objects[id as usize]
    }

    /// The objects that came from these files.
    pub(crate) fn objects_of(&self, files: &BTreeSet<PathBuf>) -> HashSet<ObjectId> {
        let objects = self.objects.iter().enumerate();
        objects.filter(|(_, o)| files.contains(&o.file)).map(|(i, _)| i as ObjectId).collect()
    }

    /// The name of a node, taken apart once.
    pub(crate) fn name(&self, id: NodeId) -> &Name {
        let node = self.node(id);
        node.name.get_or_init(|| match node.anonymous {
            true => Name { text: node.symbol.to_string(), path: String::new(), krate: None },
            false => Name::of(&node.symbol),
        })
    }

    /// How many symbols there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many references.
    pub(crate) fn edges(&self) -> usize {
        self.nodes.iter().map(|n| n.edges.len()).sum()
    }

    fn add_object(&mut self, object: Object) -> ObjectId {
        self.objects.push(object);
        (self.objects.len() - 1) as ObjectId
    }

    fn add(&mut self, symbol: &str, anonymous: bool) -> NodeId {
        let (edges, name) = (vec![], OnceCell::new());
        self.nodes.push(Node {
            symbol: symbol.into(),
            defined: None,
            writable: false,
            anonymous,
            inlined: false,
            edges,
            name,
        });
        (self.nodes.len() - 1) as NodeId
    }

    /// The node of a function without a symbol.
    fn inlined(&mut self, path: &str) -> NodeId {
        let id = self.global(path);
        let node = &mut self.nodes[id as usize];
        node.inlined = true;
        let krate = path.split_once("::").map(|(krate, _)| krate.to_owned());
        node.name.get_or_init(|| Name { text: path.to_owned(), path: path.to_owned(), krate });
        id
    }

    /// The node of a symbol that other objects see.
    fn global(&mut self, symbol: &str) -> NodeId {
        if let Some(id) = self.global.get(symbol) {
            return *id;
        }
        let id = self.add(symbol, false);
        self.global.insert(symbol.into(), id);
        id
    }
}
