//! What goes wrong between a service and its callers, drawn from a seed.

use crate::rng::Rng;
use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It fails and was not applied.
    Before,
    /// It is applied, and then fails.
    After,
    /// It is applied, and the answer is lost.
    LostReply,
    /// It is applied so late that its caller has given up.
    Late,
}

/// How one request fares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub fault: Fault,
    /// Time on the way to the service.
    pub latency: Duration,
}

/// How many attempts an outage lasts: longer than the patience of the workflow's retry policy.
const OUTAGE: u64 = 6;

/// The fate of the `nth` request (from 0) with this content. It does not depend on when it comes.
pub(crate) fn fate(seed: u64, content: &str, nth: u64) -> Fate {
    let outage = Rng::of(seed, &format!("outage {content}")).below(1_000) < 6 && nth < OUTAGE;
    let mut rng = Rng::of(seed, &format!("request {nth} {content}"));
    let mut latency = Duration::from_millis(5 + rng.below(235));
    let fault = match rng.below(100) {
        n if outage => [Fault::Before, Fault::After][n as usize % 2],
        0..4 => Fault::Before,
        4..8 => Fault::After,
        8..10 => Fault::LostReply,
        10 => Fault::Late,
        _ => Fault::None,
    };
    if fault == Fault::Late {
        latency = crate::workflow::PATIENCE + Duration::from_millis(rng.below(1_000));
    }
    Fate { fault, latency }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_comes_and_the_seed_decides() {
        let faults = |seed| (0..500).map(|n| fate(seed, &format!("request {n}"), 0).fault).collect::<Vec<_>>();
        for fault in [Fault::None, Fault::Before, Fault::After, Fault::LostReply, Fault::Late] {
            assert!(faults(1).contains(&fault), "{fault:?}");
        }
        assert_eq!(faults(1), faults(1));
        assert_ne!(faults(1), faults(2));
    }

    #[test]
    fn an_outage_ends() {
        let failing = |content: &str| (0..OUTAGE).all(|n| fate(1, content, n).fault != Fault::None);
        let content = (0..5_000).map(|n| n.to_string()).find(|c| failing(c)).expect("an outage");
        assert!((OUTAGE..OUTAGE + 20).any(|n| fate(1, &content, n).fault == Fault::None));
    }
}
