use std::{collections::HashMap as Map, env, fs, process, sync::atomic::AtomicU8, thread, time::Instant as Moment};
use std::time::{Instant, SystemTime};
use workflow_runtime::prelude::*;

mod own {
    #[derive(Clone, Copy)]
    pub(crate) struct Instant;
    impl Instant {
        pub(crate) fn now() -> Instant {
            Instant
        }
        pub(crate) fn elapsed(self) -> u64 {
            3
        }
    }
    pub(crate) mod fs {
        pub(crate) fn read(shelf: &str) -> usize {
            shelf.len()
        }
    }
    pub(crate) mod env {
        pub(crate) fn var(name: &str) -> Option<&str> {
            Some(name)
        }
    }
}

#[workflow]
async fn of_std(since: SystemTime) -> Result<u64, WorkflowError> {
    let a = Instant::now();
    let b = fs::read("x")?;
    let c = env::var("HOME")?;
    let d = AtomicU8::new(1);
    if c.is_empty() {
        process::exit(1);
    }
    thread::yield_now();
    thread::park();
    let _ = (a, b, d, since.elapsed());
    Ok(1)
}

mod renamed {
    pub(crate) use std::time::SystemTime as When;
}

mod shadows {
    use super::own::{Instant, env, fs};
    use workflow_runtime::prelude::*;

    #[workflow]
    pub(crate) async fn of_the_user() -> Result<u64, WorkflowError> {
        let a = Instant::now();
        let b = fs::read("x");
        let c = env::var("HOME");
        Ok(a.elapsed() + b as u64 + c.map_or(0, |c| c.len() as u64))
    }
}

mod tables {
    use std::{collections::HashMap, hash::{BuildHasherDefault, DefaultHasher}};
    use workflow_runtime::prelude::*;

    type HashSet<T> = std::collections::HashSet<T, BuildHasherDefault<DefaultHasher>>;

    #[workflow]
    pub(crate) async fn in_order(fixed: HashSet<u8>, random: HashMap<u8, String>) -> Result<u64, WorkflowError> {
        let mut sum = 0;
        for n in &fixed {
            sum += u64::from(*n);
        }
        for text in random.values() {
            sum += text.len() as u64;
        }
        Ok(sum)
    }
}

#[workflow]
async fn what_only_types_tell(m: Map<u8, u8>) -> Result<u64, WorkflowError> {
    let _ = (Moment::now(), crate::renamed::When::now(), m.len(), own::Instant::now());
    Ok(1)
}

mod locks {
    use std::sync::Mutex;
    use tokio::sync::RwLock;
    use workflow_runtime::prelude::*;

    #[workflow]
    pub(crate) async fn of_threads() -> Result<u64, WorkflowError> {
        let (a, b) = (Mutex::new(1), RwLock::new("x"));
        let c: Vec<_> = [1, 2].into_iter().map(Mutex::new).collect();
        Ok(c.len() as u64 + size_of_val(&a) as u64 + size_of_val(&b) as u64)
    }
}

mod clocks {
    use workflow_runtime::prelude::*;

    /// As that of chrono: what it gives is made of a `SystemTime`.
    pub(crate) struct Utc;
    pub(crate) struct DateTime(u64);
    impl From<std::time::SystemTime> for DateTime {
        fn from(_: std::time::SystemTime) -> Self {
            DateTime(1)
        }
    }
    impl Utc {
        pub(crate) fn now() -> DateTime {
            DateTime(1)
        }
    }

    #[workflow]
    pub(crate) async fn of_another_crate() -> Result<u64, WorkflowError> {
        Ok(Utc::now().0)
    }
}

mod neither {
    use workflow_runtime::prelude::*;

    pub(crate) struct Local;
    impl Local {
        pub(crate) fn now() -> u64 {
            1
        }
    }
    pub(crate) struct Mutex<'a>(&'a str);
    impl<'a> Mutex<'a> {
        pub(crate) fn new(side: &'a str) -> Self {
            Mutex(side)
        }
    }

    #[workflow]
    pub(crate) async fn of_the_user_too() -> Result<u64, WorkflowError> {
        Ok(Local::now() + Mutex::new("x").0.len() as u64)
    }
}

fn main() {}
