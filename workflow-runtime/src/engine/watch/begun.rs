//! Which attempts of activities were running when a process died.
//!
//! As the marks of steps: a file beside the store, which an orderly end removes. An engine that finds it follows one that
//! died, and from then on marks each attempt in it while its body runs: one small write to the kernel's memory when it
//! begins, one when it ends. An attempt without a mark may only have waited for its turn.
//!
//! ```text
//! run:16 operation:8 attempt:4 crc:4      one attempt; zeros where there is none
//! ```

use super::{locked, marks::write};
use crate::{activity::AttemptRequest, machine::OpId};
use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use uuid::Uuid;

/// The file in the store's directory.
pub(super) const NAME: &str = "engine.attempts";

const NAMED: usize = 28;
const SLOT: usize = NAMED + 4;

type Named = [u8; NAMED];

fn named(run: Uuid, op: OpId, attempt: u32) -> Named {
    let mut named = [0; NAMED];
    named[..16].copy_from_slice(run.as_bytes());
    named[16..24].copy_from_slice(&op.0.to_le_bytes());
    named[24..].copy_from_slice(&attempt.to_le_bytes());
    named
}

#[derive(Default)]
pub(in crate::engine) struct Begun {
    path: PathBuf,
    /// None: there is no place for it, or it cannot be written.
    file: Option<File>,
    /// The engine before this one died.
    armed: AtomicBool,
    /// What ran when it did.
    before: HashSet<Named>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    free: Vec<usize>,
    used: usize,
}

impl Begun {
    /// Looks at what the engine before has left, and begins anew.
    pub(super) fn open(directory: Option<&Path>) -> Self {
        let Some(directory) = directory else { return Begun::default() };
        let path = directory.join(NAME);
        match Begun::begin(&path) {
            Ok(begun) => begun,
            Err(error) => {
                // An engine without marks works; an activity that kills the process is not found, that is all.
                tracing::warn!(%error, path = %path.display(), "attempts cannot be marked");
                Begun::default()
            }
        }
    }

    fn begin(path: &Path) -> io::Result<Self> {
        let before = match fs::read(path) {
            Ok(before) => Some(before),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        // Written aside and moved: a death in between leaves the marks as they are.
        let aside = path.with_extension("new-attempts");
        let file = File::options().create(true).truncate(true).write(true).open(&aside)?;
        fs::rename(&aside, path)?;
        Ok(Begun {
            path: path.to_owned(),
            file: Some(file),
            armed: AtomicBool::new(before.is_some()),
            before: before.as_deref().map(marked).unwrap_or_default(),
            slots: Mutex::default(),
        })
    }

    /// Whether an attempt ran when the process before this one died.
    pub(in crate::engine) fn ran(&self, run: Uuid, op: OpId, attempt: u32) -> bool {
        self.before.contains(&named(run, op, attempt))
    }

    /// An attempt begins; what is given is to be called when it has ended.
    pub(in crate::engine) fn mark(self: &Arc<Self>, request: &AttemptRequest) -> Option<Box<dyn FnOnce() + Send>> {
        if !self.armed.load(Ordering::Relaxed) {
            return None;
        }
        let named = named(request.run_id, request.op, request.attempt);
        let mut slot = [0; SLOT];
        slot[..NAMED].copy_from_slice(&named);
        slot[NAMED..].copy_from_slice(&crc32fast::hash(&named).to_le_bytes());
        let at = {
            let mut slots = locked(&self.slots);
            slots.free.pop().unwrap_or_else(|| {
                slots.used += 1;
                slots.used - 1
            })
        };
        self.write(&slot, at);
        let begun = self.clone();
        Some(Box::new(move || {
            begun.write(&[0; SLOT], at);
            locked(&begun.slots).free.push(at);
        }))
    }

    fn write(&self, slot: &[u8; SLOT], at: usize) {
        let Some(file) = &self.file else { return };
        if let Err(error) = write(file, slot, at * SLOT)
            && self.armed.swap(false, Ordering::Relaxed)
        {
            tracing::warn!(%error, path = %self.path.display(), "attempts cannot be marked any more");
        }
    }

    /// An orderly end.
    pub(super) fn remove(&self) {
        if self.file.is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the marks of attempts could not be removed");
        }
    }
}

fn marked(file: &[u8]) -> HashSet<Named> {
    let whole = |slot: &[u8; SLOT]| {
        let (named, crc) = slot.split_first_chunk::<NAMED>()?;
        (*named != [0; NAMED] && crc32fast::hash(named).to_le_bytes() == crc).then_some(*named)
    };
    file.as_chunks::<SLOT>().0.iter().filter_map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{activity::ActivityOptions, journal::payload::Payload};

    const RUN: Uuid = Uuid::from_u128(7);

    fn request(op: u64, attempt: u32) -> AttemptRequest {
        AttemptRequest {
            workflow_id: "w".into(),
            run_id: RUN,
            op: OpId(op),
            attempt,
            name: "a".into(),
            args: Payload::encode(&()).unwrap(),
            options: ActivityOptions::default(),
            progress: None,
        }
    }

    fn open(dir: &Path) -> Arc<Begun> {
        Arc::new(Begun::open(Some(dir)))
    }

    #[test]
    fn what_ran_at_a_death_is_known_to_the_next_engine_only() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open(dir.path()).mark(&request(1, 1)).is_none(), "nothing has died yet");
        let second = open(dir.path());
        let ended = second.mark(&request(1, 1)).unwrap();
        let _runs = second.mark(&request(2, 1)).unwrap();
        ended();
        // In the place of the one that has ended.
        let _runs = (second.mark(&request(1, 2)).unwrap(), second.mark(&request(3, 9)).unwrap());
        let third = open(dir.path());
        let ran = |begun: &Begun, op, attempt| begun.ran(RUN, OpId(op), attempt);
        assert!(ran(&third, 2, 1) && ran(&third, 1, 2) && ran(&third, 3, 9));
        assert!(!ran(&third, 1, 1) && !ran(&third, 2, 2) && !third.ran(Uuid::nil(), OpId(2), 1));
        assert_eq!(fs::metadata(dir.path().join(NAME)).unwrap().len(), 0);
        let fourth = open(dir.path());
        assert!(!ran(&fourth, 2, 1) && fourth.mark(&request(1, 1)).is_some());
        fourth.remove();
        assert!(!dir.path().join(NAME).exists());
        assert!(open(dir.path()).mark(&request(1, 1)).is_none());
    }

    #[test]
    fn damaged_marks_are_no_marks() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [vec![], vec![0xff; 100], vec![0; 10 * SLOT], vec![1; SLOT - 1]] {
            fs::write(dir.path().join(NAME), bytes).unwrap();
            let begun = open(dir.path());
            assert!(begun.before.is_empty() && begun.mark(&request(1, 1)).is_some());
        }
        assert!(Arc::new(Begun::open(None)).mark(&request(1, 1)).is_none());
    }
}
