//! The keys of all records, in the order that scans rely on.
//!
//! ```text
//! <namespace> <kind> <shard:u16> <id> ...      what belongs to an instance
//! <namespace> <kind> ... <id>                  indexes over instances
//! <empty> X <fingerprint>                      definitions, which all namespaces share
//! ```
//!
//! Numbers are big-endian and texts are escaped (0 becomes 0 255, the end is 0 1), so keys sort like what they stand for
//! and no text can run into its neighbour. The encoding is that of the FoundationDB tuple layer, with an end
//! marker of two bytes so that any byte may follow it.

mod parse;
mod prefix;

use super::id::{Namespace, RunId, ShardId, WorkflowId};
use prefix::behind_text;
pub(crate) use prefix::{history_number, is_index, kind_of, may_be_history};

/// The name of the store's own record of its format.
pub const STORE_FORMAT: &[u8] = b"format";

/// The name of the store's own record of how far the database has caught up with its log.
pub const STORE_LOG: &[u8] = b"log";

/// What the names of the store's own records of fences begin with.
pub const STORE_FENCES: &[u8] = b"fence/";

/// The name of the store's own record of a fence: of one shard, or of all at once.
pub fn store_fence(shard: Option<ShardId>) -> Vec<u8> {
    let mut name = STORE_FENCES.to_vec();
    match shard {
        Some(shard) => name.extend_from_slice(&shard.0.to_be_bytes()),
        None => name.extend_from_slice(b"all"),
    }
    name
}

/// Reads what [`store_fence`] wrote: `None` when it did not, `Some(None)` for all shards.
pub fn parse_store_fence(name: &[u8]) -> Option<Option<ShardId>> {
    match name.strip_prefix(STORE_FENCES)? {
        b"all" => Some(None),
        &[high, low] => Some(Some(ShardId(u16::from_be_bytes([high, low])))),
        _ => None,
    }
}

/// The bounds of all keys that begin with `prefix`.
pub fn range(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (prefix.to_vec(), after(prefix))
}

/// The smallest key that is higher than every key that begins with `prefix`.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // There is no upper bound; no key that this module makes begins with so many 255.
    vec![u8::MAX; prefix.len() + 1]
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $byte:literal,)*) => {
        /// What a record is. The byte is part of its key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $kind = $byte,)*
        }

        impl Kind {
            fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A run that has ended, and another one has begun under its id.
    Ended = b'E',
    /// A signal id that was seen: a second one is a duplicate.
    Seen = b'D',
    /// The frame: the record that guards an instance.
    Frame = b'F',
    /// An index of instances by a tag and its value.
    Tag = b'G',
    /// An entry of an instance's history.
    History = b'H',
    /// A buffered signal or update request.
    Signal = b'I',
    /// A large slot, apart from its frame.
    Slot = b'L',
    /// An operation that is a member of a group and has not ended.
    Member = b'K',
    /// The mark of an instance that is being opened.
    Mark = b'M',
    /// A message on its way to another instance.
    Outbox = b'O',
    /// A payload that frame and history refer to.
    Payload = b'P',
    /// An index of the instances that have something to do now.
    Ready = b'Q',
    /// The result of one operation.
    Result = b'R',
    /// How a run was started: workflow, input, time.
    Start = b'S',
    /// An index of what is due at a time.
    Timer = b'T',
    /// The last message that was taken from a sender.
    Received = b'V',
    /// An index of instances by workflow and status.
    Listing = b'W',
    /// A definition.
    Definition = b'X',
}

/// A key, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// What the record is.
    pub kind: Kind,
    /// The namespace, empty for definitions.
    pub namespace: String,
    /// The shard of the instance; listings and tags do not have one.
    pub shard: Option<ShardId>,
    /// The instance.
    pub id: Option<String>,
    /// The run, or for [`Kind::Received`] the sender's run.
    pub run: Option<RunId>,
    /// The name of a signal, slot, workflow or tag, the id of a seen signal, a fingerprint.
    pub name: Option<String>,
    /// The value of a tag.
    pub value: Option<String>,
    /// The status of a listing.
    pub status: Option<u8>,
    /// Microseconds since 1970 of a timer; of a listing or tag, when the run was started.
    pub due: Option<i64>,
    /// The sequence number, ordinal or operation.
    pub number: Option<u64>,
}

/// A sequence of bytes that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("WS033: these {} bytes are not a key; the store was written by another program or a newer build", bytes.len())]
pub struct InvalidKey {
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Key {
    /// Takes a key apart.
    ///
    /// # Errors
    ///
    /// When the bytes were not made by this module.
    ///
    /// ```
    /// use workflow_runtime::journal::id::{Namespace, WorkflowId};
    /// use workflow_runtime::journal::key::{InstanceKeys, Key, Kind};
    ///
    /// let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new("order-42")?);
    /// let key = Key::parse(&keys.frame())?;
    /// assert_eq!((key.kind, key.id.as_deref()), (Kind::Frame, Some("order-42")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKey> {
        parse::whole(bytes).ok_or_else(|| InvalidKey { bytes: bytes.to_vec() })
    }
}

