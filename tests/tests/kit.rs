//! What a user's tests are made of: mocks, virtual time, swept tests, and what they say when they fail.

#[path = "kit/mocks.rs"]
mod mocks;
#[path = "kit/shop.rs"]
mod shop;
#[path = "kit/swept.rs"]
mod swept;
#[path = "kit/time.rs"]
mod time;
#[path = "kit/wrong.rs"]
mod wrong;
