//! Lines, paths and addresses of the build.

use crate::note;
use std::{backtrace::Backtrace, panic::Location};
use workflow_runtime::prelude::*;

/// WF015: a backtrace, in a helper
pub mod trace_helper {
    use super::*;

    fn trail() -> String {
        Backtrace::force_capture().to_string()
    }

    #[workflow]
    pub async fn trace_helper() -> Result<String, WorkflowError> {
        let trail = trail();
        note(&trail).await?;
        Ok(trail)
    }
}

/// WF015: a backtrace, behind an alias
pub mod trace_alias {
    use super::*;
    use std::backtrace::Backtrace as Trail;

    #[workflow]
    pub async fn trace_alias() -> Result<String, WorkflowError> {
        let text = format!("{:?}", Trail::capture().status());
        note(&text).await?;
        Ok(text)
    }
}

/// WF015: a backtrace in an error of one's own, by `From`
pub mod trace_from {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::num::ParseIntError;

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Failed(String);

    impl From<ParseIntError> for Failed {
        fn from(e: ParseIntError) -> Self {
            Failed(format!("{e} at {}", Backtrace::force_capture()))
        }
    }

    impl From<ActivityError<String>> for Failed {
        fn from(e: ActivityError<String>) -> Self {
            Failed(e.to_string())
        }
    }

    #[workflow]
    pub async fn trace_from(text: String) -> Result<u32, Failed> {
        note(&text).await?;
        Ok(text.parse()?)
    }
}

/// WF015: the backtrace of anyhow
pub mod trace_anyhow {
    use super::*;

    #[workflow]
    pub async fn trace_anyhow(text: String) -> Result<String, WorkflowError> {
        let shown = anyhow::anyhow!("no {text}").backtrace().to_string();
        note(&shown).await?;
        Ok(shown)
    }
}

/// WF015: the file and the line
pub mod trace_file {
    use super::*;

    #[workflow]
    pub async fn trace_file() -> Result<String, WorkflowError> {
        let key = format!("{}:{}", file!(), line!());
        note(&key).await?;
        Ok(key)
    }
}

/// WF015: the file at build time, joined to others
pub mod trace_concat {
    use super::*;

    #[workflow]
    pub async fn trace_concat() -> Result<String, WorkflowError> {
        let key = concat!("step in ", file!()).to_owned();
        note(&key).await?;
        Ok(key)
    }
}

/// WF015: who calls
pub mod trace_caller {
    use super::*;

    #[track_caller]
    fn place() -> String {
        Location::caller().to_string()
    }

    #[workflow]
    pub async fn trace_caller() -> Result<String, WorkflowError> {
        let place = place();
        note(&place).await?;
        Ok(place)
    }
}

/// WF015: a backtrace in another crate
pub mod trace_other_crate {
    use super::*;

    #[workflow]
    pub async fn trace_other_crate(text: String) -> Result<String, WorkflowError> {
        let report = shared::places::report(&text);
        note(&report).await?;
        Ok(report)
    }
}
