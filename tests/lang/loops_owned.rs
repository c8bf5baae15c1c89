//! `for` over what the loop owns: each element is encoded once, and the cursor alone changes.

use crate::{agree, shop::*};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use workflow_runtime::prelude::*;

type Out = Result<Vec<String>, OrderError>;

#[workflow]
async fn owned_into_iter(words: Vec<String>, map: BTreeMap<String, u32>) -> Out {
    let mut out = vec![];
    for word in words.clone().into_iter() {
        out.push(text(&word, &[1]).await?);
    }
    for (key, n) in map.clone().into_iter() {
        out.push(text(&key, &[n]).await?);
    }
    for key in map.clone().into_keys() {
        out.push(text(&key, &[]).await?);
    }
    for n in map.into_values() {
        out.push(double(n).await?.to_string());
    }
    let list: LinkedList<u32> = [1, 2].into();
    for n in list {
        out.push(double(n).await?.to_string());
    }
    let heap: BinaryHeap<u32> = [3, 1].into();
    for n in heap.into_sorted_vec() {
        out.push(double(n).await?.to_string());
    }
    for byte in String::from("ab").into_bytes() {
        out.push(ping(u32::from(byte)).await?.to_string());
    }
    let boxed: Box<[String]> = words.into();
    for word in boxed {
        out.push(text(&word, &[3]).await?);
    }
    Ok(out)
}

#[workflow]
async fn owned_drain(mut words: Vec<String>, mut name: String) -> Out {
    let mut out = vec![];
    let mut queue: VecDeque<u32> = (0..5).collect();
    for word in words.drain(1..) {
        out.push(text(&word, &[1]).await?);
    }
    for n in queue.drain(1..3) {
        out.push(double(n).await?.to_string());
    }
    let mut heap: BinaryHeap<u32> = [3].into();
    for n in heap.drain() {
        out.push(double(n).await?.to_string());
    }
    for c in name.drain(..2) {
        out.push(text(&c.to_string(), &[]).await?);
    }
    out.push(text(&name, &[words.len() as u32, queue.len() as u32, heap.len() as u32]).await?);
    Ok(out)
}

#[workflow]
async fn owned_adaptors(words: Vec<String>, n: usize) -> Out {
    let mut out = vec![];
    for (i, word) in words.clone().into_iter().enumerate().rev() {
        out.push(text(&word, &[i as u32]).await?);
    }
    let mut skipped = n;
    for word in words.clone().into_iter().skip(skipped).take(2) {
        skipped += 1;
        out.push(text(&word, &[skipped as u32]).await?);
    }
    for word in words.clone().into_iter().step_by(2).chain(["x".to_string()]) {
        out.push(text(&word, &[1]).await?);
    }
    for (word, m) in words.clone().into_iter().zip(5..) {
        out.push(text(&word, &[m]).await?);
    }
    for (m, (word, k)) in (0..).zip(words.clone().into_iter().zip([7, 8, 9])) {
        out.push(text(&word, &[m, k]).await?);
    }
    let later = words.into_iter().rev().skip(1);
    for word in later {
        out.push(text(&word, &[2]).await?);
    }
    for n in (1..).take(3) {
        out.push(double(n).await?.to_string());
    }
    for n in std::iter::once(4).chain(Some(5)) {
        out.push(double(n).await?.to_string());
    }
    Ok(out)
}

#[workflow]
async fn owned_ranges(to: u32) -> Out {
    let mut out = vec![];
    for n in (0..to).rev() {
        out.push(double(n).await?.to_string());
    }
    for n in (0..=to).step_by(2) {
        out.push(double(n).await?.to_string());
    }
    for n in (0..=to).rev().step_by(2).skip(1) {
        out.push(double(n).await?.to_string());
    }
    for c in 'a'..='c' {
        out.push(text(&c.to_string(), &[]).await?);
    }
    for c in ('a'..'d').rev() {
        out.push(text(&c.to_string(), &[]).await?);
    }
    for n in 254..=u8::MAX {
        out.push(double(n.into()).await?.to_string());
    }
    for n in 5u32.. {
        if n > 7 {
            break;
        }
        out.push(double(n).await?.to_string());
    }
    let range = 2..4;
    for n in range {
        out.push(double(n).await?.to_string());
    }
    let mut used = 0..=2;
    used.next();
    for n in used {
        out.push(double(n).await?.to_string());
    }
    Ok(out)
}

