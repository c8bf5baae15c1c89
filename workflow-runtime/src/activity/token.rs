//! The name of an activity call for whoever completes it from outside.

use crate::{
    journal::id::{InvalidId, RunId, WorkflowId},
    machine::OpId,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use uuid::Uuid;

/// Names one activity call of one run, so that somebody outside can complete it: a webhook, a person, another service.
///
/// Short text of `A-Z a-z 0-9 _ -`, fit for URLs, and plain data that may live across awaits. It belongs to the call and
/// not to an attempt: the token of an attempt that has failed is that of the next one. It can be told apart from other
/// text, but it is no secret and can be forged: authenticate whoever presents one.
///
/// ```
/// use workflow_runtime::activity::{ActivityContext, CompletionToken};
///
/// let token = ActivityContext::for_test().completion_token();
/// let text = token.to_string();
/// assert_eq!(text.parse::<CompletionToken>()?, token);
/// assert!("order-42".parse::<CompletionToken>().is_err());
/// # Ok::<(), workflow_runtime::activity::InvalidToken>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CompletionToken {
    id: Arc<str>,
    pub(crate) run: RunId,
    pub(crate) op: OpId,
}

/// The text is not a completion token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It does not begin or look like one.
    #[error("WE140: this is not a completion token: one begins with `{PREFIX}` and has letters, digits, `_` and `-`")]
    Form,
    /// A part of it is missing or was changed.
    #[error("WE141: the completion token is damaged or incomplete; take the whole text that `completion_token()` gave")]
    Damaged,
    /// It names an id that cannot be one.
    #[error("WE142: the completion token names no instance; take the text that `completion_token()` gave")]
    Id(#[source] InvalidId),
}

impl InvalidToken {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form => "WE140",
            Self::Damaged => "WE141",
            Self::Id(_) => "WE142",
        }
    }
}

/// Also says how to read what follows.
const PREFIX: &str = "act1_";

/// Of base64url (RFC 4648).
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl CompletionToken {
    pub(crate) fn new(id: Arc<str>, run: Uuid, op: OpId) -> Self {
        CompletionToken { id, run: RunId(run), op }
    }

    /// The id of the instance that the call belongs to.
    pub fn workflow_id(&self) -> &str {
        &self.id
    }

    /// The run that the call belongs to.
    pub fn run_id(&self) -> RunId {
        self.run
    }

    /// The number of the operation in its run.
    pub fn op(&self) -> OpId {
        self.op
    }

    /// A checksum, the run, the operation, the id.
    fn bytes(&self) -> Vec<u8> {
        let mut body = self.run.0.as_bytes().to_vec();
        let op = self.op.0.to_be_bytes();
        let leading = op.iter().take_while(|b| **b == 0).count();
        body.push(leading as u8);
        body.extend(&op[leading..]);
        body.extend(self.id.as_bytes());
        [&crc32fast::hash(&body).to_be_bytes()[..], &body].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidToken> {
        let (sum, body) = bytes.split_first_chunk::<4>().ok_or(InvalidToken::Damaged)?;
        if crc32fast::hash(body).to_be_bytes() != *sum {
            return Err(InvalidToken::Damaged);
        }
        let (run, rest) = body.split_first_chunk::<16>().ok_or(InvalidToken::Damaged)?;
        let (leading, rest) = rest.split_first().ok_or(InvalidToken::Damaged)?;
        let digits = 8usize.checked_sub(usize::from(*leading)).ok_or(InvalidToken::Damaged)?;
        let (op, id) = rest.split_at_checked(digits).ok_or(InvalidToken::Damaged)?;
        let op = op.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        let id = std::str::from_utf8(id).map_err(|_| InvalidToken::Damaged)?;
        let id = WorkflowId::new(id).map_err(InvalidToken::Id)?;
        Ok(CompletionToken::new(id.as_str().into(), Uuid::from_bytes(*run), OpId(op)))
    }
}

impl fmt::Display for CompletionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(PREFIX);
        for chunk in self.bytes().chunks(3) {
            let bits = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
            for i in 0..=chunk.len() {
                text.push(char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63]));
            }
        }
        f.write_str(&text)
    }
}

impl FromStr for CompletionToken {
    type Err = InvalidToken;
    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidToken::Form)?.as_bytes();
        let mut bytes = vec![];
        for chunk in digits.chunks(4) {
            let mut bits = 0u32;
            for digit in chunk {
                let value = DIGITS.iter().position(|d| d == digit).ok_or(InvalidToken::Form)?;
                bits = bits << 6 | value as u32;
            }
            bits <<= 6 * (4 - chunk.len());
            bytes.extend(&bits.to_be_bytes()[1..chunk.len()]);
        }
        let token = Self::from_bytes(&bytes)?;
        // One token has one text: nothing may hide in the bits that are left over.
        if token.to_string() != text {
            return Err(InvalidToken::Damaged);
        }
        Ok(token)
    }
}

impl fmt::Debug for CompletionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompletionToken({self})")
    }
}

impl TryFrom<String> for CompletionToken {
    type Error = InvalidToken;
    fn try_from(text: String) -> Result<Self, InvalidToken> {
        text.parse()
    }
}

impl From<CompletionToken> for String {
    fn from(token: CompletionToken) -> String {
        token.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, op: u64) -> CompletionToken {
        CompletionToken::new(id.into(), Uuid::from_u128(0x1234_5678_9abc), OpId(op))
    }

    #[test]
    fn tokens_are_short_ascii_and_read_back() {
        for id in ["a", "ab", "abc", "order-42", "Bestellung Nr. 7 für Jürgen", &"x".repeat(256)] {
            for op in [0, 1, 255, 256, u64::MAX] {
                let token = token(id, op);
                let text = token.to_string();
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{text}");
                assert_eq!(text.parse(), Ok(token.clone()));
                let json = serde_json::to_string(&token).unwrap();
                assert_eq!(serde_json::from_str::<CompletionToken>(&json).unwrap(), token);
            }
        }
        assert!(token("order-42", 3).to_string().len() < 60);
    }

    #[test]
    fn what_is_changed_or_cut_is_refused() {
        let text = token("order-42", 3).to_string();
        for at in 0..text.len() {
            assert!(text[..at].parse::<CompletionToken>().is_err(), "{at}");
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed.parse::<CompletionToken>().is_err(), "{changed}");
        }
        for (text, code) in [("", "WE140"), ("order-42", "WE140"), ("act1_ä", "WE140"), ("act1_", "WE141")] {
            assert_eq!(text.parse::<CompletionToken>().unwrap_err().code(), code, "{text}");
        }
        let mut nobody = token("x", 0).bytes();
        nobody.truncate(nobody.len() - 1);
        let sum = crc32fast::hash(&nobody[4..]).to_be_bytes();
        nobody[..4].copy_from_slice(&sum);
        assert_eq!(CompletionToken::from_bytes(&nobody).unwrap_err().code(), "WE142");
    }
}
