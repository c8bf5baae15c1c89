//! Awaits of what no checkpoint can hold.

use crate::note;
use std::{future::Future, pin::Pin, time::Duration};
use workflow_runtime::prelude::*;

/// WF004: the timer of tokio, behind an alias
pub mod await_tokio_sleep {
    use super::*;
    use tokio::time::sleep as pause;

    #[workflow]
    pub async fn await_tokio_sleep() -> Result<(), WorkflowError> {
        pause(Duration::from_secs(1)).await;
        note("slept").await?;
        Ok(())
    }
}

/// WF004: an `async fn` that is no workflow
pub mod await_plain_function {
    use super::*;

    async fn ready(n: u32) -> u32 {
        n + 1
    }

    #[workflow]
    pub async fn await_plain_function(n: u32) -> Result<u32, WorkflowError> {
        let n = ready(n).await;
        note("ready").await?;
        Ok(n)
    }
}

/// WF004: a future that a helper returns
pub mod await_returned {
    use super::*;

    fn later(n: u32) -> impl Future<Output = u32> {
        std::future::ready(n * 2)
    }

    #[workflow]
    pub async fn await_returned(n: u32) -> Result<u32, WorkflowError> {
        let n = later(n).await;
        note("later").await?;
        Ok(n)
    }
}

/// WF004: a boxed future
pub mod await_boxed {
    use super::*;

    fn boxed(text: String) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move { text.len() })
    }

    #[workflow]
    pub async fn await_boxed(text: String) -> Result<usize, WorkflowError> {
        let n = boxed(text).await;
        note("boxed").await?;
        Ok(n)
    }
}

/// WF004: `IntoFuture` of a builder
pub mod await_into_future {
    use super::*;

    #[workflow]
    pub async fn await_into_future() -> Result<u64, WorkflowError> {
        let n = shared::remote::Request::new("https://example.com").retries(3).await;
        note("answered").await?;
        Ok(n)
    }
}

/// WF004 WF005: a task of tokio
pub mod await_task {
    use super::*;

    fn background(n: u64) -> tokio::task::JoinHandle<u64> {
        tokio::spawn(async move { n * n })
    }

    #[workflow]
    pub async fn await_task(n: u64) -> Result<u64, WorkflowError> {
        let n = background(n).await?;
        note("done").await?;
        Ok(n)
    }
}

/// WF004: the receiver of a channel
pub mod await_channel {
    use super::*;
    use tokio::sync::oneshot;

    fn answered() -> oneshot::Receiver<u32> {
        let (to, from) = oneshot::channel();
        to.send(5).ok();
        from
    }

    #[workflow]
    pub async fn await_channel() -> Result<u32, WorkflowError> {
        let n = answered().await?;
        note("received").await?;
        Ok(n)
    }
}

/// WF004 WF007: a request of reqwest
pub mod await_reqwest {
    use super::*;

    #[workflow]
    pub async fn await_reqwest(url: String) -> Result<String, WorkflowError> {
        let text = reqwest::get(&url).await?;
        note(&text).await?;
        Ok(text)
    }
}

/// WF004 WF007: a query of sqlx
pub mod await_sqlx {
    use super::*;

    #[workflow]
    pub async fn await_sqlx(id: u64) -> Result<u64, WorkflowError> {
        let rows = sqlx::query("select 1").bind(id).execute().await?;
        note("rows").await?;
        Ok(rows)
    }
}

/// WF004: an await that a macro writes
pub mod await_in_a_macro {
    use super::*;

    macro_rules! wait {
        ($future:expr) => {
            $future.await
        };
    }

    #[workflow]
    pub async fn await_in_a_macro() -> Result<(), WorkflowError> {
        wait!(tokio::task::yield_now());
        note("yielded").await?;
        Ok(())
    }
}

/// WF004: an `async` block
pub mod await_block {
    use super::*;

    #[workflow]
    pub async fn await_block(n: u32) -> Result<u32, WorkflowError> {
        let n = async { n + 1 }.await;
        note("block").await?;
        Ok(n)
    }
}

/// WF004: a function of the crate `futures`
pub mod await_futures {
    use super::*;
    use futures::future::ready as now_or_never;

    #[workflow]
    pub async fn await_futures(n: u32) -> Result<u32, WorkflowError> {
        let n = now_or_never(n).await;
        note("ready").await?;
        Ok(n)
    }
}
