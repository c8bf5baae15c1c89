//! The files of a log, as a trait: tests put faults and power cuts underneath.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// A flat directory of files. Shared by the thread that writes the log and the one that removes what is old.
pub(in crate::store::sled) trait Files: Send + Sync {
    /// Opens a file for reading and writing at given places. `create`: it must not exist yet.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn LogFile>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    fn names(&self) -> io::Result<Vec<String>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes creations, renames and removals survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

pub(in crate::store::sled) trait LogFile: Send + Sync {
    /// One thread writes a file.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    /// Makes what was written survive a power cut, a changed length included.
    fn sync(&self) -> io::Result<()>;
}

/// A directory of the file system.
pub(in crate::store::sled) struct Directory(PathBuf);

impl Directory {
    pub(in crate::store::sled) fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Files for Directory {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn LogFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(create).open(self.0.join(name))?;
        Ok(Arc::new(file))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl LogFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
