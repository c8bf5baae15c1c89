//! What a step prints.

use crate::note;
use std::{
    fmt,
    io::{self, Write},
};
use workflow_runtime::prelude::*;

/// WF008: a helper
pub mod print_helper {
    use super::*;

    fn say(text: &str) {
        println!("{text}");
    }

    #[workflow]
    pub async fn print_helper(text: String) -> Result<(), WorkflowError> {
        say(&text);
        note(&text).await?;
        Ok(())
    }
}

/// WF008: a macro of one's own
pub mod print_macro {
    use super::*;

    macro_rules! say {
        ($($part:tt)*) => { eprintln!($($part)*) };
    }

    #[workflow]
    pub async fn print_macro(text: String) -> Result<(), WorkflowError> {
        say!("{text}!");
        note(&text).await?;
        Ok(())
    }
}

/// WF008: a macro of another crate
pub mod print_macro_elsewhere {
    use super::*;

    #[workflow]
    pub async fn print_macro_elsewhere(text: String) -> Result<(), WorkflowError> {
        shared::announce!(text);
        note(&text).await?;
        Ok(())
    }
}

/// WF008: the standard output as a writer
pub mod print_writer {
    use super::*;

    #[workflow]
    pub async fn print_writer(text: String) -> Result<(), WorkflowError> {
        writeln!(io::stdout(), "{text}")?;
        note(&text).await?;
        Ok(())
    }
}

/// WF008: the standard error stream, given to a generic function
pub mod print_generic {
    use super::*;

    fn report(to: &mut impl Write, text: &str) -> io::Result<()> {
        to.write_all(text.as_bytes())
    }

    fn complain(text: &str) {
        report(&mut io::stderr(), text).ok();
    }

    #[workflow]
    pub async fn print_generic(text: String) -> Result<(), WorkflowError> {
        complain(&text);
        note(&text).await?;
        Ok(())
    }
}

/// WF008: a writer behind `dyn`, in another crate
pub mod print_dyn {
    use super::*;

    #[workflow]
    pub async fn print_dyn(text: String) -> Result<(), WorkflowError> {
        shared::remote::trace_to(&text);
        note(&text).await?;
        Ok(())
    }
}

/// WF008: `dbg!` in a closure
pub mod print_dbg {
    use super::*;

    #[workflow]
    pub async fn print_dbg(ns: Vec<u32>) -> Result<u32, WorkflowError> {
        let sum = ns.iter().map(|n| dbg!(n * 2)).sum();
        note("sum").await?;
        Ok(sum)
    }
}

/// WF008: a macro of log, under another name
pub mod print_log {
    use super::*;
    use log::info as remark;

    #[workflow]
    pub async fn print_log(text: String) -> Result<(), WorkflowError> {
        remark!("{text}");
        note(&text).await?;
        Ok(())
    }
}

/// WF008: a macro of log, in a helper
pub mod print_log_helper {
    use super::*;

    fn checked(n: u32) -> u32 {
        if n > 100 {
            log::warn!("{n} is large");
        }
        n
    }

    #[workflow]
    pub async fn print_log_helper(n: u32) -> Result<u32, WorkflowError> {
        let n = checked(n);
        note("checked").await?;
        Ok(n)
    }
}

/// WF008: `Display` of a helper type
pub mod print_display {
    use super::*;

    pub struct Loud(u32);

    impl fmt::Display for Loud {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            print!("shown ");
            write!(f, "{}", self.0)
        }
    }

    #[workflow]
    pub async fn print_display(n: u32) -> Result<String, WorkflowError> {
        let text = Loud(n).to_string();
        note(&text).await?;
        Ok(text)
    }
}

/// WF008: `Drop` of a helper type
pub mod print_drop {
    use super::*;

    pub struct Scope(&'static str);

    impl Drop for Scope {
        fn drop(&mut self) {
            eprintln!("left {}", self.0);
        }
    }

    #[workflow]
    pub async fn print_drop(n: u32) -> Result<u32, WorkflowError> {
        let n = {
            let _scope = Scope("count");
            n + 1
        };
        note("counted").await?;
        Ok(n)
    }
}
