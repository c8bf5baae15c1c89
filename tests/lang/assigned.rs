//! Locals that are assigned anew behind an await, where nothing in that piece of code says their type.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn with_a_written_type(o: Order) -> Result<bool, OrderError> {
    let mut x: Option<Order> = Some(o);
    let r = x.as_ref();
    ping(r.map_or(0, |o| o.cents as u32)).await?;
    x = None;
    Ok(x.is_some())
}

#[workflow]
async fn with_an_inferred_type(o: Order) -> Result<bool, OrderError> {
    let mut x = Some(o);
    let r = x.as_ref();
    ping(r.map_or(0, |o| o.cents as u32)).await?;
    ping(r.map_or(0, |o| o.cents as u32)).await?;
    x = None;
    Ok(x.is_some())
}

#[workflow]
async fn anew_in_a_loop(n: u32) -> Result<usize, OrderError> {
    let mut seen = vec![n];
    let mut total = 0;
    while total < 9 {
        total += double(seen.iter().sum()).await?;
        seen = Vec::new();
        seen.extend([1]);
        total += ping(seen.len() as u32).await?;
        seen = Default::default();
    }
    Ok(seen.len())
}

#[allow(unused_assignments, reason = "that is tested")]
#[workflow]
async fn anew_arguments(mut note: Option<String>, n: u32) -> Result<bool, OrderError> {
    ping(note.map_or(0, |n| n.len() as u32)).await?;
    note = None;
    ping(n).await?;
    note = None;
    Ok(note.is_none())
}

#[workflow]
async fn anew_bound_by_patterns(pair: Option<(Option<u64>, Vec<u8>)>) -> Result<usize, OrderError> {
    if let Some((mut a, mut b)) = pair.clone() {
        ping(a.unwrap_or(1) as u32 + b.len() as u32).await?;
        a = None;
        b = vec![];
        ping(b.len() as u32).await?;
        b = Vec::with_capacity(3);
        if a.is_some() {
            return Ok(b.len());
        }
    }
    match pair {
        Some((mut a, _)) => {
            ping(a.map_or(0, |a| a as u32)).await?;
            a = None;
            Ok(usize::from(a.is_some()))
        }
        None => Ok(0),
    }
}

#[workflow]
async fn anew_deferred(n: u32) -> Result<bool, OrderError> {
    let mut last;
    if n > 1 {
        ping(n).await?;
        last = None;
        ping(n).await?;
    } else {
        ping(1).await?;
        last = Some(n);
    }
    let was = last.is_some();
    ping(2).await?;
    last = None;
    Ok(was && last.is_none())
}

#[allow(unused_assignments, reason = "that is tested")]
#[workflow]
async fn anew_in_branches(n: u32) -> Result<(bool, bool), OrderError> {
    let (a, b) = join!(
        async {
            let mut x = Some(n);
            ping(x.unwrap_or(0)).await?;
            x = None;
            Ok::<_, OrderError>(x.is_some())
        },
        async {
            let mut x: Option<String> = None;
            ping(x.map_or(0, |x| x.len() as u32)).await?;
            x = None;
            ping(1).await?;
            x = None;
            Ok::<_, OrderError>(x.is_some())
        },
    );
    Ok((a?, b?))
}

#[test]
fn assigned_locals_keep_their_types() {
    agree(|| with_a_written_type(order("a", 2)));
    agree(|| with_an_inferred_type(order("a", 2)));
    agree(|| anew_in_a_loop(2));
    agree(|| anew_arguments(Some("x".into()), 2));
    agree(|| anew_bound_by_patterns(Some((None, vec![1]))));
    for n in 1..=2 {
        agree(|| anew_deferred(n));
    }
    agree(|| anew_in_branches(1));
}
