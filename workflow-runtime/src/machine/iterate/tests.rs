//! Views give what the iterators of the standard library give, also if the cursor is saved and loaded between all items.

use super::*;
use crate::journal::payload::Payload;
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Debug,
};

/// Goes through a view, which is made anew for each use, as a loop does.
fn walked<V>(view: impl Fn() -> V) -> Vec<V::Item>
where
    V: View<Mark: Serialize + DeserializeOwned>,
{
    let mut at = cursor(view());
    let mut items = vec![];
    while advance(view(), &mut at) {
        at = Payload::encode(&at).unwrap().decode().unwrap();
        items.push(item(view(), &at));
        assert!(items.len() < 1_000, "the loop does not end");
    }
    items
}

fn same<V>(view: impl Fn() -> V, expected: impl IntoIterator<Item = V::Item>)
where
    V: View<Item: Debug + PartialEq, Mark: Serialize + DeserializeOwned>,
{
    assert_eq!(walked(view), expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn slices() {
    let all: Vec<u8> = (0..7).collect();
    let view = || source(&all, |p| p.iter());
    same(view, all.iter());
    same(|| rev(view()), all.iter().rev());
    same(|| enumerate(rev(view())), all.iter().rev().enumerate());
    same(|| rev(enumerate(view())), all.iter().enumerate().rev());
    for n in 0..9 {
        same(|| skip(view(), n), all.iter().skip(n));
        same(|| rev(skip(view(), n)), all.iter().skip(n).rev());
        same(|| take(view(), n), all.iter().take(n));
        same(|| rev(take(view(), n)), all.iter().take(n).rev());
        same(|| take(rev(skip(view(), 1)), n), all.iter().skip(1).rev().take(n));
        same(|| step_by(view(), n + 1), all.iter().step_by(n + 1));
        same(|| rev(step_by(view(), n + 1)), all.iter().step_by(n + 1).rev());
        same(|| step_by(rev(view()), n + 1), all.iter().rev().step_by(n + 1));
        same(|| source(&all, |p| p.chunks(n + 1)), all.chunks(n + 1));
        same(|| rev(source(&all, |p| p.chunks(n + 1))), all.chunks(n + 1).rev());
        same(|| source(&all, |p| p.windows(n + 1)), all.windows(n + 1));
        same(|| source(&all, |p| p.chunks_exact(n + 1)), all.chunks_exact(n + 1));
        same(|| chain(take(view(), n), view()), all.iter().take(n).chain(&all));
        same(|| rev(chain(take(view(), n), view())), all.iter().take(n).chain(&all).rev());
        same(|| zip(take(view(), n), view()), all.iter().take(n).zip(&all));
        same(|| rev(zip(view(), take(view(), n))), all.iter().zip(all.iter().take(n)).rev());
    }
    same(|| cloned(view()), all.iter().copied());
    let from = owned(3..);
    same(|| zip(view(), &from), all.iter().zip(3..));
    let queue: VecDeque<u8> = all.iter().copied().collect();
    same(|| rev(source(&queue, |p| p.iter())), queue.iter().rev());
    same(|| source(&Some(1), |p| p.iter()), &[1]);
    same(|| source(&None::<u8>, |p| p.iter()), &[]);
}

#[test]
fn ordered_collections() {
    let map: BTreeMap<u8, char> = ('a'..='f').enumerate().map(|(i, c)| (i as u8 * 2, c)).collect();
    let view = || source(&map, |p| p.iter());
    same(view, &map);
    same(|| rev(view()), map.iter().rev());
    same(|| rev(enumerate(view())), map.iter().enumerate().rev());
    same(|| source(&map, |p| p.keys()), map.keys());
    same(|| source(&map, |p| p.values()), map.values());
    let boxed = std::sync::Arc::new(Box::new(&map));
    same(|| source(&boxed, |p| p.values()), map.values());
    for n in 0..8 {
        same(|| skip(view(), n), map.iter().skip(n));
        same(|| rev(skip(view(), n)), map.iter().skip(n).rev());
        same(|| rev(take(view(), n)), map.iter().take(n).rev());
        same(|| step_by(view(), n + 1), map.iter().step_by(n + 1));
        same(|| chain(skip(view(), n), view()), map.iter().skip(n).chain(&map));
        let (from, to) = (n as u8, n as u8 + 5);
        same(|| source(&map, |p| p.range(from..to)), map.range(from..to));
        same(|| rev(source(&map, |p| p.range(from..=to))), map.range(from..=to).rev());
        same(|| skip(rev(source(&map, |p| p.range(from..))), n), map.range(from..).rev().skip(n));
    }
    let set: BTreeSet<char> = map.values().copied().collect();
    same(|| enumerate(rev(source(&set, |p| p.iter()))), set.iter().rev().enumerate());
    same(|| source(&set, |p| p.range('b'..'e')), set.range('b'..'e'));
    let mut changed = map.clone();
    let mut at = cursor(source(&changed, |p| p.values()));
    while advance(source(&changed, |p| p.values()), &mut at) {
        *item(source_mut(&mut changed, |p| p.values_mut()), &at) = 'z';
    }
    assert!(changed.values().all(|c| *c == 'z'));
}

#[test]
fn texts() {
    for text in ["", "a", "añb→c\n d\r\n\ne, ,f"] {
        let owned = text.to_owned();
        let chars = || source(&owned, |p| p.chars());
        same(chars, text.chars());
        same(|| rev(chars()), text.chars().rev());
        same(|| step_by(skip(chars(), 1), 2), text.chars().skip(1).step_by(2));
        same(|| take(rev(chars()), 3), text.chars().rev().take(3));
        same(|| source(&owned, |p| p.char_indices()), text.char_indices());
        same(|| rev(source(&owned, |p| p.char_indices())), text.char_indices().rev());
        same(|| source(&owned, |p| p.bytes()), text.bytes());
        let lines = pieces(&owned, |p| p.lines());
        same(|| pieced(&owned, &lines), text.lines());
        same(|| rev(enumerate(pieced(&owned, &lines))), text.lines().collect::<Vec<_>>().into_iter().enumerate().rev());
        let split = pieces(&owned, |p| p.split(','));
        same(|| rev(pieced(&owned, &split)), text.split(',').rev());
        let commas = pieces(&owned, |p| p.match_indices(','));
        same(|| pieced(&owned, &commas), text.match_indices(','));
    }
}

#[test]
fn owned_items_are_taken_once_and_survive_being_saved_in_the_middle() {
    let mut items = owned(vec![Some("a".to_owned()), None, Some("c".to_owned())]);
    let mut at = cursor(&items);
    let mut seen = vec![];
    while advance(&items, &mut at) {
        seen.push(item(&items, &at));
        items = Payload::encode(&items).unwrap().decode().unwrap();
    }
    assert_eq!(seen, [Some("a".to_owned()), None, Some("c".to_owned())]);
    let items = owned(vec![1, 2, 3, 4, 5].into_iter().rev().skip(1));
    same(|| step_by(&items, 1), [4, 3, 2, 1]);
}

#[test]
fn ranges() {
    let (half, whole, none, chars) = (
        owned(3..6_u8),
        owned(250..=255_u8),
        {
            let (from, to) = (5, 4);
            owned(from..=to)
        },
        owned('a'..='e'),
    );
    same(|| rev(&half), (3..6).rev());
    same(|| &whole, 250..=255);
    same(|| rev(&whole), (250..=255).rev());
    same(|| &none, []);
    same(|| step_by(rev(&chars), 2), ['e', 'c', 'a']);
    let all = owned(i64::MIN..=i64::MAX);
    same(|| take(&all, 2), [i64::MIN, i64::MIN + 1]);
}
