//! What a store shows, against a map of all that was written.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rand::Rng;
use rand::rngs::StdRng;

use super::table::Table;
use crate::store::record::{self, Medium, Op};
use crate::store::{Revision, Row, StoreError};

/// Records in physical form.
pub(super) type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A record as a commit gives it to the log.
pub(super) fn put(key: &[u8], value: &[u8], into: &mut Table) {
    let mut ops: Vec<Op> = vec![];
    record::encode(key.to_vec(), value, Revision(1), &mut ops);
    into.extend(ops);
}

pub(super) fn update(model: &mut Model, table: &Table) {
    for (key, value) in table.all() {
        match value {
            Some(value) => drop(model.insert(key, value)),
            None => drop(model.remove(&key)),
        }
    }
}

pub(super) fn all(medium: &impl Medium, from: &[u8], to: &[u8]) -> Result<Vec<Row>, StoreError> {
    let mut found = vec![];
    let mut each = |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(ControlFlow::Continue(()))
    };
    medium.range(from, to, &mut each)?;
    Ok(found)
}

/// What readers see is what was written, wherever it is: all of it, and what is within and at the bounds.
pub(super) fn agree(
    medium: &impl Medium,
    model: &Model,
    mut bounds: Vec<Vec<u8>>,
    random: &mut StdRng,
) -> Result<(), StoreError> {
    let rows = |from: &[u8], to: &[u8]| -> Vec<_> {
        model.range(from.to_vec()..to.to_vec()).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (low, high) = (record::physical(&[]), record::physical(&[u8::MAX]));
    assert!(all(medium, &low, &high)? == rows(&low, &high));
    bounds.extend(model.keys().filter(|key| **key >= low).cloned());
    // As who reads page by page goes on behind the last key.
    bounds.extend(bounds.clone().into_iter().map(|key| [key, vec![0]].concat()));
    for _ in 0..30 {
        let mut two = [0; 2].map(|_| bounds[random.random_range(0..bounds.len())].clone());
        two.sort();
        let [from, to] = two;
        let expected = rows(&from, &to);
        assert!(all(medium, &from, &to)? == expected, "{} to {}", from.escape_ascii(), to.escape_ascii());
        let last = medium.last(&from, &to)?.map(|(key, value)| (key, value.as_ref().to_vec()));
        assert!(last.as_ref() == expected.last(), "{} to {}", from.escape_ascii(), to.escape_ascii());
        let found = medium.read(&from)?.map(|value| value.as_ref().to_vec());
        assert!(found.as_ref() == model.get(&from), "{}", from.escape_ascii());
    }
    Ok(())
}
