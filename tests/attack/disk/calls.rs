//! The system calls of this process on the files of its store: counted, made to fail, written down.
//!
//! The functions below have the names of those of the C library. The linker takes them for all code of this executable,
//! that of the standard library and of sled included, because they are its own. They hand everything to the kernel, apart
//! from the call that is to meet a fault. Calls on the store's files are made one at a time, so that what is written down has
//! the order in which it happened.

#![allow(unsafe_code, reason = "functions with the names and the contracts of those of the C library cannot be safe")]

use crate::plan::{Class, Fault, Verdict};
use crate::record::Event;
use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, mode_t, off64_t, size_t, ssize_t};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::CStr,
    fs::File,
    os::fd::IntoRawFd,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

static WATCH: OnceLock<Watch> = OnceLock::new();

struct Watch {
    /// The directory of the store.
    store: String,
    /// What else is written down: what the world outside of the store was told.
    told: Vec<String>,
    fault: Fault,
    at: u64,
    state: Mutex<State>,
}

struct State {
    /// Calls that could have met the fault.
    calls: u64,
    record: c_int,
    /// All that changes is written down.
    records: bool,
    /// Pages that the kernel has in memory: it does not ask the device for them again.
    cached: BTreeSet<Page>,
    /// Pages that the device does not give.
    bad: BTreeSet<Page>,
    /// How many syncs of a file have failed, by the number of its inode.
    failed: BTreeMap<u64, u64>,
    /// Of how many of them an open file was told. Each is told once, whoever had asked, but for those that were opened later.
    heard: BTreeMap<c_int, u64>,
}

/// A page of a file, by the numbers of both.
type Page = (u64, u64);

const PAGE: u64 = 4096;

/// Begins to watch the files of a store. Calls before that are not counted.
pub(crate) fn begin(store: &Path, told: &[&Path], fault: Fault, at: u64, record: File) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let records = matches!(fault, Fault::Record | Fault::Lost | Fault::LostSled);
    let state = State {
        calls: 0,
        record: record.into_raw_fd(),
        records,
        cached: BTreeSet::new(),
        bad: BTreeSet::new(),
        failed: BTreeMap::new(),
        heard: BTreeMap::new(),
    };
    let state = Mutex::new(state);
    let told = told.iter().map(|path| text(path)).collect();
    let _ = WATCH.set(Watch { store: text(store), told, fault, at, state });
}

/// Writes down how many calls there were.
pub(crate) fn end() {
    if let Some(watch) = WATCH.get() {
        let state = watch.state();
        let calls = state.calls;
        state.tell(&Event::Ended { calls }, &[]);
    }
}

/// Ends the process if it has not come to its end after so many seconds: nobody waits for one that hangs.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: `alarm` has no preconditions.
    unsafe { libc::alarm(seconds) };
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of_store(&self, path: &str) -> bool {
        path.strip_prefix(&self.store).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn concerns(&self, path: &str) -> bool {
        self.is_of_store(path) || self.told.iter().any(|told| told == path)
    }
}

impl State {
    /// Something has changed.
    fn emit(&self, event: &Event, bytes: &[u8]) {
        if self.records {
            self.tell(event, bytes);
        }
    }

    fn tell(&self, event: &Event, bytes: &[u8]) {
        let text = serde_json::to_vec(event).unwrap_or_default();
        let all = [&(text.len() as u32).to_be_bytes(), text.as_slice(), bytes].concat();
        let mut left = all.as_slice();
        while !left.is_empty() {
            // SAFETY: the kernel reads `left.len()` bytes from where `left` lies.
            let n = unsafe { libc::syscall(libc::SYS_write, self.record, left.as_ptr(), left.len()) };
            match usize::try_from(n) {
                Ok(n) => left = &left[n..],
                Err(_) => return die(),
            }
        }
    }
}

/// Ends the process at once, as if it was killed from outside.
fn die() {
    // SAFETY: these calls take numbers only.
    unsafe {
        libc::syscall(libc::SYS_kill, libc::syscall(libc::SYS_getpid), libc::SIGKILL);
        libc::pause();
    }
}

fn fail(error: c_int) -> c_long {
    // SAFETY: the C library gives a valid pointer to this thread's own error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// The path of an open file.
fn path_of(fd: c_int) -> Option<String> {
    let link = format!("/proc/self/fd/{fd}\0");
    let mut path = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: `link` ends with a zero, and the kernel writes at most `path.len()` bytes.
    let n = unsafe { libc::readlink(link.as_ptr().cast(), path.as_mut_ptr().cast(), path.len()) };
    path.truncate(usize::try_from(n).ok()?);
    let path = String::from_utf8(path).ok()?;
    Some(path.strip_suffix(" (deleted)").map(str::to_owned).unwrap_or(path))
}

/// The path of an open file that is watched.
fn watched(fd: c_int) -> Option<String> {
    WATCH.get().and_then(|watch| path_of(fd).filter(|path| watch.concerns(path)))
}

/// # Safety
///
/// `path` is a valid C string.
unsafe fn text(path: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(path) }.to_str().ok().map(str::to_owned)
}

