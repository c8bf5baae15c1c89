//! The types of generated programs.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{ActivityError, Cancelled, machine::Never};

/// A struct of different kinds of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Copied.
    pub id: u32,
    /// Moved.
    pub name: String,
    /// Indexed.
    pub tags: Vec<u32>,
    /// Perhaps not there.
    pub note: Option<String>,
}

/// An enum with every kind of variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing in it.
    #[default]
    Plain,
    /// A copied field.
    Count(u32),
    /// A moved field.
    Named(String),
    /// Named fields.
    Sized {
        /// Copied.
        w: u32,
        /// Moved.
        by: String,
    },
    /// An option within.
    Deep(Option<u32>),
}

/// A struct of structs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// Has fields of its own.
    pub item: Item,
    /// Copied.
    pub count: i64,
    /// Matched.
    pub kind: Kind,
    /// Iterated.
    pub lines: Vec<Item>,
}

/// The error of operations that fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
pub enum Oops {
    /// With a code.
    #[error("code {0}")]
    Code(u32),
    /// With a text.
    #[error("{0}")]
    Text(String),
}

/// The error of generated functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Fail {
    /// An operation that cannot fail by itself.
    #[error(transparent)]
    Call(#[from] ActivityError<Never>),
    /// An operation.
    #[error(transparent)]
    Deed(#[from] ActivityError<Oops>),
    /// A plain error.
    #[error(transparent)]
    Oops(#[from] Oops),
    /// A timer or signal.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The program's own.
    #[error("own {0}")]
    Own(u32),
}

/// Returns an error with a text, as anyhow's macro of this name.
#[doc(hidden)]
#[macro_export]
macro_rules! __bail {
    ($($text:tt)*) => {
        return Err($crate::generated::values::Fail::Oops($crate::generated::values::Oops::Text(format!($($text)*))))
    };
}

/// Returns an error with a text unless a condition holds, as anyhow's macro of this name.
#[doc(hidden)]
#[macro_export]
macro_rules! __ensure {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            $crate::__bail!($($text)*);
        }
    };
}

pub use crate::{__bail as bail, __ensure as ensure};

/// A source of answers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A die that falls as `seed` says.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        dice.next();
        dice
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not zero.
    pub fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }
}

/// A value that an operation can give.
pub trait Given: Sized {
    /// Makes one up.
    fn given(dice: &mut Dice) -> Self;
}

impl Given for () {
    fn given(_: &mut Dice) {}
}

impl Given for u32 {
    fn given(dice: &mut Dice) -> Self {
        dice.below(5)
    }
}

impl Given for i64 {
    fn given(dice: &mut Dice) -> Self {
        i64::from(dice.below(7)) - 3
    }
}

impl Given for bool {
    fn given(dice: &mut Dice) -> Self {
        dice.below(2) == 0
    }
}

impl Given for char {
    fn given(dice: &mut Dice) -> Self {
        ['a', 'b', 'ß', '漢'][dice.below(4) as usize]
    }
}

impl Given for String {
    fn given(dice: &mut Dice) -> Self {
        ["", "a", "b", "ab", "ä b", "x\ny"][dice.below(6) as usize].to_owned()
    }
}

impl<T: Given> Given for Option<T> {
    fn given(dice: &mut Dice) -> Self {
        (dice.below(3) > 0).then(|| T::given(dice))
    }
}

impl<T: Given> Given for Vec<T> {
    fn given(dice: &mut Dice) -> Self {
        (0..dice.below(4)).map(|_| T::given(dice)).collect()
    }
}

impl<T: Given> Given for [T; 3] {
    fn given(dice: &mut Dice) -> Self {
        [T::given(dice), T::given(dice), T::given(dice)]
    }
}

impl<T: Given + Ord> Given for BTreeSet<T> {
    fn given(dice: &mut Dice) -> Self {
        Vec::given(dice).into_iter().collect()
    }
}

impl<K: Given + Ord, V: Given> Given for BTreeMap<K, V> {
    fn given(dice: &mut Dice) -> Self {
        Vec::given(dice).into_iter().collect()
    }
}

impl<A: Given, B: Given> Given for (A, B) {
    fn given(dice: &mut Dice) -> Self {
        (A::given(dice), B::given(dice))
    }
}

impl Given for Item {
    fn given(dice: &mut Dice) -> Self {
        Item { id: Given::given(dice), name: Given::given(dice), tags: Given::given(dice), note: Given::given(dice) }
    }
}

impl Given for Kind {
    fn given(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 => Kind::Plain,
            1 => Kind::Count(Given::given(dice)),
            2 => Kind::Named(Given::given(dice)),
            3 => Kind::Sized { w: Given::given(dice), by: Given::given(dice) },
            _ => Kind::Deep(Given::given(dice)),
        }
    }
}

impl Given for Order {
    fn given(dice: &mut Dice) -> Self {
        let (item, count) = (Given::given(dice), Given::given(dice));
        Order { item, count, kind: Given::given(dice), lines: Given::given(dice) }
    }
}

impl Given for Oops {
    fn given(dice: &mut Dice) -> Self {
        if dice.below(2) == 0 { Oops::Code(dice.below(5)) } else { Oops::Text(Given::given(dice)) }
    }
}

/// The error of an operation, as far as it has one.
pub trait Failure: Sized {
    /// Makes one up; `None` for an operation that only its limits can end.
    fn failure(dice: &mut Dice) -> Option<Self>;
}

impl Failure for Never {
    fn failure(_: &mut Dice) -> Option<Self> {
        None
    }
}

impl Failure for Oops {
    fn failure(dice: &mut Dice) -> Option<Self> {
        Some(Given::given(dice))
    }
}
