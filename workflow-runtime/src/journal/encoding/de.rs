//! Bytes to serde's data model. The bytes say what they are; the type asked for matters for options, newtypes, enums
//! and 128-bit integers only.

use rmp::Marker;
use serde::{
    de::{self, DeserializeSeed, Error as _, IntoDeserializer as _, Unexpected, Visitor},
    forward_to_deserialize_any,
};

use super::{
    error::{Failure, Segment},
    json,
    wire::{Nesting, Reader, Token},
};

/// Reads one value.
#[derive(Debug)]
pub(super) struct Deserializer<'a, 'de> {
    reader: &'a mut Reader<'de>,
    nesting: Nesting,
}

impl<'a, 'de> Deserializer<'a, 'de> {
    pub(super) fn new(reader: &'a mut Reader<'de>) -> Self {
        Self { reader, nesting: Nesting::default() }
    }

    #[inline]
    fn visit_token<V: Visitor<'de>>(self, token: Token<'de>, visitor: V) -> Result<V::Value, Failure> {
        match token {
            Token::Nil => visitor.visit_unit(),
            Token::Some(count) => de::Deserializer::deserialize_any(Somes(count), visitor),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Uint(value) => visitor.visit_u64(value),
            Token::Int(value) => visitor.visit_i64(value),
            Token::I128(value) => visitor.visit_i128(value),
            Token::U128(value) => visitor.visit_u128(value),
            Token::F32(value) => visitor.visit_f32(value),
            Token::F64(value) => visitor.visit_f64(value),
            Token::Str(value) => visitor.visit_borrowed_str(value),
            Token::Bin(value) => visitor.visit_borrowed_bytes(value),
            Token::Array(len) => self.visit_array(len, visitor),
            Token::Map(len) => self.visit_map(len, visitor),
        }
    }

    #[inline]
    fn visit_array<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        let mut elements =
            Elements { nesting: self.nesting.container()?, reader: self.reader, index: 0, left: len, key: 0 };
        let value = visitor.visit_seq(&mut elements)?;
        elements.finish(value, len)
    }

    #[inline]
    fn visit_map<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        let mut elements =
            Elements { nesting: self.nesting.container()?, reader: self.reader, index: 0, left: len, key: 0 };
        let value = visitor.visit_map(&mut elements)?;
        elements.finish(value, len)
    }

    /// For 64 bits and less. A 128-bit integer that fits is taken, so that a type may become narrower.
    #[inline]
    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.reader.token()? {
            Token::I128(value) => narrow(value, visitor),
            Token::U128(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_u128(value),
            },
            token => self.visit_token(token, visitor),
        }
    }
}

/// Whether a float can stand for the token without becoming another number. serde itself would round.
fn exact(token: Token<'_>, single: bool) -> bool {
    let digits = if single { f32::MANTISSA_DIGITS } else { f64::MANTISSA_DIGITS };
    match token {
        Token::Uint(value) => value <= 1 << digits,
        Token::Int(value) => value.unsigned_abs() <= 1 << digits,
        Token::F64(value) if single => value.is_nan() || f64::from(value as f32) == value,
        _ => true,
    }
}

fn inexact<'de, V: Visitor<'de>>(token: Token<'de>, visitor: &V) -> Failure {
    let found = match token {
        Token::Uint(value) => Unexpected::Unsigned(value),
        Token::Int(value) => Unexpected::Signed(value),
        Token::F64(value) => Unexpected::Float(value),
        _ => Unexpected::Other("a number"),
    };
    Failure::invalid_value(found, &format!("a number that {} holds exactly", expected(visitor)).as_str())
}

fn expected<'de, V: Visitor<'de>>(visitor: &V) -> String {
    (visitor as &dyn de::Expected).to_string()
}

fn narrow<'de, V: Visitor<'de>>(value: i128, visitor: V) -> Result<V::Value, Failure> {
    if let Ok(value) = u64::try_from(value) {
        visitor.visit_u64(value)
    } else if let Ok(value) = i64::try_from(value) {
        visitor.visit_i64(value)
    } else {
        visitor.visit_i128(value)
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.integer(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let token = self.reader.token()?;
        self.visit_token(token, visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.reader.token()? {
            token if exact(token, true) => self.visit_token(token, visitor),
            token => Err(inexact(token, &visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.reader.token()? {
            token if exact(token, false) => self.visit_token(token, visitor),
            token => Err(inexact(token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.reader.peek()? {
            Marker::Null => {
                self.reader.token()?;
                visitor.visit_none()
            }
            Marker::FixExt1 => self.deserialize_any(visitor),
            _ => {
                let nesting = self.nesting.wrapper()?;
                visitor.visit_some(Deserializer { reader: self.reader, nesting })
            }
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        let nesting = self.nesting.wrapper()?;
        visitor.visit_newtype_struct(Deserializer { reader: self.reader, nesting })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.reader.token()? {
            Token::Str(variant) => visitor.visit_enum(de::value::BorrowedStrDeserializer::new(variant)),
            Token::Map(1) => {
                let nesting = self.nesting.container()?;
                let key = self.reader.offset();
                visitor.visit_enum(Variant { reader: self.reader, nesting, key })
            }
            Token::Map(len) => Err(Failure::invalid_length(len, &"a variant: a map of one entry")),
            Token::Array(_) => Err(Failure::invalid_type(Unexpected::Seq, &visitor)),
            token => self.visit_token(token, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// This many `Some`s around a nil.
#[derive(Debug, Clone, Copy)]
struct Somes(u8);

impl<'de> de::Deserializer<'de> for Somes {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0.checked_sub(1) {
            Some(left) => visitor.visit_some(Self(left)),
            None => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0.checked_sub(1) {
            Some(left) => visitor.visit_some(Self(left)),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

/// What is left of a sequence or a map.
#[derive(Debug)]
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    nesting: Nesting,
    index: usize,
    left: usize,
    /// Where the present key starts.
    key: usize,
}

impl<'de> Elements<'_, 'de> {
    /// Nothing may be left: who asks for a pair does not get the first two of three.
    #[inline]
    fn finish<T>(&self, value: T, len: usize) -> Result<T, Failure> {
        match self.left {
            0 => Ok(value),
            left => Err(Failure::invalid_length(len, &format!("{} elements", len - left).as_str())),
        }
    }

    #[inline]
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        seed.deserialize(Deserializer { reader: &mut *self.reader, nesting: self.nesting })
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let index = self.index;
        self.index += 1;
        self.next(seed).map(Some).map_err(|e| e.within(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::MapAccess<'de> for Elements<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.key = self.reader.offset();
        self.next(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        self.next(seed).map_err(|e| e.within(json::segment(self.reader.at(self.key))))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant that carries something: behind the header of its map.
#[derive(Debug)]
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
    nesting: Nesting,
    key: usize,
}

impl<'de> Variant<'_, 'de> {
    #[inline]
    fn content<T>(self, read: impl FnOnce(Deserializer<'_, 'de>) -> Result<T, Failure>) -> Result<T, Failure> {
        let Self { reader, nesting, key } = self;
        read(Deserializer { reader: &mut *reader, nesting }).map_err(|e| e.within(json::segment(reader.at(key))))
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let Token::Str(name) = self.reader.token()? else {
            return Err(Failure::custom("expected the name of a variant, found something else"));
        };
        let variant: de::value::StrDeserializer<'_, Failure> = name.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        self.content(|content| de::Deserialize::deserialize(content))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        self.content(|content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content(|content| de::Deserializer::deserialize_tuple(content, len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.content(|content| de::Deserializer::deserialize_struct(content, "", fields, visitor))
    }
}
