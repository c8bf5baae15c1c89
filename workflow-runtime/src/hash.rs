//! Hash maps of the engine: at a fraction of the cost of those of the standard library for short keys, and as those keyed at
//! random in each process.
//!
//! With the feature `testing` they are keyed alike in every process. What a map drops when an engine dies (replies, handles)
//! wakes others in the map's order, so the same seed of a simulation would not give the same run.

#[cfg(not(feature = "testing"))]
type State = foldhash::fast::RandomState;
#[cfg(feature = "testing")]
type State = foldhash::fast::FixedState;

pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, State>;
pub(crate) type HashSet<K> = std::collections::HashSet<K, State>;
