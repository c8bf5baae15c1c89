//! The accumulator through which every stage reports all of its errors.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::{
    cell::{Cell, RefCell},
    fmt::Display,
};

/// Collects the errors of a stage. It must be read with [`Errors::finish`]: an error that nobody reads would be a
/// program that compiles and should not.
#[derive(Debug)]
pub(crate) struct Errors {
    all: RefCell<Vec<syn::Error>>,
    read: bool,
    seen: Cell<bool>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Errors { all: RefCell::default(), read: false, seen: Cell::new(false) }
    }

    /// Reports `message` on the tokens of `on`, all of them.
    pub(crate) fn push(&self, on: impl ToTokens, message: impl Display) {
        self.all.borrow_mut().push(syn::Error::new_spanned(on, message));
    }

    /// Reports `message` at `span`.
    pub(crate) fn at(&self, span: Span, message: impl Display) {
        self.all.borrow_mut().push(syn::Error::new(span, message));
    }

    /// Reports what a parser of `syn` found.
    pub(crate) fn syn(&self, error: syn::Error) {
        self.all.borrow_mut().push(error);
    }

    /// Says of the last error that rustc would report it too, in the function as it stands.
    pub(crate) fn seen_by_rustc(&self) {
        self.seen.set(true);
    }

    /// True if rustc would repeat some error.
    pub(crate) fn is_seen_by_rustc(&self) -> bool {
        self.seen.get()
    }

    /// The value, or its error reported.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.syn(e)).ok()
    }

    /// True as long as nothing has been reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// All that was reported, in order, as one error.
    pub(crate) fn finish(mut self) -> syn::Result<()> {
        self.read = true;
        let all = self.all.take().into_iter().reduce(|mut all, e| {
            all.combine(e);
            all
        });
        all.map_or(Ok(()), Err)
    }
}

/// A finding that does not stop the build.
#[derive(Clone)]
pub(crate) struct Warning {
    pub(crate) at: Span,
    pub(crate) message: String,
}

/// An error if a name that comes from around the function means what it seems to. Only rustc knows.
#[derive(Clone)]
pub(crate) struct Suspicion {
    pub(crate) suspect: Suspect,
    /// The first token and the last one.
    pub(crate) at: Span,
    pub(crate) end: Span,
    pub(crate) message: String,
}

/// What rustc can tell a name by.
#[derive(Clone)]
pub(crate) enum Suspect {
    /// A type that the runtime knows.
    Type(TokenStream),
    /// A module that has this type, which the runtime knows.
    Module(TokenStream, &'static str),
    /// A function without arguments, which is one of a clock if it gives what is made of a `SystemTime`.
    Now(TokenStream),
    /// A function of one argument, which makes a lock if what it gives has this method.
    Lock(TokenStream, &'static str),
}

/// The spans of the first token and of the last one.
pub(crate) fn ends(on: &impl ToTokens) -> (Span, Span) {
    let mut spans = on.to_token_stream().into_iter().map(|t| t.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

impl Drop for Errors {
    fn drop(&mut self) {
        if cfg!(debug_assertions) && !self.read && !std::thread::panicking() {
            panic!("the errors of a stage were not read");
        }
    }
}
