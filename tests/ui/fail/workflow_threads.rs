use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow]
async fn jumps(n: u64) {
    for _ in 0..n {
        join!(charge(1), async {
            if n > 2 {
                break;
            }
            continue;
        });
    }
}

#[workflow]
async fn too_early(n: u64) -> Result<(), WorkflowError> {
    join!(charge(charge(n).await?), charge(2));
    select! {
        _ = charge(n), if charge(n).await? > 1 => {}
        _ = charge(1) => {}
    }
    Ok(())
}

#[workflow]
async fn undecided(n: u64) {
    select! {
        Ok(_) = charge(n) => {}
        _ = charge(2), if n > 1 => {}
    }
    select! {}
    select! { else => {} }
}

#[workflow]
async fn misplaced(n: u64) {
    let later = async { n + 1 };
    let work = async move { charge(n).await };
    let both = || join!(charge(1), charge(2));
}

#[workflow]
async fn misspelt(n: u64) {
    select! {
        a = charge(n) -> a,
    }
    select! {
        else => 1,
        a = charge(n) => 2,
    }
    join!(charge(1) charge(2));
}

#[workflow]
async fn in_closures(n: u64) -> Result<u64, WorkflowError> {
    let (a, b) = join!(async { Some(n).map(|k| charge(k).await) }, charge(n));
    let c = select! {
        b = charge(n) => b.map(|k| charge(k).await)?,
        _ = charge(2), if (|| charge(1).await.is_ok())() => a.unwrap_or(b),
    };
    Ok(c?)
}

fn outside() {
    join!(charge(1), charge(2));
    select! { a = charge(1) => a }
}

fn main() {}
