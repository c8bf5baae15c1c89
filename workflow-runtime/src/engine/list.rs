//! Listing instances, page by page.

use super::{
    checkpoint::{PARENT, Status},
    error::{QueryError, Unavailable},
    shared::Shared,
};
use crate::{
    journal::key::{Key, Kind, NamespaceKeys},
    store::StoreError,
};
use serde::Serialize;

/// Which instances, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    workflow: Option<String>,
    status: Option<Status>,
    tag: Option<(String, String)>,
    after: Option<Cursor>,
    limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Filter { workflow: None, status: None, tag: None, after: None, limit: 100 }
    }
}

impl Filter {
    /// All instances, 100 to a page.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only instances of this workflow.
    #[must_use]
    pub fn workflow(mut self, name: impl Into<String>) -> Self {
        self.workflow = Some(name.into());
        self
    }

    /// Only instances in this state.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Only instances with this tag. Takes no other restriction into account.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tag = Some((key.into(), value.into()));
        self
    }

    /// Only instances that this one has started as its children, also those that have ended. Takes no other restriction
    /// into account.
    #[must_use]
    pub fn children_of(self, parent: impl Into<String>) -> Self {
        self.tag(PARENT, parent)
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
}

/// Where a page ended. Instances that come and go in between neither repeat others nor hide them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

/// Some of the instances that a filter matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The instances.
    pub instances: Vec<Listed>,
    /// Where to go on, if there may be more.
    pub next: Option<Cursor>,
}

/// An instance in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// Its id.
    pub workflow_id: String,
    /// Its workflow; absent in lists by tag.
    pub workflow: Option<String>,
    /// Its state; absent in lists by tag.
    pub status: Option<Status>,
}

pub(super) async fn list(shared: &Shared, filter: &Filter) -> Result<Page, QueryError> {
    shared.health.alive()?;
    let keys = NamespaceKeys::new(&shared.settings.namespace);
    let (mut from, to) = match (&filter.tag, &filter.workflow) {
        (Some((key, value)), _) => keys.tagged(key, value),
        (None, Some(workflow)) => keys.listing(workflow, filter.status.map(|s| s as u8)),
        (None, None) => keys.all(Kind::Listing),
    };
    if let Some(Cursor(after)) = &filter.after {
        if *after < from || *after >= to {
            return Err(QueryError::InvalidCursor);
        }
        from.clone_from(after);
    }
    let mut instances = vec![];
    loop {
        let rows = match shared.store.scan(&from, &to, filter.limit).await {
            Ok(rows) => rows,
            // The entry is damaged, the instances behind it are not.
            Err(StoreError::Damaged { key, .. }) => {
                from = behind(key);
                continue;
            }
            Err(source) => {
                return Err(Unavailable::Unreadable { workflow_id: "the list".into(), source }.into());
            }
        };
        let full = rows.len() == filter.limit;
        for (key, _) in rows {
            let listed = listed(&key);
            from = behind(key);
            let matches = |l: &Listed| filter.tag.is_some() || filter.status.is_none_or(|s| l.status == Some(s));
            instances.extend(listed.filter(matches));
            if instances.len() == filter.limit {
                return Ok(Page { instances, next: Some(Cursor(from)) });
            }
        }
        if !full {
            return Ok(Page { instances, next: None });
        }
    }
}

fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

fn listed(key: &[u8]) -> Option<Listed> {
    let key = Key::parse(key).ok()?;
    let status = key.status.and_then(Status::from_number);
    let workflow = key.name.filter(|_| key.kind == Kind::Listing);
    Some(Listed { workflow_id: key.id?, workflow, status })
}
