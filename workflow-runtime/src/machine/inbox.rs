//! What is buffered for an instance while it takes a step: the part of a step's input that it may look at or not.

use super::{StepError, ambient, command::Command};
use crate::journal::{encoding::DecodeError, payload::Payload};

/// The messages that were received before a step, by channel.
pub trait StepInbox {
    /// Takes the first message of a channel.
    fn take(&mut self, channel: &str) -> Buffered;
}

/// What a channel holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Buffered {
    /// Nothing.
    Nothing,
    /// This was the first message.
    Message(Payload),
    /// There is a message, and nobody has read it from the store yet: the step has to be taken again with it at hand.
    Unread,
}

/// An inbox with nothing in it.
#[derive(Debug, Clone, Copy)]
pub struct NoInbox;

impl StepInbox for NoInbox {
    fn take(&mut self, _: &str) -> Buffered {
        Buffered::Nothing
    }
}

/// The first message of a channel that decodes. Those before it are set aside.
pub(super) fn take<T>(
    what: &str,
    channel: &str,
    mut decode: impl FnMut(&Payload) -> Result<T, DecodeError>,
) -> Option<T> {
    loop {
        let payload = match ambient::with(what, |a| a.inbox.take(channel)) {
            Buffered::Nothing => return None,
            Buffered::Message(payload) => payload,
            // Caught by the machine, whose caller reads the message and steps again.
            Buffered::Unread => std::panic::resume_unwind(Box::new(StepError::Unread { channel: channel.into() })),
        };
        let channel = channel.to_owned();
        match decode(&payload) {
            Ok(value) => {
                ambient::with(what, |a| a.commands.push(Command::Take { channel }));
                return Some(value);
            }
            Err(error) => {
                let error = error.to_string();
                ambient::with(what, |a| a.commands.push(Command::SetAside { channel, payload, error }));
            }
        }
    }
}
