//! Activities by their function, and what can stand in for them, by type.

use super::Mock;
use crate::{
    activity::Activity,
    machine::{ActivityCall, Never},
};

/// The function that `#[activity]` makes of an activity: names its type by value. `P` are its parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an activity",
    label = "pass the function that has `#[activity]` itself, as in `.mock(charge, ..)`, without calling it"
)]
pub trait ActivityFn<P> {
    /// The activity.
    type Def: Activity;
}

/// A closure that can stand in for an activity: it takes its owned arguments as parameters.
#[diagnostic::on_unimplemented(
    message = "this cannot stand in for the activity: it is not a closure of its arguments `{Args}`",
    label = "write a closure with one parameter for each of the arguments, owned and with its type: `|card: Card, cents: u64| ..`",
    note = "states and the context are no arguments; `&str` is given as `String`, `&[T]` as `Vec<T>`, `&T` as `T`",
    note = "it gives the activity's `Result`, or its value if the activity has no error, or a `Mock`"
)]
pub trait MockFn<Args, T, E>: Send + 'static {
    /// Answers one attempt.
    fn answer(&mut self, args: Args) -> Mock<T, E>;
}

/// What the closure of a mock may give.
#[diagnostic::on_unimplemented(
    message = "the activity gives `Result<{T}, {E}>`, and its mock `{Self}`",
    label = "a mock gives what the activity gives, or a `Mock`",
    note = "an activity without an error may be mocked by a closure that gives the plain value"
)]
pub trait IntoMock<T, E> {
    /// The answer.
    fn into_mock(self) -> Mock<T, E>;
}

impl<T, E> IntoMock<T, E> for Mock<T, E> {
    fn into_mock(self) -> Mock<T, E> {
        self
    }
}

impl<T, E> IntoMock<T, E> for Result<T, E> {
    fn into_mock(self) -> Mock<T, E> {
        self.into()
    }
}

impl<T> IntoMock<T, Never> for T {
    fn into_mock(self) -> Mock<T, Never> {
        Mock::ok(self)
    }
}

macro_rules! functions { ($($a:ident)*) => {
    impl<F, A: Activity, $($a),*> ActivityFn<($($a,)*)> for F
    where
        F: Fn($($a),*) -> ActivityCall<A>,
    {
        type Def = A;
    }

    impl<F, R, T, E, $($a),*> MockFn<($($a,)*), T, E> for F
    where
        F: FnMut($($a),*) -> R + Send + 'static,
        R: IntoMock<T, E>,
    {
        #[allow(non_snake_case, reason = "a type and its value have one name")]
        fn answer(&mut self, ($($a,)*): ($($a,)*)) -> Mock<T, E> {
            self($($a),*).into_mock()
        }
    }
} }
functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
functions!(A1 A2 A3 A4 A5 A6 A7 A8);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
