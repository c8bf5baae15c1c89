//! Which commits are admitted, and what they write. Shared by all backends, called by one writer at a time.

use super::record::{self, Medium, Op, Summary};
use super::{
    Commit, CommitError, Fence, MAX_COMMIT_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, Revision, ShardId, StoreError, Write,
};
use crate::hash::HashMap;
use crate::journal::key;

/// The newest fence of every shard.
#[derive(Debug, Default)]
pub(super) struct Fences {
    /// The newest acquisition of all shards at once.
    all: u64,
    /// The newest acquisition of single shards.
    single: HashMap<ShardId, u64>,
    /// The newest of all.
    last: u64,
}

impl Fences {
    /// Reads the fences that a store holds.
    pub(super) fn load<M: Medium>(medium: &M) -> Result<Self, StoreError> {
        let mut fences = Self::default();
        let (from, to) = key::range(&record::own(key::STORE_FENCES));
        let mut found = Vec::new();
        medium.range(&from, &to, &mut |physical, raw| {
            found.push((physical.to_vec(), record::open_own(physical, raw)?));
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        for (physical, token) in found {
            match key::parse_store_fence(&physical[1..]) {
                Some(Some(shard)) => drop(fences.single.insert(shard, token)),
                Some(None) => fences.all = token,
                None => {
                    return Err(StoreError::damaged(&physical, "it is not the fence of a shard"));
                }
            }
            fences.last = fences.last.max(token);
        }
        Ok(fences)
    }

    fn current(&self, shard: ShardId) -> u64 {
        self.single.get(&shard).map_or(self.all, |token| self.all.max(*token))
    }

    /// A new fence for one shard, or for all of them, and the write that makes it last.
    pub(super) fn acquire(&mut self, shard: Option<ShardId>, owner: &str) -> (Vec<Fence>, Op) {
        self.last += 1;
        let token = self.last;
        let physical = record::own(&key::store_fence(shard));
        let op = (physical.clone(), Some(record::seal_own(&physical, token, owner.as_bytes())));
        match shard {
            Some(shard) => {
                self.single.insert(shard, token);
                (vec![Fence { shard, token }], op)
            }
            None => {
                self.all = token;
                (ShardId::all().map(|shard| Fence { shard, token }).collect(), op)
            }
        }
    }

    pub(super) fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        let current = self.current(fence.shard);
        if fence.token == current && current != 0 {
            return Ok(());
        }
        Err(StoreError::Fenced { shard: fence.shard, held: fence.token, current })
    }

    fn check(&self, fence: Fence) -> Result<(), CommitError> {
        let current = self.current(fence.shard);
        if fence.token == current && current != 0 {
            return Ok(());
        }
        Err(CommitError::Fenced { shard: fence.shard, held: fence.token, current })
    }
}

/// What is known of the records that guard instances, from one flush to the next: whoever commits will commit again.
#[derive(Debug, Default)]
pub(super) struct Guards(HashMap<Vec<u8>, Summary>);

/// So many are known at most.
const MOST_GUARDS: usize = 1 << 14;

impl Guards {
    /// What was admitted is not in the store after all.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// A commit in its stored form. Whoever commits makes it, not the one thread that writes for all.
#[derive(Debug)]
pub(super) struct Encoded {
    fence: Fence,
    instance: Vec<u8>,
    based_on: Revision,
    revision: Revision,
    ops: Vec<Op>,
    /// In their order; each has the next of `ops`.
    writes: Vec<Encoding>,
}

/// What became of one write.
#[derive(Debug)]
struct Encoding {
    kind: Kind,
    /// In how many parts the value is.
    parts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Put,
    Append,
    Delete,
}

impl Encoding {
    /// How many changes below the contract it is: the record, and its parts.
    fn ops(&self) -> usize {
        1 + self.parts as usize
    }
}

impl Encoded {
    pub(super) fn new(commit: Commit) -> Result<Self, CommitError> {
        validate(&commit)?;
        let Commit { fence, instance, based_on, revision, writes } = commit;
        let mut ops = Vec::with_capacity(writes.len());
        let encode = |write| {
            let (kind, key, value) = match write {
                Write::Put { key, value } => (Kind::Put, key, value),
                Write::Append { key, value } => (Kind::Append, key, value),
                Write::Delete { key } => {
                    ops.push((record::physical_of(key), None));
                    return Encoding { kind: Kind::Delete, parts: 0 };
                }
            };
            record::encode(key, &value, revision, &mut ops);
            Encoding { kind, parts: record::parts(value.len()) }
        };
        let writes = writes.into_iter().map(encode).collect();
        Ok(Self { fence, instance, based_on, revision, ops, writes })
    }

