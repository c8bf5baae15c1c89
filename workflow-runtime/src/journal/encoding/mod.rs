//! Values as bytes: one format byte, then self-describing [MessagePack] with named fields.
//!
//! Text forms are used where a type has one (uuids, timestamps). What MessagePack and the usual mapping of serde onto
//! it would lose round-trips, by four extension types:
//!
//! | value | bytes |
//! | --- | --- |
//! | `Some(x)`, where `x` is itself written as nil (`Some(())`, `Some(None)`) | extension 1: how many `Some`s are around the nil |
//! | `i128`, `u128` | extensions 2 and 3: sixteen bytes, big end first |
//!
//! A type may become wider (`u32` to `i128`, `f32` to `f64`, `T` to `Option<T>`), and narrower as long as each value fits
//! exactly; fields may come with a default, and go.
//!
//! Floats keep their width and every bit, byte strings stay byte strings, and map keys may be of any type.
//!
//! # Limits
//!
//! - Inside of `#[serde(flatten)]`, `#[serde(untagged)]` and internally tagged enums, serde holds values in a buffer
//!   that has no 128-bit integers: encoding or decoding one there is an error, never another value.
//! - What an untagged enum loses, it loses here too: variants that look alike decode as the first of them.
//! - Containers nest to a depth of 128, in both directions; so do newtypes and options without a container between.
//!
//! [MessagePack]: https://github.com/msgpack/msgpack/blob/master/spec.md
//!
//! # Examples
//!
//! ```
//! use workflow_runtime::journal::encoding::{decode, encode};
//!
//! let bytes = encode(&Some(None::<u8>))?;
//! assert_eq!(decode::<Option<Option<u8>>>(&bytes)?, Some(None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod de;
mod error;
mod json;
mod likeness;
mod ser;
mod wire;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::cell::Cell;

pub use self::error::{DecodeError, EncodeError};
pub(super) use self::{canonical::canonical, json::to_json, likeness::likeness};

/// The format byte of everything this version writes.
pub const FORMAT: u8 = 1;

/// Encodes a value.
///
/// # Errors
///
/// The value's own `Serialize` refuses, the value nests too deeply, or a part of it is longer than the format can say.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    encode_exactly(value).map(Vec::from)
}

/// More than this is not kept for the next value.
const SCRATCH_MAX: usize = 64 * 1024;

thread_local! {
    /// Where values are encoded before their size is known.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// As [`encode`], in no more bytes than it takes.
pub(super) fn encode_exactly<T: Serialize + ?Sized>(value: &T) -> Result<Box<[u8]>, EncodeError> {
    // Taken, not borrowed: a `Serialize` may well encode another value.
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let encoded = encode_into(&mut scratch, value).map(|()| scratch.as_slice().into());
    if scratch.capacity() <= SCRATCH_MAX {
        SCRATCH.set(scratch);
    }
    encoded
}

/// Encodes a value, format byte included, behind what `out` already holds. On an error `out` is as it was before.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    let start = out.len();
    out.push(FORMAT);
    value.serialize(ser::Serializer::new(out)).map_err(|failure| {
        out.truncate(start);
        failure.into_encode_error()
    })
}

/// Decodes a value from all of `bytes`.
///
/// # Errors
///
/// The bytes are of another format, are damaged, or hold something else than a `T`; the error says where in the value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_borrowed(bytes)
}

/// Decodes a value that may borrow strings and byte strings from `bytes`.
///
/// # Errors
///
/// As [`decode`].
///
/// # Examples
///
/// ```
/// use workflow_runtime::journal::encoding::{decode_borrowed, encode};
///
/// let bytes = encode(&("sku", 3))?;
/// assert_eq!(decode_borrowed::<(&str, u8)>(&bytes)?, ("sku", 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_borrowed<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let mut reader = wire::Reader::new(body(bytes)?);
    let value = T::deserialize(de::Deserializer::new(&mut reader)).map_err(error::Failure::into_decode_error)?;
    match reader.remaining() {
        0 => Ok(value),
        count => Err(DecodeError::TrailingBytes { count }),
    }
}

/// Checks the format byte and gives what follows it.
pub(super) fn body(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => Ok(body),
        Some((&found, _)) => Err(DecodeError::UnknownFormat { found }),
        None => Err(DecodeError::Empty),
    }
}

#[cfg(test)]
mod tests;
