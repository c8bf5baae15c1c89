//! Constructs that are left out while the compiler has an open defect with them.

/// `match text().as_str()`, of a temporary, with an await in a guard.
pub const LENT_TEMPORARY: bool = true;
/// A borrow whose variable hides the one that it borrows from: `let v = &v;`.
pub const HIDES_LENDER: bool = true;
/// A field of a field is moved out, and others of its fields are still used.
pub const NESTED_MOVES: bool = false;
