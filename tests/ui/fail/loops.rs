use std::collections::{HashMap, HashSet, LinkedList};
use workflow_runtime::prelude::*;

#[activity]
async fn ping(n: u32) -> u32 {
    n
}

#[workflow]
async fn closures(numbers: Vec<u32>) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for n in numbers.iter().map(|n| n + 1) {
        sum += ping(n).await?;
    }
    for n in numbers.iter().enumerate().filter(|(i, _)| *i > 1) {
        sum += ping(*n.1).await?;
    }
    for n in numbers.into_iter().rev().peekable() {
        sum += ping(n).await?;
    }
    for n in (0..9).take_while(|n| *n < 3) {
        sum += ping(n).await?;
    }
    Ok(sum)
}

#[workflow(allow(WF003, reason = "its type is what is refused here"))]
async fn unordered(map: HashMap<u32, u32>, set: HashSet<u32>) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for (n, _) in &map {
        sum += ping(*n).await?;
    }
    for n in map.values() {
        sum += ping(*n).await?;
    }
    for n in set {
        sum += ping(n).await?;
    }
    Ok(sum)
}

#[workflow]
async fn unknown(list: LinkedList<u32>) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for n in std::iter::from_fn(|| Some(1)) {
        sum += ping(n).await?;
    }
    for n in list.iter() {
        sum += ping(*n).await?;
    }
    Ok(sum)
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Basket {
    items: Vec<u32>,
}

impl<'a> IntoIterator for &'a Basket {
    type Item = &'a u32;
    type IntoIter = Box<dyn Iterator<Item = &'a u32> + 'a>;
    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.items.iter())
    }
}

#[workflow]
async fn own_iterators(basket: Basket) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for n in &basket {
        sum += ping(*n).await?;
    }
    Ok(sum)
}

#[workflow]
async fn mixed(names: Vec<String>, numbers: Vec<u32>) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for pair in names.iter().zip(numbers) {
        sum += ping(pair.1).await?;
        sum += pair.0.len() as u32;
    }
    Ok(sum)
}

fn main() {}
