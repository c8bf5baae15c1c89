//! Types that cannot be saved: their slots say so, and why, in words that fit them.
//!
//! `(&mut slot.known()).durable::<LINE>()` finds the first of these methods that fits, by the order in which Rust looks for a method: for
//! a `&mut Slot` by `&mut self`, types that are refused by name; for a `Slot` by `&mut self`, whatever can be saved
//! ([`SlotExt`](super::SlotExt)); for a `&mut Slot` by `&self`, futures and iterators; for a `Slot` by `&self`, the rest. The bound of a
//! method that refuses is implemented by nothing, and carries the message.

use super::{
    iterate::Items,
    operation::Durable,
    slot::{Entry, Slot},
};
use std::{
    cell::{Cell, OnceCell, Ref, RefCell, RefMut},
    fs::File,
    future::Future,
    io::{self, BufReader, BufWriter, StderrLock, StdinLock, StdoutLock},
    net::{TcpListener, TcpStream, UdpSocket},
    ops::Deref,
    process::Child,
    ptr::NonNull,
    rc::{self, Rc},
    sync::{
        self, Arc, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{
            AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
            AtomicU64, AtomicUsize,
        },
        mpsc,
    },
    thread::JoinHandle,
    time::Instant,
};

/// Not implemented: borrows.
#[diagnostic::on_unimplemented(
    message = "a borrow cannot be saved in a checkpoint",
    label = "this borrow (`{Self}`) is alive across the `.await` on line {LINE}",
    note = "clone what it borrows before the `.await`, keep what finds it again (an index, a key), or borrow again behind the `.await`",
    note = "`&place`, patterns, loops and standard methods such as `as_ref` are taken again by themselves; what a function, a closure or an `if` gave is not"
)]
pub trait NoBorrow<const LINE: u32> {}

/// Not implemented: shared mutable state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has shared mutable state, which a checkpoint would copy [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "a workflow runs on one thread: keep the plain value in a `let mut`"
)]
pub trait NoInterior<const LINE: u32> {}

/// Not implemented: shared ownership.
#[diagnostic::on_unimplemented(
    message = "`{Self}` shares its value, which a checkpoint would copy once for each owner [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "keep the value itself in one variable, `mut` if it changes, and borrow it where it is needed: branches of `join!` and `select!` can"
)]
pub trait NoSharing<const LINE: u32> {}

/// Not implemented: locks that are held.
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds a lock, which no checkpoint can hold [WF014]",
    label = "this guard is alive across the `.await` on line {LINE}",
    note = "take what you need out of it and end its block before the `.await`; what workflows share belongs in an `#[activity]`"
)]
pub trait NoGuard<const LINE: u32> {}

/// Not implemented: addresses.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is an address, which means nothing in another process [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "keep the value itself, or an enum that says which function is meant"
)]
pub trait NoAddress<const LINE: u32> {}

/// Not implemented: what belongs to the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` belongs to this process, and ends with it [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "open and use it within one `#[activity]`, and keep what is needed to open it again, such as a path or an address"
)]
pub trait NoHandle<const LINE: u32> {}

/// Not implemented: clocks of the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a reading of a clock that starts anew with every process [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "use `now()` of workflow_runtime, whose value is saved and the same in every run of the step"
)]
pub trait NoClock<const LINE: u32> {}

/// Not implemented: iterators.
#[diagnostic::on_unimplemented(
    message = "the position of `{Self}` cannot be saved in a checkpoint [WF014]",
    label = "this iterator is alive across the `.await` on line {LINE}",
    note = "collect it into a `Vec` before the `.await`, and go through that with a `for` loop, whose position is saved"
)]
pub trait NoIterator<const LINE: u32> {}

/// Not implemented: futures.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a future, whose state cannot be saved in a checkpoint [WF014]",
    label = "this is alive across the `.await` on line {LINE}",
    note = "call an `#[activity]` or a `#[workflow]` where its result is needed; to do several things at once, use `join!` and `select!`, whose branches are saved"
)]
pub trait NoFuture<const LINE: u32> {}

/// Not implemented: operations that nobody awaits yet.
#[diagnostic::on_unimplemented(
    message = "an operation that has not begun cannot be saved in a checkpoint",
    label = "this is alive across the `.await` on line {LINE}, and begins when it is awaited itself",
    note = "keep what it is made of, and make it where it is awaited; to do both at once, use `join!`"
)]
pub trait NoOperation<const LINE: u32> {}

/// Not implemented: whatever else cannot be saved.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved in a checkpoint [WF014]",
    label = "this is alive across the `.await` on line {LINE}, so it must be saved, and `{Self}` cannot be",
    note = "a type of your own needs `#[derive(serde::Serialize, serde::Deserialize)]`, and so do the types in it; in place of a closure or a `dyn Trait` keep an enum of the cases; in place of a borrow, an owned value",
    note = "or end its life before the `.await`: keep what you need of it, and make it anew behind the `.await`"
)]
pub trait Savable<const LINE: u32> {}

