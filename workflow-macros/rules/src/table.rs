//! The table. A code keeps its meaning for ever; a rule that goes leaves a gap.

use crate::{Rule, Severity};

/// All rules, in the order of their codes.
pub const RULES: &[&Rule] = &[
    CLOCK,
    RANDOMNESS,
    HASH_ORDER,
    FOREIGN_AWAIT,
    CONCURRENCY,
    BLOCKING,
    IO,
    OUTPUT,
    ENVIRONMENT,
    GLOBALS,
    ADDRESSES,
    ESCAPES,
    FLOATS,
    UNSAVEABLE,
    BACKTRACES,
];

/// WF001.
pub const CLOCK: &Rule = &Rule {
    code: "WF001",
    name: "clock",
    severity: Severity::Error,
    why: "a step that is executed again reads another time",
    instead: "use `now()` of workflow_runtime, the time at which the step was decided",
    catches: "Found: `SystemTime::now`, `Instant::now` of std and tokio, `elapsed()`, the now-functions of chrono, time and jiff, \
        `Uuid::now_v1`, `now_v6` and `now_v7`. Arithmetic with times that are there already is fine.",
    wrong: r#"#[workflow]
async fn remind(due: Timestamp) -> Result<bool, Cancelled> {
    Ok(Timestamp::now() < due)
}"#,
    right: r#"use jiff::Timestamp;

#[workflow]
async fn remind(due: Timestamp) -> Result<bool, Cancelled> {
    Ok(now() < due)
}"#,
};

/// WF002.
pub const RANDOMNESS: &Rule = &Rule {
    code: "WF002",
    name: "randomness",
    severity: Severity::Error,
    why: "a step that is executed again draws another number",
    instead: "use `random()` or `uuid()` of workflow_runtime, which draw from the seed of the run",
    catches: "Found: `rand::random`, `rng`, `thread_rng`, `OsRng`, generators that are seeded from entropy, `getrandom`, fastrand, \
        `Uuid::new_v4`, nanoid, ulid. A generator with a seed of yours is fine, and so is `Uuid::new_v5`.",
    wrong: r#"#[workflow]
async fn draw(tickets: Vec<String>) -> Result<String, Cancelled> {
    Ok(tickets[rand::random_range(0..tickets.len())].clone())
}"#,
    right: r#"#[workflow]
async fn draw(tickets: Vec<String>) -> Result<String, Cancelled> {
    Ok(tickets[(random::<u64>() % tickets.len() as u64) as usize].clone())
}"#,
};

/// WF003.
pub const HASH_ORDER: &Rule = &Rule {
    code: "WF003",
    name: "hash order",
    severity: Severity::Error,
    why: "each process has an order of its own",
    instead: "use a `BTreeMap` or `BTreeSet`, or an `IndexMap`, or collect and sort first",
    catches: "Found: going through a `HashMap` or `HashSet` with random state, draining it, printing it. Looking up, inserting and \
        removing by key is fine, and so are counting, sums of integers, and maps whose hasher has no random state.",
    wrong: r#"#[workflow]
async fn votes(ballots: Vec<String>) -> Result<Vec<String>, Cancelled> {
    let mut counted: HashMap<String, u32> = HashMap::new();
    for name in ballots {
        *counted.entry(name).or_default() += 1;
    }
    Ok(counted.into_keys().collect())
}"#,
    right: r#"use std::collections::BTreeMap;

#[workflow]
async fn votes(ballots: Vec<String>) -> Result<Vec<String>, Cancelled> {
    let mut counted: BTreeMap<String, u32> = BTreeMap::new();
    for name in ballots {
        *counted.entry(name).or_default() += 1;
    }
    Ok(counted.into_keys().collect())
}"#,
};

/// WF004.
pub const FOREIGN_AWAIT: &Rule = &Rule {
    code: "WF004",
    name: "foreign await",
    severity: Severity::Error,
    why: "no checkpoint can hold its future",
    instead: "await an `#[activity]`, `sleep`, a signal, or another workflow",
    catches: "Found by type: every `.await` on what is not an operation of workflow_runtime.",
    wrong: r#"#[workflow]
async fn pause() -> Result<(), Cancelled> {
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}"#,
    right: r#"#[workflow]
async fn pause() -> Result<(), Cancelled> {
    sleep(minutes(1)).await
}"#,
};

