//! Which call of a process meets which fault.

/// What a call is, for the faults that it can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Of something that the kernel does not have in memory.
    Read,
    /// Of what it has: the device is not asked, and cannot fail.
    Cached,
    /// Over bytes that are there.
    Write,
    /// Behind the end of a file.
    Grow,
    /// `fsync`, `fdatasync`, `sync_file_range`.
    Sync,
    /// A new file or directory, another name.
    Name,
    Remove,
    /// `ftruncate`, `fallocate`.
    Size,
    /// A file that is there.
    Open,
}

/// What happens to one call, or from one call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing; all that changes files is written down.
    Record,
    /// A sync fails, and what was to be synced is lost; all that changes files is written down.
    Lost,
    /// The same, of sled's data file alone.
    LostSled,
    /// A read fails, and all others of the same pages.
    Read,
    /// A call fails, the next one does not.
    Io,
    /// The device has failed.
    IoOn,
    /// There is no room for what is new, and then there is again.
    Full,
    /// Half of a write has room, and nothing behind it.
    FullOn,
    /// Half of a write is made, and told so: no error.
    Short,
    /// The process is killed before a call.
    Kill,
    /// The process is killed behind half of a write.
    KillHalf,
}

impl Fault {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "record" => Self::Record,
            "lost" => Self::Lost,
            "lost-sled" => Self::LostSled,
            "read" => Self::Read,
            "io" => Self::Io,
            "io-on" => Self::IoOn,
            "full" => Self::Full,
            "full-on" => Self::FullOn,
            "short" => Self::Short,
            "kill" => Self::Kill,
            "kill-half" => Self::KillHalf,
            _ => return None,
        })
    }

    /// Whether a call can meet the fault.
    pub(crate) fn concerns(self, class: Class) -> bool {
        use Class::{Grow, Name, Open, Read, Remove, Size, Sync, Write};
        match self {
            Self::Record => true,
            Self::Lost | Self::LostSled => class == Sync,
            Self::Read => class == Read,
            Self::Io | Self::IoOn => matches!(class, Write | Grow | Sync | Name | Remove | Size | Open),
            Self::Full | Self::FullOn => matches!(class, Grow | Name | Size),
            Self::Short | Self::KillHalf => matches!(class, Write | Grow),
            Self::Kill => matches!(class, Write | Grow | Sync | Name | Remove | Size),
        }
    }

    /// Whether a call on a file can meet the fault.
    pub(crate) fn concerns_file(self, path: &str) -> bool {
        self != Self::LostSled || path.ends_with("/db")
    }

    /// What happens to the call with the number `n`, of those that are concerned, if `at` is the one to be struck.
    pub(crate) fn verdict(self, n: u64, at: u64) -> Verdict {
        let goes_on = matches!(self, Self::IoOn | Self::FullOn);
        if n < at || (n > at && !goes_on) {
            return Verdict::Pass;
        }
        match self {
            Self::Record => Verdict::Pass,
            Self::Lost | Self::LostSled | Self::Read | Self::Io | Self::IoOn => Verdict::Fail(libc::EIO),
            Self::FullOn if n == at => Verdict::Half,
            Self::Full | Self::FullOn => Verdict::Fail(libc::ENOSPC),
            Self::Short => Verdict::Half,
            Self::Kill => Verdict::Die,
            Self::KillHalf => Verdict::DieHalf,
        }
    }
}

/// What is done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    /// It is not made, and fails with this error.
    Fail(i32),
    /// Half of it is made if it is a write; another one fails for want of room.
    Half,
    Die,
    DieHalf,
}