    /// The writes with the keys of their records.
    fn keyed(&self) -> impl Iterator<Item = (&Encoding, &[u8])> {
        let mut ops = self.ops.iter();
        self.writes.iter().filter_map(move |write| {
            let (head, _) = ops.next()?;
            ops.by_ref().take(write.ops() - 1).for_each(drop);
            Some((write, record::logical(head)?))
        })
    }
}

/// Commits on their way into one flush.
pub(super) struct Stage<'a, M: Medium> {
    base: &'a M,
    guards: &'a mut Guards,
    /// The other records that were touched, as the commits before left them. Without those that were appended in one piece:
    /// what the base says of them is right.
    known: HashMap<Vec<u8>, Summary>,
}

impl<'a, M: Medium> Stage<'a, M> {
    pub(super) fn new(base: &'a M, guards: &'a mut Guards) -> Self {
        if guards.0.len() > MOST_GUARDS {
            guards.forget();
        }
        Self { base, guards, known: HashMap::default() }
    }

    /// What `commit` writes, unless it is refused.
    pub(super) fn admit(&mut self, commit: Encoded, fences: &Fences) -> Result<Vec<Op>, CommitError> {
        fences.check(commit.fence)?;
        let found = match commit.based_on {
            Revision::DAMAGED => self.damaged(&commit.instance)?,
            _ => self.guard(&commit.instance)?.revision.unwrap_or_default(),
        };
        if found != commit.based_on {
            return Err(CommitError::Revision { instance: commit.instance, based_on: commit.based_on, found });
        }
        // All that can fail comes before the first write.
        for (write, key) in commit.keyed() {
            match write.kind {
                Kind::Append => self.expect_nothing(key),
                Kind::Put | Kind::Delete if key == commit.instance => {}
                // Never in parts, so it does not matter what was there.
                Kind::Put | Kind::Delete if key::is_index(key) => {}
                Kind::Put | Kind::Delete => self.look(key)?,
            }
        }
        let Encoded { revision, ops, writes, .. } = commit;
        let mut all = Vec::with_capacity(ops.len());
        let mut ops = ops.into_iter();
        for write in writes {
            let key = ops.as_slice().first().and_then(|(head, _)| record::logical(head)).unwrap_or_default();
            let gone = self.gone(&write, key, revision);
            all.extend(ops.by_ref().take(write.ops()));
            // Behind the record itself, before what a later write makes of it.
            all.extend(gone);
        }
        Ok(all)
    }

    /// The record of an instance, whose revision matters.
    fn guard(&mut self, key: &[u8]) -> Result<Summary, StoreError> {
        if let Some(summary) = self.guards.0.get(key) {
            return Ok(*summary);
        }
        let summary = match self.base.read(&record::physical(key))? {
            None => Summary::ABSENT,
            Some(raw) => Summary::exact(key, raw.as_ref())?,
        };
        self.guards.0.insert(key.to_vec(), summary);
        Ok(summary)
    }

    /// The revision of an instance whose record is to be written over because it is damaged, be it in one of its parts.
    fn damaged(&mut self, key: &[u8]) -> Result<Revision, StoreError> {
        match record::read(self.base, key) {
            Ok(found) => Ok(found.map_or(Revision::NONE, |(revision, _)| revision)),
            Err(StoreError::Damaged { .. }) => {
                let summary = self.summary(key)?;
                self.guards.0.insert(key.to_vec(), summary);
                Ok(Revision::DAMAGED)
            }
            Err(e) => Err(e),
        }
    }

