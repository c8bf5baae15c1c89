//! Runs go into the archive before they are removed.
//!
//! A run is in the archive, durable, before the commit that begins to remove it. A process that dies in between archives it
//! again; whoever reads takes the copy with the most entries.

use super::{
    actor::Actor,
    checkpoint::{Checkpoint, Ended, StartRecord, State},
    error::Unavailable,
    instance,
    pages::{Pages, Read},
};
use crate::{
    archive::{ArchiveError, ArchivedRun, PAGE, Place, RunSummary, Writer},
    journal::{encoding, history::Entry, id::RunId, key::Kind, payload::Payload},
    machine::Closed,
    store::StoreError,
};
use std::collections::BTreeSet;
use workflow_definition::Fingerprint;

/// Entries that are read from the store at a time.
const AT_ONCE: usize = 64;

/// A part of a history has about so many bytes at most.
const PART_BYTES: usize = 256 << 10;

/// What is read of a history, and what was written of it already.
#[derive(Default)]
struct Gathered {
    parts: Vec<Place>,
    entries: Vec<Entry>,
    bytes: usize,
    count: u64,
    /// The number of the first entry.
    first: Option<u64>,
    damaged: u64,
    definitions: BTreeSet<Fingerprint>,
}

impl Actor {
    /// Archives all runs under the id, if there is an archive.
    pub(super) async fn archive_all(&self) -> Result<(), Unavailable> {
        let Some(newest) = self.instance.checkpoint.clone().filter(|_| self.archives()) else { return Ok(()) };
        let (shared, mut former) = (&self.worker.shared, Pages::new(self.instance.keys.all(Kind::Ended)));
        while let Some(page) = former.next(&*shared.store, 1).await.map_err(|source| self.unreadable(source))? {
            let Read::Rows(rows) = page else { continue };
            for (_, value) in rows {
                // One that does not decode cannot be told from nothing.
                if let Ok(ended) = encoding::decode::<Ended>(&value) {
                    self.archive(ended.into_checkpoint()).await?;
                }
            }
        }
        self.archive(*newest).await
    }

    fn archives(&self) -> bool {
        self.worker.shared.archive.is_some()
    }

    /// Archives one run, if there is an archive.
    pub(super) async fn archive(&self, run: Checkpoint) -> Result<(), Unavailable> {
        self.archive_until(run, u64::MAX).await
    }

    /// Archives the entries of a run before a number, if there is an archive.
    pub(super) async fn archive_until(&self, run: Checkpoint, upto: u64) -> Result<(), Unavailable> {
        let shared = self.worker.shared.clone();
        let Some(writer) = &shared.archive else { return Ok(()) };
        let start: Option<StartRecord> = {
            let key = self.instance.keys.start(run.run);
            match instance::read(&shared, &self.instance.id, &key, "start record").await {
                Ok(start) => start,
                Err(
                    Unavailable::Unreadable { source: StoreError::Damaged { .. }, .. }
                    | Unavailable::Undecodable { .. },
                ) => None,
                Err(e) => return Err(e),
            }
        };
        let mut gathered = Gathered::default();
        self.gather_history(run.run, (run.truncated, upto), writer, &mut gathered).await?;
        let Gathered { parts, entries, count, first, damaged, definitions, .. } = gathered;
        let first = first.unwrap_or(run.truncated);
        let mut known = vec![];
        for fingerprint in &definitions {
            if let Ok(definition) = instance::definition(&shared, &self.instance.id, *fingerprint).await {
                known.extend(definition);
            }
        }
        let namespace = shared.settings.namespace.as_str().to_owned();
        let run = archived(namespace, self.instance.id.to_string(), run, start, (count, first, damaged), definitions);
        writer.run(run, parts, entries, known).await.map_err(|source| self.not_archived(source))
    }

    fn not_archived(&self, source: ArchiveError) -> Unavailable {
        Unavailable::Archive { workflow_id: self.instance.id.to_string(), source }
    }

    /// Reads the history of a run; hands over what is more than one block should hold.
    async fn gather_history(
        &self,
        run: RunId,
        (from, to): (u64, u64),
        writer: &Writer,
        into: &mut Gathered,
    ) -> Result<(), Unavailable> {
        let keys = &self.instance.keys;
        let (shared, mut history) = (&self.worker.shared, Pages::new((keys.history(run, from), keys.history(run, to))));
        while let Some(page) = history.next(&*shared.store, AT_ONCE).await.map_err(|source| self.unreadable(source))? {
            let Read::Rows(rows) = page else {
                into.damaged += 1;
                continue;
            };
            for (_, value) in &rows {
                if into.entries.len() >= PAGE || into.bytes >= PART_BYTES {
                    let part = writer.part(run, std::mem::take(&mut into.entries)).await;
                    into.parts.push(part.map_err(|source| self.not_archived(source))?);
                    into.bytes = 0;
                }
                match Entry::from_bytes(value) {
                    Ok(entry) => {
                        into.first.get_or_insert(entry.seq);
                        into.definitions.extend(entry.definitions());
                        into.entries.push(entry);
                        into.bytes += value.len();
                        into.count += 1;
                    }
                    Err(_) => into.damaged += 1,
                }
            }
        }
        Ok(())
    }
}

fn archived(
    namespace: String,
    workflow_id: String,
    c: Checkpoint,
    start: Option<StartRecord>,
    (entries, first_entry, damaged_entries): (u64, u64, u64),
    definitions: BTreeSet<Fingerprint>,
) -> ArchivedRun {
    let (status, first_run_id) = (c.status(), c.first_run());
    let reason = |reason: &str| Payload::encode(reason).ok();
    let (outcome, next_run_id) = match c.state {
        State::Closed(Closed::Completed(value)) => (Some(value), None),
        State::Closed(Closed::Failed { error, .. } | Closed::Cancelled { error, .. }) => (Some(error), None),
        State::Terminated { reason: why } => (reason(&why), None),
        State::Continued { next } => (None, Some(next)),
        State::TimedOut { .. } | State::Running | State::Blocked(_) => (None, None),
    };
    ArchivedRun {
        summary: RunSummary {
            namespace,
            workflow_id,
            run_id: c.run,
            workflow: c.workflow,
            status,
            started: c.started,
            closed: c.closed.unwrap_or(c.updated),
            entries,
            first_entry,
        },
        outcome,
        input: start.map(|start| start.input),
        set_status: c.status,
        tags: c.tags,
        cancel_requested: c.cancel.map(|request| request.reason),
        steps: c.steps,
        first_run_id,
        previous_run_id: c.relations.previous,
        next_run_id,
        damaged_entries,
        definitions: definitions.into_iter().collect(),
    }
}
