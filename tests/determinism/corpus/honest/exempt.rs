//! What is outside of a step: activities, `side_effect`, the life around workflows.

use crate::desk;
use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Instant, SystemTime},
};
use workflow_runtime::prelude::*;

pub mod reads_a_file {
    use super::*;

    #[activity]
    pub async fn read_a_file(path: &str) -> Result<String, WorkflowError> {
        let began = Instant::now();
        let text = std::fs::read_to_string(path)?;
        println!("read {path} in {:?}", began.elapsed());
        Ok(text)
    }

    #[workflow]
    pub async fn reads_a_file(path: String) -> Result<usize, WorkflowError> {
        Ok(read_a_file(&path).await?.lines().count())
    }
}

pub mod recorded_time {
    use super::*;

    #[workflow]
    pub async fn recorded_time() -> Result<u64, WorkflowError> {
        let wall = side_effect(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()));
        desk::store("wall", &wall.to_string()).await?;
        Ok(wall)
    }
}

pub mod recorded_environment {
    use super::*;

    #[workflow]
    pub async fn recorded_environment() -> Result<String, WorkflowError> {
        let region = side_effect(|| std::env::var("REGION").unwrap_or_default());
        sleep(seconds(1)).await?;
        Ok(region)
    }
}

pub mod recorded_random {
    use super::*;

    #[workflow]
    pub async fn recorded_random(n: usize) -> Result<Vec<u8>, WorkflowError> {
        let key = side_effect(|| (0..n).map(|_| rand::random::<u8>()).collect::<Vec<u8>>());
        desk::store("key", &key.len().to_string()).await?;
        Ok(key)
    }
}

pub mod activity_with_state {
    use super::*;

    #[derive(Default)]
    pub struct Ledger(Mutex<HashMap<String, u64>>);

    #[activity]
    pub async fn book(ledger: State<Ledger>, account: &str, cents: u64) -> Result<u64, String> {
        let mut all = ledger.0.lock().map_err(|e| e.to_string())?;
        let balance = all.entry(account.to_owned()).or_default();
        *balance += cents;
        Ok(*balance)
    }

    #[workflow]
    pub async fn activity_with_state(account: String, sums: Vec<u64>) -> Result<u64, WorkflowError> {
        let mut balance = 0;
        for sum in sums {
            balance = book(&account, sum).await?;
        }
        Ok(balance)
    }
}

pub mod helper_in_an_activity {
    use super::*;
    use std::sync::OnceLock;

    static STARTED: OnceLock<Instant> = OnceLock::new();

    fn uptime() -> u64 {
        STARTED.get_or_init(Instant::now).elapsed().as_secs()
    }

    #[activity]
    pub async fn report_uptime(name: &str) -> Result<u64, String> {
        eprintln!("{name} asks");
        Ok(uptime())
    }

    #[workflow]
    pub async fn helper_in_an_activity(names: Vec<String>) -> Result<u64, WorkflowError> {
        let mut most = 0;
        for name in &names {
            most = report_uptime(name).await?.max(most);
        }
        Ok(most)
    }
}

pub mod started_from_outside {
    use super::*;

    #[workflow]
    pub async fn started_from_outside(name: String) -> Result<String, WorkflowError> {
        desk::ask(&name).await?;
        Ok(name)
    }

    /// A client beside the workflow, which may do as it likes.
    pub async fn start(engine: &Engine, name: String) -> Result<String, WorkflowError> {
        let id = format!("{name}-{}", rand::random::<u32>());
        println!("starts {id} at {:?}", SystemTime::now());
        let run = engine.start(id, started_from_outside(name)).await?;
        Ok(run.result().await?)
    }
}

pub mod unsafe_of_a_macro {
    use super::*;

    macro_rules! nth {
        ($of:expr, $n:expr) => {
            unsafe { $of.get_unchecked($n) }.clone()
        };
    }

    #[workflow]
    pub async fn unsafe_of_a_macro(names: Vec<String>) -> Result<String, WorkflowError> {
        if names.len() < 2 {
            return Ok(String::new());
        }
        let second = side_effect(|| nth!(names, 1));
        desk::store("second", &second).await?;
        #[workflow(allow(WF012, reason = "the list is not empty"))]
        let first: String = nth!(names, 0);
        desk::store("first", &first).await?;
        Ok(first)
    }
}
