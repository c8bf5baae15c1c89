//! Statics that a program can change, and which of them do not show.

use crate::{
    graph::{Graph, NodeId},
    name::Name,
};
use std::{cell::OnceCell, collections::HashMap};

/// Statics that a macro of ours, or one of tracing, puts into the user's crate.
pub(crate) fn is_ours(name: &Name) -> bool {
    const OURS: [&str; 5] = ["::__CALLSITE", "::CALLSITE", "::META", "::__def::DEF", "::__INVENTORY"];
    OURS.iter().any(|o| name.path.ends_with(o)) || name.path.contains("__WORKFLOW_")
}

/// How statics are used, in a whole build.
pub(crate) struct Statics<'g> {
    graph: &'g Graph,
    /// For every static that can be written: who names it.
    users: OnceCell<HashMap<NodeId, Vec<NodeId>>>,
}

impl<'g> Statics<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        Statics { graph, users: OnceCell::new() }
    }

    /// Whether a static only holds a value that is computed at its first use, by code that the search goes through: whoever comes
    /// first, the value is the same.
    pub(crate) fn is_computed_once(&self, id: NodeId) -> bool {
        let users = self.users().get(&id).map_or(&[][..], Vec::as_slice);
        !users.is_empty() && users.iter().all(|user| self.computes(*user))
    }

    fn users(&self) -> &HashMap<NodeId, Vec<NodeId>> {
        self.users.get_or_init(|| {
            let mut users: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
            for from in self.graph.ids() {
                for edge in &self.graph.node(from).edges {
                    if self.graph.node(edge.to).writable {
                        users.entry(edge.to).or_default().push(from);
                    }
                }
            }
            users
        })
    }

    /// Whether a function does no more with a static than to compute it once and to read it.
    fn computes(&self, user: NodeId) -> bool {
        let mut lazy = false;
        for edge in &self.graph.node(user).edges {
            let name = self.graph.name(edge.to);
            if is_lazy(&name.path) {
                if can_change_within(&name.text) {
                    return false;
                }
                lazy = true;
            } else if changes(&name.path) {
                return false;
            }
        }
        lazy
    }
}

/// Computes a value at its first use.
fn is_lazy(path: &str) -> bool {
    const LAZY: [&str; 10] = [
        "<std::sync::lazy_lock::LazyLock as core::ops::deref::Deref>::deref",
        "std::sync::lazy_lock::LazyLock::force",
        "std::sync::once_lock::OnceLock::get_or_init",
        "<once_cell::sync::Lazy as core::ops::deref::Deref>::deref",
        "once_cell::sync::Lazy::force",
        "once_cell::sync::OnceCell::get_or_init",
        "lazy_static::lazy::Lazy::get",
        "lazy_static::inline_lazy::Lazy::get",
        "once_cell::race::OnceBox::get_or_init",
        "std::sync::lazy_lock::LazyLock::deref",
    ];
    LAZY.contains(&path)
}

/// Uses a static in a way that others see.
fn changes(path: &str) -> bool {
    const CELLS: [&str; 5] = [
        "std::sync::once_lock::OnceLock::",
        "std::sync::poison::",
        "core::sync::atomic::",
        "core::cell::",
        "std::thread::local::",
    ];
    let path = path.trim_start_matches(['<', '&']);
    CELLS.iter().any(|c| path.starts_with(c))
        || path.starts_with("once_cell::sync::OnceCell::")
        || path.starts_with("parking_lot")
        || path.starts_with("lock_api::")
}

/// Whether a type that stands in a name can change behind a shared reference.
fn can_change_within(text: &str) -> bool {
    const CELLS: [&str; 9] = [
        "::mutex::Mutex<",
        "::rwlock::RwLock<",
        "core::cell::",
        "core::sync::atomic::",
        "::OnceLock<std",
        "::once_lock::OnceLock<core::option",
        "lock_api::",
        "::Sender<",
        "dashmap::",
    ];
    CELLS.iter().any(|c| text.contains(c))
}