/// WF005.
pub const CONCURRENCY: &Rule = &Rule {
    code: "WF005",
    name: "concurrency",
    severity: Severity::Error,
    why: "what runs beside a step ends sooner in one process and later in another",
    instead: "use `join!`, `select!` or `join_all` of workflow_runtime, or a child workflow",
    catches: "Found: spawn, select and join of tokio and futures, `FuturesUnordered`, threads, rayon, crossbeam.",
    wrong: r#"#[workflow]
async fn both(a: u32, b: u32) -> Result<u32, WorkflowError> {
    let other = std::thread::spawn(move || b * b);
    Ok(a * a + other.join().unwrap())
}"#,
    right: r#"#[activity]
async fn square(n: u32) -> u32 {
    n * n
}

#[workflow]
async fn both(a: u32, b: u32) -> Result<u32, WorkflowError> {
    let (a, b) = join!(square(a), square(b));
    Ok(a? + b?)
}"#,
};

/// WF006.
pub const BLOCKING: &Rule = &Rule {
    code: "WF006",
    name: "blocking",
    severity: Severity::Error,
    why: "a step that waits holds up every other instance of its shard, for something that no checkpoint knows of",
    instead: "keep plain values in locals, wait with `sleep` or a signal, and let an `#[activity]` do what blocks",
    catches: "Found: mutexes, channels, condition variables, barriers, atomics, `block_on`, `thread::sleep`.",
    wrong: r#"#[workflow]
async fn later() -> Result<(), Cancelled> {
    std::thread::sleep(Duration::from_secs(5));
    Ok(())
}"#,
    right: r#"#[workflow]
async fn later() -> Result<(), Cancelled> {
    sleep(seconds(5)).await
}"#,
};

/// WF007.
pub const IO: &Rule = &Rule {
    code: "WF007",
    name: "I/O",
    severity: Severity::Error,
    why: "a step that is executed again does it again, and may be answered otherwise",
    instead: "move it into an `#[activity]`, which is retried, recorded and done once",
    catches: "Found: files, sockets, processes and standard input of std and tokio; reqwest, hyper, ureq; sqlx, diesel, redis, tonic. \
        Parsing and formatting what is there already is fine.",
    wrong: r#"#[workflow]
async fn greeting() -> Result<String, WorkflowError> {
    Ok(std::fs::read_to_string("greeting.txt")?)
}"#,
    right: r#"#[activity]
async fn read(path: &str) -> Result<String, WorkflowError> {
    Ok(std::fs::read_to_string(path)?)
}

#[workflow]
async fn greeting() -> Result<String, WorkflowError> {
    Ok(read("greeting.txt").await?)
}"#,
};

/// WF008.
pub const OUTPUT: &Rule = &Rule {
    code: "WF008",
    name: "output",
    severity: Severity::Error,
    why: "a step that is executed again prints again",
    instead: "use `tracing`, whose events are silent when a step is executed again",
    catches: "Found: `print!`, `println!`, `eprint!`, `eprintln!`, `dbg!`, the macros of log, writing to the standard streams.",
    wrong: r#"#[workflow]
async fn hello(name: String) -> Result<(), Cancelled> {
    println!("hello, {name}");
    Ok(())
}"#,
    right: r#"#[workflow]
async fn hello(name: String) -> Result<(), Cancelled> {
    tracing::info!(name, "hello");
    Ok(())
}"#,
};

/// WF009.
pub const ENVIRONMENT: &Rule = &Rule {
    code: "WF009",
    name: "environment",
    severity: Severity::Error,
    why: "the process that executes the step again has another one",
    instead: "take it as an argument, or read it in an `#[activity]`",
    catches: "Found: `std::env`, `std::process`, `available_parallelism`, `option_env!`, names of hosts and users.",
    wrong: r#"#[workflow]
async fn region() -> Result<String, WorkflowError> {
    Ok(std::env::var("REGION")?)
}"#,
    right: r#"#[activity]
async fn variable(name: &str) -> Result<String, WorkflowError> {
    Ok(std::env::var(name)?)
}

#[workflow]
async fn region() -> Result<String, WorkflowError> {
    Ok(variable("REGION").await?)
}"#,
};

/// WF010.
pub const GLOBALS: &Rule = &Rule {
    code: "WF010",
    name: "globals",
    severity: Severity::Error,
    why: "what it holds is lost with the process, and every instance writes to it",
    instead: "take the value as an argument, keep it in a local, or let an `#[activity]` hold it as `State`",
    catches: "Found: `static mut`, statics whose content can change (`Mutex`, atomics, `OnceLock`, `LazyLock`), `thread_local!`. \
        Constants, and statics that cannot change, are fine.",
    wrong: r#"static SERVED: AtomicU32 = AtomicU32::new(0);

#[workflow]
async fn ticket() -> Result<u32, Cancelled> {
    Ok(SERVED.fetch_add(1, Ordering::Relaxed))
}"#,
    right: r#"#[workflow]
async fn ticket(served: u32) -> Result<u32, Cancelled> {
    Ok(served + 1)
}"#,
};