/// Not implemented: items of a loop that cannot be saved.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved in a checkpoint [WF014]",
    label = "what this loop has still to go through is alive across the `.await` on line {LINE}, and `{Self}` cannot be saved",
    note = "go through something that can be saved, such as indices or keys; a type of your own needs `#[derive(serde::Serialize, serde::Deserialize)]`, and so do the types in it"
)]
pub trait SavableItem<const LINE: u32> {}

const NEVER: &str = "a slot of a type that cannot be saved was compiled: this is a bug of the runtime";

/// Slots of borrows.
pub trait RefusedBorrow<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoBorrow<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<'a, T> RefusedBorrow<&'a T> for &mut Slot<&'a T> {}
impl<'a, T> RefusedBorrow<&'a [T]> for &mut Slot<&'a [T]> {}
impl<'a, T: ?Sized> RefusedBorrow<&'a mut T> for &mut Slot<&'a mut T> {}
impl<'a, T: ?Sized> RefusedBorrow<Option<&'a T>> for &mut Slot<Option<&'a T>> {}
impl<'a, T: ?Sized> RefusedBorrow<Option<&'a mut T>> for &mut Slot<Option<&'a mut T>> {}
impl<'a, T: ?Sized, U> RefusedBorrow<(&'a T, U)> for &mut Slot<(&'a T, U)> {}
impl<'a, T: ?Sized, U> RefusedBorrow<Option<(&'a T, U)>> for &mut Slot<Option<(&'a T, U)>> {}
impl<'a, T: ?Sized, U> RefusedBorrow<Vec<(&'a T, U)>> for &mut Slot<Vec<(&'a T, U)>> {}
impl<'a, T: ?Sized> RefusedBorrow<Vec<&'a T>> for &mut Slot<Vec<&'a T>> {}
impl<'a, T: ?Sized> RefusedBorrow<Vec<&'a mut T>> for &mut Slot<Vec<&'a mut T>> {}

/// Slots of pairs whose second half is a borrow. One more borrow away, because those of two borrows have both.
pub trait RefusedPair<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: NoBorrow<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<'a, T, U: ?Sized> RefusedPair<(T, &'a U)> for &mut &mut Slot<(T, &'a U)> {}
impl<'a, T, U: ?Sized> RefusedPair<Option<(T, &'a U)>> for &mut &mut Slot<Option<(T, &'a U)>> {}
impl<'a, T, U: ?Sized> RefusedPair<Vec<(T, &'a U)>> for &mut &mut Slot<Vec<(T, &'a U)>> {}

/// What is to be saved by its fields.
pub struct Apart<T>(pub T);

impl<'a, T: ?Sized> Apart<&&'a T> {
    /// Refused by its bound.
    pub fn apart<const LINE: u32>(&self)
    where
        &'a T: NoBorrow<LINE>,
    {
    }
}

impl<'a, T: ?Sized> Apart<&&'a mut T> {
    /// Refused by its bound.
    pub fn apart<const LINE: u32>(&self)
    where
        &'a mut T: NoBorrow<LINE>,
    {
    }
}

/// Whatever is no borrow.
pub struct Owned;

impl Owned {
    /// Always right.
    pub fn apart<const LINE: u32>(&self) {}
}

impl<T> Deref for Apart<T> {
    type Target = Owned;
    fn deref(&self) -> &Owned {
        &Owned
    }
}

/// Slots of shared mutable state.
pub trait RefusedInterior<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoInterior<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T> RefusedInterior<Cell<T>> for &mut Slot<Cell<T>> {}
impl<T> RefusedInterior<RefCell<T>> for &mut Slot<RefCell<T>> {}
impl<T> RefusedInterior<Mutex<T>> for &mut Slot<Mutex<T>> {}
impl<T> RefusedInterior<RwLock<T>> for &mut Slot<RwLock<T>> {}
impl<T> RefusedInterior<OnceCell<T>> for &mut Slot<OnceCell<T>> {}
impl<T> RefusedInterior<OnceLock<T>> for &mut Slot<OnceLock<T>> {}
impl RefusedInterior<AtomicBool> for &mut Slot<AtomicBool> {}
impl RefusedInterior<AtomicU8> for &mut Slot<AtomicU8> {}
impl RefusedInterior<AtomicU16> for &mut Slot<AtomicU16> {}
impl RefusedInterior<AtomicU32> for &mut Slot<AtomicU32> {}
impl RefusedInterior<AtomicU64> for &mut Slot<AtomicU64> {}
impl RefusedInterior<AtomicUsize> for &mut Slot<AtomicUsize> {}
impl RefusedInterior<AtomicI8> for &mut Slot<AtomicI8> {}
impl RefusedInterior<AtomicI16> for &mut Slot<AtomicI16> {}
impl RefusedInterior<AtomicI32> for &mut Slot<AtomicI32> {}
impl RefusedInterior<AtomicI64> for &mut Slot<AtomicI64> {}
impl RefusedInterior<AtomicIsize> for &mut Slot<AtomicIsize> {}

/// Slots of shared ownership.
pub trait RefusedSharing<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoSharing<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T: ?Sized> RefusedSharing<Rc<T>> for &mut Slot<Rc<T>> {}
impl<T: ?Sized> RefusedSharing<rc::Weak<T>> for &mut Slot<rc::Weak<T>> {}
impl<T: ?Sized> RefusedSharing<Arc<T>> for &mut Slot<Arc<T>> {}
impl<T: ?Sized> RefusedSharing<sync::Weak<T>> for &mut Slot<sync::Weak<T>> {}

/// Slots of locks that are held.
pub trait RefusedGuard<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoGuard<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<'a, T: ?Sized> RefusedGuard<MutexGuard<'a, T>> for &mut Slot<MutexGuard<'a, T>> {}
impl<'a, T: ?Sized> RefusedGuard<RwLockReadGuard<'a, T>> for &mut Slot<RwLockReadGuard<'a, T>> {}
impl<'a, T: ?Sized> RefusedGuard<RwLockWriteGuard<'a, T>> for &mut Slot<RwLockWriteGuard<'a, T>> {}
impl<'a, T: ?Sized> RefusedGuard<Ref<'a, T>> for &mut Slot<Ref<'a, T>> {}
impl<'a, T: ?Sized> RefusedGuard<RefMut<'a, T>> for &mut Slot<RefMut<'a, T>> {}
impl<'a> RefusedGuard<StdinLock<'a>> for &mut Slot<StdinLock<'a>> {}
impl<'a> RefusedGuard<StdoutLock<'a>> for &mut Slot<StdoutLock<'a>> {}
impl<'a> RefusedGuard<StderrLock<'a>> for &mut Slot<StderrLock<'a>> {}

/// Slots of addresses.
pub trait RefusedAddress<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoAddress<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T: ?Sized> RefusedAddress<*const T> for &mut Slot<*const T> {}
impl<T: ?Sized> RefusedAddress<*mut T> for &mut Slot<*mut T> {}
impl<T: ?Sized> RefusedAddress<NonNull<T>> for &mut Slot<NonNull<T>> {}
impl<R> RefusedAddress<fn() -> R> for &mut Slot<fn() -> R> {}
impl<A, R> RefusedAddress<fn(A) -> R> for &mut Slot<fn(A) -> R> {}
impl<A, B, R> RefusedAddress<fn(A, B) -> R> for &mut Slot<fn(A, B) -> R> {}

/// Slots of what belongs to the process.
pub trait RefusedHandle<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoHandle<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl RefusedHandle<File> for &mut Slot<File> {}
impl<T> RefusedHandle<BufReader<T>> for &mut Slot<BufReader<T>> {}
impl<T: io::Write> RefusedHandle<BufWriter<T>> for &mut Slot<BufWriter<T>> {}
impl RefusedHandle<io::Stdin> for &mut Slot<io::Stdin> {}
impl RefusedHandle<io::Stdout> for &mut Slot<io::Stdout> {}
impl RefusedHandle<io::Stderr> for &mut Slot<io::Stderr> {}
impl RefusedHandle<TcpStream> for &mut Slot<TcpStream> {}
impl RefusedHandle<TcpListener> for &mut Slot<TcpListener> {}
impl RefusedHandle<UdpSocket> for &mut Slot<UdpSocket> {}
impl RefusedHandle<Child> for &mut Slot<Child> {}
impl<T> RefusedHandle<JoinHandle<T>> for &mut Slot<JoinHandle<T>> {}
impl<T> RefusedHandle<mpsc::Sender<T>> for &mut Slot<mpsc::Sender<T>> {}
impl<T> RefusedHandle<mpsc::SyncSender<T>> for &mut Slot<mpsc::SyncSender<T>> {}
impl<T> RefusedHandle<mpsc::Receiver<T>> for &mut Slot<mpsc::Receiver<T>> {}

/// Slots of clocks of the process.
pub trait RefusedClock<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        T: NoClock<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl RefusedClock<Instant> for &mut Slot<Instant> {}

/// Slots of futures.
pub trait RefusedFuture<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: NoFuture<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T: Future> RefusedFuture<T> for &mut Slot<T> {}

/// Slots of operations.
pub trait RefusedOperation<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: NoOperation<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T: Durable> RefusedOperation<T> for &mut Slot<T> {}

/// Slots of iterators.
pub trait RefusedIterator<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: NoIterator<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T: Iterator> RefusedIterator<T> for &mut Slot<T> {}

/// Slots of what a loop goes through by value.
pub trait RefusedItems<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: SavableItem<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T> RefusedItems<T> for &mut Slot<Items<T>> {}

/// Slots of all other types that cannot be saved.
pub trait RefusedRest<T> {
    /// Refused by its bound.
    fn durable<const LINE: u32>(&self) -> Entry<'_>
    where
        T: Savable<LINE>,
    {
        panic!("{NEVER}")
    }
}
impl<T> RefusedRest<T> for Slot<T> {}
