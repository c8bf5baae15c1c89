//! Listing instances, page by page, in the order in which they were started.
//!
//! An index holds (workflow, status, start) and another (tag, value, start). A listing merges the parts of one index that
//! can hold what it asks for; what the index does not say it reads from the checkpoints of those that are left.

use super::{
    checkpoint::{Checkpoint, Listing, PARENT, Status, micros},
    error::{QueryError, Unavailable},
    pages::{Pages, Read},
    shared::Shared,
    stored,
};
use crate::{
    journal::{
        encoding,
        id::{RunId, WorkflowId},
        key::{self, Key, Kind, NamespaceKeys},
    },
    store::{Row, StoreError},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
};

/// Which instances, in which order, and where to go on. All restrictions hold together.
///
/// ```
/// use workflow_runtime::engine::{Filter, Status};
///
/// let failed = Filter::all().workflow("order").status(Status::Failed).tag("city", "Oslo").newest_first().limit(20);
/// # let _ = failed;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    workflow: Option<String>,
    parent: Option<String>,
    statuses: BTreeSet<Status>,
    tags: BTreeMap<String, String>,
    started: (Option<Timestamp>, Option<Timestamp>),
    closed: (Option<Timestamp>, Option<Timestamp>),
    newest_first: bool,
    after: Option<Cursor>,
    limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            workflow: None,
            parent: None,
            statuses: BTreeSet::new(),
            tags: BTreeMap::new(),
            started: (None, None),
            closed: (None, None),
            newest_first: false,
            after: None,
            limit: 100,
        }
    }
}

impl Filter {
    /// All instances, 100 to a page, the oldest first.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only instances of this workflow.
    #[must_use]
    pub fn workflow(mut self, name: impl Into<String>) -> Self {
        self.workflow = Some(name.into());
        self
    }

    /// Only instances in this state. Called again, instances in one of the states.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.statuses.insert(status);
        self
    }

    /// Only instances that have not ended.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.statuses.extend(Status::ALL.into_iter().filter(|s| !s.is_closed()));
        self
    }

    /// Only instances with this tag. Called again with another key, instances with both.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.tags.insert(key.into(), value.to_string());
        self
    }

    /// Only instances that were started at `times.start` or later, and before `times.end`.
    #[must_use]
    pub fn started(mut self, times: Range<Timestamp>) -> Self {
        self.started = (Some(times.start), Some(times.end));
        self
    }

    /// Only instances that were started at `time` or later.
    #[must_use]
    pub fn started_since(mut self, time: Timestamp) -> Self {
        self.started.0 = Some(time);
        self
    }

    /// Only instances that were started before `time`.
    #[must_use]
    pub fn started_before(mut self, time: Timestamp) -> Self {
        self.started.1 = Some(time);
        self
    }

    /// Only instances that ended at `times.start` or later, and before `times.end`.
    #[must_use]
    pub fn closed(mut self, times: Range<Timestamp>) -> Self {
        self.closed = (Some(times.start), Some(times.end));
        self
    }

    /// Only instances that ended at `time` or later.
    #[must_use]
    pub fn closed_since(mut self, time: Timestamp) -> Self {
        self.closed.0 = Some(time);
        self
    }

    /// Only instances that ended before `time`.
    #[must_use]
    pub fn closed_before(mut self, time: Timestamp) -> Self {
        self.closed.1 = Some(time);
        self
    }

    /// The one that was started last comes first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// The one that was started first comes first. This is the default.
    #[must_use]
    pub fn oldest_first(mut self) -> Self {
        self.newest_first = false;
        self
    }

    /// Only instances that this one has started as its children, also those that have ended.
    #[must_use]
    pub fn children_of(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Goes on behind a page.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// At most so many to a page.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, 10_000);
        self
    }

    /// The states in which an instance can match.
    fn states(&self) -> Vec<Status> {
        let only_closed = self.closed != (None, None);
        let mut all = Status::ALL.to_vec();
        all.retain(|s| (self.statuses.is_empty() || self.statuses.contains(s)) && (!only_closed || s.is_closed()));
        all
    }

    fn takes_times(&self, started: Timestamp, closed: Option<Timestamp>) -> bool {
        let within = |(from, to): (Option<Timestamp>, Option<Timestamp>), at: Timestamp| {
            from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)
        };
        within(self.started, started)
            && (self.closed == (None, None) || closed.is_some_and(|closed| within(self.closed, closed)))
    }

    fn takes(&self, c: &Checkpoint) -> bool {
        self.workflow.as_ref().is_none_or(|w| *w == c.workflow)
            && (self.statuses.is_empty() || self.statuses.contains(&c.status()))
            && self.parent.as_ref().is_none_or(|p| c.relations.parent.as_ref().is_some_and(|of| of.id == *p))
            && self.tags.iter().all(|(key, value)| c.tags.get(key) == Some(value))
            && self.takes_times(c.started, c.closed)
    }
}

