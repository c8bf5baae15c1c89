//! Idle instances that are kept in memory, the longest idle given up first.

use super::instance::Instance;
use crate::{hash::HashMap, journal::id::WorkflowId};
use std::collections::BTreeMap;

pub(super) struct Resident {
    limit: usize,
    clock: u64,
    instances: HashMap<WorkflowId, (u64, Box<Instance>)>,
    order: BTreeMap<u64, WorkflowId>,
}

impl Resident {
    pub(super) fn new(limit: usize) -> Self {
        Resident { limit, clock: 0, instances: HashMap::default(), order: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, id: &WorkflowId) -> Option<Box<Instance>> {
        let (at, instance) = self.instances.remove(id)?;
        self.order.remove(&at);
        Some(instance)
    }

    /// Keeps an instance for as long as there is room. One that has ended, or does not exist, is not worth it.
    pub(super) fn park(&mut self, instance: Box<Instance>) {
        if self.limit == 0 || instance.checkpoint.as_ref().is_none_or(|c| c.is_closed()) {
            return;
        }
        self.clock += 1;
        self.order.insert(self.clock, instance.id.clone());
        self.instances.insert(instance.id.clone(), (self.clock, instance));
        while self.instances.len() > self.limit {
            let Some((_, id)) = self.order.pop_first() else { return };
            self.instances.remove(&id);
        }
    }
}