fn stat(fd: c_int) -> libc::stat64 {
    // SAFETY: all zeros are a valid `stat64`, which the C library fills.
    unsafe {
        let mut stat: libc::stat64 = std::mem::zeroed();
        libc::fstat64(fd, &raw mut stat);
        stat
    }
}

/// The path that a name in an open directory stands for, if anything is watched.
///
/// # Safety
///
/// `path` is a valid C string.
unsafe fn path_in(directory: c_int, path: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    let path = WATCH.get().and_then(|_| unsafe { text(path) })?;
    match path_of(directory) {
        Some(within) if !path.starts_with('/') => Some(format!("{within}/{path}")),
        _ => Some(path),
    }
}

/// The number of the inode of an open file, and whether it is a directory.
fn inode(fd: c_int) -> (u64, bool) {
    let stat = stat(fd);
    (stat.st_ino, stat.st_mode & libc::S_IFMT == libc::S_IFDIR)
}

/// Makes one call that may meet a fault. `make` makes it, and says how many bytes of it were made if it is told to make half
/// of it; `note` says what has changed, if it went well.
fn call(
    name: &str,
    class: Class,
    path: Option<String>,
    make: impl FnOnce(bool) -> c_long,
    note: impl FnOnce(&mut State, c_long),
) -> c_long {
    let watched = WATCH.get().zip(path).filter(|(watch, path)| watch.concerns(path));
    let Some((watch, path)) = watched else { return make(false) };
    let mut state = watch.state();
    let mut verdict = Verdict::Pass;
    if watch.is_of_store(&path) && watch.fault.concerns(class) && watch.fault.concerns_file(&path) {
        verdict = watch.fault.verdict(state.calls, watch.at);
        if state.calls == watch.at && verdict != Verdict::Pass {
            state.tell(&Event::Struck { call: name.to_owned(), path }, &[]);
        }
        state.calls += 1;
    }
    let halves = matches!(class, Class::Write | Class::Grow);
    let done = match verdict {
        Verdict::Pass => make(false),
        Verdict::Fail(error) => return fail(error),
        Verdict::Half if halves => make(true),
        Verdict::Half => return fail(libc::ENOSPC),
        Verdict::Die | Verdict::DieHalf => {
            if verdict == Verdict::DieHalf {
                make(true);
            }
            die();
            return -1;
        }
    };
    if done >= 0 {
        note(&mut state, done);
    }
    done
}

/// How much of `n` bytes is written: all, or half of it but at least one.
fn share(n: size_t, half: bool) -> size_t {
    if half { n.div_ceil(2) } else { n }
}

/// Where the next `write` of a file goes.
fn position(fd: c_int) -> u64 {
    // SAFETY: these calls take numbers only.
    let at = unsafe {
        let appends = libc::fcntl(fd, libc::F_GETFL) & libc::O_APPEND != 0;
        libc::lseek64(fd, 0, if appends { libc::SEEK_END } else { libc::SEEK_CUR })
    };
    at.cast_unsigned()
}

/// # Safety
///
/// `bytes` points to `n` readable bytes.
unsafe fn write_at(name: &str, fd: c_int, bytes: *const c_void, n: size_t, offset: Option<off64_t>) -> ssize_t {
    let path = watched(fd);
    let told = path.clone().unwrap_or_default();
    // Whoever writes a file by its position is its only writer.
    let place = path.as_ref().map_or(0, |_| offset.map_or_else(|| position(fd), off64_t::cast_unsigned));
    let grows = path.is_some() && place + n as u64 > stat(fd).st_size.cast_unsigned();
    let make = |half| {
        let n = share(n, half);
        // SAFETY: the kernel reads at most the `n` bytes that the caller vouches for.
        unsafe {
            match offset {
                Some(offset) => libc::syscall(libc::SYS_pwrite64, fd, bytes, n, offset),
                None => libc::syscall(libc::SYS_write, fd, bytes, n),
            }
        }
    };
    let note = |state: &mut State, done: c_long| {
        // SAFETY: so many bytes have just been written from there.
        let written = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), done as usize) };
        let event = Event::Written { path: told, file: inode(fd).0, offset: place, length: done as u64 };
        state.cached.extend(pages(fd, place, done as u64));
        state.emit(&event, written);
    };
    let class = if grows { Class::Grow } else { Class::Write };
    call(name, class, path.clone(), make, note) as ssize_t
}

