//! Numbers that nobody can draw twice.

use crate::note;
use rand::{
    Rng, RngCore, SeedableRng, TryRngCore,
    rngs::{SmallRng, StdRng},
};
use std::collections::HashMap;
use workflow_runtime::prelude::*;

/// WF002: an alias of the function
pub mod random_alias {
    use super::*;
    use rand::random as dice;

    #[workflow]
    pub async fn random_alias() -> Result<u8, WorkflowError> {
        let n = dice::<u8>() % 6;
        note("n").await?;
        Ok(n)
    }
}

/// WF002: the generator of the thread, behind a helper
pub mod random_helper {
    use super::*;

    fn roll(sides: u32) -> u32 {
        rand::rng().random_range(1..=sides)
    }

    #[workflow]
    pub async fn random_helper(sides: u32) -> Result<u32, WorkflowError> {
        let n = roll(sides);
        note("n").await?;
        Ok(n)
    }
}

/// WF002: a seed from the system
pub mod random_entropy_seed {
    use super::*;

    #[workflow]
    pub async fn random_entropy_seed() -> Result<u64, WorkflowError> {
        let n = StdRng::from_os_rng().next_u64();
        note("n").await?;
        Ok(n)
    }
}

/// WF002: a seed from the generator of the thread
pub mod random_seed_from_another {
    use super::*;

    fn generator() -> SmallRng {
        SmallRng::from_rng(&mut rand::rng())
    }

    #[workflow]
    pub async fn random_seed_from_another() -> Result<u32, WorkflowError> {
        let n = generator().next_u32();
        note("n").await?;
        Ok(n)
    }
}

/// WF002: the generator of the system, under a name of one's own
pub mod random_os {
    use super::*;
    use rand::rngs::OsRng as Seeds;

    #[workflow]
    pub async fn random_os() -> Result<u64, WorkflowError> {
        let n = Seeds.try_next_u64()?;
        note("n").await?;
        Ok(n)
    }
}

/// WF002: a shuffle in another crate
pub mod random_shuffle_elsewhere {
    use super::*;

    #[workflow]
    pub async fn random_shuffle_elsewhere(mut names: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        shared::chance::shuffle(&mut names);
        note(&names.join(",")).await?;
        Ok(names)
    }
}

/// WF002: a generator that a generic function makes by `Default`
pub mod random_default {
    use super::*;

    fn draw<R: RngCore + Default>() -> u32 {
        R::default().next_u32()
    }

    #[workflow]
    pub async fn random_default() -> Result<u32, WorkflowError> {
        let n = draw::<rand::rngs::ThreadRng>();
        note("n").await?;
        Ok(n)
    }
}

/// WF002: an id, behind an alias of the type
pub mod random_uuid_alias {
    use super::*;

    type Key = uuid::Uuid;

    #[workflow]
    pub async fn random_uuid_alias() -> Result<String, WorkflowError> {
        let key = Key::new_v4().simple().to_string();
        note(&key).await?;
        Ok(key)
    }
}

/// WF002: an id in `Default` of a derived type
pub mod random_uuid_default {
    use super::*;

    #[workflow]
    pub async fn random_uuid_default() -> Result<String, WorkflowError> {
        let ticket = shared::chance::Ticket::default();
        let text = ticket.id.to_string();
        note(&text).await?;
        Ok(text)
    }
}

/// WF002: an id from a function that is passed on
pub mod random_uuid_passed {
    use super::*;

    #[workflow]
    pub async fn random_uuid_passed(id: Option<uuid::Uuid>) -> Result<uuid::Uuid, WorkflowError> {
        let id = id.unwrap_or_else(uuid::Uuid::new_v4);
        note("id").await?;
        Ok(id)
    }
}

/// WF002: getrandom, in a helper
pub mod random_getrandom {
    use super::*;

    fn salt() -> [u8; 8] {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).ok();
        salt
    }

    #[workflow]
    pub async fn random_getrandom() -> Result<u64, WorkflowError> {
        let n = u64::from_le_bytes(salt());
        note("n").await?;
        Ok(n)
    }
}

/// WF002: fastrand, in a closure
pub mod random_fastrand {
    use super::*;
    use fastrand as fr;

    #[workflow]
    pub async fn random_fastrand(names: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let kept: Vec<String> = names.into_iter().filter(|_| fr::bool()).collect();
        note("kept").await?;
        Ok(kept)
    }
}

/// WF002: nanoid, a macro
pub mod random_nanoid {
    use super::*;

    #[workflow]
    pub async fn random_nanoid() -> Result<String, WorkflowError> {
        let id = nanoid::nanoid!();
        note(&id).await?;
        Ok(id)
    }
}

/// WF002: ulid, in a helper's helper
pub mod random_ulid {
    use super::*;

    fn id() -> ulid::Ulid {
        ulid::Ulid::new()
    }

    fn key(prefix: &str) -> String {
        format!("{prefix}-{}", id())
    }

    #[workflow]
    pub async fn random_ulid(prefix: String) -> Result<String, WorkflowError> {
        let key = key(&prefix);
        note(&key).await?;
        Ok(key)
    }
}

/// WF002: the keys of a hasher
pub mod random_state {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    fn fingerprint(text: &str) -> u64 {
        RandomState::new().hash_one(text)
    }

    #[workflow]
    pub async fn random_state(text: String) -> Result<u64, WorkflowError> {
        let n = fingerprint(&text);
        note("n").await?;
        Ok(n)
    }
}

/// WF002: the hasher of a map
pub mod random_hasher_of_a_map {
    use super::*;
    use std::hash::BuildHasher;

    #[workflow]
    pub async fn random_hasher_of_a_map(words: HashMap<String, u32>) -> Result<u64, WorkflowError> {
        let bucket = words.hasher().hash_one("key") % 16;
        note("bucket").await?;
        Ok(bucket)
    }
}

/// WF002: a trait object from a table
pub mod random_strategy {
    use super::*;

    pub trait Strategy {
        fn choose(&self, n: usize) -> usize;
    }

    pub struct First;
    pub struct Any;

    impl Strategy for First {
        fn choose(&self, _: usize) -> usize {
            0
        }
    }

    impl Strategy for Any {
        fn choose(&self, n: usize) -> usize {
            rand::random_range(0..n)
        }
    }

    static STRATEGIES: [&(dyn Strategy + Sync); 2] = [&First, &Any];

    #[workflow]
    pub async fn random_strategy(names: Vec<String>, strategy: usize) -> Result<String, WorkflowError> {
        let name = names[STRATEGIES[strategy].choose(names.len())].clone();
        note(&name).await?;
        Ok(name)
    }
}
