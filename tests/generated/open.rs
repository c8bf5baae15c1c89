//! Constructs that are left out while the compiler has an open defect with them.

/// `match text.as_str()` and `match vec.as_slice()` where the receiver is `mut` or a temporary.
pub const LENT_SCRUTINEE: bool = false;
/// `for x in vec.into_iter()`.
pub const INTO_ITER: bool = false;
/// A borrow whose variable hides the one that it borrows from: `let v = &v;`.
pub const HIDES_LENDER: bool = false;
/// A field of a field is moved out, and others of its fields are still used.
pub const NESTED_MOVES: bool = false;
/// `match format!("{v}") { Some(v) => .. }`: an arm hides a variable that the scrutinee names within a format string.
pub const INLINE_ARGUMENTS: bool = false;