    fn look(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if self.guards.0.contains_key(key) || self.known.contains_key(key) {
            return Ok(());
        }
        let summary = self.summary(key)?;
        self.known.insert(key.to_vec(), summary);
        Ok(())
    }

    /// What is to be replaced, damaged or not.
    fn summary(&self, key: &[u8]) -> Result<Summary, StoreError> {
        match self.base.read(&record::physical(key)) {
            Ok(raw) => Ok(raw.map_or(Summary::ABSENT, |raw| Summary::lenient(raw.as_ref()))),
            // What it lies together with is damaged. That does not prevent it from being replaced, either.
            Err(StoreError::Damaged { .. }) => Ok(Summary { revision: None, parts: 0 }),
            Err(e) => Err(e),
        }
    }

    fn expect_nothing(&self, key: &[u8]) {
        debug_assert!(
            self.known.contains_key(key) || !matches!(self.base.read(&record::physical(key)), Ok(Some(_))),
            "an appended record was there already: {}",
            key::describe(key)
        );
    }

    /// Takes note of a write. Returns the removals of the parts that are left over from what was there.
    fn gone(&mut self, write: &Encoding, key: &[u8], revision: Revision) -> Vec<Op> {
        let now = match write.kind {
            Kind::Put | Kind::Append => Summary { revision: Some(revision), parts: write.parts },
            Kind::Delete => Summary::ABSENT,
        };
        // The instance's own was found when the commit was admitted.
        let known = match self.guards.0.get_mut(key) {
            Some(known) => Some(known),
            None => self.known.get_mut(key),
        };
        let was = match known {
            Some(known) => std::mem::replace(known, now).parts,
            None => {
                if write.kind != Kind::Append || now.parts > 0 {
                    self.known.insert(key.to_vec(), now);
                }
                0
            }
        };
        (now.parts..was).map(|n| (record::part(key, n), None)).collect()
    }
}

fn validate(commit: &Commit) -> Result<(), CommitError> {
    let malformed = |reason| Err(CommitError::Malformed { instance: commit.instance.clone(), reason });
    match commit.based_on {
        Revision::DAMAGED if matches!(commit.revision, Revision::NONE | Revision::DAMAGED) => {
            return malformed("its revision is none");
        }
        Revision::DAMAGED => {}
        before if commit.revision <= before => {
            return malformed("its revision is not higher than the one it is based on");
        }
        _ => {}
    }
    if !commit.writes.iter().any(|write| write.key() == commit.instance) {
        return malformed("it neither puts nor deletes the record of its instance");
    }
    if key::shard_of(&commit.instance).is_some_and(|shard| shard != commit.fence.shard) {
        return malformed("its fence is of another shard than its instance");
    }
    let mut total = 0;
    for write in &commit.writes {
        total += match write {
            Write::Put { key, value } | Write::Append { key, value } => key.len() + value.len(),
            Write::Delete { key } => key.len(),
        };
        let too_large =
            |what, bytes, limit| Err(CommitError::TooLarge { what, key: write.key().to_vec(), bytes, limit });
        match write {
            Write::Put { key, .. } | Write::Append { key, .. } | Write::Delete { key } if key.len() > MAX_KEY_BYTES => {
                return too_large("key", key.len(), MAX_KEY_BYTES);
            }
            Write::Put { value, .. } | Write::Append { value, .. } if value.len() > MAX_VALUE_BYTES => {
                return too_large("value", value.len(), MAX_VALUE_BYTES);
            }
            Write::Put { key, value } if record::parts(value.len()) > 0 && key::is_index(key) => {
                return too_large("entry of an index", value.len(), record::BODY);
            }
            _ if total > MAX_COMMIT_BYTES => return too_large("commit", total, MAX_COMMIT_BYTES),
            _ => {}
        }
    }
    Ok(())
}
