//! Chance.

use rand::seq::SliceRandom;
use uuid::Uuid;

pub fn shuffle<T>(all: &mut [T]) {
    all.shuffle(&mut rand::rng());
}

pub struct Ticket {
    pub id: Uuid,
}

impl Default for Ticket {
    fn default() -> Self {
        Ticket { id: Uuid::new_v4() }
    }
}
