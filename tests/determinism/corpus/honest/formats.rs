//! Formatting, sorting, bits and bytes, and what a step asks of the run.

use crate::desk;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BTreeMap, fmt::Write as _};
use workflow_runtime::prelude::*;

pub mod padded {
    use super::*;

    #[workflow]
    pub async fn padded(rows: Vec<(String, u32)>) -> Result<String, WorkflowError> {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut table = String::new();
        for (name, n) in &rows {
            write!(table, "|{name:>width$}|{n:08.3}|{n:#x}|{n:+}|", n = f64::from(*n) as u32)?;
            desk::store("row", &table).await?;
        }
        Ok(table)
    }
}

pub mod debug_of_plain_data {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Cell {
        row: u32,
        mark: Option<char>,
    }

    #[workflow]
    pub async fn debug_of_plain_data(cells: Vec<Cell>) -> Result<String, WorkflowError> {
        let shown = format!("{cells:#?} {:?} {:?}", (1, "two", 3.0), Some(b'x'));
        desk::store("cells", &shown).await?;
        Ok(shown)
    }
}

pub mod pointer_width {
    use super::*;

    #[workflow]
    pub async fn pointer_width(n: u64) -> Result<String, WorkflowError> {
        let at = usize::try_from(n)?;
        let p = 3;
        desk::ask(&format!("{at:>p$}, {:p$}, {p:?}", at % 40)).await?;
        Ok(format!("{:e} {:b} {:o}", at as f64, at, at))
    }
}

pub mod ranked {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Score {
        name: String,
        points: f64,
    }

    fn better(a: &Score, b: &Score) -> Ordering {
        b.points.partial_cmp(&a.points).unwrap_or(Ordering::Equal).then_with(|| a.name.cmp(&b.name))
    }

    #[workflow]
    pub async fn ranked(mut scores: Vec<Score>) -> Result<Vec<String>, WorkflowError> {
        scores.sort_by(better);
        let mut names = vec![];
        for score in scores.iter().take(3) {
            desk::mail(&score.name, &format!("{:.1}", score.points)).await?;
            names.push(score.name.clone());
        }
        Ok(names)
    }
}

pub mod packed {
    use super::*;

    #[workflow]
    pub async fn packed(readings: Vec<u16>) -> Result<Vec<u8>, WorkflowError> {
        let mut bytes = Vec::with_capacity(readings.len() * 2 + 4);
        bytes.extend((readings.len() as u32).to_be_bytes());
        for reading in readings {
            bytes.extend(reading.rotate_left(3).to_le_bytes());
            sleep(millis(10)).await?;
        }
        let check = bytes.iter().fold(0u8, |a, b| a.wrapping_mul(31) ^ b);
        bytes.push(check);
        Ok(bytes)
    }
}

pub mod parsed_settings {
    use super::*;

    #[workflow]
    pub async fn parsed_settings(text: String) -> Result<BTreeMap<String, String>, WorkflowError> {
        let mut settings = BTreeMap::new();
        for line in text.lines() {
            if line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, "true"));
            let (key, value) = (key.trim().to_owned(), value.trim_matches('"').to_owned());
            desk::store(&key, &value).await?;
            settings.insert(key, value);
        }
        Ok(settings)
    }
}

pub mod durations {
    use super::*;
    use std::time::Duration;

    #[workflow]
    pub async fn durations(limit: u64, parts: Vec<Duration>) -> Result<String, WorkflowError> {
        let mut left = Duration::from_secs(limit);
        for part in parts {
            let pause = part.min(left);
            sleep(pause).await?;
            left = left.saturating_sub(pause);
        }
        Ok(format!("{left:?} of {:.1}", Duration::from_millis(limit).as_secs_f32()))
    }
}

pub mod wire_addresses {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    #[workflow]
    pub async fn wire_addresses(peers: Vec<SocketAddr>, allowed: Vec<IpAddr>) -> Result<usize, WorkflowError> {
        let mut n = 0;
        for peer in peers {
            if allowed.contains(&peer.ip()) || peer.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
                desk::store(&peer.to_string(), "welcome").await?;
                n += 1;
            }
        }
        Ok(n)
    }
}

pub mod path_names {
    use super::*;
    use std::path::{Path, PathBuf};

    fn target(of: &Path, ext: &str) -> PathBuf {
        Path::new("out").join(of.file_stem().unwrap_or_default()).with_extension(ext)
    }

    #[workflow]
    pub async fn path_names(files: Vec<PathBuf>) -> Result<Vec<PathBuf>, WorkflowError> {
        let mut out = vec![];
        for file in &files {
            let to = target(file, if file.extension().is_some_and(|e| e == "md") { "html" } else { "txt" });
            desk::store(&to.display().to_string(), &file.to_string_lossy()).await?;
            out.push(to);
        }
        Ok(out)
    }
}

pub mod swapped {
    use super::*;
    use std::{mem, rc::Rc};

    #[workflow]
    pub async fn swapped(mut generation: Vec<bool>, rounds: u32) -> Result<usize, WorkflowError> {
        let mut next = vec![false; generation.len()];
        for _ in 0..rounds {
            let shared: Rc<[bool]> = generation.as_slice().into();
            for i in 0..shared.len() {
                next[i] = shared[(i + shared.len() - 1) % shared.len()] ^ shared[(i + 1) % shared.len()];
            }
            drop(shared);
            mem::swap(&mut generation, &mut next);
            sleep(seconds(1)).await?;
        }
        Ok(mem::take(&mut generation).into_iter().filter(|alive| *alive).count())
    }
}
