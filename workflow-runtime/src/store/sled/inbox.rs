//! What the committer is asked for, and when a group is worth its sync.
//!
//! Whoever is answered commits again soon, but not at once. If the next group began with the first of them, those in flight would
//! fall into two or three groups that take turns, and each would wait for the syncs of the others. So the committer waits for most of
//! those that it expects, for a fraction of what a group takes; and does so less and less often where they do not come.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::committer::{GROUP_COMMITS, Message};

/// For less than so many nobody waits: a second sync costs little then.
const FEW: usize = 16;
/// How often it is looked who has come. Less than this is not waited for.
const LOOK: Duration = Duration::from_micros(50);
/// The longest wait, where syncs are slow.
const LONGEST: Duration = Duration::from_millis(1);
/// After waits in vain, up to 2^6 groups begin without one.
const MOST_IN_VAIN: u32 = 6;

pub(super) struct Inbox {
    receiver: Receiver<Message>,
    /// Taken from the receiver, in order.
    waiting: VecDeque<Message>,
    /// Those who waited when the last group was durable, and those who were in it.
    expected: usize,
    /// What the last group took.
    took: Duration,
    /// Waits that nobody came in, one after the other.
    in_vain: u32,
    /// So many groups begin without a wait.
    skipped: u32,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Message>) -> Self {
        let (waiting, took) = (VecDeque::new(), Duration::ZERO);
        Self { receiver, waiting, expected: 0, took, in_vain: 0, skipped: 0 }
    }

    /// The first message of a group, when most of the others are there. `None` when nobody can ask any more.
    pub(super) fn first(&mut self) -> Option<Message> {
        if self.waiting.is_empty() {
            self.waiting.push_back(self.receiver.recv().ok()?);
        }
        self.wait();
        self.waiting.pop_front()
    }

    /// The next message, if there is one already.
    pub(super) fn next(&mut self) -> Option<Message> {
        self.waiting.pop_front().or_else(|| self.receiver.try_recv().ok())
    }

    /// A group of so many is done, and about to be answered.
    pub(super) fn done(&mut self, group: usize, took: Duration) {
        self.fill();
        self.expected = (group + self.waiting.len()).min(GROUP_COMMITS);
        self.took = took;
    }

    fn fill(&mut self) {
        self.waiting.extend(self.receiver.try_iter());
    }

    fn wait(&mut self) {
        let longest = (self.took / 4).min(LONGEST);
        if longest < LOOK || self.expected < FEW {
            return;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let begun = Instant::now();
        self.fill();
        while self.waiting.len() < self.expected - self.expected / 8 {
            if begun.elapsed() >= longest {
                self.in_vain = MOST_IN_VAIN.min(self.in_vain + 1);
                self.skipped = 1 << self.in_vain;
                return;
            }
            std::thread::sleep(LOOK);
            self.fill();
        }
        self.in_vain = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tokio::sync::oneshot;

    use super::*;
    use crate::store::{Fence, ShardId};

    fn ask(sender: &Sender<Message>) {
        let (reply, _) = oneshot::channel();
        sender.send(Message::Renew(Fence { shard: ShardId(0), token: 1 }, reply)).unwrap();
    }

    #[test]
    fn a_group_begins_with_those_who_come_and_waits_less_often_for_those_who_do_not() {
        let (sender, receiver) = channel();
        let mut inbox = Inbox::new(receiver);
        let mut waits = vec![];
        for n in 0..200 {
            ask(&sender);
            let in_vain = (inbox.in_vain, inbox.skipped);
            assert!(inbox.first().is_some());
            assert!(inbox.next().is_none());
            if inbox.skipped > in_vain.1 {
                waits.push(n);
            }
            inbox.done(40, Duration::from_millis(1));
        }
        assert_eq!(waits, [1, 4, 9, 18, 35, 68, 133, 198]);

        // Those who are there already are not waited for, and more than few come from now on.
        inbox.skipped = 0;
        (0..40).for_each(|_| ask(&sender));
        assert!(inbox.first().is_some());
        assert_eq!((inbox.in_vain, inbox.waiting.len()), (0, 39));
        assert_eq!(std::iter::from_fn(|| inbox.next()).count(), 39);
        drop(sender);
        assert!(inbox.first().is_none());
    }
}
