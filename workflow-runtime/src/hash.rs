//! Hash maps of the hot paths: keyed at random in each process, as those of the standard library, at a fraction of the cost
//! for short keys.

pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
pub(crate) type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;
