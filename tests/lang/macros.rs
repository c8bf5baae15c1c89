//! Awaits and identifiers inside the macros that the compiler knows.

use crate::{agree, shop::*};
use std::fmt::Write as _;
use workflow_runtime::prelude::*;

#[workflow]
async fn formats(n: u32) -> Result<String, OrderError> {
    let width = 5;
    let name = String::from("x");
    let a = format!("{} {name} {}", n, double(n).await?);
    let b = format!("{name:>width$} {n:?} {0}", double(1).await?);
    let c = format!("{x:?}", x = double(2).await?);
    let mut out = String::new();
    write!(out, "{a}{}", double(3).await?).ok();
    println!("{}", double(4).await?);
    Ok(format!("{out} {b} {c}"))
}

#[workflow]
async fn vectors(n: u32) -> Result<Vec<u32>, OrderError> {
    let mut v = vec![n, double(n).await?, double(2).await?];
    v.extend(vec![double(1).await?; 2]);
    Ok(v)
}

#[workflow]
async fn assertions(n: u32) -> Result<bool, OrderError> {
    assert!(double(n).await? > n, "{n} is not positive");
    assert_eq!(double(n).await?, n * 2);
    assert_ne!(double(n).await?, n);
    let m = matches!(double(n).await?, 4 | 6);
    Ok(m)
}

#[workflow]
async fn inline_arguments_are_uses(n: u32) -> Result<String, OrderError> {
    let captured = format!("c{n}");
    double(n).await?;
    sleep(seconds(1)).await?;
    Ok(format!("{captured}"))
}

#[test]
fn macros() {
    agree(|| formats(3));
    agree(|| vectors(3));
    for n in [1, 2, 3] {
        agree(|| assertions(n));
    }
    agree(|| inline_arguments_are_uses(1));
}
