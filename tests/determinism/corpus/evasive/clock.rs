//! Clocks that are spelled otherwise.

use crate::note;
use std::time::{Duration, Instant as Stopwatch, SystemTime};
use workflow_runtime::prelude::*;

/// WF001: an alias in a `use` outside of the function
pub mod clock_use_alias {
    use super::*;

    #[workflow]
    pub async fn clock_use_alias(limit: u64) -> Result<bool, WorkflowError> {
        let began = Stopwatch::now();
        let late = began.elapsed() > Duration::from_secs(limit);
        note("asked").await?;
        Ok(late)
    }
}

/// WF001: an alias in a `use` inside of the function, nested
pub mod clock_use_inside {
    use super::*;

    #[workflow]
    pub async fn clock_use_inside() -> Result<u64, WorkflowError> {
        use std::{
            cmp::max,
            time::{self as t, SystemTime as Wall},
        };
        let at = Wall::now().duration_since(t::UNIX_EPOCH)?.as_secs();
        note("at").await?;
        Ok(max(at, 1))
    }
}

/// WF001: an alias of the module
pub mod clock_module_alias {
    use super::*;
    use std::time as chronos;

    #[workflow]
    pub async fn clock_module_alias() -> Result<u64, WorkflowError> {
        let at = chronos::SystemTime::now().duration_since(chronos::SystemTime::UNIX_EPOCH)?;
        note("at").await?;
        Ok(at.as_secs())
    }
}

/// WF001: an alias of the type
pub mod clock_type_alias {
    use super::*;

    type Wall = SystemTime;

    #[workflow]
    pub async fn clock_type_alias() -> Result<bool, WorkflowError> {
        let before = Wall::now() < SystemTime::UNIX_EPOCH;
        note("before").await?;
        Ok(before)
    }
}

/// WF001: a glob import
pub mod clock_glob {
    use super::note;
    use std::time::*;
    use workflow_runtime::prelude::*;

    #[workflow]
    pub async fn clock_glob() -> Result<u64, WorkflowError> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
        note("at").await?;
        Ok(at.as_secs())
    }
}

/// WF001: a re-export in another crate, under another name
pub mod clock_re_export {
    use super::*;
    use shared::clock::Moment;

    #[workflow]
    pub async fn clock_re_export() -> Result<bool, WorkflowError> {
        let early = Moment::now() < SystemTime::UNIX_EPOCH;
        note("early").await?;
        Ok(early)
    }
}

/// WF001: a helper
pub mod clock_helper {
    use super::*;

    fn unix() -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
    }

    #[workflow]
    pub async fn clock_helper() -> Result<u64, WorkflowError> {
        let at = unix();
        note("at").await?;
        Ok(at)
    }
}

/// WF001: a helper's helper
pub mod clock_helpers_helper {
    use super::*;

    fn unix() -> u64 {
        Stopwatch::now().elapsed().as_nanos() as u64
    }

    fn stamp(text: &str) -> String {
        format!("{text} at {}", unix())
    }

    #[workflow]
    pub async fn clock_helpers_helper(text: String) -> Result<String, WorkflowError> {
        let stamped = stamp(&text);
        note(&stamped).await?;
        Ok(stamped)
    }
}

/// WF001: a helper in another crate
pub mod clock_other_crate {
    use super::*;

    #[workflow]
    pub async fn clock_other_crate() -> Result<u64, WorkflowError> {
        let at = shared::clock::seconds();
        note("at").await?;
        Ok(at)
    }
}

/// WF001: a generic function over a trait whose implementation reads it
pub mod clock_generic {
    use super::*;

    pub trait Source {
        fn read() -> u64;
    }

    pub struct Fixed;
    pub struct Wall;

    impl Source for Fixed {
        fn read() -> u64 {
            7
        }
    }

    impl Source for Wall {
        fn read() -> u64 {
            SystemTime::now().elapsed().map_or(1, |d| d.as_secs())
        }
    }

    fn twice<S: Source>() -> u64 {
        S::read() * 2
    }

    #[workflow]
    pub async fn clock_generic() -> Result<u64, WorkflowError> {
        let sum = twice::<Fixed>() + twice::<Wall>();
        note("sum").await?;
        Ok(sum)
    }
}

/// WF001: a generic function of another crate with a type of that crate
pub mod clock_generic_elsewhere {
    use super::*;

    #[workflow]
    pub async fn clock_generic_elsewhere() -> Result<u64, WorkflowError> {
        let at = shared::clock::read::<shared::clock::Wall>();
        note("at").await?;
        Ok(at)
    }
}

/// WF001: a closure
pub mod clock_closure {
    use super::*;

    #[workflow]
    pub async fn clock_closure(n: u32) -> Result<u32, WorkflowError> {
        let odd = || SystemTime::now().elapsed().is_ok_and(|d| d.subsec_nanos() % 2 == 1);
        let hits = (0..n).filter(|_| odd()).count() as u32;
        note("hits").await?;
        Ok(hits)
    }
}

/// WF001: a closure that a helper returns
pub mod clock_returned_closure {
    use super::*;

    fn timer() -> impl Fn() -> u128 {
        let began = Stopwatch::now();
        move || began.elapsed().as_micros()
    }

    #[workflow]
    pub async fn clock_returned_closure() -> Result<bool, WorkflowError> {
        let slow = {
            let timer = timer();
            timer() > 5
        };
        note("slow").await?;
        Ok(slow)
    }
}

