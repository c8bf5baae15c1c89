//! Types that can be seen not to survive a checkpoint: their slots say so in words of their own.
//!
//! An inherent method wins over the one of [`SlotExt`](super::SlotExt), and its bound, which nothing satisfies, carries the message.

use super::slot::{Entry, Slot};
use std::{
    cell::{Cell, OnceCell, Ref, RefCell, RefMut},
    fs::File,
    iter,
    net::{TcpListener, TcpStream, UdpSocket},
    process::Child,
    rc::{Rc, Weak},
    slice, str,
    sync::{Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic, mpsc},
    thread::JoinHandle,
    time::Instant,
    vec,
};

/// Not implemented: borrows.
#[diagnostic::on_unimplemented(
    message = "a borrow cannot be saved in a checkpoint",
    label = "this borrow (`{Self}`) is alive across an `.await`",
    note = "clone what it borrows before the `.await`, or borrow again after it"
)]
pub trait NoBorrow {}

/// Not implemented: shared mutable state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has shared mutable state, which a checkpoint would copy",
    label = "this is alive across an `.await`",
    note = "a workflow runs on one thread: keep the plain value in a `let mut`"
)]
pub trait NoInterior {}

/// Not implemented: shared ownership.
#[diagnostic::on_unimplemented(
    message = "`{Self}` shares its value, which a checkpoint would copy once for each owner",
    label = "this is alive across an `.await`",
    note = "keep the value in one place, and borrow it where it is needed"
)]
pub trait NoSharing {}

/// Not implemented: locks that are held.
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds a lock, which no checkpoint can hold",
    label = "this guard is alive across an `.await`",
    note = "take what you need out of it and end its block before the `.await`; what workflows share belongs in an `#[activity]`"
)]
pub trait NoGuard {}

/// Not implemented: addresses.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is an address, which means nothing in another process",
    label = "this is alive across an `.await`",
    note = "keep the value itself, or an enum that says which function is meant"
)]
pub trait NoAddress {}

/// Not implemented: what belongs to the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` belongs to this process, and ends with it",
    label = "this is alive across an `.await`",
    note = "open and use it within one `#[activity]`, and keep what is needed to open it again, such as a path or an address"
)]
pub trait NoHandle<'x> {}

/// Not implemented: clocks of the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a reading of a clock that starts anew with every process",
    label = "this is alive across an `.await`",
    note = "use `now()` of workflow_runtime, whose value is saved and the same in every run of the step"
)]
pub trait NoClock<'x> {}

/// Not implemented: iterators.
#[diagnostic::on_unimplemented(
    message = "the position of `{Self}` cannot be saved in a checkpoint",
    label = "this iterator is alive across an `.await`",
    note = "collect it into a `Vec` before the `.await`, and go through that with a `for` loop, whose position is saved"
)]
pub trait NoIterator {}

const NEVER: &str = "a slot of a type that cannot be saved was compiled: this is a bug of the runtime";

impl<'a, T> Slot<&'a T> {
    /// Refused by its bound.
    pub fn durable(&mut self) -> Entry<'_>
    where
        &'a T: NoBorrow,
    {
        panic!("{NEVER}")
    }
}

impl<'a, T> Slot<&'a [T]> {
    /// Refused by its bound.
    pub fn durable(&mut self) -> Entry<'_>
    where
        &'a [T]: NoBorrow,
    {
        panic!("{NEVER}")
    }
}

impl<'a, T: ?Sized> Slot<&'a mut T> {
    /// Refused by its bound.
    pub fn durable(&mut self) -> Entry<'_>
    where
        &'a mut T: NoBorrow,
    {
        panic!("{NEVER}")
    }
}

macro_rules! refused {
    ($($t:ident: $why:ident),*) => { $(
        impl<T> Slot<$t<T>> {
            /// Refused by its bound.
            pub fn durable(&mut self) -> Entry<'_>
            where
                $t<T>: $why,
            {
                panic!("{NEVER}")
            }
        }
    )* };
}
refused!(Cell: NoInterior, RefCell: NoInterior, OnceCell: NoInterior, Mutex: NoInterior, RwLock: NoInterior,
    OnceLock: NoInterior, Rc: NoSharing, Weak: NoSharing);