/// # Safety
///
/// As `write(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, n: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("write", fd, bytes, n, None) }
}

/// # Safety
///
/// As `pwrite(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("pwrite", fd, bytes, n, Some(offset)) }
}

/// # Safety
///
/// As `pwrite(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("pwrite", fd, bytes, n, Some(offset)) }
}

/// # Safety
///
/// `parts` points to `count` valid parts.
unsafe fn gather(parts: *const iovec, count: c_int) -> Vec<u8> {
    // SAFETY: as the caller promises.
    let parts = unsafe { std::slice::from_raw_parts(parts, count.max(0) as usize) };
    let mut all = vec![];
    for part in parts.iter().filter(|part| part.iov_len > 0) {
        // SAFETY: a part tells where its bytes lie and how many they are.
        all.extend_from_slice(unsafe { std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len) });
    }
    all
}

/// # Safety
///
/// As `writev(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: as the caller promises; what was gathered lives until it is written.
    unsafe {
        let all = gather(parts, count);
        write_at("writev", fd, all.as_ptr().cast(), all.len(), None)
    }
}

/// # Safety
///
/// As `pwritev(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises; what was gathered lives until it is written.
    unsafe {
        let all = gather(parts, count);
        write_at("pwritev", fd, all.as_ptr().cast(), all.len(), Some(offset))
    }
}

/// The pages of a part of a file, as far as it goes.
fn pages(fd: c_int, offset: u64, n: u64) -> impl Iterator<Item = Page> {
    let stat = stat(fd);
    let end = offset.saturating_add(n).min(stat.st_size.cast_unsigned());
    (offset / PAGE..end.div_ceil(PAGE).max(offset / PAGE)).map(move |page| (stat.st_ino, page))
}

/// # Safety
///
/// `to` points to `n` writable bytes.
unsafe fn read_at(name: &str, fd: c_int, to: *mut c_void, n: size_t, offset: Option<off64_t>) -> ssize_t {
    // SAFETY: the kernel writes at most the `n` bytes that the caller vouches for.
    let make = |_| unsafe {
        match offset {
            Some(offset) => libc::syscall(libc::SYS_pread64, fd, to, n, offset),
            None => libc::syscall(libc::SYS_read, fd, to, n),
        }
    };
    let Some((watch, path)) = WATCH.get().zip(watched(fd)) else { return make(false) as ssize_t };
    let place = offset.map_or_else(|| position(fd), off64_t::cast_unsigned);
    let mut asked: Vec<Page> = pages(fd, place, n as u64).collect();
    {
        let state = watch.state();
        asked.retain(|page| !state.cached.contains(page));
        if asked.iter().any(|page| state.bad.contains(page)) {
            return fail(libc::EIO) as ssize_t;
        }
    }
    let class = if asked.is_empty() { Class::Cached } else { Class::Read };
    let note = |state: &mut State, done: c_long| state.cached.extend(pages(fd, place, done as u64));
    let done = call(name, class, Some(path), make, note);
    if done < 0 && class == Class::Read {
        watch.state().bad.extend(asked);
    }
    done as ssize_t
}

/// # Safety
///
/// As `read(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, to: *mut c_void, n: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { read_at("read", fd, to, n, None) }
}

/// # Safety
///
/// As `pread(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pread64(fd: c_int, to: *mut c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { read_at("pread", fd, to, n, Some(offset)) }
}

fn sync(name: &str, fd: c_int, make: impl FnOnce() -> c_long, durable: bool) -> c_int {
    let Some((watch, path)) = WATCH.get().zip(watched(fd)) else { return make() as c_int };
    let (file, is_directory) = inode(fd);
    {
        let mut state = watch.state();
        let failed = state.failed.get(&file).copied().unwrap_or(0);
        if state.heard.insert(fd, failed).unwrap_or(0) < failed {
            return fail(libc::EIO) as c_int;
        }
    }
    let told = path.clone();
    let note = |state: &mut State, _| {
        let event = match is_directory {
            _ if !durable => return,
            true => Event::SyncedDirectory { path: told },
            false => Event::Synced { file },
        };
        state.emit(&event, &[]);
    };
    let done = call(name, Class::Sync, Some(path), |_| make(), note);
    if done < 0 {
        let mut state = watch.state();
        let failed = state.failed.entry(file).or_default();
        *failed += 1;
        let failed = *failed;
        state.heard.insert(fd, failed);
        state.emit(&Event::NotSynced { file }, &[]);
    }
    done as c_int
}

