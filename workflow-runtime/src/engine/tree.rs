//! An instance and everything below it.

use super::{
    client::Engine,
    error::QueryError,
    list::{Filter, Listed},
};

/// An instance in a tree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Descendant {
    /// How far below the instance that was asked for: its children have 1.
    pub depth: usize,
    /// The instance.
    pub instance: Listed,
}

/// Children that are read at a time.
const PAGE: usize = 256;

impl Engine {
    /// The children of an instance, theirs, and so on, each before its own children; also those that have ended. At most
    /// `limit` of them.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: the store does not answer.
    pub async fn tree(&self, id: impl Into<String>, limit: usize) -> Result<Vec<Descendant>, QueryError> {
        let mut found = vec![];
        let mut waiting: Vec<Descendant> = self.children(&id.into(), 1, limit).await?;
        waiting.reverse();
        while let Some(next) = waiting.pop().filter(|_| found.len() < limit) {
            let more = limit.saturating_sub(found.len() + 1);
            let below = self.children(&next.instance.workflow_id, next.depth + 1, more).await?;
            waiting.extend(below.into_iter().rev());
            found.push(next);
        }
        Ok(found)
    }

    async fn children(&self, of: &str, depth: usize, limit: usize) -> Result<Vec<Descendant>, QueryError> {
        let mut found = vec![];
        let mut filter = Filter::all().children_of(of).limit(PAGE);
        while found.len() < limit {
            let page = self.list(&filter).await?;
            found.extend(page.instances.into_iter().map(|instance| Descendant { depth, instance }));
            match page.next {
                Some(next) => filter = filter.after(next),
                None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}