macro_rules! atomics {
    ($($t:ident)*) => { $(
        impl Slot<atomic::$t> {
            /// Refused by its bound.
            // The lifetime keeps rustc from deciding the bound here.
            pub fn durable<'x>(&'x mut self) -> Entry<'x>
            where
                &'x atomic::$t: NoInterior,
            {
                panic!("{NEVER}")
            }
        }
    )* };
}
atomics!(AtomicBool AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI8 AtomicI16 AtomicI32 AtomicI64 AtomicIsize);

macro_rules! refused_types {
    ($([$($g:tt)*] $t:ty: $why:ident;)*) => { $(
        impl<$($g)*> Slot<$t> {
            /// Refused by its bound.
            pub fn durable(&mut self) -> Entry<'_>
            where
                $t: $why,
            {
                panic!("{NEVER}")
            }
        }
    )* };
}
refused_types! {
    ['a, T: ?Sized] MutexGuard<'a, T>: NoGuard;
    ['a, T: ?Sized] RwLockReadGuard<'a, T>: NoGuard;
    ['a, T: ?Sized] RwLockWriteGuard<'a, T>: NoGuard;
    ['a, T: ?Sized] Ref<'a, T>: NoGuard;
    ['a, T: ?Sized] RefMut<'a, T>: NoGuard;
    [T: ?Sized] *const T: NoAddress;
    [T: ?Sized] *mut T: NoAddress;
    [R] fn() -> R: NoAddress;
    [A, R] fn(A) -> R: NoAddress;
    [A, B, R] fn(A, B) -> R: NoAddress;
    ['a, T] slice::Iter<'a, T>: NoIterator;
    ['a, T] slice::IterMut<'a, T>: NoIterator;
    ['a, T] slice::Chunks<'a, T>: NoIterator;
    ['a, T] slice::Windows<'a, T>: NoIterator;
    [T] vec::IntoIter<T>: NoIterator;
    ['a] str::Chars<'a>: NoIterator;
    ['a] str::CharIndices<'a>: NoIterator;
    ['a] str::Bytes<'a>: NoIterator;
    ['a] str::Lines<'a>: NoIterator;
    ['a] str::SplitWhitespace<'a>: NoIterator;
    [I, F] iter::Map<I, F>: NoIterator;
    [I, F] iter::Filter<I, F>: NoIterator;
    [I, F] iter::FilterMap<I, F>: NoIterator;
    [I, F] iter::TakeWhile<I, F>: NoIterator;
    [I, F] iter::SkipWhile<I, F>: NoIterator;
    [I, J] iter::Zip<I, J>: NoIterator;
    [I, J] iter::Chain<I, J>: NoIterator;
    [I: Iterator] iter::Peekable<I>: NoIterator;
    [I] iter::Enumerate<I>: NoIterator;
    [I] iter::Rev<I>: NoIterator;
    [I] iter::Skip<I>: NoIterator;
    [I] iter::Take<I>: NoIterator;
    [I] iter::StepBy<I>: NoIterator;
    [I] iter::Cloned<I>: NoIterator;
    [I] iter::Copied<I>: NoIterator;
    [I] iter::Cycle<I>: NoIterator;
}

macro_rules! handles {
    ($([$($g:tt)*] $t:ty: $why:ident;)*) => { $(
        impl<$($g)*> Slot<$t> {
            /// Refused by its bound.
            // The lifetime keeps rustc from deciding the bound here.
            pub fn durable<'x>(&'x mut self) -> Entry<'x>
            where
                $t: $why<'x>,
            {
                panic!("{NEVER}")
            }
        }
    )* };
}
handles! {
    [] File: NoHandle;
    [] TcpStream: NoHandle;
    [] TcpListener: NoHandle;
    [] UdpSocket: NoHandle;
    [] Child: NoHandle;
    [T] JoinHandle<T>: NoHandle;
    [T] mpsc::Sender<T>: NoHandle;
    [T] mpsc::SyncSender<T>: NoHandle;
    [T] mpsc::Receiver<T>: NoHandle;
    [] Instant: NoClock;
}
