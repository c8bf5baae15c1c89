use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow]
async fn two_writers(n: u64) {
    let mut count = n;
    join!(
        async {
            count += 1;
            let _ = charge(count).await;
        },
        async {
            count += 2;
            let _ = charge(count).await;
        }
    );
}

#[workflow]
async fn moved(text: String) {
    join!(
        async move {
            let _ = charge(1).await;
            drop(text);
        },
        charge(2)
    );
    tracing::info!("{text}");
}

#[workflow(allow(WF007, reason = "its type is what is refused here"))]
async fn wrong_error() {
    let (a, _) = join!(
        async {
            let n = charge(1).await?;
            std::fs::read("x")?;
            Ok::<u64, ActivityError<workflow_runtime::machine::Never>>(n)
        },
        charge(2)
    );
    let _ = a;
}

#[workflow]
async fn unsaved() {
    join!(
        async {
            let held = std::rc::Rc::new(1);
            let _ = charge(1).await;
            tracing::info!("{held}");
        },
        charge(2)
    );
}

fn main() {}
