//! How one run of a sweep differs from the undisturbed one, in words and as a key that reproduces it.

use super::deliveries::Deliveries;
use crate::store::Fault;
use std::{fmt, str::FromStr};

/// Where instances live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    Sled,
}

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crash {
    /// Number of the commit, from 0.
    pub(super) commit: u64,
    /// Before it is made, or after it is durable.
    pub(super) before: bool,
    /// The next process dies as well, so many commits after its first.
    pub(super) again: Option<u64>,
}

impl Crash {
    /// What happens at a commit. Those of all processes are counted together.
    pub(super) fn fault(self, n: u64) -> Fault {
        let again = self.again.map(|after| self.commit + 1 + after);
        match self.before {
            _ if n != self.commit && Some(n) != again => Fault::None,
            true => Fault::CrashBefore,
            false => Fault::CrashAfter,
        }
    }

    /// Goes to the first commit whose turn it is, with instances resident or evicted, and says how far it is to the next: between
    /// them the two have every commit, before as after, and each has every other one.
    pub(super) fn take_turns(&mut self, evict: bool) -> u64 {
        self.commit = (u64::from(evict) + u64::from(self.before) + self.again.unwrap_or_default()) % 2;
        2
    }

    pub(super) fn most(self) -> usize {
        1 + usize::from(self.again.is_some())
    }
}

/// How one run differs from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) backend: Backend,
    /// Instances are evicted after every step.
    pub(super) evict: bool,
    pub(super) deliveries: Deliveries,
    pub(super) crash: Option<Crash>,
}

impl Variant {
    /// Nothing special happens.
    pub(super) fn plain(backend: Backend) -> Self {
        Variant { backend, evict: false, deliveries: Deliveries::Once, crash: None }
    }

    /// How many attempts of one operation may be lost.
    pub(super) fn crashes(self) -> usize {
        self.crash.map_or(0, Crash::most)
    }

    /// What names this variant in `only`: `memory-evicted-before3-again1`.
    pub(super) fn key(self) -> String {
        let mut key = String::from(match self.backend {
            Backend::Memory => "memory",
            Backend::Sled => "sled",
        });
        key += if self.evict { "-evicted" } else { "-resident" };
        key += &match self.deliveries {
            Deliveries::Once => String::new(),
            Deliveries::Doubled => "-doubled".into(),
            Deliveries::Reversed => "-reversed".into(),
            Deliveries::Shuffled(n) => format!("-shuffled{n}"),
        };
        if let Some(Crash { commit, before, again }) = self.crash {
            key += &format!("-{}{commit}", if before { "before" } else { "after" });
            key += &again.map_or_else(String::new, |n| format!("-again{n}"));
        }
        key
    }
}

impl FromStr for Variant {
    type Err = String;
    fn from_str(key: &str) -> Result<Self, String> {
        let mut variant = Variant::plain(Backend::Memory);
        for part in key.split('-') {
            let digits = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
            let (word, number) = part.split_at(digits);
            let number = if number.is_empty() { Ok(None) } else { number.parse::<u64>().map(Some) };
            let crash = |before, commit| Some(Crash { commit, before, again: None });
            match (word, number) {
                ("memory", Ok(None)) => variant.backend = Backend::Memory,
                ("sled", Ok(None)) => variant.backend = Backend::Sled,
                ("resident", Ok(None)) => variant.evict = false,
                ("evicted", Ok(None)) => variant.evict = true,
                ("doubled", Ok(None)) => variant.deliveries = Deliveries::Doubled,
                ("reversed", Ok(None)) => variant.deliveries = Deliveries::Reversed,
                ("shuffled", Ok(Some(n))) => variant.deliveries = Deliveries::Shuffled(n),
                ("before", Ok(Some(n))) => variant.crash = crash(true, n),
                ("after", Ok(Some(n))) => variant.crash = crash(false, n),
                ("again", Ok(n @ Some(_))) if variant.crash.is_some() => {
                    variant.crash = variant.crash.map(|c| Crash { again: n, ..c });
                }
                _ => {
                    return Err(format!(
                        "`{part}` in `{key}` names no variant: copy the line that a failed sweep has printed, such as `memory-evicted-before3`"
                    ));
                }
            }
        }
        Ok(variant)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.crash {
            Some(Crash { commit, before: true, .. }) => write!(f, "crash before commit {commit}")?,
            Some(Crash { commit, before: false, .. }) => write!(f, "crash after commit {commit}")?,
            None => f.write_str("no crash")?,
        }
        if let Some(Crash { again: Some(after), .. }) = self.crash {
            write!(f, " and again {} later", after + 1)?;
        }
        f.write_str(match self.backend {
            Backend::Memory => ", in memory",
            Backend::Sled => ", on sled",
        })?;
        f.write_str(if self.evict { ", evicted after every step" } else { ", resident" })?;
        match self.deliveries {
            Deliveries::Once => Ok(()),
            Deliveries::Doubled => f.write_str(", every report of an attempt delivered twice"),
            Deliveries::Reversed => f.write_str(", reports of attempts that run together delivered in reverse order"),
            Deliveries::Shuffled(n) => {
                write!(f, ", reports of attempts that run together delivered in random order {n}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_variant() {
        let keys = [
            "memory-resident",
            "sled-evicted-before3",
            "memory-evicted-after12-again1",
            "memory-resident-doubled",
            "memory-resident-reversed",
            "memory-resident-shuffled7",
        ];
        for key in keys {
            assert_eq!(key.parse::<Variant>().unwrap().key(), key);
        }
        for wrong in ["", "memory-before", "again1", "memory-resident-3", "before99999999999999999999", "disk"] {
            assert!(wrong.parse::<Variant>().unwrap_err().contains("names no variant"), "{wrong}");
        }
    }

    #[test]
    fn by_turns_every_commit_has_its_deaths_and_both_ways_have_every_other_commit() {
        for (before, again) in [(true, None), (false, None), (true, Some(0)), (false, Some(1))] {
            let commits = |evict| {
                let mut crash = Crash { commit: 0, before, again };
                let step = crash.take_turns(evict);
                (crash.commit..8).step_by(step as usize).collect::<Vec<_>>()
            };
            let (resident, evicted) = (commits(false), commits(true));
            assert_eq!((resident.len(), evicted.len()), (4, 4));
            assert!((0..8).all(|n| resident.contains(&n) != evicted.contains(&n)), "{resident:?}, {evicted:?}");
            let mut other = Crash { commit: 0, before: !before, again };
            other.take_turns(false);
            assert_ne!(other.commit, resident[0], "a commit has the one way before it and the other after it");
        }
    }
}
