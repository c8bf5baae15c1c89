//! Clocks that traits and macros of helper types read.

use crate::note;
use std::time::{Instant as Stopwatch, SystemTime};
use workflow_runtime::prelude::*;

/// WF001: `Deref` of a helper type
pub mod clock_deref {
    use super::*;

    #[workflow]
    pub async fn clock_deref() -> Result<usize, WorkflowError> {
        let stamp = shared::clock::Stamp::default();
        let n = stamp.len() + stamp.chars().filter(|c| *c == '7').count();
        note("n").await?;
        Ok(n)
    }
}

/// WF001: an operator of a helper type
pub mod clock_operator {
    use super::*;

    pub struct Since(Stopwatch);

    impl std::ops::Add<u64> for Since {
        type Output = u64;

        fn add(self, n: u64) -> u64 {
            self.0.elapsed().as_secs() + n
        }
    }

    fn since() -> Since {
        Since(Stopwatch::now())
    }

    #[workflow]
    pub async fn clock_operator() -> Result<u64, WorkflowError> {
        let n = since() + 3;
        note("n").await?;
        Ok(n)
    }
}

/// WF001: `Drop` of a helper type
pub mod clock_drop {
    use super::*;

    #[workflow]
    pub async fn clock_drop(mut lines: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        {
            let span = shared::clock::Span::enter(&mut lines);
            drop(span);
        }
        note(&lines.join("\n")).await?;
        Ok(lines)
    }
}

/// WF001: `Default` of a helper type
pub mod clock_default {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Created(u64);

    impl Default for Created {
        fn default() -> Self {
            Created(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()))
        }
    }

    #[derive(Default, Serialize, Deserialize)]
    pub struct Record {
        created: Created,
        name: String,
    }

    #[workflow]
    pub async fn clock_default(name: String) -> Result<Record, WorkflowError> {
        let record = Record { name, ..Default::default() };
        note(&record.name).await?;
        Ok(record)
    }
}

/// WF001: an iterator adaptor of another crate
pub mod clock_adaptor {
    use super::*;
    use shared::clock::Timed as _;

    #[workflow]
    pub async fn clock_adaptor(names: Vec<String>) -> Result<usize, WorkflowError> {
        let n = names.iter().timed(50).count();
        note("n").await?;
        Ok(n)
    }
}

/// WF001: the conversion of an error by `?`
pub mod clock_question_mark {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::num::ParseIntError;

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Failed {
        at: u64,
        what: String,
    }

    impl From<ParseIntError> for Failed {
        fn from(e: ParseIntError) -> Self {
            Failed { at: shared::clock::seconds(), what: e.to_string() }
        }
    }

    impl From<ActivityError<String>> for Failed {
        fn from(e: ActivityError<String>) -> Self {
            Failed { at: 0, what: e.to_string() }
        }
    }

    #[workflow]
    pub async fn clock_question_mark(text: String) -> Result<u32, Failed> {
        note(&text).await?;
        let n: u32 = text.parse()?;
        Ok(n)
    }
}

/// WF001: `Display` of a helper type, in a format string
pub mod clock_display {
    use super::*;
    use std::fmt;

    pub struct Log<'a>(&'a str);

    impl fmt::Display for Log<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "[{}] {}", shared::clock::seconds(), self.0)
        }
    }

    #[workflow]
    pub async fn clock_display(name: String) -> Result<String, WorkflowError> {
        let line = format!("{:>40}", Log(&name));
        note(&line).await?;
        Ok(line)
    }
}

/// WF001: `Serialize` of a helper type
pub mod clock_serialize {
    use super::*;
    use serde::{Serialize, Serializer};

    pub struct Envelope<'a>(&'a str);

    impl Serialize for Envelope<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            (self.0, shared::clock::seconds()).serialize(to)
        }
    }

    #[workflow]
    pub async fn clock_serialize(name: String) -> Result<String, WorkflowError> {
        let body = serde_json::to_string(&Envelope(&name))?;
        note(&body).await?;
        Ok(body)
    }
}
