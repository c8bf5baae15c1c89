//! What a loop of `n` elements costs in all, counted in elements that are encoded.

use crate::{agree, shop::*};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    prelude::*,
};

thread_local! {
    static ENCODED: Cell<usize> = const { Cell::new(0) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Counted(u32);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        ENCODED.set(ENCODED.get() + 1);
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        u32::deserialize(d).map(Counted)
    }
}

type Sum = Result<u64, OrderError>;

fn all<C: FromIterator<Counted>>(n: u32) -> C {
    (0..n).map(Counted).collect()
}

#[workflow]
async fn cost_owned(n: u32) -> Sum {
    let items: Vec<Counted> = all(n);
    let mut sum = 0;
    for item in items {
        sum += u64::from(ping(item.0).await?);
    }
    Ok(sum)
}

#[workflow]
async fn cost_owned_adapted(n: u32) -> Sum {
    let items: VecDeque<Counted> = all(n);
    let mut sum = 0;
    for (i, item) in items.into_iter().rev().enumerate() {
        sum += u64::from(ping(item.0).await?) + i as u64;
    }
    Ok(sum)
}

#[workflow]
async fn cost_borrowed(n: u32) -> Sum {
    let mut items: Vec<Counted> = all(n);
    items.reverse();
    let mut sum = 0;
    for (item, i) in items.iter().skip(1).zip(1u64..) {
        sum += u64::from(ping(item.0).await?) + i;
    }
    Ok(sum)
}

#[workflow]
async fn cost_zipped(n: u32) -> Sum {
    let mut items: Vec<Counted> = all(n);
    items.reverse();
    let mut sum = 0;
    for (item, other) in items.iter().rev().zip(items.iter()) {
        sum += u64::from(ping(item.0).await?) + u64::from(other.0);
    }
    Ok(sum)
}

#[workflow]
async fn cost_map(n: u32) -> Sum {
    let items: BTreeMap<u32, Counted> = (0..n).map(|i| (i, Counted(i))).collect();
    let mut sum = 0;
    for (key, item) in items.iter().rev() {
        sum += u64::from(ping(item.0).await?) + u64::from(*key);
    }
    Ok(sum)
}

#[workflow]
async fn cost_mutable(n: u32) -> Sum {
    let mut items: Vec<Counted> = all(n);
    let mut sum = 0;
    for item in &mut items {
        sum += u64::from(ping(sum as u32 % 7).await?);
        item.0 += 1;
    }
    Ok(sum + u64::from(items[0].0))
}

/// How many elements were encoded in a run of a machine; the driver makes three, of which two evict.
#[track_caller]
fn encoded<W: Workflow>(call: impl Fn() -> WorkflowCall<W>) -> usize {
    ENCODED.set(0);
    agree(call);
    assert_eq!(ENCODED.get() % 3, 0, "the runs differ in what they encode");
    ENCODED.get() / 3
}

#[test]
fn each_element_is_encoded_once() {
    for n in [10, 200] {
        let once = n as usize;
        // The first element is taken before the first checkpoint.
        assert_eq!(encoded(|| cost_owned(n)), once - 1);
        assert_eq!(encoded(|| cost_owned_adapted(n)), once - 1);
        assert_eq!(encoded(|| cost_borrowed(n)), once);
        assert_eq!(encoded(|| cost_zipped(n)), once);
        assert_eq!(encoded(|| cost_map(n)), once);
    }
}

#[test]
fn what_is_changed_at_every_step_is_encoded_at_every_step() {
    assert_eq!(encoded(|| cost_mutable(10)), 10 * 10);
}
