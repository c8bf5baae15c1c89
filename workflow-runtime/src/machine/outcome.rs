//! Return types of workflows: `Result`, `Option`, or a plain value.

use super::{cx::Go, frame::Closed};
use crate::{activity::bounds::Transport, journal::encoding::EncodeError};
use serde::Serialize;

/// A return type of a workflow or activity, split into the value, the error and what a block of the machine returns.
///
/// `?` works verbatim in a block because [`Outcome::Step`] is of the same shape as the function's own return type.
pub trait Outcome: Sized {
    /// The value: `T` of `Result<T, E>`, `Option<T>` and [`Plain<T>`].
    type Ok: Transport;
    /// The error: `E`, `()` for `Option`, [`Never`] for a plain value.
    type Err: Transport;
    /// What `helper(..).await` gives: the return type as the user wrote it.
    type Out;
    /// What a block returns.
    type Step;
    /// Where to go, as a block's return value.
    fn go(go: Go<Self::Ok>) -> Self::Step;
    /// The end, as a block's return value.
    fn done(self) -> Self::Step;
    /// A block's return value, taken apart.
    ///
    /// # Errors
    ///
    /// The error that the workflow ended in.
    fn open(step: Self::Step) -> Result<Go<Self::Ok>, Self::Err>;
    /// The return type back from its two halves.
    fn back(r: Result<Self::Ok, Self::Err>) -> Self::Out;
    /// The two halves of the return type.
    ///
    /// # Errors
    ///
    /// The error that the function ended in.
    fn halves(out: Self::Out) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Outcome for Result<T, E>
where
    T: Transport,
    E: Transport,
{
    type Ok = T;
    type Err = E;
    type Out = Self;
    type Step = Result<Go<T>, E>;
    fn go(go: Go<T>) -> Self::Step {
        Ok(go)
    }
    fn done(self) -> Self::Step {
        self.map(Go::Done)
    }
    fn open(step: Self::Step) -> Result<Go<T>, E> {
        step
    }
    fn back(r: Result<T, E>) -> Self {
        r
    }
    fn halves(out: Self) -> Result<T, E> {
        out
    }
}

impl<T: Transport> Outcome for Option<T> {
    type Ok = T;
    type Err = ();
    type Out = Self;
    type Step = Option<Go<T>>;
    fn go(go: Go<T>) -> Self::Step {
        Some(go)
    }
    fn done(self) -> Self::Step {
        self.map(Go::Done)
    }
    fn open(step: Self::Step) -> Result<Go<T>, ()> {
        step.ok_or(())
    }
    fn back(r: Result<T, ()>) -> Self {
        r.ok()
    }
    fn halves(out: Self) -> Result<T, ()> {
        out.ok_or(())
    }
}

/// The outcome of a function that returns a plain `T`. The macro writes it where the return type is neither `Result` nor `Option`.
#[derive(Debug)]
pub struct Plain<T>(pub T);

/// The error of what cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum Never {}

impl std::fmt::Display for Never {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

impl<T: Transport> Outcome for Plain<T> {
    type Ok = T;
    type Err = Never;
    type Out = T;
    type Step = Go<T>;
    fn go(go: Go<T>) -> Go<T> {
        go
    }
    fn done(self) -> Go<T> {
        Go::Done(self.0)
    }
    fn open(step: Go<T>) -> Result<Go<T>, Never> {
        Ok(step)
    }
    fn back(r: Result<T, Never>) -> T {
        match r {
            Ok(t) => t,
            Err(e) => match e {},
        }
    }
    fn halves(out: T) -> Result<T, Never> {
        Ok(out)
    }
}

/// Encodes what a function ended with.
pub(crate) fn close<T: Transport, E: Transport>(r: Result<T, E>) -> Result<Closed, EncodeError> {
    Ok(match r {
        Ok(t) => Closed::Completed(t.save()?),
        Err(e) => {
            let error = e.save()?;
            let message = error.to_json().to_string();
            Closed::Failed { error, message }
        }
    })
}
