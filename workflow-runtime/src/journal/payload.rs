//! One encoded value, as it is stored and passed around.

use std::{
    cell::Cell,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
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
#[derive(Clone)]
pub struct Payload(Arc<Encoded>);

struct Encoded {
    bytes: Box<[u8]>,
    /// Computed once for all clones: a large local that does not change is not read again at every step.
    hash: OnceLock<u64>,
    likeness: OnceLock<u64>,
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Payload {}

thread_local! {
    static FORM: Cell<Form> = const { Cell::new(Form::Bytes) };
}

impl Payload {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// As [`encoding::encode`].
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        Ok(Self::of(encoding::encode_exactly(value)?))
    }

    fn of(bytes: Box<[u8]>) -> Self {
        Self(Arc::new(Encoded { bytes, hash: OnceLock::new(), likeness: OnceLock::new() }))
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// As [`encoding::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        encoding::decode(&self.0.bytes)
    }

    /// The value `()`.
    pub(crate) fn unit() -> Self {
        const NIL: u8 = 0xc0;
        Self::of([encoding::FORMAT, NIL].into())
    }

    /// The bytes, format byte included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Takes bytes that [`as_bytes`](Self::as_bytes) gave.
    ///
    /// # Errors
    ///
    /// There is no byte, or the format byte is not known. What follows is looked at when it is decoded.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        encoding::body(&bytes)?;
        Ok(Self::of(bytes.into()))
    }

    /// How many bytes it has, format byte included.
    #[expect(clippy::len_without_is_empty, reason = "never empty: there is always a format byte")]
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// The value for people. Not a form to store or to read back: `Some(())` shows as null, integers of 128 bits that do
    /// not fit into 64 as strings, NaN and infinities as strings, bytes as base64, map keys that are no strings as their
    /// JSON text. Damaged bytes give a string that says so.
    pub fn to_json(&self) -> serde_json::Value {
        encoding::to_json(&self.0.bytes[1..])
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
                (encoding::canonical(&self.0.bytes[1..]), encoding::canonical(&other.0.bytes[1..])),
                (Some(a), Some(b)) if a == b
            )
    }

    /// A hash of the bytes, the same in every build and on every machine: 64-bit [FNV-1a].
    ///
    /// [FNV-1a]: http://www.isthe.com/chongo/tech/comp/fnv/
    pub fn hash64(&self) -> u64 {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let Encoded { bytes, hash, .. } = &*self.0;
        *hash.get_or_init(|| {
            bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
        })
    }

    /// A hash of the value, the same in every build and on every machine, and the same where [`canonical_eq`](Self::canonical_eq) holds:
    /// a `HashMap` has one, whatever the order in which it was written. That of payloads within it does not depend on their order either.
    ///
    /// # Examples
    ///
    /// ```
    /// use workflow_runtime::journal::payload::Payload;
    /// use std::collections::{BTreeMap, HashMap};
    ///
    /// let (a, b) = (HashMap::from([("x", 1), ("y", 2)]), BTreeMap::from([("y", 2), ("x", 1)]));
    /// assert_eq!(Payload::encode(&a)?.likeness64(), Payload::encode(&b)?.likeness64());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn likeness64(&self) -> u64 {
        *self.0.likeness.get_or_init(|| encoding::likeness(&self.0.bytes[1..]).unwrap_or_else(|| self.hash64()))
    }
}

/// How payloads are serialized.
#[derive(Clone, Copy)]
enum Form {
    /// As byte strings.
    Bytes,
    /// As the values that they hold.
    Value,
    /// As the values that they hold, with their bytes beside them.
    Both,
}

/// Within `f`, payloads are serialized as the values that they hold, to be shown; they cannot be read back from that.
pub fn for_people<R>(f: impl FnOnce() -> R) -> R {
    in_form(Form::Value, f)
}

/// Within `f`, payloads are serialized as the values that they hold with their bytes beside them: `{"value": .., "bytes": "<hex>"}`.
/// From that they can be read back.
pub fn with_bytes<R>(f: impl FnOnce() -> R) -> R {
    in_form(Form::Both, f)
}

/// Whether what is serialized now is to be stored, not shown.
pub(crate) fn is_stored() -> bool {
    matches!(FORM.get(), Form::Bytes)
}

fn in_form<R>(form: Form, f: impl FnOnce() -> R) -> R {
    /// Also when `f` panics.
    struct Restore(Form);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORM.set(self.0);
        }
    }
    let _restore = Restore(FORM.replace(form));
    f()
}

#[derive(Serialize)]
struct Both {
    value: serde_json::Value,
    bytes: String,
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl Hash for Payload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes.hash(state);
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
        match FORM.get() {
            Form::Bytes => serializer.serialize_bytes(&self.0.bytes),
            Form::Value => self.to_json().serialize(serializer),
            Form::Both => Both { value: self.to_json(), bytes: to_hex(&self.0.bytes) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Bytes)
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
        Ok(Payload::of(bytes.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        Payload::from_bytes(bytes).map_err(E::custom)
    }

    /// See [`with_bytes`].
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let mut bytes = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "bytes" => bytes = Some(map.next_value::<String>()?),
                _ => drop(map.next_value::<de::IgnoredAny>()?),
            }
        }
        let bytes = bytes.as_deref().and_then(from_hex);
        self.visit_byte_buf(bytes.ok_or_else(|| de::Error::custom("the field `bytes` is missing or not hexadecimal"))?)
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
