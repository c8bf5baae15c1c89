//! The crate of a symbol in v0 mangling (RFC 2603): demangled text does not tell a method that a trait provides from one that an
//! implementation writes, and the two stand in different crates.

/// In whose source the code of a symbol stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home<'s> {
    /// In that of this crate.
    Crate(&'s str),
    /// In that of the trait, which provides the method.
    Trait,
}

/// Where the code stands; `None` if only the text can tell.
pub(super) fn home(symbol: &str) -> Option<Home<'_>> {
    let symbol =
        symbol.strip_prefix("__R").or_else(|| symbol.strip_prefix("_R")).or_else(|| symbol.strip_prefix('R'))?;
    let bytes = symbol.as_bytes();
    let mut at = 0;
    // A reference back leads to an earlier place, so this ends; the bound keeps it short for garbage.
    for _ in 0..200 {
        match bytes.get(at)? {
            b'N' => at += 2,
            b'I' => at += 1,
            b'M' | b'X' => at = disambiguator(bytes, at + 1)?,
            b'B' => at = base62(bytes, at + 1)?.0,
            b'Y' => return Some(Home::Trait),
            b'C' => return identifier(symbol, disambiguator(bytes, at + 1)?).map(Home::Crate),
            _ => return None,
        }
    }
    None
}

/// Behind `s<base-62>_`, if it is there.
fn disambiguator(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at)? == &b's' { base62(bytes, at + 1).map(|(_, at)| at) } else { Some(at) }
}

/// A number in base 62, and the place behind its underscore.
fn base62(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    if bytes.get(at)? == &b'_' {
        return Some((0, at + 1));
    }
    let mut value = 0usize;
    loop {
        let digit = match bytes.get(at)? {
            b'_' => return Some((value.checked_add(1)?, at + 1)),
            d @ b'0'..=b'9' => d - b'0',
            d @ b'a'..=b'z' => d - b'a' + 10,
            d @ b'A'..=b'Z' => d - b'A' + 36,
            _ => return None,
        };
        value = value.checked_mul(62)?.checked_add(usize::from(digit))?;
        at += 1;
    }
}

/// `<decimal length>[_]<bytes>`.
fn identifier(symbol: &str, at: usize) -> Option<&str> {
    let rest = symbol.get(at..)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (length, rest) = (rest[..digits].parse::<usize>().ok()?, &rest[digits..]);
    rest.strip_prefix('_').unwrap_or(rest).get(..length)
}
