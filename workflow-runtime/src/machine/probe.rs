//! Types whose use in a step is refused: the second net, for what tokens do not show.
//!
//! A check copy puts a [`Probe`] around a borrow of the expressions that a `for` loop goes through, of the sources of iterator chains, and
//! of the receivers of some methods. An inherent method wins over the one of [`Allowed`], and its bound, which nothing satisfies, carries
//! the message. Other expressions are not probed: where the type is not known yet, every inherent method would fit (E0034).

use std::{
    collections::{HashMap, HashSet},
    fs::{DirEntry, File, OpenOptions},
    hash::RandomState,
    io::{Stderr, Stdin, Stdout},
    net::{TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, Command},
    ptr::NonNull,
    rc::Rc,
    sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock, atomic, mpsc},
    thread::{self, JoinHandle, LocalKey},
    time::{Instant, SystemTime},
};

/// A borrow of what is looked at.
pub struct Probe<T>(pub T);

/// What all other types are. Each question is there for a borrow, and for a value that is handed back.
pub trait Allowed<T>: Sized {
    /// The items may be gone through: they come in an order that is always the same.
    fn __goes_through(&self) {}
    /// The items may be gone through: they come in an order that is always the same.
    fn __gone_through(self) -> T;
    /// Its methods may be called in a step.
    fn __calls(&self) {}
    /// Its methods may be called in a step.
    fn __called(self) -> T;
    /// It is no pointer.
    fn __addresses(&self) {}
    /// It is no pointer.
    fn __addressed(self) -> T;
    /// It is no time of a clock.
    fn __tells_time(&self) {}
}

/// What has no method of a lock gets it here.
pub trait NoLock: Sized {
    /// As that of a mutex.
    fn lock(&self) -> Unlocked {
        Unlocked
    }
    /// As that of a lock for readers.
    fn read(&self) -> Unlocked {
        Unlocked
    }
    /// Asked of what such a method gives; see [`Unlocked`].
    fn __locks<'x>(&'x self)
    where
        Lock: NoBlocking<'x>,
    {
    }
}

impl<T> NoLock for T {}

/// What a method gives that is none of a lock.
pub struct Unlocked;

/// What the other methods of this name belong to.
pub struct Lock;

impl Probe<Unlocked> {
    /// It is no lock.
    pub fn __locks(&self) {}
}

impl<T: From<SystemTime>> Probe<T> {
    /// Refused by its bound: a time that is made of that of the system.
    pub fn __tells_time<'x>(&'x self)
    where
        T: NoClock<'x>,
    {
    }
}

impl<T> Allowed<T> for Probe<T> {
    fn __gone_through(self) -> T {
        self.0
    }
    fn __called(self) -> T {
        self.0
    }
    fn __addressed(self) -> T {
        self.0
    }
}

/// Not implemented: WF001.
#[diagnostic::on_unimplemented(
    message = "this reads a clock, and a step that is executed again reads another time: use `now()` of workflow_runtime, the time at which the step was decided [WF001]",
    label = "this is `{Self}`"
)]
pub trait NoClock<'x> {}

/// Not implemented: WF003.
#[diagnostic::on_unimplemented(
    message = "this goes through the items in hash order, and each process has an order of its own: use a `BTreeMap` or `BTreeSet`, or an `IndexMap`, or collect and sort first [WF003]",
    label = "this is `{Self}`"
)]
pub trait NoHashOrder<'x> {}

/// Not implemented: WF005.
#[diagnostic::on_unimplemented(
    message = "this runs something beside the step, and what runs beside a step ends sooner in one process and later in another: use `join!`, `select!` or `join_all` of workflow_runtime, or a child workflow [WF005]",
    label = "this is `{Self}`"
)]
pub trait NoConcurrency<'x> {}

/// Not implemented: WF006.
#[diagnostic::on_unimplemented(
    message = "this blocks, or shares state between threads, and a step that waits holds up every other instance of its shard, for something that no checkpoint knows of: keep plain values in locals, wait with `sleep` or a signal, and let an `#[activity]` do what blocks [WF006]",
    label = "this is `{Self}`"
)]
pub trait NoBlocking<'x> {}

/// Not implemented: WF007.
#[diagnostic::on_unimplemented(
    message = "this is I/O, and a step that is executed again does it again, and may be answered otherwise: move it into an `#[activity]`, which is retried, recorded and done once [WF007]",
    label = "this is `{Self}`"
)]
pub trait NoIo<'x> {}

