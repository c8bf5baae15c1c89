//! Statements and control flow.

use super::Case;
use crate::shop::*;
use workflow_runtime::prelude::*;

#[workflow]
async fn let_statement(n: u32) -> Result<u32, OrderError> {
    let a = ping(n).await?;
    let b: u32 = ping(a).await?;
    let mut c = b;
    c += 1;
    Ok(ping(c).await? + c)
}

#[workflow]
async fn if_statement(n: u32) -> Result<u32, OrderError> {
    if ping(n).await? > 2 {
        ping(1).await?;
    } else if n == 1 {
        ping(2).await?;
    }
    Ok(n)
}

#[workflow]
async fn if_value(n: u32) -> Result<u32, OrderError> {
    let x = if n > 1 { ping(n).await? } else { 7 };
    Ok(if ping(x).await? > 14 { x } else { ping(n).await? })
}

#[workflow]
async fn if_let_statement(o: Option<u32>) -> Result<u32, OrderError> {
    if let Some(n) = o {
        ping(n).await?;
        Ok(ping(n + 1).await?)
    } else {
        Ok(ping(0).await?)
    }
}

#[workflow]
async fn let_else_statement(o: Option<u32>) -> Result<u32, OrderError> {
    let Some(n) = o else {
        ping(1).await?;
        return Ok(0);
    };
    let Ok(m) = ping(n).await else { return Err(OrderError::Empty) };
    Ok(ping(m).await? + n)
}

#[workflow]
async fn let_chain(o: Option<u32>) -> Result<u32, OrderError> {
    if let Some(n) = o
        && ping(n).await? > 2
        && let Ok(m) = double(n).await
        && m < 10
        && ping(m).await? > 8
    {
        return Ok(ping(n).await? + m);
    }
    Ok(1)
}

#[workflow]
async fn loop_value(n: u32) -> Result<u32, OrderError> {
    let mut i = n;
    let found = loop {
        let d = ping(i).await?;
        if d > 6 {
            break d;
        }
        i += 1;
    };
    Ok(found + i)
}

#[workflow]
async fn while_loop(n: u32) -> Result<u32, OrderError> {
    let mut left = n;
    while ping(left).await? > 2 {
        left -= 1;
        if left == 3 {
            continue;
        }
        ping(100).await?;
    }
    Ok(left)
}

#[workflow]
async fn while_let_statement(mut v: Vec<u32>) -> Result<u32, OrderError> {
    let mut sum = 0;
    while let Some(n) = v.pop() {
        sum += ping(n).await?;
    }
    while let Ok(n) = double(sum).await {
        sum = n + 300;
    }
    Ok(sum)
}

#[workflow]
async fn labelled_loops(n: u32) -> Result<u32, OrderError> {
    let mut out = 0;
    'outer: for a in 0..n {
        for b in 0..n {
            if ping(a * b).await? == 4 {
                continue 'outer;
            }
            if a * b > 5 {
                break 'outer;
            }
            out += b;
        }
        out += 100;
    }
    Ok(out)
}

#[workflow]
async fn labelled_block(n: u32) -> Result<u32, OrderError> {
    let x = 'a: {
        if n > 2 {
            break 'a ping(n).await?;
        }
        let y = ping(1).await?;
        if y > n {
            break 'a 7;
        }
        'b: {
            if ping(y).await? > 3 {
                break 'b;
            }
            break 'a 9;
        }
        y
    };
    Ok(ping(x).await?)
}

#[workflow]
async fn block_value(n: u32) -> Result<u32, OrderError> {
    let x = {
        let a = ping(n).await?;
        let b = ping(a).await?;
        a + b
    };
    Ok(ping(x + 1).await?)
}

#[workflow]
async fn short_circuit(a: bool, b: bool) -> Result<u32, OrderError> {
    fn t(n: u32) -> bool {
        n > 0
    }
    let x = a && t(ping(1).await?);
    let y = t(ping(u32::from(b)).await?) || a;
    let z = (t(ping(0).await?) || b) && (a || t(ping(2).await?));
    Ok(u32::from(x) + 2 * u32::from(y) + 4 * u32::from(z))
}

#[workflow]
async fn question_mark_on_result(n: u32) -> Result<u32, OrderError> {
    let a = double(n).await?;
    let b: Result<u32, OrderError> = if a > 4 { Err(OrderError::Stopped(a)) } else { Ok(a) };
    Ok(ping(b?).await?)
}

#[workflow]
async fn question_mark_on_option(o: Option<u32>) -> Option<u32> {
    let n = o?;
    let m = double(n).await.ok()?;
    Some(ping(m).await.ok()? + n)
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{0}")]
struct Wrapped(String);

impl From<ActivityError<String>> for Wrapped {
    fn from(e: ActivityError<String>) -> Self {
        Wrapped(format!("wrapped {e}"))
    }
}

#[workflow]
async fn question_mark_converts(n: u32) -> Result<u32, Wrapped> {
    let a = double(n).await?;
    Ok(double(a).await?)
}

#[workflow]
async fn early_return(n: u32) -> Result<u32, OrderError> {
    for i in 0..3 {
        match ping(i).await? {
            4 if n > 1 => return Ok(ping(9).await?),
            m => {
                let _ = {
                    if m > n {
                        return Err(OrderError::Stopped(m));
                    }
                    m
                };
            }
        }
    }
    Ok(0)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(let_statement(1)),
        case!(if_statement(0), if_statement(1), if_statement(2)),
        case!(if_value(0), if_value(9), if_value(1)),
        case!(if_let_statement(None), if_let_statement(Some(3))),
        case!(let_else_statement(None), let_else_statement(Some(3))),
        case!(let_chain(None), let_chain(Some(0)), let_chain(Some(2)), let_chain(Some(4)), let_chain(Some(8))),
        case!(loop_value(0), loop_value(5)),
        case!(while_loop(0), while_loop(5)),
        case!(while_let_statement(vec![]), while_let_statement(vec![1, 2])),
        case!(labelled_loops(0), labelled_loops(4)),
        case!(labelled_block(0), labelled_block(2), labelled_block(5)),
        case!(block_value(3)),
        case!(
            short_circuit(false, false),
            short_circuit(true, false),
            short_circuit(false, true),
            short_circuit(true, true)
        ),
        case!(question_mark_on_result(1), question_mark_on_result(3), question_mark_on_result(2_000)),
        case!(question_mark_on_option(None), question_mark_on_option(Some(2)), question_mark_on_option(Some(2_000))),
        case!(question_mark_converts(1), question_mark_converts(2_000), question_mark_converts(800)),
        case!(early_return(0), early_return(1), early_return(2), early_return(9)),
    ]
}
