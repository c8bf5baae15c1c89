//! What was measured, as lines, as a table and as a picture.

pub(crate) mod chart;
pub(crate) mod table;

use crate::Failure;
use serde::{Deserialize, Serialize};

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) workload: String,
    pub(crate) metric: String,
    pub(crate) value: f64,
}

impl Figure {
    pub(crate) fn new(workload: &str, metric: &str, value: f64) -> Self {
        Figure { workload: workload.into(), metric: metric.into(), value }
    }

    pub(crate) fn print(&self) {
        // Figures are finite numbers and names.
        println!("{}", serde_json::to_string(self).unwrap_or_default());
    }
}

/// Other engines under the same workloads, and where and when they were measured.
#[derive(Debug, Deserialize)]
pub(crate) struct Peers {
    pub(crate) origin: String,
    pub(crate) peers: Vec<Peer>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) figures: Vec<Figure>,
}

impl Peers {
    pub(crate) fn measured() -> Result<Self, Failure> {
        Ok(serde_json::from_str(include_str!("../../peers.json"))?)
    }
}

/// The figure of this workload and metric: the last, if there are several.
pub(crate) fn value(figures: &[Figure], workload: &str, metric: &str) -> Option<f64> {
    figures.iter().rev().find(|f| f.workload == workload && f.metric == metric).map(|f| f.value)
}
