//! What happened, as a hash, and for a run that failed as text.

use std::{collections::VecDeque, fmt};

/// Events that a failure shows.
const TAIL: usize = 50;

/// Everything that happens in a run, in order.
#[derive(Debug)]
pub(super) struct Trace {
    hash: Fnv,
    tail: Option<VecDeque<String>>,
    whole: bool,
}

impl Trace {
    /// `recorded`: keeps the last events as text. `whole`: prints every one of them.
    pub(super) fn new(recorded: bool, whole: bool) -> Self {
        Trace { hash: Fnv::default(), tail: recorded.then(VecDeque::new), whole }
    }

    pub(super) fn note(&mut self, step: u64, event: fmt::Arguments<'_>) {
        // Writing into a hash does not fail.
        let _ = fmt::write(&mut self.hash, event);
        if let Some(tail) = &mut self.tail {
            let line = format!("{step:>6}  {event}");
            if self.whole {
                println!("{line}");
            }
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }

    /// What is too long for an event.
    pub(super) fn note_bytes(&mut self, bytes: &[u8]) {
        self.hash.add(bytes);
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.0
    }

    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().flatten().cloned().collect()
    }
}

/// FNV-1a, eight bytes at a time.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(eight) ^ ((chunk.len() as u64) << 61);
            self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.add(s.as_bytes());
        Ok(())
    }
}
