//! Signatures: whatever Rust allows where the arguments are owned. Attributes, documentation and visibility stay.

use crate::{agree, shop::*};
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    id: u32,
    note: Option<String>,
    weight: u32,
}

fn parcel() -> Parcel {
    Parcel { id: 3, note: Some("fragile".into()), weight: 12 }
}

#[workflow]
async fn takes_tuple((a, mut b): (u32, u32), c: u32) -> u32 {
    b += ping(a).await.unwrap_or(0);
    ping(b).await.unwrap_or(0) + a + c
}

#[workflow]
async fn takes_fields(Parcel { id, note, .. }: Parcel) -> String {
    ping(id).await.ok();
    ping(id).await.ok();
    format!("{id} {note:?}")
}

#[workflow]
async fn takes_nested((Parcel { id, weight: kilos, note: _ }, [first, .., last]): (Parcel, [u32; 3])) -> u32 {
    let n = ping(id).await.unwrap_or(0);
    n + kilos + first * last
}

#[workflow]
async fn takes_mutable(mut n: u32, mut names: Vec<String>) -> String {
    n += ping(n).await.unwrap_or(0);
    names.push(n.to_string());
    n += ping(n).await.unwrap_or(0);
    names.push(n.to_string());
    names.join(",")
}

#[workflow]
async fn takes_ignored(_: u32, _unused: String, n: u32) -> u32 {
    ping(n).await.unwrap_or(0)
}

#[workflow]
async fn takes_array([a, b]: [u32; 2]) -> u32 {
    ping(a).await.unwrap_or(0) * b
}

#[workflow]
async fn takes_whole(parcel @ Parcel { weight, .. }: Parcel) -> String {
    ping(weight).await.ok();
    format!("{parcel:?} {weight}")
}

#[workflow]
async fn r#match(r#type: u32, r#fn: String) -> String {
    let r#in = ping(r#type).await.unwrap_or(0);
    ping(r#in).await.ok();
    format!("{in} {fn}", in = r#in, fn = r#fn)
}

#[workflow]
async fn takes_ours(cx: u32, t0: u32, what: u32, args: u32, value: u32, to: u32, __p: u32) -> u32 {
    let operation = ping(cx).await.unwrap_or(0);
    let all = ping(t0).await.unwrap_or(0);
    operation + all + what + args + value + to + __p
}

#[allow(clippy::too_many_arguments)]
#[workflow]
async fn takes_twelve(
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: i8,
    f: i16,
    g: i32,
    h: i64,
    i: bool,
    j: char,
    k: String,
    l: Option<u8>,
) -> String {
    ping(c).await.ok();
    format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l:?}")
}

#[workflow]
async fn takes_nothing() {
    sleep(days(1)).await.ok();
}

#[workflow]
async fn takes_trailing(a: u32, /* a comment */ b: u32) -> (u32, u32) {
    (ping(a).await.unwrap_or(0), b)
}

mod shown {
    use super::*;

    /// Documentation stays, and so do the others.
    #[must_use = "it does nothing by itself"]
    #[deprecated = "use `takes_nothing`"]
    #[inline]
    #[track_caller]
    #[cfg(not(any()))]
    #[workflow]
    pub(super) async fn attributed(n: u32) -> u32 {
        ping(n).await.unwrap_or(0)
    }

    #[cfg(any())]
    #[workflow]
    pub(super) async fn left_out(n: Missing) -> u32 {}
}

#[test]
fn patterns_take_arguments_apart() {
    assert_eq!(agree(|| takes_tuple((1, 2), 3)).operations.len(), 2);
    assert_eq!(agree(|| takes_fields(parcel())).outcome["ok"], r#"3 Some("fragile")"#);
    agree(|| takes_nested((parcel(), [2, 3, 4])));
    agree(|| takes_mutable(1, vec!["x".into()]));
    agree(|| takes_ignored(1, "x".into(), 2));
    agree(|| takes_array([3, 4]));
    agree(|| takes_whole(parcel()));
}

#[test]
fn names_are_free() {
    agree(|| r#match(5, "x".into()));
    assert_eq!(workflow_runtime::Registry::linked().unwrap().workflow("match").map(|d| d.name), Some("match"));
    agree(|| takes_ours(1, 2, 3, 4, 5, 6, 7));
}

#[test]
fn none_and_twelve() {
    agree(|| takes_twelve(1, 2, 3, 4, 5, 6, 7, 8, true, 'j', "k".into(), None));
    agree(takes_nothing);
    agree(|| takes_trailing(1, 2));
}

#[test]
#[allow(deprecated)]
fn attributes_stay_on_the_function() {
    agree(|| shown::attributed(4));
}
