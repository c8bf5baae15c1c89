//! The operations of generated programs, once as plain async functions and once as activities.

use super::values::{Dice, Failure, Given, Item, Kind, Oops, Order};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    ActivityError,
    journal::payload::Payload,
    machine::{Completion, Never},
};

/// How a signal comes.
pub struct Message {
    /// Its name.
    pub name: &'static str,
    /// What it brings.
    pub answer: fn(&mut Dice) -> Completion,
}

/// A signal as a plain program knows it.
pub struct Channel<T> {
    name: &'static str,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T: Given> Channel<T> {
    /// With a name.
    pub const fn new(name: &'static str) -> Self {
        Channel { name, of: std::marker::PhantomData }
    }

    /// Waits for one.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn recv(&self) -> impl Future<Output = Result<T, workflow_runtime::Cancelled>> + use<T> {
        let name = self.name;
        async move { Ok(T::given(&mut super::oracle::ask(|_| (format!("signal {name}"), None)).await)) }
    }
}

fn message<T: Given + Serialize>(dice: &mut Dice) -> Completion {
    Completion::Value(encoded(Payload::encode(&T::given(dice))))
}

fn encoded(p: Result<Payload, workflow_runtime::journal::encoding::EncodeError>) -> Payload {
    p.unwrap_or_else(|e| panic!("{e}"))
}

/// How an activity is answered.
pub struct Operation {
    /// Its registered name.
    pub name: &'static str,
    /// Its arguments as text.
    pub show: fn(&Payload) -> String,
    /// Its answer.
    pub answer: fn(&mut Dice) -> Completion,
}

/// As the engine reports it.
fn completion<T: Given + Serialize, E: Failure + Serialize>(dice: &mut Dice) -> Completion {
    match super::oracle::answer::<T, E>(dice) {
        Ok(value) => Completion::Value(encoded(Payload::encode(&value))),
        Err(ActivityError::Failed(e)) => Completion::Failed(encoded(Payload::encode(&e))),
        Err(_) => Completion::TimedOut,
    }
}

macro_rules! signals {
    ($($name:ident: $ty:ty = $text:literal;)*) => {
        /// Signals of plain programs.
        pub mod channels {
            use super::*;
            $(
                /// Comes when the oracle says.
                pub const $name: Channel<$ty> = Channel::new($text);
            )*
        }
        /// Signals of workflows.
        pub mod messages {
            use super::*;
            $(
                /// Comes when the driver says.
                pub const $name: workflow_runtime::Signal<$ty> = workflow_runtime::Signal::new($text);
            )*
        }
        /// All of them.
        pub const SIGNALS: &[Message] = &[$(Message { name: $text, answer: message::<$ty> }),*];
    };
}

macro_rules! operations {
    ($($name:ident($($arg:ident: $ty:ty = $owned:ty),*) -> $ok:ty | $err:ty;)*) => {
        /// Operations as plain functions.
        pub mod plain {
            use super::*;

            pub use super::channels::*;
            pub use crate::__select_in_order as select;
            pub use crate::generated::groups::*;
            pub use tokio::{join, try_join};

            /// What a workflow names a point by means nothing here.
            pub trait Label: Sized {
                /// The same.
                #[must_use]
                fn label(self, _label: &'static str) -> Self {
                    self
                }
            }

            impl<F: Future> Label for F {}

            /// As that of the runtime.
            pub fn seconds(n: u64) -> u64 {
                n
            }

            /// A timer.
            ///
            /// # Errors
            ///
            /// Never.
            pub async fn sleep(seconds: u64) -> Result<(), workflow_runtime::Cancelled> {
                crate::generated::oracle::ask(|run| {
                    let due = run.now + seconds;
                    (format!("timer {due}"), Some(due))
                })
                .await;
                Ok(())
            }

            $(
                /// Asks the oracle.
                ///
                /// # Errors
                ///
                /// What the oracle says.
                pub async fn $name($($arg: $ty),*) -> Result<$ok, ActivityError<$err>> {
                    let args: ($(&$owned,)*) = ($($crate::generated::operations::Lend::<$owned>::lend(&$arg),)*);
                    let asked = crate::generated::oracle::ask(|_| (format!("{}{args:?}", stringify!($name)), None));
                    crate::generated::oracle::answer::<$ok, $err>(&mut asked.await)
                }
            )*
        }
        /// Operations as activities.
        pub mod flow {
            use super::*;
            use workflow_runtime::activity;

            pub use super::messages::*;
            pub use workflow_runtime::{
                for_each_concurrent, join, join_all, select, select_all, try_join, try_join_all,
            };
            $(
                /// Answered by the driver.
                ///
                /// # Errors
                ///
                /// None: it does not run.
                #[activity]
                pub async fn $name($($arg: $ty),*) -> Result<$ok, $err> {
                    let _ = ($($arg,)*);
                    unreachable!("the driver answers operations")
                }
            )*
        }
        /// All of them.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            name: stringify!($name),
            show: |args| {
                let args: ($(<$owned as ToOwned>::Owned,)*) = args.decode().unwrap_or_else(|e| panic!("{e}"));
                format!("{}{args:?}", stringify!($name))
            },
            answer: completion::<$ok, $err>,
        }),*];
    };
}

/// A race whose branches begin in order.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_in_order {
    ($($branches:tt)*) => {
        $crate::generated::tokio::select! { biased; $($branches)* }
    };
}

/// What a parameter is shown as.
pub(super) trait Lend<T: ?Sized> {
    fn lend(&self) -> &T;
}

impl<T: ?Sized> Lend<T> for T {
    fn lend(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Lend<T> for &T {
    fn lend(&self) -> &T {
        self
    }
}

signals! {
    NEWS: u32 = "news";
    NOTES: String = "notes";
    PARCELS: Item = "parcels";
}

operations! {
    ping(n: u32 = u32) -> u32 | Never;
    double(n: u32 = u32) -> u32 | Oops;
    num(n: i64 = i64) -> i64 | Never;
    flag(n: u32 = u32) -> bool | Never;
    letter(c: char = char) -> char | Never;
    text(s: &str = str, n: u32 = u32) -> String | Never;
    name(s: String = String) -> String | Oops;
    list(n: u32 = u32) -> Vec<u32> | Never;
    words(s: &str = str) -> Vec<String> | Never;
    maybe(n: u32 = u32) -> Option<u32> | Never;
    remark(k: &Kind = Kind) -> Option<String> | Oops;
    pair(n: u32 = u32, s: &str = str) -> (u32, String) | Never;
    fetch(id: u32 = u32) -> Item | Oops;
    kind(n: u32 = u32) -> Kind | Never;
    order(item: &Item = Item) -> Order | Never;
    store(item: &Item = Item, tags: &[u32] = [u32]) -> () | Oops;
    table(n: u32 = u32) -> BTreeMap<String, u32> | Never;
    keys(v: &[u32] = [u32]) -> BTreeSet<u32> | Never;
    three(n: u32 = u32) -> [u32; 3] | Never;
    items(n: u32 = u32) -> Vec<Item> | Never;
}
