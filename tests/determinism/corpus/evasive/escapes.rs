//! Escape hatches.

use crate::note;
use workflow_runtime::prelude::*;

/// WF012: `unsafe` in a closure
pub mod escape_closure {
    use super::*;

    #[workflow]
    pub async fn escape_closure(names: Vec<String>) -> Result<usize, WorkflowError> {
        let n = (0..names.len()).map(|i| unsafe { names.get_unchecked(i) }.len()).sum();
        note("n").await?;
        Ok(n)
    }
}

/// WF012: `unsafe` in the arguments of a macro
pub mod escape_macro_argument {
    use super::*;

    #[workflow]
    pub async fn escape_macro_argument(bytes: Vec<u8>) -> Result<String, WorkflowError> {
        let text = format!("{}", unsafe { std::str::from_utf8_unchecked(&bytes) });
        note(&text).await?;
        Ok(text)
    }
}

/// WF012: a foreign function, declared in the body
pub mod escape_foreign {
    use super::*;

    #[workflow]
    pub async fn escape_foreign(n: i32) -> Result<i32, WorkflowError> {
        unsafe extern "C" {
            safe fn abs(n: i32) -> i32;
        }
        let n = abs(n);
        note("n").await?;
        Ok(n)
    }
}

/// WF012 WF009: a foreign function, in a helper
pub mod escape_foreign_helper {
    use super::*;

    unsafe extern "C" {
        fn getppid() -> i32;
    }

    fn parent() -> i32 {
        unsafe { getppid() }
    }

    #[workflow]
    pub async fn escape_foreign_helper() -> Result<i32, WorkflowError> {
        let n = parent();
        note("n").await?;
        Ok(n)
    }
}

/// WF012: assembly, in a function within the body
pub mod escape_assembly {
    use super::*;

    #[workflow]
    pub async fn escape_assembly() -> Result<u64, WorkflowError> {
        fn ticks() -> u64 {
            let (low, high): (u32, u32);
            unsafe { std::arch::asm!("rdtsc", out("eax") low, out("edx") high) };
            u64::from(high) << 32 | u64::from(low)
        }
        let n = ticks();
        note("n").await?;
        Ok(n)
    }
}

/// WF012 WF001: a macro whose tokens are no Rust
pub mod escape_tokens {
    use super::*;

    #[workflow]
    pub async fn escape_tokens() -> Result<u64, WorkflowError> {
        let n = shared::script!(read => clock @ seconds;);
        note("n").await?;
        Ok(n)
    }
}

/// WF012: an unsafe function that is called through a pointer
pub mod escape_pointer {
    use super::*;

    #[workflow]
    pub async fn escape_pointer(bytes: Vec<u8>) -> Result<usize, WorkflowError> {
        let read: unsafe fn(&[u8]) -> &str = std::str::from_utf8_unchecked;
        let n = unsafe { read(&bytes) }.chars().count();
        note("n").await?;
        Ok(n)
    }
}

/// WF012: `unsafe` that a macro of one's own writes
pub mod escape_macro {
    use super::*;

    macro_rules! first {
        ($of:expr) => {
            unsafe { $of.get_unchecked(0) }.clone()
        };
    }

    #[workflow]
    pub async fn escape_macro(names: Vec<String>) -> Result<String, WorkflowError> {
        let first = first!(names);
        note(&first).await?;
        Ok(first)
    }
}
