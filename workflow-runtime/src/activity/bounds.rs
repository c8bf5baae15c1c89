//! What the types of an activity must be able to do, with messages for those that cannot.

use crate::journal::{encoding::EncodeError, payload::Payload};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::{Debug, Display};

/// A value that goes in or out of an activity: it is stored, and read back by another process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument or a result of an activity",
    label = "this value is stored, and `{Self}` cannot be",
    note = "it needs `Serialize`, `Deserialize` (of an owned value) and `Send`: `#[derive(serde::Serialize, serde::Deserialize)]` for a type of your own",
    note = "for an error type of somebody else, use `WorkflowError` or an error enum of your own"
)]
pub trait Transport: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Transport for T {}

/// An error of an activity: it is shown to people, and `?` converts it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an activity",
    label = "this error is shown to people, and `{Self}` cannot be: it needs `Display` and `Debug`",
    note = "derive both: `#[derive(Debug, thiserror::Error)]`, or implement `std::fmt::Display`"
)]
pub trait BusinessError: Display + Debug {}

#[diagnostic::do_not_recommend]
impl<T: Display + Debug> BusinessError for T {}

/// The arguments of an activity: a tuple of values that can be stored.
pub trait Arguments: Serialize + DeserializeOwned + Send + 'static {}

macro_rules! arguments {
    ($($t:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$($t: Transport),*> Arguments for ($($t,)*) {}
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
    fn encode(&self) -> Result<Payload, EncodeError>;
}

impl<T: Serialize> Encode for Lending<T> {
    fn encode(&self) -> Result<Payload, EncodeError> {
        Payload::encode(&self.0)
    }
}

/// Chosen for arguments that are not serializable, so that only the bound on [`Activity::Args`](super::Activity::Args) reports them.
pub trait Unencodable {
    /// Never called: the program does not compile.
    ///
    /// # Errors
    ///
    /// None.
    fn encode(&self) -> Result<Payload, EncodeError>;
}

impl<T> Unencodable for &Lending<T> {
    fn encode(&self) -> Result<Payload, EncodeError> {
        panic!("the arguments cannot be encoded")
    }
}
