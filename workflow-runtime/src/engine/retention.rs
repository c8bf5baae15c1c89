//! What is removed, and when: runs that ended long ago, in bounded commits that may stop anywhere.
//!
//! The timer index says when. Each commit deletes some records and keeps the entry of the index; the last one deletes
//! the checkpoint, or steps to the next former run, and with it the entry. With an archive, a run is durable there before the
//! first of these commits.

use super::{
    actor::Actor,
    checkpoint::{Ended, Former, Seen},
    error::Unavailable,
    instance,
    pages::{Pages, Read},
};
use crate::{
    journal::{encoding, id::RunId, key::Kind},
    store::{StoreError, Write},
};
use jiff::Timestamp;

/// How many records one commit deletes.
const AT_ONCE: usize = 512;

/// What belongs to one run.
const OF_RUN: [Kind; 5] = [Kind::History, Kind::Payload, Kind::Result, Kind::Slot, Kind::Start];

/// What belongs to an instance, whatever its runs. The checkpoint goes last.
const OF_INSTANCE: [Kind; 11] = [
    Kind::History,
    Kind::Payload,
    Kind::Result,
    Kind::Slot,
    Kind::Start,
    Kind::Signal,
    Kind::Seen,
    Kind::Outbox,
    Kind::Received,
    Kind::Mark,
    Kind::Ended,
];

impl Actor {
    /// Removes the instance: its id is free afterwards.
    pub(super) async fn retire(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        #[cfg(feature = "archive")]
        if self.instance.checkpoint.as_ref().is_some_and(|c| !c.removing) {
            Box::pin(self.archive_all()).await?;
        }
        loop {
            let Some(mut draft) = self.draft(now) else { return Ok(()) };
            let keys = &self.instance.keys;
            let gone = self.records(OF_INSTANCE.map(|kind| keys.all(kind))).await?;
            let last = gone.len() < AT_ONCE;
            draft.writes.extend(gone.into_iter().map(|key| Write::Delete { key }));
            // From the first commit on nobody sees it any more, not even half of it.
            draft.checkpoint.removing = true;
            draft.removes = last;
            self.store(draft).await?;
            if last {
                tracing::debug!("the instance was removed, its retention is over");
                return Ok(());
            }
        }
    }

    /// Removes the oldest run that another one has followed.
    pub(super) async fn retire_former(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        #[cfg(feature = "archive")]
        let mut archived = false;
        loop {
            let Some(mut draft) = self.draft(now) else { return Ok(()) };
            let Some(Former { run, .. }) = draft.checkpoint.former else { return Ok(()) };
            let ended = self.ended(run).await?;
            #[cfg(feature = "archive")]
            if let Some(ended) = ended.clone().filter(|_| !std::mem::replace(&mut archived, true)) {
                Box::pin(self.archive(ended.into_checkpoint())).await?;
            }
            let keys = &self.instance.keys;
            let mut gone = self.records(OF_RUN.map(|kind| keys.all_of_run(kind, run))).await?;
            let other_chain = ended.as_ref().map(|e| e.chain).filter(|chain| *chain != draft.checkpoint.first_run());
            if let Some(chain) = other_chain {
                self.seen_by(chain, &mut gone).await?;
            }
            let last = gone.len() < AT_ONCE;
            draft.writes.extend(gone.into_iter().map(|key| Write::Delete { key }));
            if last {
                draft.writes.push(Write::Delete { key: keys.ended(run) });
                draft.checkpoint.former = self.following(ended.map(|e| e.next)).await?;
            }
            self.store(draft).await?;
            if last {
                return Ok(());
            }
        }
    }

    /// What is kept of a former run.
    async fn ended(&self, run: RunId) -> Result<Option<Ended>, Unavailable> {
        let key = self.instance.keys.ended(run);
        instance::read(&self.worker.shared, &self.instance.id, &key, "record of an ended run").await
    }

    /// The first run from `run` on that has ended and is not kept for as long as the id.
    async fn following(&self, mut run: Option<RunId>) -> Result<Option<Former>, Unavailable> {
        while let Some(next) = run {
            let Some(ended) = self.ended(next).await? else { return Ok(None) };
            if ended.retire.is_some() {
                return Ok(Some(Former { run: next, retire: ended.retire }));
            }
            run = Some(ended.next);
        }
        Ok(None)
    }

    /// The first keys of these ranges, damaged records among them.
    async fn records<const N: usize>(&self, ranges: [(Vec<u8>, Vec<u8>); N]) -> Result<Vec<Vec<u8>>, Unavailable> {
        let mut keys = vec![];
        for range in ranges {
            let mut range = Pages::new(range);
            while keys.len() < AT_ONCE {
                let page = range.next(&*self.worker.shared.store, AT_ONCE - keys.len()).await;
                match page.map_err(|source| self.unreadable(source))? {
                    Some(Read::Rows(rows)) => keys.extend(rows.into_iter().map(|(key, _)| key)),
                    Some(Read::Damaged { key, .. }) => keys.push(key),
                    None => break,
                }
            }
        }
        Ok(keys)
    }

    /// Adds the ids of messages that only a chain of runs that has ended knows.
    async fn seen_by(&self, chain: RunId, keys: &mut Vec<Vec<u8>>) -> Result<(), Unavailable> {
        let mut seen = Pages::new(self.instance.keys.all(Kind::Seen));
        while keys.len() < AT_ONCE {
            let page = seen.next(&*self.worker.shared.store, AT_ONCE).await;
            match page.map_err(|source| self.unreadable(source))? {
                Some(Read::Rows(rows)) => {
                    let theirs = |value: &[u8]| encoding::decode::<Seen>(value).is_ok_and(|s| s.chain == chain);
                    keys.extend(rows.into_iter().filter(|(_, value)| theirs(value)).map(|(key, _)| key));
                }
                Some(Read::Damaged { .. }) => {}
                None => break,
            }
        }
        Ok(())
    }

    pub(super) fn unreadable(&self, source: StoreError) -> Unavailable {
        let workflow_id = self.instance.id.to_string();
        match source {
            StoreError::Damaged { ref key, .. } if *key == self.instance.keys.frame() => {
                Unavailable::Damaged { workflow_id, source }
            }
            source => Unavailable::Unreadable { workflow_id, source },
        }
    }
}
