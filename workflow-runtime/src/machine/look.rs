//! What code that waits looks at without taking it: the scrutinee under the guard of a `match`, which is a copy until the guard
//! has said yes.

use super::{ambient::side_effect, slot::Checkpoint};
use crate::journal::encoding::{DecodeError, EncodeError};

/// A value that a guard looks at.
pub struct Look<'a, T>(pub &'a T);

/// Why a value could not be copied.
#[derive(Debug)]
pub enum LookError {
    /// It cannot be encoded.
    Encode(EncodeError),
    /// It does not come back as it was encoded.
    Decode(DecodeError),
}

impl<T: Copy> Look<'_, T> {
    /// The value. Wins over the method of [`LookExt`].
    ///
    /// # Errors
    ///
    /// Never.
    pub fn copied(&self) -> Result<T, LookError> {
        Ok(*self.0)
    }
}

/// The general case: a value comes back from its encoding, as it would after an eviction.
pub trait LookExt<T> {
    /// A copy of the value.
    ///
    /// # Errors
    ///
    /// [`LookError`].
    fn copied(&self) -> Result<T, LookError>
    where
        T: Checkpoint;
}

impl<T> LookExt<T> for Look<'_, T> {
    fn copied(&self) -> Result<T, LookError>
    where
        T: Checkpoint,
    {
        let bytes = self.0.save().map_err(LookError::Encode)?;
        T::load(&bytes).map_err(LookError::Decode)
    }
}

/// Whether anybody listens to an event. What is awaited depends on it, so it is recorded.
pub fn listens(enabled: impl FnOnce() -> bool) -> bool {
    side_effect(enabled)
}

/// An expression as it was written.
#[doc(hidden)]
#[macro_export]
macro_rules! __written {
    ($e:expr) => {
        ::core::stringify!($e)
    };
}