#[workflow]
async fn owned_awaits_in_head(n: u32) -> Out {
    let mut out = vec![];
    for (a, b) in vec![double(n).await?, 4].into_iter().zip(double(1).await?..).skip(double(0).await? as usize) {
        out.push(double(a + b).await?.to_string());
    }
    for n in Some(double(n).await?) {
        out.push(double(n).await?.to_string());
    }
    for n in Ok::<u32, ()>(3) {
        out.push(double(n).await?.to_string());
    }
    Ok(out)
}

#[workflow]
async fn owned_same_name(word: Vec<String>, mut n: Vec<u32>) -> Out {
    let mut out = vec![];
    for word in word {
        out.push(text(&word, &[1]).await?);
        sleep(seconds(1)).await?;
        out.push(word);
    }
    for mut n in n.drain(..) {
        n += double(n).await?;
        sleep(seconds(1)).await?;
        out.push(n.to_string());
    }
    Ok(out)
}

#[workflow]
async fn owned_items_before_the_first_await(words: Vec<Option<String>>) -> Out {
    let mut out = vec![];
    let mut skipped = 0;
    for word in words.into_iter().rev() {
        let Some(word) = word else {
            skipped += 1;
            continue;
        };
        if skipped < 1 {
            out.push(text(&word, &[skipped]).await?);
        }
        out.push(word);
    }
    Ok(out)
}

#[workflow]
async fn owned_nested(n: u32) -> Out {
    let mut out = vec![];
    for row in vec![vec![1, 2], vec![], vec![n]] {
        for (i, cell) in row.into_iter().enumerate() {
            if cell == 2 {
                continue;
            }
            out.push(double(cell + i as u32).await?.to_string());
        }
        for set in BTreeSet::from([out.len()]) {
            ping(set as u32).await?;
        }
    }
    Ok(out)
}

fn words(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("w{i}")).collect()
}

#[workflow]
async fn alternatives(of: Vec<Result<String, String>>, lent: Vec<Result<u32, u32>>) -> Out {
    let mut all = vec![];
    for Ok(word) | Err(word) in of {
        ping(1).await?;
        all.push(word.clone());
        ping(2).await?;
        all.push(word);
    }
    for Ok(n) | Err(n) in &lent {
        let double = ping(*n).await?;
        all.push(format!("{n}{double}"));
        ping(*n).await?;
        all.push(n.to_string());
    }
    Ok(all)
}

#[test]
fn loops_own() {
    agree(|| alternatives(vec![Ok("a".into()), Err("b".into())], vec![Err(3), Ok(4)]));
    let map: BTreeMap<String, u32> = [("x".to_owned(), 5), ("y".to_owned(), 6)].into();
    for n in [1, 3] {
        agree(|| owned_into_iter(words(n), map.clone()));
        agree(|| owned_drain(words(n), "abc".into()));
    }
    for n in 0..4 {
        agree(|| owned_adaptors(words(4), n));
        agree(|| owned_ranges(n as u32));
        agree(|| owned_nested(n as u32));
        agree(|| owned_awaits_in_head(n as u32));
    }
    agree(|| owned_same_name(words(3), vec![1, 2]));
    agree(|| {
        owned_items_before_the_first_await(vec![
            Some("a".into()),
            Some("b".into()),
            None,
            Some("c".into()),
            Some("d".into()),
        ])
    });
    agree(|| {
        owned_items_before_the_first_await(
            vec![Some("a".into()), None, Some("b".into())].into_iter().rev().chain([Some("z".into())]).collect(),
        )
    });
}