/// WF011.
pub const ADDRESSES: &Rule = &Rule {
    code: "WF011",
    name: "addresses",
    severity: Severity::Error,
    why: "it differs from process to process, and from build to build",
    instead: "give the thing an id of its own, or compare values",
    catches: "Found: `{:p}`, casts of pointers to integers, `addr()` and `expose_provenance()` of pointers, `ptr::eq`, `type_name`, `TypeId` as data.",
    wrong: r#"#[workflow]
async fn key(order: String) -> Result<String, Cancelled> {
    Ok(format!("{:p}", &order))
}"#,
    right: r#"#[workflow]
async fn key(order: String) -> Result<String, Cancelled> {
    Ok(format!("{order}/{}", workflow_id()))
}"#,
};

/// WF012.
pub const ESCAPES: &Rule = &Rule {
    code: "WF012",
    name: "escape hatches",
    severity: Severity::Error,
    why: "no check can see what it does",
    instead: "move it into an `#[activity]`, or exempt it here and say why it is harmless",
    catches: "Found: `unsafe`, also where a macro of this crate writes it, `asm!`, foreign functions, macros whose tokens cannot be read as Rust.",
    wrong: r#"#[workflow]
async fn first(names: Vec<String>) -> Result<String, Cancelled> {
    Ok(unsafe { names.get_unchecked(0) }.clone())
}"#,
    right: r#"#[workflow]
async fn first(names: Vec<String>) -> Result<String, Cancelled> {
    Ok(names[0].clone())
}"#,
};

/// WF013.
pub const FLOATS: &Rule = &Rule {
    code: "WF013",
    name: "platform floats",
    severity: Severity::Warning,
    why: "its last digits differ between platforms",
    instead: "use integers or decimals, or compute it in an `#[activity]`",
    catches: "Found: functions of `f32` and `f64` that come from the platform's mathematics library, such as `sin`, `exp`, `ln` and `powf`. \
        The four operations, `sqrt`, `mul_add` and rounding are the same everywhere.",
    wrong: r#"#[workflow]
async fn growth(rate: f64, years: f64) -> Result<f64, Cancelled> {
    Ok(f64::exp(rate * years))
}"#,
    right: r#"#[activity]
async fn exp(x: f64) -> f64 {
    x.exp()
}

#[workflow]
async fn growth(rate: f64, years: f64) -> Result<f64, WorkflowError> {
    Ok(exp(rate * years).await?)
}"#,
};

/// WF014.
pub const UNSAVEABLE: &Rule = &Rule {
    code: "WF014",
    name: "unsaveable state",
    severity: Severity::Error,
    why: "a checkpoint holds values and nothing else",
    instead: "keep plain data across an `.await`",
    catches: "Found by type: a local that lives across an `.await` and cannot be serialized, or whose state is not its value: `Mutex`, `Cell`, \
        `Rc`, atomics, locks that are held, iterators with closures, handles of the process.",
    wrong: r#"#[workflow]
async fn count(words: Vec<String>) -> Result<u64, Cancelled> {
    let letters = Cell::new(0);
    sleep(seconds(1)).await?;
    words.iter().for_each(|w| letters.set(letters.get() + w.len() as u64));
    Ok(letters.get())
}"#,
    right: r#"#[workflow]
async fn count(words: Vec<String>) -> Result<u64, Cancelled> {
    let mut letters = 0;
    sleep(seconds(1)).await?;
    words.iter().for_each(|w| letters += w.len() as u64);
    Ok(letters)
}"#,
};

/// WF015.
pub const BACKTRACES: &Rule = &Rule {
    code: "WF015",
    name: "backtraces",
    severity: Severity::Error,
    why: "each build has lines, paths and addresses of its own",
    instead: "keep what `Display` says of the error",
    catches: "Found: captured backtraces, and the paths and lines of source files, where they reach results or payloads.",
    wrong: r#"#[workflow]
async fn audit() -> Result<String, Cancelled> {
    Ok(std::backtrace::Backtrace::force_capture().to_string())
}"#,
    right: r#"#[workflow]
async fn audit() -> Result<String, Cancelled> {
    Ok(format!("audited in {}", workflow_id()))
}"#,
};
