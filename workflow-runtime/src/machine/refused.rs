//! Types that can be seen not to survive a checkpoint: their slots say so in words of their own.
//!
//! An inherent method wins over the one of [`SlotExt`](super::SlotExt), and its bound, which nothing satisfies, carries the message.

use super::slot::{Entry, Slot};
use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::{Mutex, OnceLock, RwLock, atomic},
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
    OnceLock: NoInterior, Rc: NoSharing);

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
