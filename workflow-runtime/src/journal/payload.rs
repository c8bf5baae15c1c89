//! One encoded value, as it is stored and passed around.

use std::{
    cell::Cell,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de, de::DeserializeOwned};

use super::encoding::{self, DecodeError, EncodeError};

/// An encoded value: a format byte, then self-describing MessagePack (see [`encoding`]).
///
/// Cheap to clone. Inside of other records it is a byte string. Two are equal (`==`) if their bytes are; see
/// [`canonical_eq`](Self::canonical_eq) for equal values. `Debug` shows the beginning of its JSON.
///
/// # Examples
///
/// ```
/// use workflow_runtime::journal::payload::Payload;
///
/// let payload = Payload::encode(&("order-42", Some(())))?;
/// assert_eq!(payload.decode::<(String, Option<()>)>()?, ("order-42".to_owned(), Some(())));
/// assert_eq!(payload.to_json(), serde_json::json!(["order-42", null]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<[u8]>);

/// More than this is not kept for the next value.
const SCRATCH_MAX: usize = 64 * 1024;

thread_local! {
    /// Payloads are serialized as the values that they hold.
    static FOR_PEOPLE: Cell<bool> = const { Cell::new(false) };

    /// Where values are encoded before their size is known.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Payload {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// As [`encoding::encode`].
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        // Taken, not borrowed: a `Serialize` may well encode another payload.
        let mut scratch = SCRATCH.take();
        scratch.clear();
        let payload = encoding::encode_into(&mut scratch, value).map(|()| Self(Arc::from(scratch.as_slice())));
        if scratch.capacity() <= SCRATCH_MAX {
            SCRATCH.set(scratch);
        }
        payload
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// As [`encoding::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        encoding::decode(&self.0)
    }

    /// The bytes, format byte included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes bytes that [`as_bytes`](Self::as_bytes) gave.
    ///
    /// # Errors
    ///
    /// There is no byte, or the format byte is not known. What follows is looked at when it is decoded.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        encoding::body(&bytes)?;
        Ok(Self(bytes.into()))
    }

    /// How many bytes it has, format byte included.
    #[expect(clippy::len_without_is_empty, reason = "never empty: there is always a format byte")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value for people. Not a form to store or to read back: `Some(())` shows as null, integers of 128 bits that do
    /// not fit into 64 as strings, NaN and infinities as strings, bytes as base64, map keys that are no strings as their
    /// JSON text. Damaged bytes give a string that says so.
    pub fn to_json(&self) -> serde_json::Value {
        encoding::to_json(&self.0[1..])
    }

    /// Whether both hold the same value, whatever the order of maps and the width of integers. Floats are compared by
    /// their bits, sequences in their order: a `HashSet` is a sequence, in the order that it happened to have.
    ///
    /// # Examples
    ///
    /// ```
    /// use workflow_runtime::journal::payload::Payload;
    ///
    /// assert!(Payload::encode(&7_u128)?.canonical_eq(&Payload::encode(&7_i8)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn canonical_eq(&self, other: &Self) -> bool {
        self == other
            || matches!(
                (encoding::canonical(&self.0[1..]), encoding::canonical(&other.0[1..])),
                (Some(a), Some(b)) if a == b
            )
    }

    /// A hash of the bytes, the same in every build and on every machine: 64-bit [FNV-1a].
    ///
    /// [FNV-1a]: http://www.isthe.com/chongo/tech/comp/fnv/
    pub fn hash64(&self) -> u64 {
        self.0
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

/// Within `f`, payloads are serialized as the values that they hold, to be shown; they cannot be read back from that.
pub fn for_people<R>(f: impl FnOnce() -> R) -> R {
    /// Also when `f` panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            FOR_PEOPLE.set(self.0);
        }
    }
    let _restore = Restore(FOR_PEOPLE.replace(true));
    f()
}

impl Hash for Payload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 200;
        let json = self.to_json().to_string();
        match json.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}.. ({} bytes)", &json[..end], self.len()),
            None => f.write_str(&json),
        }
    }
}

impl Serialize for Payload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match FOR_PEOPLE.get() {
            true => self.to_json().serialize(serializer),
            false => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }
}

struct Bytes;

impl<'de> de::Visitor<'de> for Bytes {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an encoded value")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
        encoding::body(bytes).map_err(E::custom)?;
        Ok(Payload(bytes.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        Payload::from_bytes(bytes).map_err(E::custom)
    }

    /// Formats without byte strings, such as JSON, have sequences.
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Payload, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        self.visit_byte_buf(bytes)
    }
}
