//! One form for equal values.

use rmp::Marker;

use super::{
    error::Failure,
    wire::{self, Header, Nesting, Reader, Token},
};

/// What follows the format byte, with maps in the order of their keys and every integer at its least width, or `None`
/// if it is no single whole value.
pub(in super::super) fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(body);
    let mut out = Vec::with_capacity(body.len());
    rewrite(&mut reader, &mut out, Nesting::default()).ok()?;
    (reader.remaining() == 0).then_some(out)
}

fn rewrite(reader: &mut Reader<'_>, out: &mut Vec<u8>, nesting: Nesting) -> Result<(), Failure> {
    match reader.token()? {
        Token::Nil => wire::put_marker(out, Marker::Null),
        Token::Some(count) => wire::put_somes(out, count),
        Token::Bool(value) => wire::put_marker(out, if value { Marker::True } else { Marker::False }),
        Token::Uint(value) => wire::put_uint(out, value),
        Token::Int(value) => wire::put_int(out, value),
        Token::I128(value) => match (u128::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => unsigned(out, value),
            (_, Ok(value)) => wire::put_int(out, value),
            _ => wire::put_i128(out, value),
        },
        Token::U128(value) => unsigned(out, value),
        Token::F32(value) => wire::put_f32(out, value),
        Token::F64(value) => wire::put_f64(out, value),
        Token::Str(value) => wire::put_str(out, value)?,
        Token::Bin(value) => wire::put_bytes(out, value)?,
        Token::Array(len) => {
            let nesting = nesting.container()?;
            wire::put_header(out, Header::Array, len)?;
            for _ in 0..len {
                rewrite(reader, out, nesting)?;
            }
        }
        Token::Map(len) => {
            let nesting = nesting.container()?;
            wire::put_header(out, Header::Map, len)?;
            map(reader, out, nesting, len)?;
        }
    }
    Ok(())
}

fn unsigned(out: &mut Vec<u8>, value: u128) {
    match u64::try_from(value) {
        Ok(value) => wire::put_uint(out, value),
        Err(_) => wire::put_u128(out, value),
    }
}

fn map(reader: &mut Reader<'_>, out: &mut Vec<u8>, nesting: Nesting, len: usize) -> Result<(), Failure> {
    let mut scratch = Vec::new();
    let mut entries = Vec::with_capacity(len);
    for _ in 0..len {
        let start = scratch.len();
        rewrite(reader, &mut scratch, nesting)?;
        rewrite(reader, &mut scratch, nesting)?;
        entries.push(start..scratch.len());
    }
    // No encoded value is the beginning of another, so whole entries sort by their keys first.
    entries.sort_by(|a, b| scratch[a.clone()].cmp(&scratch[b.clone()]));
    for entry in entries {
        out.extend_from_slice(&scratch[entry]);
    }
    Ok(())
}