/// A key for people: what it stands for, or its bytes.
pub fn describe(bytes: &[u8]) -> String {
    match Key::parse(bytes) {
        Ok(key) => format!("[{key}]"),
        Err(_) => format!("[{}]", bytes.escape_ascii()),
    }
}

/// The shard that a key names, where it names one.
pub fn shard_of(bytes: &[u8]) -> Option<ShardId> {
    parse::shard(bytes)
}

/// The key of a definition.
pub fn definition(fingerprint: &str) -> Vec<u8> {
    let mut key = Vec::new();
    text(&mut key, "");
    key.push(Kind::Definition as u8);
    text(&mut key, fingerprint);
    key
}

/// The bounds of all definitions.
pub fn definitions() -> (Vec<u8>, Vec<u8>) {
    let mut key = Vec::new();
    text(&mut key, "");
    key.push(Kind::Definition as u8);
    range(&key)
}

/// The bounds of what a namespace holds.
#[derive(Debug, Clone)]
pub struct NamespaceKeys {
    prefix: Vec<u8>,
}

impl NamespaceKeys {
    /// The bounds for `namespace`.
    pub fn new(namespace: &Namespace) -> Self {
        let mut prefix = Vec::new();
        text(&mut prefix, namespace.as_str());
        Self { prefix }
    }

    fn kind(&self, kind: Kind) -> Vec<u8> {
        let mut key = self.prefix.clone();
        key.push(kind as u8);
        key
    }

    /// All records of the namespace.
    pub fn everything(&self) -> (Vec<u8>, Vec<u8>) {
        range(&self.prefix)
    }

    /// All records of one kind.
    pub fn all(&self, kind: Kind) -> (Vec<u8>, Vec<u8>) {
        range(&self.kind(kind))
    }

    /// The records of one kind that belong to a shard: frames, outbox, ready. Not for indexes.
    pub fn of_shard(&self, kind: Kind, shard: ShardId) -> (Vec<u8>, Vec<u8>) {
        let mut key = self.kind(kind);
        key.extend_from_slice(&shard.0.to_be_bytes());
        range(&key)
    }

    /// What is due at `due` (microseconds since 1970) or before, earliest first.
    pub fn timers_until(&self, due: i64) -> (Vec<u8>, Vec<u8>) {
        let from = self.kind(Kind::Timer);
        let mut to = from.clone();
        to.extend_from_slice(&sortable(due).to_be_bytes());
        (from, after(&to))
    }

    /// The prefix of the instances of a workflow, with one status or all.
    pub fn listing(&self, workflow: &str, status: Option<u8>) -> Vec<u8> {
        let mut key = self.kind(Kind::Listing);
        text(&mut key, workflow);
        key.extend(status);
        key
    }

    /// The prefix of the instances with a tag of this value.
    pub fn tagged(&self, tag: &str, value: &str) -> Vec<u8> {
        let mut key = self.kind(Kind::Tag);
        text(&mut key, tag);
        text(&mut key, value);
        key
    }

    /// The bounds of what an index holds under `prefix` from time `from` up to, but not at, `to`.
    pub fn between(prefix: &[u8], from: Option<i64>, to: Option<i64>) -> (Vec<u8>, Vec<u8>) {
        let at = |time: i64| [prefix, &sortable(time).to_be_bytes()].concat();
        (from.map_or_else(|| prefix.to_vec(), at), to.map_or_else(|| after(prefix), at))
    }
}

/// The keys of one instance.
#[derive(Debug, Clone)]
pub struct InstanceKeys {
    shard: ShardId,
    namespace: Vec<u8>,
    /// The shard and the id.
    place: Vec<u8>,
}

impl InstanceKeys {
    /// The keys of the instance `id` in `namespace`.
    pub fn new(namespace: &Namespace, id: &WorkflowId) -> Self {
        let shard = ShardId::of(namespace.as_str(), id.as_str());
        let mut prefix = Vec::new();
        text(&mut prefix, namespace.as_str());
        let mut place = shard.0.to_be_bytes().to_vec();
        text(&mut place, id.as_str());
        Self { shard, namespace: prefix, place }
    }