/// As `fsync(2)`.
#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the call takes numbers only.
    sync("fsync", fd, || unsafe { libc::syscall(libc::SYS_fsync, fd) }, true)
}

/// As `fdatasync(2)`.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the call takes numbers only.
    sync("fdatasync", fd, || unsafe { libc::syscall(libc::SYS_fdatasync, fd) }, true)
}

/// As `sync_file_range(2)`.
#[unsafe(no_mangle)]
extern "C" fn sync_file_range(fd: c_int, offset: off64_t, n: off64_t, flags: c_uint) -> c_int {
    // SAFETY: the call takes numbers only.
    let make = || unsafe { libc::syscall(libc::SYS_sync_file_range, fd, offset, n, flags) };
    sync("sync_file_range", fd, make, false)
}

/// As `ftruncate(2)`.
#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    let path = watched(fd);
    // SAFETY: the call takes numbers only.
    let make = |_| unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) };
    let note =
        |state: &mut State, _| state.emit(&Event::Cut { file: inode(fd).0, length: length.cast_unsigned() }, &[]);
    call("ftruncate", Class::Size, path, make, note) as c_int
}

/// As `ftruncate(2)`.
#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    ftruncate64(fd, length)
}

/// As `fallocate(2)`.
#[unsafe(no_mangle)]
extern "C" fn fallocate64(fd: c_int, mode: c_int, offset: off64_t, n: off64_t) -> c_int {
    let path = watched(fd);
    // SAFETY: the call takes numbers only.
    let make = |_| unsafe { libc::syscall(libc::SYS_fallocate, fd, mode, offset, n) };
    call("fallocate", Class::Size, path, make, |_, _| {}) as c_int
}

/// The flags and the mode are of the C function's variable arguments, which are passed as fixed ones are.
///
/// # Safety
///
/// As `openat(2)`.
unsafe fn open_in(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    let told = unsafe { path_in(directory, path) };
    // SAFETY: as the caller promises.
    let missing = || unsafe { libc::faccessat(directory, path, libc::F_OK, 0) } != 0;
    let creates = told.is_some() && flags & libc::O_CREAT != 0 && missing();
    let name = told.clone().unwrap_or_default();
    // SAFETY: as the caller promises.
    let make = |_| unsafe { libc::syscall(libc::SYS_openat, directory, path, flags, mode) };
    let note = |state: &mut State, fd: c_long| {
        let file = inode(fd as c_int).0;
        let failed = state.failed.get(&file).copied().unwrap_or(0);
        state.heard.insert(fd as c_int, failed);
        if creates {
            state.emit(&Event::Created { path: name, file }, &[]);
        } else if flags & libc::O_TRUNC != 0 {
            state.emit(&Event::Cut { file, length: 0 }, &[]);
        }
    };
    let class = if creates { Class::Name } else { Class::Open };
    call("open", class, told, make, note) as c_int
}

/// # Safety
///
/// As `open(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(libc::AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As `open(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(libc::AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As `openat(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(directory, path, flags, mode) }
}

/// # Safety
///
/// As `openat(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(directory, path, flags, mode) }
}

/// # Safety
///
/// As `mkdir(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    let told = WATCH.get().and_then(|_| unsafe { text(path) });
    let name = told.clone().unwrap_or_default();
    // SAFETY: as the caller promises.
    let make = |_| unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode) };
    let note = |state: &mut State, _| state.emit(&Event::Directory { path: name }, &[]);
    call("mkdir", Class::Name, told, make, note) as c_int
}

/// # Safety
///
/// As `rename(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    let told = WATCH.get().and_then(|_| unsafe { text(from).zip(text(to)) });
    let (old, new) = told.clone().unwrap_or_default();
    // SAFETY: as the caller promises.
    let make = |_| unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) };
    let note = |state: &mut State, _| state.emit(&Event::Renamed { from: old, to: new }, &[]);
    call("rename", Class::Name, told.map(|(_, to)| to), make, note) as c_int
}

/// # Safety
///
/// `path` is a valid C string.
unsafe fn remove_in(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    let told = unsafe { path_in(directory, path) };
    let name = told.clone().unwrap_or_default();
    // SAFETY: as the caller promises.
    let make = |_| unsafe { libc::syscall(libc::SYS_unlinkat, directory, path, flags) };
    let note = |state: &mut State, _| state.emit(&Event::Removed { path: name }, &[]);
    call("unlink", Class::Remove, told, make, note) as c_int
}

/// # Safety
///
/// As `unlink(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(libc::AT_FDCWD, path, 0) }
}

/// # Safety
///
/// As `unlinkat(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(directory, path, flags) }
}

/// # Safety
///
/// As `rmdir(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(libc::AT_FDCWD, path, libc::AT_REMOVEDIR) }
}
