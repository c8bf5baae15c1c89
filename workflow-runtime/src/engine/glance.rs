//! What a checkpoint says to people, read from what a commit writes: for reports of a test kit.

use super::checkpoint::{Checkpoint, unpack};
use crate::{
    journal::{encoding, key::Key, payload::Payload},
    machine::{Activation, WorkflowRegistration},
};
use std::{collections::BTreeMap, fmt};

/// Where an instance stands behind a commit.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// Label of the suspension point, innermost.
    point: Option<String>,
    /// Where the point stands in the source.
    place: Option<(String, u32)>,
    /// What is alive, by workflow and name.
    locals: Vec<(String, serde_json::Value)>,
    /// `running`, or how it ended.
    state: &'static str,
}

impl Glance {
    /// From the writes of a commit of the instance whose frame has this key. `None` if they hold no frame that can be read.
    pub fn of(instance: &[u8], writes: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Option<Self> {
        let (mut checkpoint, mut large) = (None, BTreeMap::new());
        for (key, value) in writes {
            if key == instance {
                checkpoint = encoding::decode::<Checkpoint>(&value).ok();
            } else if let Some(name) = Key::parse(&key).ok().and_then(|k| k.name) {
                large.extend(encoding::decode::<Payload>(&value).ok().map(|payload| (name, payload)));
            }
        }
        let checkpoint = checkpoint?;
        let mut glance = Glance { point: None, place: None, locals: vec![], state: checkpoint.status().as_str() };
        if let Some(frame) = checkpoint.frame.as_ref().and_then(|packed| unpack(packed, large).ok()) {
            glance.describe(&frame.root);
        }
        Some(glance)
    }

    fn describe(&mut self, activation: &Activation) {
        self.locals.extend(activation.slots.iter().map(|(name, value)| (name.to_string(), value.to_json())));
        let Some(thread) = activation.threads.first() else { return };
        let defs = inventory::iter::<WorkflowRegistration>.into_iter().map(|r| (r.0)());
        let definition = defs.filter(|d| d.name == activation.workflow).map(|d| d.definition()).next();
        self.point = Some(thread.point.to_string());
        self.place = definition.and_then(|d| Some((d.file.clone(), d.point(&thread.point)?.line)));
        if let Some(helper) = thread.helper.as_deref() {
            self.describe(helper);
        }
    }
}

impl fmt::Display for Glance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.point, &self.place) {
            (Some(point), Some((file, line))) => write!(f, "at `{point}` ({file}:{line})")?,
            (Some(point), None) => write!(f, "at `{point}`")?,
            (None, _) => f.write_str(self.state)?,
        }
        if !self.locals.is_empty() {
            let locals: serde_json::Map<_, _> = self.locals.iter().cloned().collect();
            write!(f, " with {}", serde_json::Value::Object(locals))?;
        }
        Ok(())
    }
}