/// Not implemented: WF008.
#[diagnostic::on_unimplemented(
    message = "this prints, and a step that is executed again prints again: use `tracing`, whose events are silent when a step is executed again [WF008]",
    label = "this is `{Self}`"
)]
pub trait NoOutput<'x> {}

/// Not implemented: WF010.
#[diagnostic::on_unimplemented(
    message = "this is state of the process, and what it holds is lost with the process, and every instance writes to it: take the value as an argument, keep it in a local, or let an `#[activity]` hold it as `State` [WF010]",
    label = "this is `{Self}`"
)]
pub trait NoGlobals<'x> {}

/// Not implemented: WF011.
#[diagnostic::on_unimplemented(
    message = "this gives an address, and it differs from process to process, and from build to build: give the thing an id of its own, or compare values [WF011]",
    label = "this is `{Self}`"
)]
pub trait NoAddresses<'x> {}

macro_rules! refused {
    ($seen:ident $taken:ident $why:ident $([$($g:tt)*] $t:ty;)*) => { $(
        refused!(@ $seen $taken $why [$($g)*] $t; ($t));
        refused!(@ $seen $taken $why [$($g)*] $t; (&'a $t));
        refused!(@ $seen $taken $why [$($g)*] $t; (&'a mut $t));
        refused!(@ $seen $taken $why [$($g)*] $t; (Box<$t>));
        refused!(@ $seen $taken $why [$($g)*] $t; (Rc<$t>));
        refused!(@ $seen $taken $why [$($g)*] $t; (Arc<$t>));
    )* };
    (@ $seen:ident $taken:ident $why:ident [$($g:tt)*] $t:ty; ($of:ty)) => {
        impl<'a, $($g)*> Probe<&'_ $of> {
            /// Refused by its bound.
            // The lifetime keeps rustc from deciding the bound here.
            pub fn $seen<'x>(&'x self)
            where
                $t: $why<'x>,
            {
            }
        }
        impl<'a, $($g)*> Probe<$of> {
            /// Refused by its bound.
            pub fn $taken<'x>(self) -> $of
            where
                $t: $why<'x>,
            {
                self.0
            }
        }
    };
}

refused! { __goes_through __gone_through NoHashOrder
    [K, V] HashMap<K, V, RandomState>;
    [T] HashSet<T, RandomState>;
}

refused! { __calls __called NoClock
    [] Instant;
    [] SystemTime;
    [] tokio::time::Instant;
}

refused! { __calls __called NoConcurrency
    [T] JoinHandle<T>;
    [] thread::Builder;
    [T] tokio::task::JoinHandle<T>;
    [T] tokio::task::JoinSet<T>;
    [] tokio::runtime::Runtime;
    [] tokio::runtime::Handle;
}

refused! { __calls __called NoBlocking
    [T] Mutex<T>;
    [T] RwLock<T>;
    [] Condvar;
    [] Barrier;
    [T] mpsc::Sender<T>;
    [T] mpsc::SyncSender<T>;
    [T] mpsc::Receiver<T>;
    [] atomic::AtomicBool;
    [] atomic::AtomicU8;
    [] atomic::AtomicU16;
    [] atomic::AtomicU32;
    [] atomic::AtomicU64;
    [] atomic::AtomicUsize;
    [] atomic::AtomicI8;
    [] atomic::AtomicI16;
    [] atomic::AtomicI32;
    [] atomic::AtomicI64;
    [] atomic::AtomicIsize;
    [T] tokio::sync::Mutex<T>;
    [T] tokio::sync::RwLock<T>;
    [T] tokio::sync::mpsc::Sender<T>;
    [T] tokio::sync::mpsc::Receiver<T>;
}

refused! { __calls __called NoIo
    [] File;
    [] OpenOptions;
    [] DirEntry;
    [] TcpStream;
    [] TcpListener;
    [] UdpSocket;
    [] Command;
    [] Child;
    [] Stdin;
    [] PathBuf;
}

refused! { __calls __called NoOutput
    [] Stdout;
    [] Stderr;
}

refused! { __calls __called NoGlobals
    [T] OnceLock<T>;
    [T: 'static] LocalKey<T>;
}

refused! { __addresses __addressed NoAddresses
    [T: ?Sized] *const T;
    [T: ?Sized] *mut T;
    [T: ?Sized] NonNull<T>;
}
