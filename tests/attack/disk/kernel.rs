//! What the watched functions ask the kernel for themselves.

use libc::{c_char, c_int, c_long};
use std::ffi::CStr;

/// Ends the process at once, as if it was killed from outside.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn die() {
    // SAFETY: these calls take numbers only.
    unsafe {
        libc::syscall(libc::SYS_kill, libc::syscall(libc::SYS_getpid), libc::SIGKILL);
        libc::pause();
    }
}

/// What a call gives that fails with `error`.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn fail(error: c_int) -> c_long {
    // SAFETY: the C library gives a valid pointer to this thread's own error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// Ends the process if it has not come to its end after so many seconds: nobody waits for one that hangs.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: `alarm` has no preconditions.
    unsafe { libc::alarm(seconds) };
}

/// Writes all of `bytes`, past the functions that are watched.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn write_all(fd: c_int, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `bytes.len()` bytes from where `bytes` lies.
        let n = unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) => bytes = &bytes[n..],
            Err(_) => return false,
        }
    }
    true
}

/// The path of an open file.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn path_of(fd: c_int) -> Option<String> {
    let link = format!("/proc/self/fd/{fd}\0");
    let mut path = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: `link` ends with a zero, and the kernel writes at most `path.len()` bytes.
    let n = unsafe { libc::readlink(link.as_ptr().cast(), path.as_mut_ptr().cast(), path.len()) };
    path.truncate(usize::try_from(n).ok()?);
    let path = String::from_utf8(path).ok()?;
    Some(path.strip_suffix(" (deleted)").map(str::to_owned).unwrap_or(path))
}

/// # Safety
///
/// `path` is a valid C string.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) unsafe fn text(path: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(path) }.to_str().ok().map(str::to_owned)
}

/// What the kernel says of an open file.
pub(crate) struct Status {
    /// The number of its inode.
    pub(crate) file: u64,
    pub(crate) length: u64,
    pub(crate) is_directory: bool,
}

#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn status(fd: c_int) -> Status {
    // SAFETY: all zeros are a valid `stat64`, which the C library fills.
    let stat = unsafe {
        let mut stat: libc::stat64 = std::mem::zeroed();
        libc::fstat64(fd, &raw mut stat);
        stat
    };
    let is_directory = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    Status { file: stat.st_ino, length: stat.st_size.cast_unsigned(), is_directory }
}

/// Where the next `write` of a file goes.
#[allow(unsafe_code, reason = "a call of the kernel")]
pub(crate) fn position(fd: c_int) -> u64 {
    // SAFETY: these calls take numbers only.
    let at = unsafe {
        let appends = libc::fcntl(fd, libc::F_GETFL) & libc::O_APPEND != 0;
        libc::lseek64(fd, 0, if appends { libc::SEEK_END } else { libc::SEEK_CUR })
    };
    at.cast_unsigned()
}
