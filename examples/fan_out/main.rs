//! Many calls at once: every page of a book is counted, at most four at a time, and one that is torn is read again.
//!
//! Stop it with ctrl-c and run it again: pages that were counted are not counted again.

use workflow_runtime::{Engine, prelude::*};

/// Every seventh page is hard to read.
#[activity(retry(attempts = 3, initial = "100ms"))]
async fn count_words(cx: ActivityContext, page: u64) -> Result<u64, String> {
    if page.is_multiple_of(7) && cx.attempt() == 1 {
        return Err(format!("page {page} is torn"));
    }
    tokio::task::yield_now().await;
    Ok(200 + page % 10)
}

#[workflow]
async fn book(pages: u64) -> Result<u64, WorkflowError> {
    let mut words = 0;
    for counted in for_each_concurrent(4, (1..=pages).map(count_words)).await {
        words += counted?;
    }
    Ok(words)
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let mut args = std::env::args().skip(1);
    let data = args.next().unwrap_or_else(|| "fan-out-data".into());
    let engine = Engine::builder().store(workflow_runtime::SledStore::open(data)?);
    let engine = engine.only(["book", "count_words"]).build().await?;
    let run = engine.start("book-1", book(500)).await?;
    for waits in run.status().await?.waits {
        println!("waits for {waits}");
    }
    println!("{} words", run.result().await?);
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn every_page_is_counted() -> Result<(), WorkflowError> {
        let engine = TestEngine::builder().configure(|e| e.only(["book", "count_words"])).build().await?;
        let run = engine.start("b", book(30)).await?;
        assert_eq!(run.result().await?, (1..=30).map(|page| 200 + page % 10).sum::<u64>());
        assert_eq!(engine.attempts().list().len(), 34, "four pages are torn");
        Ok(())
    }
}
