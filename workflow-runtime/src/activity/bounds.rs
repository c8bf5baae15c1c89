//! What the types of an activity must be able to do, with messages for those that cannot.

use crate::journal::{
    encoding::{DecodeError, EncodeError},
    payload,
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::fmt::{Debug, Display};

/// A value that goes in or out of a workflow or an activity: it is stored, and read back by another process.
///
/// Has no bounds of serde's, so that a type that lacks them is reported once, with this message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument or a result of a workflow or an activity",
    label = "this value is stored, and `{Self}` cannot be",
    note = "it needs `Serialize`, `Deserialize` (of an owned value) and `Send`: `#[derive(serde::Serialize, serde::Deserialize)]` for a type of your own",
    note = "for an error type of somebody else, use `WorkflowError` or an error enum of your own"
)]
pub trait Transport: Sized + 'static {
    /// Encodes the value.
    ///
    /// # Errors
    ///
    /// What serde reports for the value.
    fn save(&self) -> Result<payload::Payload, EncodeError>;
    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// The bytes are not a `Self`.
    fn load(bytes: &payload::Payload) -> Result<Self, DecodeError>;
    /// Reads the value from any format.
    ///
    /// # Errors
    ///
    /// What comes is not a `Self`.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Transport for T {
    fn save(&self) -> Result<payload::Payload, EncodeError> {
        payload::Payload::encode(self)
    }
    fn load(bytes: &payload::Payload) -> Result<T, DecodeError> {
        bytes.decode()
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// A value that can be stored: what a type parameter of a generic workflow is bounded by.
///
/// Every type with `Serialize` and `DeserializeOwned` is one, if it is `Send` and owns what it holds.
///
/// ```
/// use workflow_runtime::prelude::*;
///
/// #[workflow]
/// async fn after<T: Payload>(pause: std::time::Duration, value: T) -> Result<T, Cancelled> {
///     sleep(pause).await?;
///     Ok(value)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored, as a value of a generic workflow must be",
    label = "this value is stored in checkpoints, and `{Self}` cannot be",
    note = "it needs `Serialize`, `Deserialize` (of an owned value) and `Send`: `#[derive(serde::Serialize, serde::Deserialize)]` for a type of your own"
)]
pub trait Payload: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Payload for T {}

/// An error of an activity: it is shown to people, and `?` converts it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an activity",
    label = "this error is shown to people, and `{Self}` cannot be: it needs `Display` and `Debug`",
    note = "derive both: `#[derive(Debug, thiserror::Error)]`, or implement `std::fmt::Display`"
)]
pub trait BusinessError {}

#[diagnostic::do_not_recommend]
impl<T: Display + Debug> BusinessError for T {}

/// The arguments of a workflow or an activity: a tuple of at most twelve values that can be stored.
pub trait Arguments: Sized + 'static {
    /// Decodes the arguments.
    ///
    /// # Errors
    ///
    /// The bytes are not a `Self`.
    fn load(bytes: &payload::Payload) -> Result<Self, DecodeError>;
}

/// An argument within its tuple.
struct Argument<T>(T);

impl<'de, T: Transport> Deserialize<'de> for Argument<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Argument)
    }
}

macro_rules! arguments {
    ($($t:ident)*) => {
        impl<$($t: Transport),*> Arguments for ($($t,)*) {
            #[allow(non_snake_case)]
            fn load(bytes: &payload::Payload) -> Result<Self, DecodeError> {
                let ($(Argument($t),)*) = bytes.decode()?;
                Ok(($($t,)*))
            }
        }
    };
}
arguments!();
arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
arguments!(A B C D E F G);
arguments!(A B C D E F G H);
arguments!(A B C D E F G H I);
arguments!(A B C D E F G H I J);
arguments!(A B C D E F G H I J K);
arguments!(A B C D E F G H I J K L);

/// The two types of a `Result`, whatever they can do.
pub trait Halves {
    /// The value.
    type Ok;
    /// The error.
    type Err;
}

impl<T, E> Halves for Result<T, E> {
    type Ok = T;
    type Err = E;
}

/// The arguments of a call as they are lent to it.
pub struct Lending<T>(pub T);

/// Encodes what a call lends.
pub trait Encode {
    /// The arguments, encoded.
    ///
    /// # Errors
    ///
    /// What serde reports.
    fn encode(&self) -> Result<payload::Payload, EncodeError>;
}

impl<T: Serialize> Encode for Lending<T> {
    fn encode(&self) -> Result<payload::Payload, EncodeError> {
        payload::Payload::encode(&self.0)
    }
}

/// Chosen for arguments that are not serializable, so that only the bound on [`Activity::Args`](super::Activity::Args) reports them.
pub trait Unencodable {
    /// Never called: the program does not compile.
    ///
    /// # Errors
    ///
    /// None.
    fn encode(&self) -> Result<payload::Payload, EncodeError>;
}

impl<T> Unencodable for &Lending<T> {
    fn encode(&self) -> Result<payload::Payload, EncodeError> {
        panic!("the arguments cannot be encoded")
    }
}
