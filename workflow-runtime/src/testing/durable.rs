//! What a store holds after a crash.

use super::mock::Tried;
use crate::{
    activity::idempotency_key,
    engine::{Engine, VerifyError},
    journal::{
        history::{Entry, Event},
        id::Namespace,
        key::{Key, Kind, NamespaceKeys},
    },
    machine::OpId,
    store::Store,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The histories of all runs, by instance and run.
pub(super) type Histories = BTreeMap<(String, Uuid), Vec<Entry>>;

/// Reads the histories of all runs.
pub(super) async fn histories(store: &dyn Store) -> Result<Histories, String> {
    let (from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::History);
    let rows = store.scan(&from, &to, usize::MAX).await.map_err(|e| format!("the history does not read: {e}"))?;
    let mut found: BTreeMap<_, Vec<Entry>> = BTreeMap::new();
    for (key, value) in rows {
        let Ok(Key { id: Some(id), run: Some(run), .. }) = Key::parse(&key) else { continue };
        let entry = Entry::from_bytes(&value).map_err(|e| format!("the history does not decode: {e}"))?;
        found.entry((id, run.0)).or_default().push(entry);
    }
    Ok(found)
}

/// The attempts whose failure is durable.
pub(super) fn failed_attempts(histories: &Histories) -> BTreeSet<Tried> {
    let events = histories
        .iter()
        .flat_map(|((_, run), entries)| entries.iter().flat_map(move |e| e.events.iter().map(move |e| (run, e))));
    let failed = events.filter_map(|(run, event)| match event {
        Event::AttemptFailed { op, attempt, .. } => Some((idempotency_key(*run, OpId(*op)), *attempt)),
        _ => None,
    });
    failed.collect()
}

/// The operations whose end a store holds.
pub(super) fn ended_operations(histories: &Histories) -> BTreeSet<(Uuid, OpId)> {
    let events = histories
        .iter()
        .flat_map(|((_, run), entries)| entries.iter().flat_map(|e| &e.events).map(move |event| (*run, event)));
    let ended = events.filter_map(|(run, event)| match event {
        Event::Completed { op, .. } => Some((run, OpId(*op))),
        _ => None,
    });
    ended.collect()
}

/// Runs the recorded steps of all runs again, and tells the first that decides something else now; where nobody died, also
/// the first that leaves something else behind each time.
pub(super) async fn verify(engine: &Engine, histories: &Histories, died: bool) -> Option<String> {
    let ids: BTreeSet<_> = histories.keys().map(|(id, _)| id).collect();
    for id in ids {
        let run = engine.untyped(id);
        let verified = if died { run.verify().await } else { run.verify_twice().await };
        if let Err(e @ (VerifyError::Difference(_) | VerifyError::Step { .. } | VerifyError::Wavering(_))) = verified {
            return Some(format!("a recorded step decides something else when it is run again: {e}"));
        }
    }
    None
}
