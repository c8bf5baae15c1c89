//! Which type a name stands for: the macro sees that a workflow calls `Instant::now`, and only rustc knows whose `Instant` that is.

use std::{collections, hash::RandomState, marker::PhantomData, net, sync::atomic};

/// A type that a workflow names.
pub struct Named<T: ?Sized>(PhantomData<T>);

/// What is true of all types but those that are known.
pub trait Unknown {
    /// The type is none of those that the macro looks for.
    const KNOWN: bool = false;
}

impl<T: ?Sized> Unknown for Named<T> {}

macro_rules! known {
    ($($t:ty),* $(,)?) => {
        $(impl Named<$t> {
            /// The type is the one that the macro looks for.
            pub const KNOWN: bool = true;
        })*
    };
}

known!(
    atomic::AtomicBool,
    atomic::AtomicI8,
    atomic::AtomicI16,
    atomic::AtomicI32,
    atomic::AtomicI64,
    atomic::AtomicIsize,
    atomic::AtomicU8,
    atomic::AtomicU16,
    atomic::AtomicU32,
    atomic::AtomicU64,
    atomic::AtomicUsize,
    atomic::Ordering,
    jiff::Timestamp,
    jiff::Zoned,
    jiff::tz::TimeZone,
    net::TcpListener,
    net::TcpStream,
    net::UdpSocket,
    std::any::TypeId,
    std::backtrace::Backtrace,
    std::env::VarError,
    std::fs::File,
    std::io::Stdin,
    std::process::ExitStatus,
    std::sync::Condvar,
    std::thread::Thread,
    std::time::Instant,
    std::time::SystemTime,
    tokio::time::Instant,
    uuid::Uuid,
    RandomState,
);

impl<K, V> Named<collections::HashMap<K, V, RandomState>> {
    /// The order is that of a random state.
    pub const KNOWN: bool = true;
}

impl<T> Named<collections::HashSet<T, RandomState>> {
    /// The order is that of a random state.
    pub const KNOWN: bool = true;
}

/// What stands for the types by which a module is known, where a module has none of that name.
pub mod absent {
    macro_rules! absent {
        ($($name:ident)*) => {
            $(#[doc = "A module has no such type."]
            pub struct $name;)*
        };
    }
    absent!(ExitStatus File Stdin Thread TypeId VarError);
}
