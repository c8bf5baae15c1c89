//! What a process did to the files of its store, call by call, in a file of its own: for each the length of the event, in
//! four bytes, the event as JSON, and the bytes that it wrote.

use serde::{Deserialize, Serialize};

/// One call that has changed something, or that was asked to make it durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A file that was not there; `file` is the number of its inode, which may have been that of another before.
    Created {
        path: String,
        file: u64,
    },
    Directory {
        path: String,
    },
    /// The bytes follow.
    Written {
        path: String,
        file: u64,
        offset: u64,
        length: u64,
    },
    Cut {
        file: u64,
        length: u64,
    },
    /// By `fsync` or `fdatasync`. `sync_file_range` makes nothing durable.
    Synced {
        file: u64,
    },
    /// It has failed: what was not on the disk is not, and the kernel does not try it again.
    NotSynced {
        file: u64,
    },
    SyncedDirectory {
        path: String,
    },
    Renamed {
        from: String,
        to: String,
    },
    Removed {
        path: String,
    },
    /// The fault that was asked for has struck this call.
    Struck {
        call: String,
        path: String,
    },
    /// How many calls there were in the end that could have been struck.
    Ended {
        calls: u64,
    },
}
