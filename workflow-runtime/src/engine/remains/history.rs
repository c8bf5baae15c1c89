//! The steps of a history taken again, entry by entry, up to how the run stands.

use super::Remains;
use crate::{
    engine::{
        checkpoint::{CancelRequest, Checkpoint, Parent, StartRecord},
        error::{RebuildError, Unavailable},
        pages::{Pages, Read},
        verify::{Gap, Recorded, Replay, whole},
    },
    journal::{
        encoding,
        history::{Entry, Event, Message, Taken},
        id::RunId,
        key::{self, Key, Kind},
    },
    store::Revision,
};
use jiff::Timestamp;
use std::collections::BTreeSet;
use workflow_definition::Definition;

/// What is known of the history behind what was read of it.
pub(super) struct Told {
    /// The number of the next entry.
    pub(super) next: u64,
    /// The number of the first entry that is there.
    pub(super) first: Option<u64>,
    pub(super) revision: Revision,
}

impl Remains<'_> {
    /// The run as its start record says, with all definitions that a frame may refer to.
    pub(super) async fn recorded(&self, run: RunId, start: StartRecord) -> Result<Recorded, Unavailable> {
        let (mut range, mut definitions) = (Pages::new(key::definitions()), vec![]);
        while let Some(rows) = self.rows(&mut range).await? {
            definitions.extend(rows.iter().filter_map(|(_, value)| encoding::decode::<Definition>(value).ok()));
        }
        let StartRecord { workflow, input, at, .. } = start;
        Ok(Recorded::of(self.id.to_string(), run, (workflow, input, at), definitions, vec![]))
    }

    /// Takes the steps of the whole history again. What cannot be taken again does not matter if a segment begins behind it.
    pub(super) async fn take_again(&self, run: RunId, replay: &mut Replay<'_>) -> Result<Told, RebuildError> {
        let mut history = Pages::new(self.keys.all_of_run(Kind::History, run));
        let mut told = Told { next: 0, first: None, revision: Revision::NONE };
        let (mut commit, mut wrong): (Vec<Entry>, _) = (vec![], None);
        while let Some(read) = self.read(&mut history).await? {
            self.worker.alive()?;
            let rows = match read {
                Read::Rows(rows) => rows,
                Read::Damaged { key, reason } => {
                    self.commit(&mut commit, replay, &mut wrong);
                    let entry = Key::parse(&key).ok().and_then(|key| key.number).unwrap_or(told.next);
                    told.first.get_or_insert(entry);
                    told.next = entry + 1;
                    replay.lose(vec![]);
                    wrong = Some(self.broken(entry, format!("is damaged ({reason})")));
                    continue;
                }
            };
            for (_, value) in rows {
                let entry = match Entry::from_bytes(&value) {
                    Ok(entry) => entry,
                    Err(e) => {
                        let gap = self.broken(told.next, format!("does not decode ({e})"));
                        return Err(gap);
                    }
                };
                if commit.first().is_some_and(|first| first.revision != entry.revision) {
                    self.commit(&mut commit, replay, &mut wrong);
                }
                if entry.seq != told.next {
                    replay.lose(vec![]);
                    wrong = Some(self.broken(told.next, "is not there".into()));
                }
                told.first.get_or_insert(entry.seq);
                (told.next, told.revision) = (entry.seq + 1, Revision(told.revision.0.max(entry.revision)));
                commit.push(entry);
            }
        }
        self.commit(&mut commit, replay, &mut wrong);
        match (wrong, &replay.books().gap) {
            (Some(wrong), _) => Err(wrong),
            (None, Some(Gap::Begin)) => Err(RebuildError::Untold { workflow_id: self.id.to_string() }),
            (None, Some(Gap::Steps(by))) => {
                let workflow = replay.books().checkpoint.workflow.clone();
                let by = by.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
                Err(RebuildError::OtherBuild { workflow_id: self.id.to_string(), workflow, by })
            }
            (None, None) => Ok(told),
        }
    }

    /// Takes the steps of the entries of one commit again.
    fn commit(&self, entries: &mut Vec<Entry>, replay: &mut Replay<'_>, wrong: &mut Option<RebuildError>) {
        for entry in whole(&std::mem::take(entries)) {
            let segments = replay.books().segments;
            let taken = {
                let _stepping = self.worker.stepping(self.id);
                replay.advance(&entry, &mut |_| {})
            };
            if replay.books().segments > segments {
                *wrong = None;
            }
            if let Err(source) = taken {
                replay.lose(vec![]);
                let (workflow_id, source) = (self.id.to_string(), Box::new(source));
                wrong.get_or_insert(RebuildError::Steps { workflow_id, source });
            }
        }
    }

    /// What the history of a run that has ended says of it, besides how it has.
    pub(super) async fn last_words(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let mut history = Pages::new(self.keys.all_of_run(Kind::History, c.run));
        while let Some(rows) = self.rows(&mut history).await? {
            for entry in rows.iter().filter_map(|(_, value)| Entry::from_bytes(value).ok()) {
                for event in entry.events {
                    self.hear(c, event, entry.time);
                }
                c.steps = entry.step.unwrap_or(c.steps);
                let cancelled = entry.inputs.contains(&Taken::Cancel);
                c.cancel.iter_mut().for_each(|request| request.delivered |= cancelled);
            }
        }
        Ok(())
    }

    fn hear(&self, c: &mut Checkpoint, event: Event, at: Timestamp) {
        match event {
            Event::StatusSet(value) => c.status = Some(value),
            Event::Delayed { until } => c.begins = Some(until),
            Event::CancelRequested { reason } if c.cancel.is_none() => {
                c.cancel = Some(CancelRequest { reason, at, delivered: false });
            }
            Event::ContinuedFrom { state: Some(state), .. }
            | Event::Upgraded { state: Some(state), .. }
            | Event::Checkpointed { state, .. } => {
                let Ok(state) = state.decode::<Checkpoint>() else { return };
                (c.status, c.begins, c.cancel, c.retention) =
                    (state.status, state.begins, state.cancel, state.retention);
                c.steps = state.steps;
                (c.relations.first, c.relations.parent) = (state.relations.first, state.relations.parent);
            }
            Event::MessageReceived { from, sender, message: Message::Start { .. }, .. } => {
                c.relations.parent.get_or_insert(Parent { id: from, first: sender });
            }
            _ => {}
        }
    }

    fn broken(&self, entry: u64, what: String) -> RebuildError {
        RebuildError::History { workflow_id: self.id.to_string(), entry, what }
    }
}
