//! Encoded values for people: JSON, without the type.

use std::collections::BTreeSet;

use serde_json::{Number, Value};

use super::{
    error::{Failure, Segment},
    wire::{Nesting, Reader, Token},
};

/// What follows the format byte, as JSON. Damaged bytes become a string that says so.
pub(in super::super) fn to_json(body: &[u8]) -> Value {
    value(&mut Reader::new(body), Nesting::default())
        .unwrap_or_else(|failure| Value::String(format!("<unreadable: {}>", failure.into_decode_error())))
}

/// The map key at the reader, as a step of a path.
#[cold]
pub(super) fn segment(mut reader: Reader<'_>) -> Segment {
    match value(&mut reader, Nesting::default()) {
        Ok(Value::String(name)) => Segment::Name(name),
        Ok(key) => Segment::Key(key.to_string()),
        Err(_) => Segment::Key("?".to_owned()),
    }
}

fn value(reader: &mut Reader<'_>, nesting: Nesting) -> Result<Value, Failure> {
    Ok(match reader.token()? {
        Token::Nil | Token::Some(_) => Value::Null,
        Token::Bool(value) => Value::Bool(value),
        Token::Uint(value) => Value::from(value),
        Token::Int(value) => Value::from(value),
        Token::I128(value) => match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => Value::from(value),
            (_, Ok(value)) => Value::from(value),
            _ => Value::String(value.to_string()),
        },
        Token::U128(value) => match u64::try_from(value) {
            Ok(value) => Value::from(value),
            Err(_) => Value::String(value.to_string()),
        },
        // By its shortest text, so that 0.1 is not shown as 0.10000000149011612.
        Token::F32(value) => float(value.to_string().parse().unwrap_or_else(|_| f64::from(value))),
        Token::F64(value) => float(value),
        Token::Str(value) => Value::String(value.to_owned()),
        Token::Bin(value) => Value::String(base64(value)),
        Token::Array(len) => {
            let nesting = nesting.container()?;
            (0..len).map(|_| value(reader, nesting)).collect::<Result<_, _>>().map(Value::Array)?
        }
        Token::Map(len) => {
            let nesting = nesting.container()?;
            let entries = (0..len)
                .map(|_| Ok((value(reader, nesting)?, value(reader, nesting)?)))
                .collect::<Result<Vec<_>, Failure>>()?;
            object(entries)
        }
    })
}

/// An object; or pairs, if two keys have the same text (`1` and `"1"`).
fn object(entries: Vec<(Value, Value)>) -> Value {
    let text = |key: &Value| match key {
        Value::String(key) => key.clone(),
        key => key.to_string(),
    };
    let mut seen = BTreeSet::new();
    if entries.iter().all(|(key, _)| seen.insert(text(key))) {
        return Value::Object(entries.into_iter().map(|(key, value)| (text(&key), value)).collect());
    }
    entries.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect()
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::from("NaN"),
        None if value > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0_u32, |group, (i, &byte)| group | u32::from(byte) << (16 - 8 * i));
        for place in 0..4 {
            text.push(if place <= chunk.len() {
                char::from(ALPHABET[(group >> (18 - 6 * place)) as usize & 63])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
