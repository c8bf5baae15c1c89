//! A hash that is the same for equal values, whatever the order of maps.

use super::{
    FORMAT,
    error::Failure,
    wire::{Nesting, Reader, Token},
};

/// A hash of what follows the format byte: of maps without their order, of integers without their width, and of payloads that stand in it as
/// byte strings in the same way. `None` if it is no single whole value.
pub(in super::super) fn likeness(body: &[u8]) -> Option<u64> {
    whole(body, Nesting::default())
}

fn whole(body: &[u8], nesting: Nesting) -> Option<u64> {
    let mut reader = Reader::new(body);
    let hash = value(&mut reader, nesting).ok()?;
    (reader.remaining() == 0).then_some(hash)
}

fn value(reader: &mut Reader<'_>, nesting: Nesting) -> Result<u64, Failure> {
    // Names of fields and variants, mostly: they are most of a frame.
    if let Some(text) = reader.text()? {
        return Ok(bytes(8, text));
    }
    Ok(match reader.token()? {
        Token::Nil => mix(1, 0),
        Token::Some(count) => mix(2, count.into()),
        Token::Bool(value) => mix(3, value.into()),
        Token::Uint(value) => mix(4, value),
        Token::Int(value) => mix(5, value.cast_unsigned()),
        Token::I128(value) => wide(value.cast_unsigned(), value < 0),
        Token::U128(value) => wide(value, false),
        Token::F32(value) => mix(6, value.to_bits().into()),
        Token::F64(value) => mix(7, value.to_bits()),
        Token::Str(value) => bytes(8, value.as_bytes()),
        Token::Bin(value) => nested(value, nesting).unwrap_or_else(|| bytes(9, value)),
        Token::Array(len) => {
            let nesting = nesting.container()?;
            let mut hash = mix(10, len as u64);
            for _ in 0..len {
                hash = mix(hash, value(reader, nesting)?);
            }
            hash
        }
        Token::Map(len) => {
            let nesting = nesting.container()?;
            let mut sum = 0_u64;
            for _ in 0..len {
                let key = value(reader, nesting)?;
                sum = sum.wrapping_add(mix(key, value(reader, nesting)?));
            }
            mix(mix(11, len as u64), sum)
        }
    })
}

/// A payload within another one. What only looks like one is hashed as one, the same each time.
fn nested(value: &[u8], nesting: Nesting) -> Option<u64> {
    let (format, body) = value.split_first()?;
    if *format != FORMAT {
        return None;
    }
    whole(body, nesting.container().ok()?)
}

/// An integer that may be written with fewer bits elsewhere.
fn wide(value: u128, negative: bool) -> u64 {
    let low = value as u64;
    match u64::try_from(value) {
        Ok(value) => mix(4, value),
        Err(_) if negative && i64::try_from(value.cast_signed()).is_ok() => mix(5, low),
        Err(_) => mix(mix(12, low), (value >> 64) as u64),
    }
}

fn bytes(kind: u64, all: &[u8]) -> u64 {
    let (words, rest) = all.as_chunks::<8>();
    let hash = words.iter().fold(mix(kind, all.len() as u64), |hash, word| mix(hash, u64::from_le_bytes(*word)));
    match rest {
        [] => hash,
        rest => mix(hash, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    }
}

/// Folded multiplication, as in wyhash.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xa076_1d64_78bd_642f) * u128::from(b ^ 0xe703_7ed1_a0b4_28db);
    (product >> 64) as u64 ^ product as u64
}
