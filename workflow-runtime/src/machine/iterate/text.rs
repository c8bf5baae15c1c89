//! Texts: the cursor holds an offset in bytes, or the pieces of the text are found once and kept as ranges.

use super::{View, Walk, lent::Exact};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    rc::Rc,
    str::{CharIndices, Chars},
    sync::Arc,
};

/// Where a loop over the characters of a text is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TextAt {
    /// The number of a character, and its offset.
    at: usize,
    byte: usize,
    /// How many characters there are, where that had to be counted.
    len: Option<usize>,
}

/// Characters of a text, with their offsets.
#[derive(Debug)]
pub struct InText<'p> {
    text: &'p str,
    /// The offset of `text` in what the user counts from.
    offset: usize,
}

impl InText<'_> {
    fn find(&self, k: usize, mark: &TextAt) -> Option<usize> {
        let (before, behind) = self.text.split_at_checked(mark.byte)?;
        match k.checked_sub(mark.at) {
            Some(n) => behind.char_indices().nth(n).map(|(i, _)| mark.byte + i),
            None => before.char_indices().nth_back(mark.at - k - 1).map(|(i, _)| i),
        }
    }

    fn go_to(&self, k: usize, mark: &mut TextAt) -> bool {
        let found = self.find(k, mark);
        if let Some(byte) = found {
            (mark.at, mark.byte) = (k, byte);
        }
        found.is_some()
    }

    fn count(&self, mark: &mut TextAt) -> usize {
        *mark.len.get_or_insert_with(|| self.text.chars().count())
    }

    fn at(&self, mark: &TextAt) -> Option<(usize, char)> {
        let c = self.text.get(mark.byte..)?.chars().next()?;
        Some((self.offset.checked_add(mark.byte)?, c))
    }
}

/// The characters without their offsets.
#[derive(Debug)]
pub struct CharsOf<'p>(InText<'p>);

impl View for CharsOf<'_> {
    type Mark = TextAt;
    type Item = char;
    fn seek(&self, k: usize, mark: &mut TextAt) -> bool {
        self.0.go_to(k, mark)
    }
    fn len(&self, mark: &mut TextAt) -> Option<usize> {
        Some(self.0.count(mark))
    }
    fn item(self, _: usize, mark: &TextAt) -> Option<char> {
        self.0.at(mark).map(|(_, c)| c)
    }
}

impl View for InText<'_> {
    type Mark = TextAt;
    type Item = (usize, char);
    fn seek(&self, k: usize, mark: &mut TextAt) -> bool {
        self.go_to(k, mark)
    }
    fn len(&self, mark: &mut TextAt) -> Option<usize> {
        Some(self.count(mark))
    }
    fn item(self, _: usize, mark: &TextAt) -> Option<(usize, char)> {
        self.at(mark)
    }
}

impl<'p, 'a, P: ?Sized> Walk<'p, P> for Chars<'a> {
    type View = CharsOf<'a>;
    fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> CharsOf<'a> {
        CharsOf(InText { text: make(place).as_str(), offset: 0 })
    }
}

impl<'p, 'a, P: ?Sized> Walk<'p, P> for CharIndices<'a> {
    type View = InText<'a>;
    fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> InText<'a> {
        let chars = make(place);
        InText { text: chars.as_str(), offset: chars.offset() }
    }
}

/// Where the pieces of a text are: offsets in bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pieces(Vec<(usize, usize)>);

/// A text, or what leads to one.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through pieces of `{Self}`",
    label = "this is no text",
    note = "bind what is gone through with `let` first; if it is no collection, collect it into a `Vec`"
)]
pub trait TextOf {
    /// The text.
    fn text(&self) -> &str;
}

impl TextOf for str {
    fn text(&self) -> &str {
        self
    }
}

impl TextOf for String {
    fn text(&self) -> &str {
        self
    }
}

impl TextOf for Cow<'_, str> {
    fn text(&self) -> &str {
        self
    }
}

macro_rules! through {
    ($($t:ty),*) => { $(
        impl<T: TextOf + ?Sized> TextOf for $t {
            fn text(&self) -> &str {
                (**self).text()
            }
        }
    )* };
}
through!(&T, &mut T, Box<T>, Arc<T>, Rc<T>);

