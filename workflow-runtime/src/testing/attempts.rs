//! What activities were asked to do.

use crate::{activity::AttemptRequest, machine::OpId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Every attempt that has started, in order, over all engines that were given this record. Clones are the same record.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<Vec<AttemptRequest>>>);

impl Attempts {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, Vec<AttemptRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, request: &AttemptRequest) {
        self.all().push(request.clone());
    }

    /// A copy of what was noted so far.
    pub fn list(&self) -> Vec<AttemptRequest> {
        self.all().clone()
    }

    /// How often this activity was started.
    pub fn of(&self, activity: &str) -> usize {
        self.all().iter().filter(|a| a.name == activity).count()
    }

    /// What each operation was asked to do, as text, by instance, run and number.
    ///
    /// # Errors
    ///
    /// Two attempts of one operation differ in key, activity or arguments or have one number, or two operations share a key.
    pub(super) fn by_operation(&self) -> Result<BTreeMap<Place, Operation>, String> {
        let mut operations: BTreeMap<Place, Operation> = BTreeMap::new();
        let mut owners: BTreeMap<String, (Uuid, OpId)> = BTreeMap::new();
        for a in self.all().iter() {
            // Over all instances: no two of them may share a key either.
            let (of, key) = ((a.run_id, a.op), a.idempotency_key());
            let what = format!("{}{}", a.name, a.args.to_json());
            let owner = *owners.entry(key.clone()).or_insert(of);
            if owner != of {
                return Err(format!("operations {} and {} share the idempotency key {key}", owner.1, of.1));
            }
            let place = ((a.workflow_id.to_string(), a.run_id), a.op);
            let operation = operations.entry(place).or_insert_with(|| Operation {
                key: key.clone(),
                what: what.clone(),
                attempts: vec![],
            });
            if operation.key != key {
                return Err(format!("operation {} has the idempotency keys {} and {key}", a.op, operation.key));
            }
            if operation.what != what {
                return Err(format!("operation {} is first {}, then {what}", a.op, operation.what));
            }
            if operation.attempts.contains(&a.attempt) {
                return Err(format!("attempt {} of operation {} ({what}) was started twice", a.attempt, a.op));
            }
            operation.attempts.push(a.attempt);
        }
        Ok(operations)
    }
}

/// One operation: its instance and run, and its number.
pub(super) type Place = ((String, Uuid), OpId);

/// What was seen of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) key: String,
    pub(super) what: String,
    pub(super) attempts: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{activity::ActivityOptions, journal::payload::Payload};

    fn attempt(op: u64, attempt: u32, arg: u8) -> AttemptRequest {
        AttemptRequest {
            workflow_id: "w".into(),
            run_id: Uuid::from_u128(1),
            op: OpId(op),
            attempt,
            name: "charge".into(),
            args: Payload::encode(&(arg,)).unwrap(),
            options: ActivityOptions::default(),
            progress: None,
        }
    }

    #[test]
    fn an_operation_that_changes_its_mind_is_found() {
        let attempts = Attempts::new();
        attempts.note(&attempt(0, 1, 5));
        attempts.note(&attempt(0, 2, 5));
        attempts.note(&attempt(1, 1, 6));
        assert_eq!(
            attempts.by_operation().unwrap()[&(("w".to_string(), Uuid::from_u128(1)), OpId(0))].attempts,
            [1, 2]
        );
        assert_eq!(attempts.of("charge"), 3);
        let other = Attempts::new();
        other.note(&attempt(0, 1, 5));
        other.note(&attempt(0, 2, 6));
        assert!(other.by_operation().unwrap_err().contains("is first charge[5], then charge[6]"));
        attempts.note(&attempt(1, 1, 6));
        assert!(attempts.by_operation().unwrap_err().contains("started twice"));
    }
}