/// Where a page ended. Instances that come and go in between neither repeat others nor hide them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    started: i64,
    id: String,
}

impl std::fmt::Display for Cursor {
    /// A text that reads back.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.started, self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Self, QueryError> {
        let (started, id) = text.split_once(' ').ok_or(QueryError::InvalidCursor)?;
        let started = started.parse().map_err(|_| QueryError::InvalidCursor)?;
        Ok(Cursor { started, id: id.into() })
    }
}

/// Some of the instances that a filter matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The instances.
    pub instances: Vec<Listed>,
    /// Where to go on, if there may be more.
    pub next: Option<Cursor>,
}

/// An instance in a list: its newest run, as of one moment while the list was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// Its id.
    pub workflow_id: String,
    /// The id of its run.
    pub run_id: RunId,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub status: Status,
    /// When it was started.
    pub started: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Listed {
    fn of(id: &WorkflowId, c: Checkpoint) -> Self {
        Listed {
            workflow_id: id.to_string(),
            run_id: c.run,
            status: c.status(),
            workflow: c.workflow,
            started: c.started,
            updated: c.updated,
            closed: c.closed,
            tags: c.tags,
        }
    }
}

/// What one index entry says.
struct Found {
    started: i64,
    id: String,
    /// Not in the index of tags.
    listing: Option<Listing>,
}

/// One part of an index, in order, read ahead.
struct Part {
    rows: Pages,
    read: VecDeque<Found>,
}

/// Rows that are read ahead of one part: its share of a page, within bounds.
fn ahead(filter: &Filter, parts: usize) -> usize {
    (filter.limit / parts.max(1) + 1).clamp(16, 1024)
}

impl Part {
    /// Reads on, if nothing is left that was read.
    async fn fill(&mut self, shared: &Shared, rows: usize) -> Result<(), Unavailable> {
        while self.read.is_empty() {
            match self.rows.next(&*shared.store, rows).await.map_err(unreadable)? {
                Some(Read::Rows(found)) => self.read.extend(found.into_iter().filter_map(entry)),
                Some(Read::Damaged { key, reason }) => shared.mend(&key, &reason),
                None => break,
            }
        }
        Ok(())
    }
}

pub(super) fn unreadable(source: StoreError) -> Unavailable {
    Unavailable::Unreadable { workflow_id: "the list".into(), source }
}

fn entry((key, value): Row) -> Option<Found> {
    let key = Key::parse(&key).ok()?;
    Some(Found { started: key.due?, id: key.id?, listing: encoding::decode(&value).ok() })
}

/// The workflows that have instances: one look at the index for each.
async fn workflows(shared: &Shared, keys: &NamespaceKeys) -> Result<Vec<String>, Unavailable> {
    let mut listings = Pages::new(keys.all(Kind::Listing));
    let mut names = vec![];
    while let Some(key) = listings.next_key(&*shared.store).await.map_err(unreadable)? {
        if let Some(name) = Key::parse(&key).ok().and_then(|k| k.name) {
            listings.skip_to(key::after(&keys.listing(&name, None)));
            names.push(name);
        }
    }
    Ok(names)
}

/// A listing under way.
struct Search<'a> {
    shared: &'a Shared,
    filter: &'a Filter,
    parts: Vec<Part>,
    rows: usize,
}

impl<'a> Search<'a> {
    async fn begin(shared: &'a Shared, filter: &'a Filter) -> Result<Self, QueryError> {
        shared.health.alive()?;
        let keys = NamespaceKeys::new(&shared.settings.namespace);
        let mut prefixes = vec![];
        if let Some(parent) = &filter.parent {
            prefixes.push(keys.tagged(PARENT, parent));
        } else if let Some((tag, value)) = filter.tags.iter().next() {
            prefixes.push(keys.tagged(tag, value));
        } else {
            let names = match &filter.workflow {
                Some(name) => vec![name.clone()],
                None => workflows(shared, &keys).await?,
            };
            let states = filter.states();
            prefixes.extend(names.iter().flat_map(|n| states.iter().map(|s| keys.listing(n, Some(*s as u8)))));
        }
        let mut first = filter.started.0.map(micros);
        // No run ends before it starts. Times in keys are rounded up.
        let mut last = [filter.started.1, filter.closed.1].into_iter().flatten().map(|t| micros(t) + 1).min();
        if let Some(Cursor { started, .. }) = &filter.after {
            match filter.newest_first {
                true => last = Some(last.map_or(started + 1, |t| t.min(started + 1))),
                false => first = Some(first.map_or(*started, |t| t.max(*started))),
            }
        }
        let part = |prefix: Vec<u8>| {
            let range = NamespaceKeys::between(&prefix, first, last);
            let rows = if filter.newest_first { Pages::newest_first(range) } else { Pages::new(range) };
            Part { rows, read: VecDeque::new() }
        };
        let rows = ahead(filter, prefixes.len());
        Ok(Search { shared, filter, parts: prefixes.into_iter().map(part).collect(), rows })
    }

