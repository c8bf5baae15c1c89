//! Files into the graph.

use super::{Graph, Object, object_file};
use crate::{error::Error, lines};
use object::read::archive::ArchiveFile;
use std::{fs, path::Path};

/// Reads an archive, an rlib or an object file.
///
/// In a `local` one, which is compiled from the user's own source, the calls count that were put in place of a function.
/// What is in an archive and is no object file, such as the metadata of rustc, is passed over.
///
/// # Errors
///
/// The file cannot be read, or is an object file that is damaged.
pub(crate) fn load(graph: &mut Graph, path: &Path, local: bool) -> Result<(), Error> {
    let inlined = |data: &[u8]| if local { lines::inlined(data) } else { vec![] };
    let data = fs::read(path).map_err(|e| Error::read(path, &e))?;
    if !data.starts_with(b"!<arch>\n") && !data.starts_with(b"!<thin>\n") {
        let object = graph.add_object(Object { file: path.to_owned(), member: None });
        return object_file::add(graph, object, &data, &inlined(&data)).map_err(|e| Error::object(path, None, &e));
    }
    let archive = ArchiveFile::parse(&*data).map_err(|e| Error::object(path, None, &e))?;
    for member in archive.members() {
        let member = member.map_err(|e| Error::object(path, None, &e))?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        let bytes = member.data(&*data).map_err(|e| Error::object(path, Some(&name), &e))?;
        if name.ends_with(".rmeta") || object::FileKind::parse(bytes).is_err() {
            continue;
        }
        let object = graph.add_object(Object { file: path.to_owned(), member: Some(name.clone()) });
        object_file::add(graph, object, bytes, &inlined(bytes)).map_err(|e| Error::object(path, Some(&name), &e))?;
    }
    Ok(())
}
