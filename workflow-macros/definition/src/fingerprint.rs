use crate::Definition;
use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A 128-bit hash of a [`Definition`], shown as 32 hexadecimal digits.
///
/// FNV-1a (Fowler, Noll, Vo) with 128 bits: fingerprints tell edits apart, they do not resist an adversary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(u128);

impl Fingerprint {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    pub(crate) fn of(d: &Definition) -> Self {
        let mut f = Fingerprint(Self::BASIS);
        f.text(&d.name);
        f.list(d.parameters.iter().flat_map(|p| [&p.name, &p.ty]));
        for p in &d.points {
            f.text(&p.label);
            f.text(&p.operation);
            f.list(&p.live);
            f.list(&p.passed);
            // Points without them have the fingerprints that they had before there were any.
            for (what, ids) in [("patched", &p.patched), ("unpatched", &p.unpatched)] {
                if !ids.is_empty() {
                    f.text(what);
                    f.list(ids);
                }
            }
        }
        f.list(&d.patches);
        f.list(d.edges.iter().flat_map(|e| [e.from.as_deref(), e.to.as_deref()]).map(|l| l.unwrap_or("")));
        f
    }

    fn list(&mut self, items: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut n = 0u64;
        for i in items {
            self.text(i.as_ref());
            n += 1;
        }
        self.bytes(&n.to_le_bytes());
    }

    fn text(&mut self, s: &str) {
        self.bytes(&(s.len() as u64).to_le_bytes());
        self.bytes(s.as_bytes());
    }

    fn bytes(&mut self, b: &[u8]) {
        for x in b {
            self.0 = (self.0 ^ u128::from(*x)).wrapping_mul(Self::PRIME);
        }
    }

    /// The hash as a number.
    pub fn as_u128(self) -> u128 {
        self.0
    }

    /// Writes its digits into `digits`. Every step of a workflow writes two of them.
    fn digits(self, digits: &mut [u8; 32]) -> &str {
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0.to_be_bytes()) {
            *pair = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        }
        // They are ASCII.
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.digits(&mut [0; 32]))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Fingerprint> for String {
    fn from(f: Fingerprint) -> Self {
        f.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = std::num::ParseIntError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(s, 16).map(Fingerprint)
    }
}