/// WF001: a trait object
pub mod clock_trait_object {
    use super::*;
    use shared::clock::{Clock, Frozen, System};

    fn clock(test: bool) -> Box<dyn Clock> {
        if test { Box::new(Frozen(5)) } else { Box::new(System) }
    }

    #[workflow]
    pub async fn clock_trait_object(test: bool) -> Result<u64, WorkflowError> {
        let at = clock(test).unix();
        note("at").await?;
        Ok(at)
    }
}

/// WF001: a function pointer
pub mod clock_function_pointer {
    use super::*;

    #[workflow]
    pub async fn clock_function_pointer() -> Result<bool, WorkflowError> {
        let read: fn() -> SystemTime = SystemTime::now;
        let early = read() < SystemTime::UNIX_EPOCH;
        note("early").await?;
        Ok(early)
    }
}

/// WF001: a table of function pointers in a static
pub mod clock_function_table {
    use super::*;

    fn zero() -> u64 {
        0
    }

    static SOURCES: [(&str, fn() -> u64); 2] = [("zero", zero), ("wall", shared::clock::seconds)];

    #[workflow]
    pub async fn clock_function_table(name: String) -> Result<u64, WorkflowError> {
        let at = SOURCES.iter().find(|(n, _)| *n == name).map_or(0, |(_, read)| read());
        note(&name).await?;
        Ok(at)
    }
}

/// WF001: a macro of one's own
pub mod clock_macro {
    use super::*;

    macro_rules! stamped {
        ($text:expr) => {
            format!("{} {:?}", $text, SystemTime::now())
        };
    }

    #[workflow]
    pub async fn clock_macro(text: String) -> Result<String, WorkflowError> {
        let stamped = stamped!(text);
        note(&stamped).await?;
        Ok(stamped)
    }
}

/// WF001: a macro of another crate
pub mod clock_macro_elsewhere {
    use super::*;

    #[workflow]
    pub async fn clock_macro_elsewhere() -> Result<u64, WorkflowError> {
        let at = shared::unix_seconds!();
        note("at").await?;
        Ok(at)
    }
}

/// WF001: `elapsed()` of an argument
pub mod clock_elapsed_argument {
    use super::*;

    #[workflow]
    pub async fn clock_elapsed_argument(since: SystemTime) -> Result<u64, WorkflowError> {
        let n = since.elapsed()?.as_secs();
        note("n").await?;
        Ok(n)
    }
}

/// WF001: a path with the type in angle brackets
pub mod clock_qualified {
    use super::*;

    #[workflow]
    pub async fn clock_qualified() -> Result<bool, WorkflowError> {
        let early = <SystemTime>::now() < <std::time::SystemTime>::UNIX_EPOCH;
        note("early").await?;
        Ok(early)
    }
}

/// WF001: a function of chrono that is passed on
pub mod clock_chrono_passed {
    use super::*;
    use chrono::{DateTime, Utc};

    #[workflow]
    pub async fn clock_chrono_passed(at: Option<DateTime<Utc>>) -> Result<String, WorkflowError> {
        let text = at.unwrap_or_else(Utc::now).to_rfc3339();
        note(&text).await?;
        Ok(text)
    }
}

/// WF001: the local time of chrono, behind an alias
pub mod clock_chrono_local {
    use super::*;
    use chrono::Local as Here;

    #[workflow]
    pub async fn clock_chrono_local() -> Result<String, WorkflowError> {
        let text = Here::now().format("%H:%M").to_string();
        note(&text).await?;
        Ok(text)
    }
}

/// WF001: the crate `time`, in a helper
pub mod clock_time_crate {
    use super::*;

    fn year() -> i32 {
        time::OffsetDateTime::now_utc().year()
    }

    #[workflow]
    pub async fn clock_time_crate() -> Result<i32, WorkflowError> {
        let year = year();
        note("year").await?;
        Ok(year)
    }
}

/// WF001: jiff, in a constructor of a helper type
pub mod clock_jiff {
    use super::*;

    pub struct Day(jiff::civil::Date);

    impl Day {
        fn today() -> Day {
            Day(jiff::Zoned::now().date())
        }
    }

    #[workflow]
    pub async fn clock_jiff() -> Result<String, WorkflowError> {
        let day = Day::today().0.to_string();
        note(&day).await?;
        Ok(day)
    }
}

/// WF001: the time in an id
pub mod clock_uuid {
    use super::*;
    use uuid::Uuid as Id;

    #[workflow]
    pub async fn clock_uuid() -> Result<String, WorkflowError> {
        let id = Id::now_v7().to_string();
        note(&id).await?;
        Ok(id)
    }
}

/// WF001: the clock of tokio
pub mod clock_tokio {
    use super::*;
    use tokio::time::Instant as Tick;

    fn soon() -> bool {
        Tick::now().elapsed() < Duration::from_millis(3)
    }

    #[workflow]
    pub async fn clock_tokio() -> Result<bool, WorkflowError> {
        let soon = soon();
        note("soon").await?;
        Ok(soon)
    }
}

/// WF001 WF012: the C library, in another crate
pub mod clock_libc {
    use super::*;

    #[workflow]
    pub async fn clock_libc() -> Result<i64, WorkflowError> {
        let at = shared::clock::c_time();
        note("at").await?;
        Ok(at)
    }
}
