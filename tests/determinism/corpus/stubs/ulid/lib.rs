//! As much of ulid as the corpus calls, so that names and paths are those of ulid.

use std::{fmt, time::SystemTime};

pub struct Ulid(u128);

impl Ulid {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Ulid {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes[6..]).expect("the system has randomness");
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis());
        Ulid(u128::from_be_bytes(bytes) | at << 80)
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032X}", self.0)
    }
}
