//! Frames as they are stored: large slots are records of their own.

use crate::{
    journal::{
        Name,
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{Activation, Frame, Thread},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use workflow_definition::Fingerprint;

/// A slot in a record of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Large {
    /// Where the activation is in the frame, and the slot's key.
    pub(in crate::engine) name: String,
    pub(in crate::engine) hash: u64,
    pub(in crate::engine) len: u64,
}

/// Slots above this many bytes are records of their own.
const LARGE: usize = 1024;

/// Whose code a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct By {
    pub(in crate::engine) definition: Fingerprint,
    /// The definitions of the inline helpers that wait behind it, without repetitions.
    pub(in crate::engine) helpers: Vec<Fingerprint>,
}

impl By {
    pub(in crate::engine) fn of(frame: &Frame) -> Self {
        let definition = frame.root.definition;
        let alone = |t: &Thread| t.helper.is_none() && t.branches.is_empty();
        if frame.detached.is_empty() && frame.root.threads.iter().all(alone) {
            // As in most steps.
            return Self { definition, helpers: vec![] };
        }
        let mut found = BTreeSet::new();
        helpers(&frame.root, &mut found);
        for detached in &frame.detached {
            found.insert(detached.definition);
            helpers(detached, &mut found);
        }
        Self { definition, helpers: found.into_iter().collect() }
    }

    /// All definitions that the frame refers to.
    pub(in crate::engine) fn all(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        std::iter::once(self.definition).chain(self.helpers.iter().copied())
    }
}

/// A frame as it is stored.
pub(in crate::engine) struct Packed {
    pub(in crate::engine) by: By,
    pub(in crate::engine) frame: Payload,
    pub(in crate::engine) large: Vec<(Large, Payload)>,
    /// The same for equal locals, whatever the order in which their maps were written.
    pub(in crate::engine) hash: u64,
}

impl Packed {
    /// The hash of the bytes, which earlier builds recorded.
    pub(in crate::engine) fn hash_of_bytes(&self) -> u64 {
        self.large.iter().fold(self.frame.hash64(), |h, (l, _)| h.rotate_left(1) ^ l.hash)
    }
}

/// Encodes a frame, its large slots apart.
pub(in crate::engine) fn pack(mut frame: Frame) -> Result<Packed, EncodeError> {
    let (by, mut large) = (By::of(&frame), vec![]);
    walk(&mut frame.root, "", &mut |place, slots| {
        let names: Vec<_> = slots.iter().filter(|(_, p)| p.len() > LARGE).map(|(n, _)| n.clone()).collect();
        for name in names {
            if let Some(payload) = slots.remove(&name) {
                let name = format!("{place}{name}");
                large.push((Large { name, hash: payload.hash64(), len: payload.len() as u64 }, payload));
            }
        }
    });
    let frame = Payload::encode(&frame)?;
    let hash = large.iter().fold(frame.likeness64(), |h, (_, p)| h.rotate_left(1) ^ p.likeness64());
    Ok(Packed { by, frame, large, hash })
}

/// Decodes a frame and puts its large slots back.
pub(in crate::engine) fn unpack(frame: &Payload, mut large: BTreeMap<String, Payload>) -> Result<Frame, DecodeError> {
    let mut frame: Frame = frame.decode()?;
    walk(&mut frame.root, "", &mut |place, slots| {
        let here: Vec<_> =
            large.keys().filter(|n| n.strip_prefix(place).is_some_and(|rest| !rest.contains(PLACE))).cloned().collect();
        for name in here {
            if let Some(payload) = large.remove(&name) {
                slots.insert(Name::Owned(name[place.len()..].to_owned()), payload);
            }
        }
    });
    Ok(frame)
}

/// Ends the name of a place. No slot's key has it: keys are names and labels.
const PLACE: char = '\u{1f}';

/// Visits the slots of an activation and of its helpers. The name of a helper's place is that of the thread that awaits it.
fn walk(activation: &mut Activation, place: &str, f: &mut dyn FnMut(&str, &mut BTreeMap<Name, Payload>)) {
    f(place, &mut activation.slots);
    for (i, thread) in activation.threads.iter_mut().enumerate() {
        threads(thread, &format!("{place}{i}"), f);
    }
}

fn threads(thread: &mut Thread, place: &str, f: &mut dyn FnMut(&str, &mut BTreeMap<Name, Payload>)) {
    if let Some(helper) = &mut thread.helper {
        walk(helper, &format!("{place}{PLACE}"), f);
    }
    for (i, branch) in thread.branches.iter_mut().enumerate() {
        if let Some(branch) = branch {
            threads(branch, &format!("{place}.{i}"), f);
        }
    }
}

fn helpers(activation: &Activation, into: &mut BTreeSet<Fingerprint>) {
    for helper in activation.all_threads().into_iter().filter_map(|t| t.helper.as_ref()) {
        into.insert(helper.definition);
        helpers(helper, into);
    }
}
