//! Errors: anyhow between awaits, thiserror, `From`, `?`, `Display`.

use crate::desk;
use anyhow::{Context, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use std::num::ParseIntError;
use thiserror::Error;
use workflow_runtime::prelude::*;

pub mod parsed_with_context {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<u64> {
        let number = text.strip_prefix("order ").context("no order")?;
        let id: u64 = number.trim().parse().with_context(|| format!("not a number: {number}"))?;
        ensure!(id > 0, "orders count from one");
        Ok(id)
    }

    #[workflow]
    pub async fn parsed_with_context(texts: Vec<String>) -> Result<u64, WorkflowError> {
        let mut last = 0;
        for text in &texts {
            last = parse(text).map_err(|e| WorkflowError::msg(format!("{e:#}")))?;
            desk::order(last).await?;
        }
        Ok(last)
    }
}

pub mod bailed {
    use super::*;

    fn validate(order: &desk::Order) -> anyhow::Result<()> {
        if order.lines.is_empty() {
            bail!("order {} is empty", order.id);
        }
        order.lines.iter().find(|l| l.quantity > 1_000).map_or(Ok(()), |l| Err(anyhow!("too many of {}", l.sku)))
    }

    #[workflow]
    pub async fn bailed(id: u64) -> Result<String, WorkflowError> {
        let order = desk::order(id).await?;
        let verdict = validate(&order).map_or_else(|e| e.to_string(), |()| "fine".to_owned());
        desk::store("verdict", &verdict).await?;
        Ok(verdict)
    }
}

pub mod an_enum_of_errors {
    use super::*;

    #[derive(Debug, Error, Serialize, Deserialize)]
    pub enum OrderError {
        #[error("there are only {there} of {sku}")]
        OutOfStock { sku: String, there: u64 },
        #[error("a service failed: {0}")]
        Service(#[from] ActivityError<String>),
        #[error(transparent)]
        Cancelled(#[from] Cancelled),
    }

    #[workflow]
    pub async fn an_enum_of_errors(id: u64) -> Result<u64, OrderError> {
        let order = desk::order(id).await?;
        let mut n = 0;
        for line in order.lines {
            let there = desk::count(&line.sku).await?;
            if there < u64::from(line.quantity) {
                return Err(OrderError::OutOfStock { sku: line.sku, there });
            }
            n += there;
            sleep(seconds(1)).await?;
        }
        Ok(n)
    }
}

pub mod converted {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    pub enum Failed {
        Number(String),
        Desk(String),
    }

    impl From<ParseIntError> for Failed {
        fn from(e: ParseIntError) -> Self {
            Failed::Number(e.to_string())
        }
    }

    impl From<ActivityError<String>> for Failed {
        fn from(e: ActivityError<String>) -> Self {
            Failed::Desk(e.to_string())
        }
    }

    #[workflow]
    pub async fn converted(texts: Vec<String>) -> Result<i32, Failed> {
        let mut sum = 0;
        for text in texts {
            let answer = desk::ask(&text).await?;
            sum += answer.parse::<i32>()?;
        }
        Ok(sum)
    }
}

pub mod source_chain {
    use super::*;
    use std::error::Error;

    fn chain(error: &dyn Error) -> String {
        let mut text = error.to_string();
        let mut at = error.source();
        while let Some(cause) = at {
            text += &format!(": {cause}");
            at = cause.source();
        }
        text
    }

    #[workflow]
    pub async fn source_chain(question: String) -> Result<String, WorkflowError> {
        match desk::ask(&question).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let text = chain(&error);
                desk::mail("desk@example.com", &text).await?;
                Ok(text)
            }
        }
    }
}

pub mod collected_failures {
    use super::*;

    #[workflow]
    pub async fn collected_failures(urls: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let pages = join_all(urls.iter().map(|u| desk::fetch(u))).await;
        let (good, bad): (Vec<_>, Vec<_>) = pages.into_iter().partition(Result::is_ok);
        desk::store("good", &good.len().to_string()).await?;
        Ok(bad.into_iter().filter_map(|b| b.err().map(|e| format!("{e}"))).collect())
    }
}

pub mod options_and_defaults {
    use super::*;

    #[workflow]
    pub async fn options_and_defaults(pairs: Vec<String>) -> Result<Option<u16>, WorkflowError> {
        let port = pairs.iter().find_map(|p| p.strip_prefix("port=")).map(str::parse::<u16>).transpose()?;
        let port = port.filter(|p| *p > 1_024).or(Some(8_080));
        desk::store("port", &port.unwrap_or_default().to_string()).await?;
        Ok(port)
    }
}

pub mod retried_by_kind {
    use super::*;

    #[workflow]
    pub async fn retried_by_kind(question: String) -> Result<String, WorkflowError> {
        let mut pause = seconds(1);
        loop {
            match desk::ask(&question).await {
                Err(ActivityError::TimedOut) => {}
                Err(ActivityError::Failed(why)) if why.contains("busy") => {}
                other => return Ok(other?),
            }
            sleep(pause).await?;
            pause *= 2;
        }
    }
}

pub mod an_error_of_the_standard_library {
    use super::*;
    use std::{fmt, io, str::Utf8Error};

    /// An error that came from a file, and is only carried here.
    pub fn classify(kind: io::ErrorKind, bytes: &[u8]) -> Result<String, Bad> {
        if kind == io::ErrorKind::NotFound {
            return Err(Bad(io::Error::new(kind, "there is no page").to_string()));
        }
        Ok(std::str::from_utf8(bytes).map_err(|e: Utf8Error| Bad(e.to_string()))?.to_owned())
    }

    #[derive(Debug)]
    pub struct Bad(String);

    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl std::error::Error for Bad {}

    #[workflow]
    pub async fn an_error_of_the_standard_library(bytes: Vec<u8>) -> Result<String, WorkflowError> {
        let text = classify(io::ErrorKind::Other, &bytes)?;
        desk::store("text", &text).await?;
        Ok(text)
    }
}
