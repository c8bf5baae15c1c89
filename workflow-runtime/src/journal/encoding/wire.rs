//! MessagePack's own layer: headers out, tokens in. Everything above it sees [`Token`]s and never a marker byte.

use rmp::Marker;

use super::error::{Failure, Kind};

/// How deep containers nest, and how many newtypes and options may stand around a value without a container between.
pub(super) const MAX_DEPTH: u8 = 128;

/// Extension: this many `Some`s (one byte) around a nil.
const EXT_SOME: i8 = 1;
/// Extension: an `i128`.
const EXT_I128: i8 = 2;
/// Extension: a `u128`.
const EXT_U128: i8 = 3;

/// How deep we are. Both directions count alike, so that what was written can be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nesting {
    containers: u8,
    /// Since the last container. These leave no trace in the bytes, so a type that contains itself by nothing else
    /// would be read without an end.
    wrappers: u8,
}

impl Nesting {
    #[inline]
    pub(super) fn container(self) -> Result<Self, Failure> {
        if self.containers >= MAX_DEPTH {
            return Err(Failure::new(Kind::TooDeep));
        }
        Ok(Self { containers: self.containers + 1, wrappers: 0 })
    }

    #[inline]
    pub(super) fn wrapper(self) -> Result<Self, Failure> {
        if self.wrappers >= MAX_DEPTH {
            return Err(Failure::new(Kind::TooDeep));
        }
        Ok(Self { containers: self.containers, wrappers: self.wrappers + 1 })
    }
}

#[inline]
pub(super) fn put_marker(out: &mut Vec<u8>, marker: Marker) {
    out.push(marker.to_u8());
}

#[inline]
fn put<const N: usize>(out: &mut Vec<u8>, marker: Marker, bytes: [u8; N]) {
    put_marker(out, marker);
    out.extend_from_slice(&bytes);
}

#[inline]
pub(super) fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        put_marker(out, Marker::FixPos(value as u8));
    } else if let Ok(value) = u8::try_from(value) {
        put(out, Marker::U8, [value]);
    } else if let Ok(value) = u16::try_from(value) {
        put(out, Marker::U16, value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        put(out, Marker::U32, value.to_be_bytes());
    } else {
        put(out, Marker::U64, value.to_be_bytes());
    }
}

