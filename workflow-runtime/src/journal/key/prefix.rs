//! What a key says without being read as a whole, and what the beginning of one does: for those who ask of every record.

use super::Kind;

/// Whether a key is that of an entry of an index: of such a record the key says nearly all.
pub(crate) fn is_index(bytes: &[u8]) -> bool {
    matches!(kind_of(bytes), Some((_, Kind::Listing | Kind::Ready | Kind::Tag | Kind::Timer)))
}

/// The length of what a key begins with up to its kind, and the kind.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<(usize, Kind)> {
    let at = behind_text(bytes, 0)?;
    Some((at + 1, Kind::from_byte(*bytes.get(at)?)?))
}

/// Where what follows a text begins, if the text is whole.
pub(super) fn behind_text(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (0, Some(1)) => return Some(at + 2),
            (0, _) => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the number begins in a key that is in the history of a run, or a bound there.
pub(crate) fn history_number(key: &[u8]) -> Option<usize> {
    let kind = behind_text(key, 0)?;
    if key.get(kind) != Some(&(Kind::History as u8)) {
        return None;
    }
    let number = behind_text(key, kind + 1 + 2)? + 16;
    (number <= key.len()).then_some(number)
}

/// Whether a key that begins so may be that of an entry of a history.
pub(crate) fn may_be_history(start: &[u8]) -> bool {
    behind_text(start, 0).and_then(|at| start.get(at)).is_none_or(|kind| *kind == Kind::History as u8)
}
