//! tracing, which is silent when a step is executed again.

use crate::desk;
use tracing::{Level, debug, error, event, info, info_span, instrument, trace, warn};
use workflow_runtime::prelude::*;

pub mod narrated {
    use super::*;

    #[workflow]
    pub async fn narrated(id: u64) -> Result<u64, WorkflowError> {
        info!(id, "ordered");
        let order = desk::order(id).await?;
        let total: u64 = order.lines.iter().map(|l| l.cents * u64::from(l.quantity)).sum();
        if total > 10_000 {
            warn!(total, customer = %order.customer, "a large one");
        }
        debug!(?order.lines);
        Ok(total)
    }
}

pub mod levels {
    use super::*;

    #[workflow]
    pub async fn levels(question: String) -> Result<bool, WorkflowError> {
        trace!("asks {question:?}");
        let answer = desk::ask(&question).await;
        if let Err(e) = &answer {
            error!(error = %e, "no answer");
        }
        event!(Level::INFO, ok = answer.is_ok());
        Ok(answer.is_ok())
    }
}

pub mod in_a_span {
    use super::*;

    fn rank(lines: &mut [desk::Line]) {
        let span = info_span!("rank", n = lines.len());
        span.in_scope(|| lines.sort_by_key(|l| std::cmp::Reverse(l.cents)));
    }

    #[workflow]
    pub async fn in_a_span(id: u64) -> Result<Option<String>, WorkflowError> {
        let mut order = desk::order(id).await?;
        rank(&mut order.lines);
        sleep(seconds(5)).await?;
        Ok(order.lines.into_iter().next().map(|l| l.sku))
    }
}

pub mod instrumented {
    use super::*;

    #[instrument(level = "debug", skip(lines), ret)]
    fn weigh(lines: &[desk::Line], each: u64) -> u64 {
        lines.iter().map(|l| u64::from(l.quantity) * each).sum()
    }

    #[workflow]
    pub async fn instrumented(id: u64) -> Result<u64, WorkflowError> {
        let order = desk::order(id).await?;
        let grams = weigh(&order.lines, 12);
        desk::store("grams", &grams.to_string()).await?;
        Ok(grams)
    }
}
