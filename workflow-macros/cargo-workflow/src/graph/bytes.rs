//! The bytes of object files, read again where the contents of a static matter.

use super::{At, Edge, Graph, NodeId, ObjectId};
use crate::error::Error;
use object::{Object as _, ObjectSection as _, SectionIndex, read::archive::ArchiveFile};
use std::{cell::RefCell, collections::HashMap, fs, path::PathBuf, rc::Rc};

/// Reads object files at most once.
#[derive(Default)]
pub(crate) struct Bytes {
    files: RefCell<HashMap<PathBuf, Rc<Vec<u8>>>>,
}

impl Bytes {
    /// Calls `f` with the bytes of an object file.
    ///
    /// # Errors
    ///
    /// The file is gone, or has changed since the graph was made.
    pub(crate) fn with<R>(&self, graph: &Graph, id: ObjectId, f: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let object = graph.object(id);
        let known = self.files.borrow().get(&object.file).map(Rc::clone);
        let data = match known {
            Some(data) => data,
            None => {
                let data = Rc::new(fs::read(&object.file).map_err(|e| Error::read(&object.file, &e))?);
                self.files.borrow_mut().insert(object.file.clone(), Rc::clone(&data));
                data
            }
        };
        let Some(wanted) = &object.member else { return Ok(f(&data)) };
        let fail = |e: &dyn std::fmt::Display| Error::object(&object.file, Some(wanted), e);
        let archive = ArchiveFile::parse(&**data).map_err(|e| fail(&e))?;
        for member in archive.members() {
            let member = member.map_err(|e| fail(&e))?;
            if String::from_utf8_lossy(member.name()) == *wanted {
                return Ok(f(member.data(&**data).map_err(|e| fail(&e))?));
            }
        }
        Err(fail(&"it is gone"))
    }

    /// The bytes from a place on.
    pub(crate) fn at(&self, graph: &Graph, at: At, len: u64) -> Result<Vec<u8>, Error> {
        self.with(graph, at.object, |data| {
            let file = object::File::parse(data).ok()?;
            let section = file.section_by_index(SectionIndex(at.section as usize)).ok()?;
            let bytes = section.data().ok()?;
            let start = usize::try_from(at.offset).ok()?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            bytes.get(start..end.min(bytes.len())).map(<[u8]>::to_vec)
        })
        .map(Option::unwrap_or_default)
    }

    /// The bytes of a node.
    pub(crate) fn of(&self, graph: &Graph, node: NodeId) -> Result<Vec<u8>, Error> {
        match graph.node(node).defined {
            Some((at, size)) => self.at(graph, at, size),
            None => Ok(vec![]),
        }
    }

    /// The `len` bytes that a pointer in a static points to.
    pub(crate) fn behind(&self, graph: &Graph, pointer: &Edge, len: u64) -> Result<Vec<u8>, Error> {
        match graph.node(pointer.to).defined {
            Some((at, _)) => {
                let offset = at.offset.wrapping_add_signed(pointer.addend);
                self.at(graph, At { offset, ..at }, len)
            }
            None => Ok(vec![]),
        }
    }

    /// The bytes of a pointer in an object file.
    pub(crate) fn width(&self, graph: &Graph, id: ObjectId) -> Result<u64, Error> {
        self.with(graph, id, |data| match object::File::parse(data) {
            Ok(file) if !file.is_64() => 4,
            _ => 8,
        })
    }
}