    /// The next entry of all parts.
    async fn next(&mut self) -> Result<Option<Found>, Unavailable> {
        let newest_first = self.filter.newest_first;
        let mut best: Option<((i64, String), usize)> = None;
        for (i, part) in self.parts.iter_mut().enumerate() {
            part.fill(self.shared, self.rows).await?;
            let Some(found) = part.read.front() else { continue };
            let place = (found.started, found.id.clone());
            let better = best.as_ref().is_none_or(|(b, _)| if newest_first { place > *b } else { place < *b });
            if better {
                best = Some((place, i));
            }
        }
        Ok(best.and_then(|(_, i)| self.parts[i].read.pop_front()))
    }

    /// The next instance that matches.
    async fn matching(&mut self) -> Result<Option<(Cursor, Listed)>, Unavailable> {
        while let Some(Found { started, id, listing }) = self.next().await? {
            let place = Cursor { started, id };
            if self.filter.after.as_ref().is_some_and(|after| !self.is_behind(&place, after)) {
                continue;
            }
            let Ok(id) = WorkflowId::new(place.id.clone()) else { continue };
            // Saves the checkpoint of one that ended at another time.
            let times = listing.map(|l| self.filter.takes_times(at(started), l.closed));
            if times == Some(false) && self.filter.closed != (None, None) {
                continue;
            }
            let c = match stored::newest(self.shared, &id).await {
                Ok(Some(c)) => c,
                Ok(None) => continue,
                // One that cannot be read hides no others; its own status says what is wrong.
                Err(
                    e
                    @ (Unavailable::Unreadable { .. } | Unavailable::Undecodable { .. } | Unavailable::Damaged { .. }),
                ) => {
                    tracing::warn!(error = %e, "an instance cannot be listed");
                    continue;
                }
                Err(e) => return Err(e),
            };
            // It may have moved on since the entry was read, and is met again where it is now, or was met there.
            if micros(c.started) == started && self.filter.takes(&c) {
                return Ok(Some((place, Listed::of(&id, c))));
            }
        }
        Ok(None)
    }

    fn is_behind(&self, place: &Cursor, after: &Cursor) -> bool {
        let (place, after) = ((place.started, &place.id), (after.started, &after.id));
        if self.filter.newest_first { place < after } else { place > after }
    }
}

fn at(started: i64) -> Timestamp {
    Timestamp::from_microsecond(started).unwrap_or(Timestamp::MAX)
}

pub(super) async fn list(shared: &Shared, filter: &Filter) -> Result<Page, QueryError> {
    let mut search = Search::begin(shared, filter).await?;
    let mut instances: Vec<Listed> = vec![];
    let mut met = BTreeSet::new();
    while let Some((place, listed)) = search.matching().await? {
        // Its state may have changed between two looks at the index.
        if met.insert((place.started, place.id.clone())) {
            instances.push(listed);
        }
        if instances.len() == filter.limit {
            return Ok(Page { instances, next: Some(place) });
        }
    }
    Ok(Page { instances, next: None })
}

/// How many instances match, wherever a page would end.
pub(super) async fn count(shared: &Shared, filter: &Filter) -> Result<u64, QueryError> {
    let filter = Filter { limit: 10_000, ..filter.clone() };
    let mut search = Search::begin(shared, &filter).await?;
    let mut met = BTreeSet::new();
    if filter.tags.is_empty() && filter.parent.is_none() {
        // The index says all that is asked for.
        while let Some(Found { started, id, listing }) = search.next().await? {
            if listing.is_some_and(|l| filter.takes_times(at(started), l.closed)) {
                met.insert((started, id));
            }
        }
    } else {
        while let Some((place, _)) = search.matching().await? {
            met.insert((place.started, place.id));
        }
    }
    Ok(met.len() as u64)
}
