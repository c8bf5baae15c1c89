//! Ranges of records, read page by page. A damaged one is told, and hides no other.

use crate::store::{Row, Store, StoreError};

/// A range of which some records may have been read.
pub(super) struct Pages {
    from: Vec<u8>,
    to: Vec<u8>,
    newest_first: bool,
    over: bool,
}

/// What follows in a range.
pub(super) enum Read {
    Rows(Vec<Row>),
    /// A record that does not read back.
    Damaged {
        key: Vec<u8>,
        reason: String,
    },
}

impl Pages {
    pub(super) fn new((from, to): (Vec<u8>, Vec<u8>)) -> Self {
        Pages { from, to, newest_first: false, over: false }
    }

    /// From its end to its beginning.
    pub(super) fn newest_first(range: (Vec<u8>, Vec<u8>)) -> Self {
        Pages { newest_first: true, ..Pages::new(range) }
    }

    /// Whether all of it was read.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The next `limit` records, or fewer; `None` behind the last.
    ///
    /// # Errors
    ///
    /// The store cannot be read. A damaged record is none.
    pub(super) async fn next(&mut self, store: &dyn Store, mut limit: usize) -> Result<Option<Read>, StoreError> {
        while !self.over {
            let scanned = match self.newest_first {
                true => store.scan_back(&self.from, &self.to, limit).await,
                false => store.scan(&self.from, &self.to, limit).await,
            };
            match scanned {
                Ok(rows) => {
                    self.over = rows.len() < limit;
                    let Some((last, _)) = rows.last() else { continue };
                    self.go_on(last.clone());
                    return Ok(Some(Read::Rows(rows)));
                }
                // A scan gives nothing of what is before it, either.
                Err(StoreError::Damaged { .. }) if limit > 1 => limit /= 2,
                Err(StoreError::Damaged { key, reason }) => {
                    self.go_on(key.clone());
                    return Ok(Some(Read::Damaged { key, reason }));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// The key of the next record, which may be damaged.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) async fn next_key(&mut self, store: &dyn Store) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self.next(store, 1).await? {
            Some(Read::Rows(rows)) => rows.into_iter().next().map(|(key, _)| key),
            Some(Read::Damaged { key, .. }) => Some(key),
            None => None,
        })
    }

    /// Goes on behind a key.
    fn go_on(&mut self, mut key: Vec<u8>) {
        if self.newest_first {
            self.to = key;
        } else {
            key.push(0);
            self.from = key;
        }
    }

    /// Leaves out what is before a key.
    pub(super) fn skip_to(&mut self, key: Vec<u8>) {
        self.from = key;
    }
}
