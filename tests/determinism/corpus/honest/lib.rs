//! Workflows that are deterministic, and use what other workflows go wrong with: no net may say a word about any of them.
//!
//! They do what people write in samples, order systems, billing, reports and text processing. Each case is a module of its own; nothing
//! here was written with a rule in view.

pub mod chrono_dates;
pub mod collections;
pub mod engines;
pub mod errors;
pub mod exempt;
pub mod formats;
pub mod iterators;
pub mod jiff_times;
pub mod json;
pub mod logs;
pub mod money;
pub mod names;
pub mod nearby;
pub mod orders;
pub mod random;
pub mod shapes;
pub mod tables;
pub mod text;
pub mod time_crate;

/// The activities that the cases share: what a service of one's own would offer.
pub mod desk {
    use serde::{Deserialize, Serialize};
    use std::collections::HashMap;
    use workflow_runtime::prelude::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Line {
        pub sku: String,
        pub quantity: u32,
        pub cents: u64,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Order {
        pub id: u64,
        pub customer: String,
        pub lines: Vec<Line>,
    }

    /// What somebody else's service answers to a question.
    #[activity(retry(attempts = 3, initial = "1s"))]
    pub async fn ask(question: &str) -> Result<String, String> {
        if question.is_empty() { Err("no question".into()) } else { Ok(question.to_owned()) }
    }

    #[activity]
    pub async fn count(of: &str) -> Result<u64, String> {
        Ok(of.len() as u64)
    }

    #[activity]
    pub async fn store(key: &str, text: &str) -> Result<(), String> {
        if key.len() + text.len() > 1_000_000 { Err("too large".into()) } else { Ok(()) }
    }

    #[activity]
    pub async fn mail(to: &str, text: &str) -> Result<(), String> {
        if to.contains('@') { Ok(()) } else { Err(format!("no address: {to}, {text}")) }
    }

    #[activity]
    pub async fn order(id: u64) -> Result<Order, String> {
        let line = |sku: &str, quantity, cents| Line { sku: sku.to_owned(), quantity, cents };
        Ok(Order { id, customer: "ann@example.com".into(), lines: vec![line("bolt", 3, 25), line("nut", 40, 3)] })
    }

    #[activity]
    pub async fn prices() -> Result<HashMap<String, u64>, String> {
        Ok([("bolt", 25), ("nut", 3), ("nail", 1)].map(|(sku, cents)| (sku.to_owned(), cents)).into())
    }

    #[activity]
    pub async fn fetch(url: &str) -> Result<String, String> {
        if url.starts_with("https://") { Ok(format!("<title>{url}</title>")) } else { Err(format!("not found: {url}")) }
    }
}
