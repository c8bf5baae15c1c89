//! Functions with the names of those of the C library, which watch what is done to the files of a store.
//!
//! The linker takes them for all code of this executable, that of the standard library and of sled included, because they
//! are its own. They hand everything to the kernel, apart from the call that is to meet a fault.

use crate::{
    kernel::{Status, fail, path_of, position, status, text},
    plan::Class,
    record::Event,
    watch::{Page, State, WATCH, call, pages, watched},
};
use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, mode_t, off64_t, size_t, ssize_t};

/// The path that a name in an open directory stands for, if anything is watched.
///
/// # Safety
///
/// `path` is a valid C string.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
unsafe fn path_in(directory: c_int, path: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    let path = WATCH.get().and_then(|_| unsafe { text(path) })?;
    match path_of(directory) {
        Some(within) if !path.starts_with('/') => Some(format!("{within}/{path}")),
        _ => Some(path),
    }
}

/// How much of `n` bytes is written: all, or half of it but at least one.
fn share(n: size_t, half: bool) -> size_t {
    if half { n.div_ceil(2) } else { n }
}

/// # Safety
///
/// `bytes` points to `n` readable bytes.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
unsafe fn write_at(name: &str, fd: c_int, bytes: *const c_void, n: size_t, offset: Option<off64_t>) -> ssize_t {
    let path = watched(fd);
    let told = path.clone().unwrap_or_default();
    // Whoever writes a file by its position is its only writer.
    let place = path.as_ref().map_or(0, |_| offset.map_or_else(|| position(fd), off64_t::cast_unsigned));
    let grows = path.is_some() && place + n as u64 > status(fd).length;
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
        let event = Event::Written { path: told, file: status(fd).file, offset: place, length: done as u64 };
        state.cached.extend(pages(fd, place, done as u64));
        state.emit(&event, written);
    };
    let class = if grows { Class::Grow } else { Class::Write };
    call(name, class, path.clone(), make, note) as ssize_t
}

/// # Safety
///
/// As `write(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, n: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("write", fd, bytes, n, None) }
}

/// # Safety
///
/// As `pwrite(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("pwrite", fd, bytes, n, Some(offset)) }
}

/// # Safety
///
/// As `pwrite(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { write_at("pwrite", fd, bytes, n, Some(offset)) }
}

/// # Safety
///
/// `parts` points to `count` valid parts.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises; what was gathered lives until it is written.
    unsafe {
        let all = gather(parts, count);
        write_at("pwritev", fd, all.as_ptr().cast(), all.len(), Some(offset))
    }
}

/// # Safety
///
/// `to` points to `n` writable bytes.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
unsafe fn read_at(name: &str, fd: c_int, to: *mut c_void, n: size_t, offset: Option<off64_t>) -> ssize_t {
    // SAFETY: the kernel writes at most the `n` bytes that the caller vouches for.
    let make = |_| unsafe {
        match offset {
            Some(offset) => libc::syscall(libc::SYS_pread64, fd, to, n, offset),
            None => libc::syscall(libc::SYS_read, fd, to, n),
        }
    };
    read_with(name, fd, n, offset, make)
}

/// Reads up to `n` bytes of a file, at a given place or where it stands, by a call that may meet a fault.
fn read_with(name: &str, fd: c_int, n: size_t, offset: Option<off64_t>, make: impl FnOnce(bool) -> c_long) -> ssize_t {
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, to: *mut c_void, n: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { read_at("read", fd, to, n, None) }
}

/// # Safety
///
/// As `pread(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn pread64(fd: c_int, to: *mut c_void, n: size_t, offset: off64_t) -> ssize_t {
    // SAFETY: as the caller promises.
    unsafe { read_at("pread", fd, to, n, Some(offset)) }
}

/// As `sendfile(2)`, which is how the standard library copies from one file to another. It reads, and the bytes go nowhere else in the
/// store.
///
/// # Safety
///
/// `offset` is null or points to an offset.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn sendfile64(to: c_int, from: c_int, offset: *mut off64_t, n: size_t) -> ssize_t {
    // SAFETY: as the caller promises.
    let place = (!offset.is_null()).then(|| unsafe { *offset });
    // SAFETY: as the caller promises.
    let make = |_| unsafe { libc::syscall(libc::SYS_sendfile, to, from, offset, n) };
    read_with("sendfile", from, n, place, make)
}

fn sync(name: &str, fd: c_int, make: impl FnOnce() -> c_long, durable: bool) -> c_int {
    let Some((watch, path)) = WATCH.get().zip(watched(fd)) else { return make() as c_int };
    let Status { file, is_directory, .. } = status(fd);
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the call takes numbers only.
    sync("fsync", fd, || unsafe { libc::syscall(libc::SYS_fsync, fd) }, true)
}

/// As `fdatasync(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the call takes numbers only.
    sync("fdatasync", fd, || unsafe { libc::syscall(libc::SYS_fdatasync, fd) }, true)
}

/// As `sync_file_range(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn sync_file_range(fd: c_int, offset: off64_t, n: off64_t, flags: c_uint) -> c_int {
    // SAFETY: the call takes numbers only.
    let make = || unsafe { libc::syscall(libc::SYS_sync_file_range, fd, offset, n, flags) };
    sync("sync_file_range", fd, make, false)
}

/// As `ftruncate(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    let path = watched(fd);
    // SAFETY: the call takes numbers only.
    let make = |_| unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) };
    let note =
        |state: &mut State, _| state.emit(&Event::Cut { file: status(fd).file, length: length.cast_unsigned() }, &[]);
    call("ftruncate", Class::Size, path, make, note) as c_int
}

/// As `ftruncate(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    ftruncate64(fd, length)
}

/// As `fallocate(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
        let file = status(fd as c_int).file;
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(libc::AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As `open(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(libc::AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As `openat(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(directory, path, flags, mode) }
}

/// # Safety
///
/// As `openat(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { open_in(directory, path, flags, mode) }
}

/// # Safety
///
/// As `mkdir(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
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
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(libc::AT_FDCWD, path, 0) }
}

/// # Safety
///
/// As `unlinkat(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(directory, path, flags) }
}

/// # Safety
///
/// As `rmdir(2)`.
#[allow(unsafe_code, reason = "in place of a function of the C library")]
#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { remove_in(libc::AT_FDCWD, path, libc::AT_REMOVEDIR) }
}
