//! Messages to other instances.
//!
//! A commit of the sender writes a message next to its checkpoint, which names it until it is known to have been taken. Once
//! the commit is durable, the message goes to the worker of the receiver, whose own commit takes it and notes its number; a
//! message with a number that was noted before is only answered. Then the record goes with the sender's next commit. To one
//! receiver only one message of a sender is on its way at a time, so that they are taken in their order.
//!
//! Answers are no messages: they follow from what the receiver has committed, so whoever asks again gets the same.

mod deliver;
mod letter;
mod send;

pub(super) use letter::{Asked, Body, Letter, Only};
