//! Identifiers: namespaces, workflow ids, run ids and the shards that instances belong to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many shards a store has. Fixed for the life of a store: an instance's shard is part of its keys.
pub const SHARDS: u16 = 1024;

/// The longest namespace or workflow id, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 256;

/// Why a text cannot be a namespace or a workflow id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// The text is empty.
    #[error("WS030: the {what} is empty; use a non-empty id, for example the number of the order it belongs to")]
    Empty {
        /// Which identifier was meant.
        what: &'static str,
    },
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("WS031: the {what} is {bytes} bytes long, the limit is {MAX_ID_BYTES}; use a shorter id, or a hash of it")]
    TooLong {
        /// Which identifier was meant.
        what: &'static str,
        /// The length that was given.
        bytes: usize,
    },
    /// The text contains a control character.
    #[error("WS032: the {what} contains the control character {character:?} at byte {at}; remove it")]
    Control {
        /// Which identifier was meant.
        what: &'static str,
        /// The first such character.
        character: char,
        /// Its byte offset.
        at: usize,
    },
}

impl InvalidId {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "WS030",
            Self::TooLong { .. } => "WS031",
            Self::Control { .. } => "WS032",
        }
    }
}

pub(crate) fn check(what: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { what });
    }
    check_length(what, text)?;
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, character)) => Err(InvalidId::Control { what, character, at }),
        None => Ok(()),
    }
}

/// For what is part of a key and no id.
pub(crate) fn check_length(what: &'static str, text: &str) -> Result<(), InvalidId> {
    match text.len() {
        bytes if bytes > MAX_ID_BYTES => Err(InvalidId::TooLong { what, bytes }),
        _ => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes it an id.
            ///
            /// # Errors
            ///
            /// When it is empty, longer than [`MAX_ID_BYTES`], or contains a control character.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check($what, &text)?;
                Ok(Self(text.into()))
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;
            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

text_id! {
    /// A user-chosen name of one instance, unique within its namespace.
    ///
    /// ```
    /// use workflow_runtime::journal::id::WorkflowId;
    ///
    /// assert_eq!(WorkflowId::new("order-42")?.as_str(), "order-42");
    /// assert_eq!(WorkflowId::new("").unwrap_err().code(), "WS030");
    /// # Ok::<(), workflow_runtime::journal::id::InvalidId>(())
    /// ```
    WorkflowId, "workflow id"
}

impl WorkflowId {
    /// The text of the id, which is not copied.
    pub(crate) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

text_id! {
    /// A separate set of workflow ids in one store.
    Namespace, "namespace"
}

impl Default for Namespace {
    fn default() -> Self {
        Self("default".into())
    }
}

/// One run of an instance: continue-as-new, reset and fork give the same workflow id a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One of the [`SHARDS`] parts of a store. An instance belongs to exactly one, a shard has one owner at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The shard of an instance: the same on every machine and in every version.
    ///
    /// ```
    /// use workflow_runtime::journal::id::{ShardId, SHARDS};
    ///
    /// let shard = ShardId::of("default", "order-42");
    /// assert!(shard.0 < SHARDS);
    /// assert_eq!(shard, ShardId::of("default", "order-42"));
    /// ```
    pub fn of(namespace: &str, id: &str) -> Self {
        // FNV-1a with the finalizer of SplitMix64, so that ids that differ in one digit spread evenly. 0xff occurs in
        // no UTF-8 text, so ("a", "bc") and ("ab", "c") are different inputs.
        let bytes = namespace.bytes().chain([0xff]).chain(id.bytes());
        let mut hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        Self((hash % u64::from(SHARDS)) as u16)
    }

    /// All shards, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_of_an_instance_never_changes() {
        // A change here moves every stored instance to another shard: its records would not be found.
        let shards: Vec<u16> =
            ["order-1", "order-2", "\u{1f980}", "a/b"].map(|id| ShardId::of("default", id).0).to_vec();
        assert_eq!(shards, PINNED);
        assert_ne!(ShardId::of("a", "bc"), ShardId::of("ab", "c"));
    }

    const PINNED: [u16; 4] = [462, 377, 468, 1009];

    #[test]
    fn shards_are_even() {
        let mut counts = vec![0_u32; usize::from(SHARDS)];
        for n in 0..102_400 {
            counts[usize::from(ShardId::of("default", &format!("order-{n}")).0)] += 1;
        }
        assert!(counts.iter().all(|c| (50..170).contains(c)), "{:?}", counts.iter().max());
    }

    #[test]
    fn hostile_ids_are_refused_by_name() {
        assert_eq!(WorkflowId::new("").unwrap_err().code(), "WS030");
        assert_eq!(WorkflowId::new("x".repeat(257)).unwrap_err().code(), "WS031");
        assert_eq!(WorkflowId::new("a\0b").unwrap_err().code(), "WS032");
        assert_eq!(Namespace::new("a\u{85}").unwrap_err().code(), "WS032");
        assert!(WorkflowId::new("x".repeat(256)).is_ok());
        assert!(WorkflowId::new("a/b \u{1f980} %00 ../..").is_ok());
    }
}