/// A piece of a text that a loop binds.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through items like `{Self}`",
    label = "these are no pieces of a text",
    note = "bind what is gone through with `let` first; if it is no collection, collect it into a `Vec`"
)]
pub trait Piece {
    /// What is kept of all pieces.
    type Kept: From<Pieces>;
    /// The piece itself.
    fn piece(&self) -> &str;
}

impl Piece for &str {
    type Kept = Pieces;
    fn piece(&self) -> &str {
        self
    }
}

impl Piece for (usize, &str) {
    type Kept = Found;
    fn piece(&self) -> &str {
        self.1
    }
}

impl From<Pieces> for Found {
    fn from(pieces: Pieces) -> Self {
        Found(pieces)
    }
}

/// Where `piece` lies in `text`.
fn range(text: &str, piece: &str) -> (usize, usize) {
    let start = piece.as_ptr().addr().checked_sub(text.as_ptr().addr());
    let range = start.and_then(|s| Some((s, s.checked_add(piece.len())?))).filter(|(_, end)| *end <= text.len());
    range.unwrap_or_else(|| panic!("a `for` loop that awaits goes through pieces that are not of its text"))
}

/// Finds the pieces of a text once, with the iterator that the user wrote.
///
/// # Panics
///
/// If what it gives does not lie in the text.
pub fn pieces<'p, P, I, T>(place: &'p P, make: impl FnOnce(&'p P) -> I) -> T::Kept
where
    P: TextOf + ?Sized,
    I: IntoIterator<Item = T>,
    T: Piece,
{
    let text = place.text();
    Pieces(make(place).into_iter().map(|piece| range(text, piece.piece())).collect()).into()
}

/// [`Pieces`] that come with their offsets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Found(Pieces);

/// Pieces of a text.
#[derive(Debug)]
pub struct PiecesOf<'p> {
    text: &'p str,
    pieces: Exact<std::slice::Iter<'p, (usize, usize)>>,
}

impl<'p> View for PiecesOf<'p> {
    type Mark = ();
    type Item = &'p str;
    fn seek(&self, k: usize, mark: &mut ()) -> bool {
        self.pieces.seek(k, mark)
    }
    fn len(&self, mark: &mut ()) -> Option<usize> {
        self.pieces.len(mark)
    }
    fn item(self, k: usize, mark: &()) -> Option<&'p str> {
        let (start, end) = *self.pieces.item(k, mark)?;
        self.text.get(start..end)
    }
}

/// Pieces of a text with their offsets.
#[derive(Debug)]
pub struct FoundIn<'p>(PiecesOf<'p>);

impl<'p> View for FoundIn<'p> {
    type Mark = ();
    type Item = (usize, &'p str);
    fn seek(&self, k: usize, mark: &mut ()) -> bool {
        self.0.seek(k, mark)
    }
    fn len(&self, mark: &mut ()) -> Option<usize> {
        self.0.len(mark)
    }
    fn item(mut self, k: usize, _: &()) -> Option<(usize, &'p str)> {
        let (start, end) = *self.0.pieces.0.nth(k)?;
        Some((start, self.0.text.get(start..end)?))
    }
}

/// What is kept of the pieces of a text.
pub trait Cut {
    /// The pieces in their text.
    type View<'p>: View
    where
        Self: 'p;
    /// The pieces in their text.
    fn of<'p>(&'p self, text: &'p str) -> Self::View<'p>;
}

impl Cut for Pieces {
    type View<'p> = PiecesOf<'p>;
    fn of<'p>(&'p self, text: &'p str) -> PiecesOf<'p> {
        PiecesOf { text, pieces: Exact(self.0.iter()) }
    }
}

impl Cut for Found {
    type View<'p> = FoundIn<'p>;
    fn of<'p>(&'p self, text: &'p str) -> FoundIn<'p> {
        FoundIn(self.0.of(text))
    }
}

/// Pieces of a text that were found before.
pub fn pieced<'p, P: TextOf + ?Sized, C: Cut>(place: &'p P, pieces: &'p C) -> C::View<'p> {
    pieces.of(place.text())
}
