//! Slots: the storage of one local each, within one step and between steps.

use crate::journal::{
    encoding::{DecodeError, EncodeError},
    payload::Payload,
};
use serde::{Serialize, de::DeserializeOwned};
use std::any::Any;

/// A value that can live across an `.await` of a workflow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved in a checkpoint [WF014]",
    label = "this must be saved, and `{Self}` cannot be",
    note = "keep something that implements `Serialize` and `Deserialize` instead"
)]
pub trait Checkpoint: Sized + 'static {
    /// Encodes the value.
    ///
    /// # Errors
    ///
    /// What serde reports for the value.
    fn save(&self) -> Result<Payload, EncodeError>;
    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// The bytes are not a `Self`.
    fn load(bytes: &Payload) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + 'static> Checkpoint for T {
    fn save(&self) -> Result<Payload, EncodeError> {
        Payload::encode(self)
    }
    fn load(bytes: &Payload) -> Result<T, DecodeError> {
        bytes.decode()
    }
}

/// The storage of one local. Its type is inferred from the block that fills it.
pub struct Slot<T> {
    key: &'static str,
    value: Option<T>,
    /// The encoding of `value`, as long as nobody could have changed it.
    bytes: Option<Payload>,
}

impl<T> Slot<T> {
    /// An empty slot.
    pub fn new(key: &'static str) -> Self {
        Slot { key, value: None, bytes: None }
    }

    /// Moves the value out.
    ///
    /// # Panics
    ///
    /// If the slot is empty, which the compiler's validation excludes.
    #[track_caller]
    pub fn take(&mut self) -> T {
        match self.value.take() {
            Some(v) => v,
            None => panic!("slot `{}` is empty: this is a bug of the workflow compiler", self.key),
        }
    }

    /// Puts a value in that may differ from the one that was saved.
    pub fn put(&mut self, v: T) {
        self.bytes = None;
        self.value = Some(v);
    }

    /// Puts back what was taken from here by a binding that is not `mut`: its encoding is still good.
    pub fn put_back(&mut self, v: T) {
        self.value = Some(v);
    }

    /// The slot itself, named by way of its type: where that is erroneous, so is this, and nothing more is said of it.
    pub fn known(&mut self) -> &mut <T as Known>::Slot {
        self
    }

    /// Puts a value in if there is none.
    pub fn fill(&mut self, v: T) {
        if self.value.is_none() {
            self.put(v);
        }
    }
}

/// Every type, for [`Slot::known`].
pub trait Known: Sized {
    /// The slot of a value of this type.
    type Slot;
}

impl<T> Known for T {
    type Slot = Slot<T>;
}

/// A local between two steps.
#[derive(Default)]
pub enum Stored {
    /// Not live.
    #[default]
    Empty,
    /// Encoded only: the instance was evicted.
    Bytes(Payload),
    /// Decoded, with its current encoding.
    Parked(Box<dyn Any>, Payload),
}

impl Stored {
    pub(super) fn bytes(&self) -> Option<&Payload> {
        match self {
            Stored::Empty => None,
            Stored::Bytes(b) | Stored::Parked(_, b) => Some(b),
        }
    }
}

/// A slot whose type is erased.
pub trait AnySlot {
    /// Key of the slot in a frame.
    fn key(&self) -> &'static str;
    /// Takes over what was stored.
    ///
    /// # Errors
    ///
    /// The bytes are not a value of the slot's type.
    fn load(&mut self, stored: Stored) -> Result<(), DecodeError>;
    /// Hands over what is to be stored; [`Stored::Empty`] if the slot is.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded.
    fn save(&mut self) -> Result<Stored, EncodeError>;
}