    /// The shard of the instance.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    fn index(&self, kind: Kind) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.namespace.len() + self.place.len() + 32);
        key.extend_from_slice(&self.namespace);
        key.push(kind as u8);
        key
    }

    fn own(&self, kind: Kind) -> Vec<u8> {
        let mut key = self.index(kind);
        key.extend_from_slice(&self.place);
        key
    }

    fn of_run(&self, kind: Kind, run: RunId) -> Vec<u8> {
        let mut key = self.own(kind);
        key.extend_from_slice(run.0.as_bytes());
        key
    }

    fn numbered(&self, kind: Kind, run: RunId, number: u64) -> Vec<u8> {
        let mut key = self.of_run(kind, run);
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    /// The frame: the record that guards the instance.
    pub fn frame(&self) -> Vec<u8> {
        self.own(Kind::Frame)
    }

    /// The mark that the instance is being opened.
    pub fn mark(&self) -> Vec<u8> {
        self.own(Kind::Mark)
    }

    /// The entry of an instance that has something to do.
    pub fn ready(&self) -> Vec<u8> {
        self.own(Kind::Ready)
    }

    /// How `run` was started.
    pub fn start(&self, run: RunId) -> Vec<u8> {
        self.of_run(Kind::Start, run)
    }

    /// An entry of the history of `run`.
    pub fn history(&self, run: RunId, seq: u64) -> Vec<u8> {
        self.numbered(Kind::History, run, seq)
    }

    /// A payload of `run`.
    pub fn payload(&self, run: RunId, ordinal: u64) -> Vec<u8> {
        self.numbered(Kind::Payload, run, ordinal)
    }

    /// A member of a group of `run`.
    pub fn member(&self, run: RunId, op: u64) -> Vec<u8> {
        self.numbered(Kind::Member, run, op)
    }

    /// The result of an operation of `run`.
    pub fn result(&self, run: RunId, op: u64) -> Vec<u8> {
        self.numbered(Kind::Result, run, op)
    }

    /// What is kept of `run` once another one has begun under its id.
    pub fn ended(&self, run: RunId) -> Vec<u8> {
        self.of_run(Kind::Ended, run)
    }

    /// A large slot of `run`.
    pub fn slot(&self, run: RunId, name: &str) -> Vec<u8> {
        let mut key = self.of_run(Kind::Slot, run);
        text(&mut key, name);
        key
    }

    /// A buffered signal.
    pub fn signal(&self, name: &str, seq: u64) -> Vec<u8> {
        let mut key = self.own(Kind::Signal);
        text(&mut key, name);
        key.extend_from_slice(&seq.to_be_bytes());
        key
    }

    /// The buffered signals of one name.
    pub fn signals(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let mut key = self.own(Kind::Signal);
        text(&mut key, name);
        range(&key)
    }

    /// A signal id that was seen.
    pub fn seen(&self, signal_id: &str) -> Vec<u8> {
        let mut key = self.own(Kind::Seen);
        text(&mut key, signal_id);
        key
    }

    /// A message to another instance.
    pub fn outbox(&self, seq: u64) -> Vec<u8> {
        let mut key = self.own(Kind::Outbox);
        key.extend_from_slice(&seq.to_be_bytes());
        key
    }

    /// The last message that was taken from the run `sender`.
    pub fn received(&self, sender: RunId) -> Vec<u8> {
        self.of_run(Kind::Received, sender)
    }

    /// The entry of an operation that is due at `due`, in microseconds since 1970.
    pub fn timer(&self, due: i64, op: u64) -> Vec<u8> {
        let mut key = self.index(Kind::Timer);
        key.extend_from_slice(&sortable(due).to_be_bytes());
        key.extend_from_slice(&self.place);
        key.extend_from_slice(&op.to_be_bytes());
        key
    }

    /// The entry of the instance in the listing of `workflow`; `started` in microseconds since 1970.
    pub fn listing(&self, workflow: &str, status: u8, started: i64) -> Vec<u8> {
        let mut key = self.index(Kind::Listing);
        text(&mut key, workflow);
        key.push(status);
        key.extend_from_slice(&sortable(started).to_be_bytes());
        key.extend_from_slice(&self.place);
        key
    }

    /// The entry of the instance under a tag; `started` in microseconds since 1970.
    pub fn tagged(&self, tag: &str, value: &str, started: i64) -> Vec<u8> {
        let mut key = self.index(Kind::Tag);
        text(&mut key, tag);
        text(&mut key, value);
        key.extend_from_slice(&sortable(started).to_be_bytes());
        key.extend_from_slice(&self.place);
        key
    }

    /// The bounds of the instance's records of one kind, over all runs. Not for indexes.
    pub fn all(&self, kind: Kind) -> (Vec<u8>, Vec<u8>) {
        range(&self.own(kind))
    }

    /// The bounds of the records of one kind of `run`. Not for indexes.
    pub fn all_of_run(&self, kind: Kind, run: RunId) -> (Vec<u8>, Vec<u8>) {
        range(&self.of_run(kind, run))
    }
}

/// Order-preserving: the sign bit turned around.
fn sortable(signed: i64) -> u64 {
    signed.cast_unsigned() ^ (1 << 63)
}

fn text(key: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(u8::MAX);
        }
    }
    key.extend_from_slice(&[0, 1]);
}