#[inline]
pub(super) fn put_int(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        put_uint(out, value);
    } else if value >= -32 {
        put_marker(out, Marker::FixNeg(value as i8));
    } else if let Ok(value) = i8::try_from(value) {
        put(out, Marker::I8, value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        put(out, Marker::I16, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        put(out, Marker::I32, value.to_be_bytes());
    } else {
        put(out, Marker::I64, value.to_be_bytes());
    }
}

pub(super) fn put_i128(out: &mut Vec<u8>, value: i128) {
    put(out, Marker::FixExt16, EXT_I128.to_be_bytes());
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_u128(out: &mut Vec<u8>, value: u128) {
    put(out, Marker::FixExt16, EXT_U128.to_be_bytes());
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_f32(out: &mut Vec<u8>, value: f32) {
    put(out, Marker::F32, value.to_bits().to_be_bytes());
}

pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) {
    put(out, Marker::F64, value.to_bits().to_be_bytes());
}

/// What a length belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Str,
    Bin,
    Array,
    Map,
}

#[inline]
pub(super) fn put_header(out: &mut Vec<u8>, header: Header, len: usize) -> Result<(), Failure> {
    let Ok(len32) = u32::try_from(len) else {
        return Err(Failure::new(Kind::TooLong { len }));
    };
    let small = len32 as u8;
    match header {
        Header::Str if len32 < 32 => put_marker(out, Marker::FixStr(small)),
        Header::Array if len32 < 16 => put_marker(out, Marker::FixArray(small)),
        Header::Map if len32 < 16 => put_marker(out, Marker::FixMap(small)),
        Header::Str if len32 <= 0xff => put(out, Marker::Str8, [small]),
        Header::Bin if len32 <= 0xff => put(out, Marker::Bin8, [small]),
        _ => put_long_header(out, header, len32),
    }
    Ok(())
}

fn put_long_header(out: &mut Vec<u8>, header: Header, len: u32) {
    let (short, long) = match header {
        Header::Str => (Marker::Str16, Marker::Str32),
        Header::Bin => (Marker::Bin16, Marker::Bin32),
        Header::Array => (Marker::Array16, Marker::Array32),
        Header::Map => (Marker::Map16, Marker::Map32),
    };
    match u16::try_from(len) {
        Ok(len) => put(out, short, len.to_be_bytes()),
        Err(_) => put(out, long, len.to_be_bytes()),
    }
}

#[inline]
pub(super) fn put_str(out: &mut Vec<u8>, value: &str) -> Result<(), Failure> {
    put_header(out, Header::Str, value.len())?;
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

pub(super) fn put_bytes(out: &mut Vec<u8>, value: &[u8]) -> Result<(), Failure> {
    put_header(out, Header::Bin, value.len())?;
    out.extend_from_slice(value);
    Ok(())
}

/// Replaces the header at `at`, written for `old` elements, by one for `new` of them.
pub(super) fn replace_header(
    out: &mut Vec<u8>,
    at: usize,
    header: Header,
    old: usize,
    new: usize,
) -> Result<(), Failure> {
    let (mut before, mut after) = (Vec::with_capacity(5), Vec::with_capacity(5));
    put_header(&mut before, header, old)?;
    put_header(&mut after, header, new)?;
    out.splice(at..at + before.len(), after);
    Ok(())
}

pub(super) fn put_somes(out: &mut Vec<u8>, count: u8) {
    put(out, Marker::FixExt1, EXT_SOME.to_be_bytes());
    out.push(count);
}

/// Puts a `Some` around the value that starts at `at` and reaches to the end, if the value alone would be read as `None`,
/// or as fewer `Some`s than there are.
#[inline]
pub(super) fn mark_some(out: &mut Vec<u8>, at: usize) -> Result<(), Failure> {
    let nil = Marker::Null.to_u8();
    match out.get(at..) {
        Some(&[first]) if first == nil => {
            out.truncate(at);
            put_somes(out, 1);
        }
        Some([first, kind, count]) if *first == Marker::FixExt1.to_u8() && *kind == EXT_SOME.to_be_bytes()[0] => {
            let count = count.checked_add(1).ok_or_else(|| Failure::new(Kind::TooDeep))?;
            out[at + 2] = count;
        }
        _ => {}
    }
    Ok(())
}

/// One value, or the header of one. Integers that are not negative are always `Uint`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'de> {
    Nil,
    /// This many `Some`s around a nil; at least one.
    Some(u8),
    Bool(bool),
    Uint(u64),
    Int(i64),
    I128(i128),
    U128(u128),
    F32(f32),
    F64(f64),
    Str(&'de str),
    Bin(&'de [u8]),
    Array(usize),
    Map(usize),
}

/// Reads tokens. Offsets count from behind the format byte.
#[derive(Debug)]
pub(super) struct Reader<'de> {
    data: &'de [u8],
    offset: usize,
}

impl<'de> Reader<'de> {
    pub(super) fn new(data: &'de [u8]) -> Self {
        Self { data, offset: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Another reader over the same bytes, at an offset that this one has been at.
    pub(super) fn at(&self, offset: usize) -> Self {
        Self { data: self.data, offset }
    }

    pub(super) fn remaining(&self) -> usize {
        self.data.len() - self.offset
    }

    /// The next byte as a marker, left in place.
    #[inline]
    pub(super) fn peek(&self) -> Result<Marker, Failure> {
        match self.data.get(self.offset) {
            Some(&byte) => Ok(Marker::from_u8(byte)),
            None => Err(self.truncated()),
        }
    }

    /// The bytes of the string that comes next, not checked to be UTF-8; `None` if something else comes.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Option<&'de [u8]>, Failure> {
        let len = match self.peek()? {
            Marker::FixStr(len) => {
                self.offset += 1;
                len.into()
            }
            Marker::Str8 => {
                self.offset += 1;
                self.len8()?
            }
            _ => return Ok(None),
        };
        self.take(len).map(Some)
    }

    #[inline]
    pub(super) fn token(&mut self) -> Result<Token<'de>, Failure> {
        let marker = self.peek()?;
        self.offset += 1;
        Ok(match marker {
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(value) => Token::Uint(value.into()),
            Marker::U8 => Token::Uint(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Token::Uint(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Token::Uint(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Token::Uint(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(value) => Token::Int(value.into()),
            Marker::I8 => signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Token::F32(f32::from_bits(u32::from_be_bytes(self.array()?))),
            Marker::F64 => Token::F64(f64::from_bits(u64::from_be_bytes(self.array()?))),
            Marker::FixStr(len) => self.str(len.into())?,
            Marker::FixArray(len) => self.sized(len.into(), 1).map(Token::Array)?,
            Marker::FixMap(len) => self.sized(len.into(), 2).map(Token::Map)?,
            other => self.long(other)?,
        })
    }

    fn long(&mut self, marker: Marker) -> Result<Token<'de>, Failure> {
        match marker {
            Marker::Str8 => self.len8().and_then(|len| self.str(len)),
            Marker::Str16 => self.len16().and_then(|len| self.str(len)),
            Marker::Str32 => self.len32().and_then(|len| self.str(len)),
            Marker::Bin8 => self.len8().and_then(|len| self.take(len)).map(Token::Bin),
            Marker::Bin16 => self.len16().and_then(|len| self.take(len)).map(Token::Bin),
            Marker::Bin32 => self.len32().and_then(|len| self.take(len)).map(Token::Bin),
            Marker::Array16 => self.len16().and_then(|len| self.sized(len, 1)).map(Token::Array),
            Marker::Array32 => self.len32().and_then(|len| self.sized(len, 1)).map(Token::Array),
            Marker::Map16 => self.len16().and_then(|len| self.sized(len, 2)).map(Token::Map),
            Marker::Map32 => self.len32().and_then(|len| self.sized(len, 2)).map(Token::Map),
            Marker::FixExt1 | Marker::FixExt16 => self.extension(marker),
            _ => Err(self.malformed("a value of this format")),
        }
    }

    fn extension(&mut self, marker: Marker) -> Result<Token<'de>, Failure> {
        let [kind] = self.array()?;
        match (marker, i8::from_be_bytes([kind])) {
            (Marker::FixExt1, EXT_SOME) => match self.array()? {
                [0] => Err(self.malformed("at least one `Some`")),
                [count] => Ok(Token::Some(count)),
            },
            (Marker::FixExt16, EXT_I128) => self.array().map(i128::from_be_bytes).map(Token::I128),
            (Marker::FixExt16, EXT_U128) => self.array().map(u128::from_be_bytes).map(Token::U128),
            _ => Err(self.malformed("a known extension")),
        }
    }

    /// Steps over one value, however deep. Does not look into strings.
    pub(super) fn skip(&mut self) -> Result<(), Failure> {
        // Every element is at least a byte, which `sized` has checked, so this cannot overflow.
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            match self.token()? {
                Token::Array(len) => left += len,
                Token::Map(len) => left += 2 * len,
                _ => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'de [u8], Failure> {
        match self.data.get(self.offset..).and_then(|rest| rest.get(..len)) {
            Some(bytes) => {
                self.offset += len;
                Ok(bytes)
            }
            None => Err(self.truncated()),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        match self.data.get(self.offset..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(bytes) => {
                self.offset += N;
                Ok(*bytes)
            }
            None => Err(self.truncated()),
        }
    }

    fn len8(&mut self) -> Result<usize, Failure> {
        Ok(u8::from_be_bytes(self.array()?).into())
    }

    fn len16(&mut self) -> Result<usize, Failure> {
        Ok(u16::from_be_bytes(self.array()?).into())
    }

    fn len32(&mut self) -> Result<usize, Failure> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| self.truncated())
    }

    #[inline]
    fn str(&mut self, len: usize) -> Result<Token<'de>, Failure> {
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map(Token::Str).map_err(|_| self.malformed("a string in UTF-8"))
    }

    /// Checks that a container of `len` elements fits into what is left, before anyone reserves memory for it.
    #[inline]
    fn sized(&self, len: usize, bytes_each: usize) -> Result<usize, Failure> {
        if len.checked_mul(bytes_each).is_none_or(|least| least > self.remaining()) {
            return Err(self.truncated());
        }
        Ok(len)
    }

    #[cold]
    fn truncated(&self) -> Failure {
        Failure::new(Kind::Truncated { offset: self.offset })
    }

    #[cold]
    fn malformed(&self, expected: &'static str) -> Failure {
        Failure::new(Kind::Malformed { offset: self.offset, expected })
    }
}

fn signed(value: i64) -> Token<'static> {
    match u64::try_from(value) {
        Ok(value) => Token::Uint(value),
        Err(_) => Token::Int(value),
    }
}