impl<T: Checkpoint> AnySlot for Slot<T> {
    fn key(&self) -> &'static str {
        self.key
    }

    fn load(&mut self, stored: Stored) -> Result<(), DecodeError> {
        let (value, bytes) = match stored {
            Stored::Empty => return Ok(()),
            Stored::Bytes(b) => (T::load(&b)?, b),
            Stored::Parked(v, b) => match v.downcast::<T>() {
                Ok(v) => (*v, b),
                Err(_) => (T::load(&b)?, b),
            },
        };
        self.value = Some(value);
        self.bytes = Some(bytes);
        Ok(())
    }

    fn save(&mut self) -> Result<Stored, EncodeError> {
        let Some(v) = self.value.take() else {
            return Ok(Stored::Empty);
        };
        let bytes = match self.bytes.take() {
            Some(b) => b,
            None => v.save()?,
        };
        Ok(Stored::Parked(Box::new(v), bytes))
    }
}

/// A value with texts that live as long as the program, which serde alone cannot decode.
pub trait Interned: Serialize + 'static {
    /// The value as it is decoded.
    type Owned: DeserializeOwned;
    /// The value, its texts interned.
    fn intern(owned: Self::Owned) -> Self;
}

impl Interned for &'static str {
    type Owned = String;
    fn intern(owned: String) -> Self {
        text(owned)
    }
}

/// The slot of a `&'static str`, or of the rest of a loop over such: saved as text, interned when it is loaded.
pub struct StaticStr<'s, T>(&'s mut Slot<T>);

impl<'s, T: Interned> StaticStr<'s, T> {
    pub(super) fn row(slot: &'s mut Slot<T>) -> Entry<'s> {
        Entry::Str(Box::new(StaticStr(slot)))
    }
}

impl<T: Interned> AnySlot for StaticStr<'_, T> {
    fn key(&self) -> &'static str {
        self.0.key
    }

    fn load(&mut self, stored: Stored) -> Result<(), DecodeError> {
        if let Some(b) = stored.bytes() {
            self.0.value = Some(T::intern(b.decode()?));
            self.0.bytes = Some(b.clone());
        }
        Ok(())
    }

    fn save(&mut self) -> Result<Stored, EncodeError> {
        let Some(v) = self.0.value.take() else {
            return Ok(Stored::Empty);
        };
        let bytes = match self.0.bytes.take() {
            Some(b) => b,
            None => Payload::encode(&v)?,
        };
        Ok(Stored::Bytes(bytes))
    }
}

/// Keeps one copy of every text for the life of the process: the set of literals in a program is small.
pub(super) fn text(s: String) -> &'static str {
    use std::{
        collections::BTreeSet,
        sync::{Mutex, PoisonError},
    };
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    match texts.get(s.as_str()) {
        Some(t) => t,
        None => {
            let t: &'static str = s.leak();
            texts.insert(t);
            t
        }
    }
}

/// One row of the table of slots.
pub enum Entry<'s> {
    /// A slot of any other type.
    Slot(&'s mut dyn AnySlot),
    /// A slot with texts that live as long as the program.
    Str(Box<dyn AnySlot + 's>),
}

impl Entry<'_> {
    pub(super) fn slot(&mut self) -> &mut dyn AnySlot {
        match self {
            Entry::Slot(s) => *s,
            Entry::Str(s) => &mut **s,
        }
    }
}

/// What can be saved. Inherent methods of special slots win over it; those of [`refused`](super::refused) stand behind it.
///
/// rustc shows the line of the bound to who breaks it.
#[rustfmt::skip]
pub trait SlotExt {
    /// The slot as a row of the table. `LINE` is where the first `.await` stands that the value lives across.
    fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        Self: 'static; // a borrow in it cannot be saved: own what it borrows, or borrow it again behind the `.await`
}

impl<T: Checkpoint> SlotExt for Slot<T> {
    fn durable<const LINE: u32>(&mut self) -> Entry<'_> {
        Entry::Slot(self)
    }
}

// rustc shows the line of the bound to who breaks it.
#[rustfmt::skip]
impl<'a> Slot<&'a str> {
    /// The slot as a row of the table.
    pub fn durable<const LINE: u32>(&mut self) -> Entry<'_>
    where
        &'a str: 'static, // a borrowed text cannot be saved: own it with `.to_owned()`, or borrow it again behind the `.await`
    {
        StaticStr::row(self)
    }
}
