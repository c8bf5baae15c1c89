//! What can go wrong, and where in the value.

use std::fmt::{self, Display, Write as _};

/// Why a value could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value's own `Serialize` refused, or it uses something that serde cannot hold at this place.
    #[error(
        "cannot save the value at `{path}`: {message}; change its type, or give it a `Serialize` that accepts every value"
    )]
    Refused {
        /// Where in the value, `$` being its root.
        path: String,
        /// What the `Serialize` implementation said.
        message: String,
    },
    /// The value nests deeper than can be read back.
    #[error(
        "cannot save the value at `{path}`: it nests deeper than {} levels; keep long chains in a `Vec`",
        super::wire::MAX_DEPTH
    )]
    TooDeep {
        /// Where in the value, `$` being its root.
        path: String,
    },
    /// A string, byte string, sequence or map is longer than 2^32 - 1.
    #[error(
        "cannot save the value at `{path}`: {len} elements or bytes in one piece are too many (limit: 4294967295); split it, or keep it outside and save a reference"
    )]
    TooLong {
        /// Where in the value, `$` being its root.
        path: String,
        /// How long it is.
        len: usize,
    },
}

impl EncodeError {
    /// A stable code, for documentation and for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "encode_refused",
            Self::TooDeep { .. } => "encode_too_deep",
            Self::TooLong { .. } => "encode_too_long",
        }
    }
}

/// Why bytes could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing to decode.
    #[error(
        "expected an encoded value, found no bytes at all; it was never written, or was cut off: restore it from a backup"
    )]
    Empty,
    /// The format byte is of another version, or this is no encoded value at all.
    #[error(
        "expected format {}, found {found}; if a newer build wrote the value, read it with that build, else it is damaged: restore it from a backup",
        super::FORMAT
    )]
    UnknownFormat {
        /// The first byte.
        found: u8,
    },
    /// The bytes end within the value.
    #[error(
        "expected more bytes at byte {offset} (`{path}`), found the end; the value was cut off: restore it from a backup"
    )]
    Truncated {
        /// Where in the value, `$` being its root.
        path: String,
        /// Where in the bytes, the format byte included.
        offset: usize,
    },
    /// The bytes are not what this format writes.
    #[error(
        "expected {expected} at byte {offset} (`{path}`), found something else; the value is damaged: restore it from a backup"
    )]
    Malformed {
        /// Where in the value, `$` being its root.
        path: String,
        /// Where in the bytes, the format byte included.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// The bytes are sound, but hold something else than the type asked for.
    #[error(
        "cannot read the value at `{path}`: {message}; read it as the type that it was written as, or let the new type accept the old form (`#[serde(default)]`, `#[serde(alias = \"..\")]`)"
    )]
    Mismatch {
        /// Where in the value, `$` being its root.
        path: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The bytes nest deeper than any value that this format writes.
    #[error(
        "expected at most {} levels of nesting, found more at `{path}`; the value is damaged, or its type contains itself without an end",
        super::wire::MAX_DEPTH
    )]
    TooDeep {
        /// Where in the value, `$` being its root.
        path: String,
    },
    /// A whole value was read, and bytes are left.
    #[error("expected the end, found {count} more bytes after the value; it is damaged: restore it from a backup")]
    TrailingBytes {
        /// How many bytes are left.
        count: usize,
    },
}

impl DecodeError {
    /// The value as a whole is not what was asked for.
    pub(crate) fn mismatch(message: String) -> Self {
        Self::Mismatch { path: "$".into(), message }
    }

    /// A stable code, for documentation and for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "decode_empty",
            Self::UnknownFormat { .. } => "decode_unknown_format",
            Self::Truncated { .. } => "decode_truncated",
            Self::Malformed { .. } => "decode_malformed",
            Self::Mismatch { .. } => "decode_mismatch",
            Self::TooDeep { .. } => "decode_too_deep",
            Self::TrailingBytes { .. } => "decode_trailing_bytes",
        }
    }
}

/// The error on its way out. One pointer wide, so that results stay small; the path grows as it passes each container.
#[derive(Debug)]
pub(super) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    /// Innermost first.
    path: Vec<Segment>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Message(String),
    Truncated { offset: usize },
    Malformed { offset: usize, expected: &'static str },
    TooDeep,
    TooLong { len: usize },
}

#[derive(Debug)]
pub(super) enum Segment {
    Index(usize),
    Name(String),
    /// A map key that is no string, as JSON.
    Key(String),
}

impl Failure {
    #[cold]
    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, path: Vec::new() }))
    }

    #[cold]
    pub(super) fn within(mut self, segment: Segment) -> Self {
        self.0.path.push(segment);
        self
    }

    fn path(&self) -> String {
        let mut path = String::from("$");
        for segment in self.0.path.iter().rev() {
            // Writing to a String cannot fail.
            let _ = match segment {
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Key(key) => write!(path, "[{key}]"),
                Segment::Name(name) if is_identifier(name) => write!(path, ".{name}"),
                Segment::Name(name) => write!(path, "[{name:?}]"),
            };
        }
        path
    }

    pub(super) fn into_decode_error(self) -> DecodeError {
        let path = self.path();
        match self.0.kind {
            Kind::Message(message) => DecodeError::Mismatch { path, message },
            Kind::Truncated { offset } => DecodeError::Truncated { path, offset: offset + 1 },
            Kind::Malformed { offset, expected } => DecodeError::Malformed { path, offset: offset + 1, expected },
            Kind::TooDeep => DecodeError::TooDeep { path },
            Kind::TooLong { len } => DecodeError::Mismatch { path, message: format!("{len} elements are too many") },
        }
    }

    pub(super) fn into_encode_error(self) -> EncodeError {
        let path = self.path();
        match self.0.kind {
            Kind::TooDeep => EncodeError::TooDeep { path },
            Kind::TooLong { len } => EncodeError::TooLong { path, len },
            Kind::Message(message) => EncodeError::Refused { path, message },
            kind @ (Kind::Truncated { .. } | Kind::Malformed { .. }) => {
                EncodeError::Refused { path, message: format!("{kind:?}") }
            }
        }
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Message(message) => f.write_str(message),
            Kind::Truncated { .. } => f.write_str("unexpected end of the value"),
            Kind::Malformed { expected, .. } => write!(f, "expected {expected}"),
            Kind::TooDeep => f.write_str("nests too deeply"),
            Kind::TooLong { len } => write!(f, "{len} elements are too many"),
        }
    }
}

impl std::error::Error for Failure {}

impl serde::ser::Error for Failure {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Message(message.to_string()))
    }
}

impl serde::de::Error for Failure {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Message(message.to_string()))
    }
}
