//! Directories whose names survive a power cut: a name is durable with a sync of the directory that it stands in.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::Path,
};

/// Makes the names in a directory durable.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the name of a file or of a directory durable.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        // A root has no name; `.` may be a mount, or gone.
        _ if path.file_name().is_none() => Ok(()),
        _ => sync(Path::new(".")),
    }
}

/// Makes sure that there is a directory, and that the names of those that it lies in are durable: of all that are made, and of the one that
/// was there, because who made it may have ended before that.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create(parent)?;
        }
        match fs::create_dir(path) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    match sync_name(path) {
        // Who may not look at a directory has not made anything in it.
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_made_where_there_are_none() {
        let within = tempfile::tempdir().unwrap();
        let path = within.path().join("a/b/c");
        for _ in 0..2 {
            create(&path).unwrap();
            assert!(path.is_dir());
        }
        fs::write(path.join("file"), "").unwrap();
        assert!(create(&path.join("file/d")).is_err(), "a file is no directory");
        create(Path::new("/")).unwrap();
        create(Path::new(".")).unwrap();
        sync_name(Path::new("src")).unwrap();
    }
}
