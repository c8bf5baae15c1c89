//! The functions that a step must not call, by their symbols.
//!
//! A symbol is found by its crate and its last names, so that it is found wherever the crate shows it again. Of a name that comes from
//! around the function the crate is not known: it counts only if `open` says that nothing else is called so.

use std::{collections::HashMap, sync::LazyLock};
use workflow_rules::{
    ADDRESSES, BACKTRACES, BLOCKING, CLOCK, CONCURRENCY, ENVIRONMENT, FLOATS, IO, OUTPUT, RANDOMNESS, Rule,
};

/// Functions that do the same.
pub(super) struct Symbols {
    pub(super) rule: &'static Rule,
    /// What one of them does, behind its name.
    pub(super) does: &'static str,
    crates: &'static [&'static str],
    /// They are called nothing else, so that they are known without their crate.
    open: bool,
    /// Their last names; a name in front of a function is its type, or a module. Behind `/` stands how many arguments one takes.
    names: &'static [&'static str],
}

const STD: &[&str] = &["std", "core", "alloc"];
const RAND: &[&str] = &["rand", "rand_core", "rand_chacha", "rand_pcg", "rand_xoshiro"];
const FUTURES: &[&str] = &[
    "futures",
    "futures_util",
    "futures_lite",
    "futures_concurrency",
    "async_std",
    "smol",
    "tokio",
    "futures_executor",
];
const CHANNELS: &[&str] = &[
    "crossbeam",
    "crossbeam_channel",
    "flume",
    "async_channel",
    "kanal",
    "futures",
    "futures_channel",
    "tokio",
    "std",
];

const fn open(
    rule: &'static Rule,
    does: &'static str,
    crates: &'static [&'static str],
    names: &'static [&'static str],
) -> Symbols {
    Symbols { rule, does, crates, open: true, names }
}

const fn closed(
    rule: &'static Rule,
    does: &'static str,
    crates: &'static [&'static str],
    names: &'static [&'static str],
) -> Symbols {
    Symbols { rule, does, crates, open: false, names }
}

#[rustfmt::skip]
static ALL: &[Symbols] = &[
    open(CLOCK, "reads a clock", &["std", "core", "tokio", "time", "web_time", "quanta", "async_std", "coarsetime", "minstant"], &[
        "Instant::now/0", "SystemTime::now/0", "Instant::elapsed", "SystemTime::elapsed",
    ]),
    open(CLOCK, "reads a clock", &["chrono"], &["Utc::now/0", "Local::now/0", "Utc::today/0", "Local::today/0"]),
    open(CLOCK, "reads a clock", &["time"], &["OffsetDateTime::now_utc/0", "OffsetDateTime::now_local/0", "UtcDateTime::now"]),
    open(CLOCK, "reads a clock", &["jiff", "uuid"], &["Timestamp::now", "Zoned::now/0"]),
    open(CLOCK, "reads a clock", &["uuid"], &["Uuid::now_v1", "Uuid::now_v6", "Uuid::now_v7/0"]),

    closed(RANDOMNESS, "draws from the randomness of the process", RAND, &[
        "random/0", "random_bool", "random_iter", "random_range", "random_ratio", "fill", "rng/0", "make_rng", "SysRng", "OsRng",
    ]),
    open(RANDOMNESS, "draws from the randomness of the process", RAND, &["thread_rng/0", "ThreadRng::default", "rngs::OsRng"]),
    closed(RANDOMNESS, "draws from the randomness of the system", &["getrandom"], &["fill", "fill_uninit", "getrandom", "u32", "u64"]),
    closed(RANDOMNESS, "draws from the randomness of the process", &["fastrand"], &[
        "Rng::new", "alphabetic", "alphanumeric", "bool", "char", "choice", "choose_multiple", "digit", "f32", "f64", "fill", "get_seed",
        "i128", "i16", "i32", "i64", "i8", "isize", "lowercase", "shuffle", "u128", "u16", "u32", "u64", "u8", "uppercase", "usize",
    ]),
    open(RANDOMNESS, "draws a random id", &["uuid"], &["Uuid::new_v4/0"]),
    open(RANDOMNESS, "draws a random id", &["ulid"], &["Ulid::new/0"]),
    closed(RANDOMNESS, "draws a random id", &["ulid"], &["Generator::new"]),
    closed(RANDOMNESS, "draws a random id", &["nanoid", "cuid", "cuid2", "xid", "ksuid", "rusty_ulid", "petname", "scru128"], &[
        "nanoid", "create_id", "cuid2", "cuid2_slug", "cuid1", "new", "generate_ulid_string", "petname", "Ksuid::new", "Ulid::generate",
    ]),
    open(RANDOMNESS, "makes a random seed", &["std", "ahash", "foldhash"], &["RandomState::new/0", "RandomState::default"]),
    closed(RANDOMNESS, "draws from the randomness of the system", &["ring", "openssl"], &["SystemRandom::new", "rand_bytes"]),

    open(CONCURRENCY, "starts a thread", &["std", "crossbeam", "crossbeam_utils"], &["thread::spawn/1", "thread::scope/1"]),
    closed(CONCURRENCY, "starts a thread", STD, &["Builder::new"]),
    closed(CONCURRENCY, "starts a thread", &["crossbeam", "crossbeam_utils"], &["scope"]),
    closed(CONCURRENCY, "starts a task beside the step", &["tokio", "async_std", "smol", "actix_rt", "actix_web", "async_global_executor"], &[
        "spawn", "spawn_local", "spawn_blocking/1",
    ]),
    open(CONCURRENCY, "starts a task beside the step", &["tokio", "async_std", "smol"], &[
        "task::spawn/1", "task::spawn_local", "spawn_blocking/1", "JoinSet::new/0", "LocalSet::new/0",
    ]),
    closed(CONCURRENCY, "takes the executor of the process", &["tokio"], &["Runtime::new", "Handle::current", "Handle::try_current"]),
    open(CONCURRENCY, "makes an executor", &["tokio"], &["Builder::new_multi_thread", "Builder::new_current_thread"]),
    open(CONCURRENCY, "polls futures side by side", FUTURES, &[
        "future::join_all", "future::try_join_all", "future::join", "future::try_join", "future::select", "future::select_all",
        "future::select_ok", "future::try_select", "FuturesUnordered::new/0", "FuturesOrdered::new/0", "future::race", "future::zip",
    ]),
    closed(CONCURRENCY, "uses a pool of threads", &["rayon", "rayon_core"], &["join", "scope", "spawn", "spawn_fifo", "broadcast"]),
    open(CONCURRENCY, "makes a pool of threads", &["rayon", "rayon_core", "futures"], &["ThreadPoolBuilder::new", "ThreadPool::new"]),

    open(BLOCKING, "stops the thread", STD, &["thread::sleep/1", "thread::sleep_ms/1", "thread::sleep_until", "thread::park/0", "thread::park_timeout"]),
    open(BLOCKING, "stops the thread", &["futures", "futures_executor", "futures_lite", "pollster", "tokio", "async_std", "smol", "async_io"], &[
        "block_on/1", "block_in_place/1",
    ]),
    open(BLOCKING, "makes a lock", &["std", "tokio", "parking_lot", "spin", "async_std", "async_lock", "smol", "futures", "lock_api"], &[
        "Mutex::new/1", "RwLock::new/1", "Condvar::new/0", "ReentrantMutex::new", "FairMutex::new",
    ]),
    closed(BLOCKING, "makes what threads wait for", &["std", "tokio", "parking_lot", "async_lock", "async_std", "smol"], &[
        "Barrier::new", "Semaphore::new", "Notify::new", "Once::new", "OnceCell::new",
    ]),
    open(BLOCKING, "makes an atomic", &["std", "core", "portable_atomic"], &[
        "AtomicBool::new", "AtomicI8::new", "AtomicI16::new", "AtomicI32::new", "AtomicI64::new", "AtomicIsize::new", "AtomicPtr::new",
        "AtomicU8::new", "AtomicU16::new", "AtomicU32::new", "AtomicU64::new", "AtomicUsize::new",
    ]),
    open(BLOCKING, "orders an access to an atomic", STD, &[
        "Ordering::Relaxed", "Ordering::Release", "Ordering::Acquire", "Ordering::AcqRel", "Ordering::SeqCst", "atomic::fence",
    ]),
    open(BLOCKING, "makes a channel", CHANNELS, &[
        "mpsc::channel", "mpsc::sync_channel", "mpsc::unbounded_channel/0", "mpsc::unbounded", "oneshot::channel/0", "watch::channel/1",
        "broadcast::channel/1", "channel::unbounded", "channel::bounded",
    ]),
    closed(BLOCKING, "makes a channel", CHANNELS, &["bounded", "unbounded", "bounded_async", "unbounded_async"]),

    open(IO, "works on files", &["std", "tokio", "async_std", "async_fs", "smol", "fs_err"], &[
        "fs::canonicalize", "fs::copy/2", "fs::create_dir/1", "fs::create_dir_all/1", "fs::exists/1", "fs::hard_link", "fs::metadata/1", "fs::read/1",
        "fs::read_dir/1", "fs::read_link", "fs::read_to_string/1", "fs::remove_dir/1", "fs::remove_dir_all", "fs::remove_file/1", "fs::rename/2",
        "fs::set_permissions", "fs::soft_link", "fs::symlink", "fs::symlink_metadata", "fs::try_exists", "fs::write/2", "fs::symlink_file",
        "fs::symlink_dir", "File::open/1", "File::create/1", "File::create_new/1", "File::options/0", "DirBuilder::new",
    ]),
    closed(IO, "works on files", &["async_fs", "fs_err"], &[
        "copy", "create_dir", "create_dir_all", "metadata", "read", "read_dir", "read_to_string", "remove_dir", "remove_dir_all",
        "remove_file", "rename", "write",
    ]),
    closed(IO, "works on files", &["std", "tokio", "async_std", "tempfile", "walkdir", "glob", "memmap2", "rusqlite", "sled", "redb"], &[
        "OpenOptions::new", "tempfile", "tempdir", "NamedTempFile::new", "TempDir::new", "WalkDir::new", "glob", "Mmap::map",
        "Connection::open", "Connection::open_in_memory", "Database::create", "Database::open",
    ]),
    open(IO, "opens a socket", &["std", "tokio", "async_std", "async_net", "smol"], &[
        "TcpStream::connect/1", "TcpStream::connect_timeout", "TcpListener::bind/1", "UdpSocket::bind/1", "UnixStream::connect",
        "UnixListener::bind", "UnixDatagram::bind", "UnixDatagram::unbound", "UnixStream::pair",
    ]),
    closed(IO, "asks the network", &["tokio", "async_std"], &["lookup_host", "ctrl_c", "resolve"]),
    closed(IO, "starts a process", &["std", "tokio", "async_std", "async_process", "smol"], &["Command::new"]),
    open(IO, "starts a process", &["std", "tokio", "async_process"], &["process::Command::new/1"]),
    open(IO, "reads the standard input", &["std", "tokio", "async_std"], &["io::stdin/0"]),
    closed(IO, "sends a request", &["reqwest", "ureq", "isahc", "attohttpc", "surf", "minreq"], &[
        "get", "post", "put", "patch", "delete", "head", "request", "get_async", "post_async", "send", "agent", "client", "blocking::get",
        "Client::new", "Client::builder", "ClientBuilder::new", "Agent::new", "Agent::new_with_defaults", "AgentBuilder::new",
        "HttpClient::new", "Session::new",
    ]),
    closed(IO, "opens a connection", &["hyper", "hyper_util", "tonic", "redis", "mongodb", "postgres", "tokio_postgres", "lapin", "lettre", "rumqttc"], &[
        "Client::new", "Client::builder", "handshake", "Server::bind", "Channel::from_static", "Channel::from_shared", "Channel::builder",
        "Endpoint::new", "Endpoint::from_static", "Endpoint::from_shared", "Server::builder", "Client::open", "cmd", "pipe",
        "Client::with_uri_str", "Client::with_options", "Client::connect", "connect", "Connection::connect", "SmtpTransport::relay",
        "AsyncClient::new",
    ]),
    closed(IO, "asks a database", &["sqlx", "sqlx_core"], &[
        "query", "query_as", "query_as_with", "query_scalar", "query_with", "raw_sql", "PgPoolOptions::new", "SqlitePoolOptions::new",
        "MySqlPoolOptions::new", "PoolOptions::new", "Pool::connect", "AnyPool::connect",
    ]),
    open(IO, "asks a database", &["sqlx", "diesel"], &[
        "PgPool::connect", "PgPool::connect_lazy", "SqlitePool::connect", "MySqlPool::connect", "PgConnection::establish",
        "SqliteConnection::establish", "MysqlConnection::establish", "PgConnection::connect",
    ]),
    closed(IO, "asks a database", &["diesel", "diesel_async"], &[
        "insert_into", "insert_or_ignore_into", "replace_into", "update", "delete", "select", "sql_query",
    ]),

    open(OUTPUT, "writes to a standard stream", &["std", "tokio", "async_std"], &["io::stdout/0", "io::stderr/0"]),

    open(ENVIRONMENT, "reads the environment", STD, &[
        "env::var/1", "env::var_os/1", "env::vars/0", "env::vars_os/0", "env::args/0", "env::args_os/0", "env::current_dir/0", "env::current_exe/0",
        "env::temp_dir/0", "env::home_dir/0",
    ]),
    open(ENVIRONMENT, "changes the environment", STD, &["env::set_var", "env::remove_var", "env::set_current_dir"]),
    open(ENVIRONMENT, "ends the process", STD, &["process::exit/1", "process::abort/0"]),
    open(ENVIRONMENT, "asks the process", STD, &["process::id/0", "thread::current/0", "available_parallelism/0"]),
    closed(ENVIRONMENT, "asks the machine", &["num_cpus", "hostname", "gethostname", "whoami", "dirs", "home", "sysinfo", "sys_info", "directories"], &[
        "get", "get_physical", "gethostname", "username", "realname", "hostname", "devicename", "fallible", "platform", "home_dir",
        "config_dir", "cache_dir", "data_dir", "System::new", "System::new_all", "BaseDirs::new", "UserDirs::new",
    ]),
    closed(ENVIRONMENT, "reads the environment", &["dotenvy", "dotenv", "envy"], &["dotenv", "var", "vars", "from_env", "from_filename", "prefixed"]),
    open(ENVIRONMENT, "takes the time zone of the machine", &["jiff"], &["TimeZone::system/0", "TimeZone::try_system"]),
    closed(ENVIRONMENT, "takes the time zone of the machine", &["chrono"], &["Local"]),
    open(ENVIRONMENT, "takes the time zone of the machine", &["time"], &["UtcOffset::current_local_offset", "UtcOffset::local_offset_at"]),

    open(ADDRESSES, "compares addresses", STD, &["ptr::eq/2", "ptr::addr_eq/2", "ptr::fn_addr_eq", "Arc::ptr_eq", "Rc::ptr_eq", "Weak::ptr_eq"]),
    open(ADDRESSES, "hashes an address", STD, &["ptr::hash/2"]),
    open(ADDRESSES, "gives an address", STD, &["NonNull::addr/1"]),
    open(ADDRESSES, "gives a name that the compiler chooses", STD, &["type_name/0", "type_name_of_val/1"]),
    open(ADDRESSES, "gives a number that the compiler chooses", STD, &["TypeId::of/0"]),

    open(FLOATS, "is computed by a library of the platform", STD, &FLOAT_FUNCTIONS),

    open(BACKTRACES, "takes a backtrace", &["std", "backtrace"], &["Backtrace::capture/0", "Backtrace::force_capture"]),
    closed(BACKTRACES, "takes a backtrace", &["backtrace"], &["Backtrace::new", "Backtrace::new_unresolved", "trace"]),
    open(BACKTRACES, "gives a path of the source", STD, &["Location::caller/0"]),
];

#[rustfmt::skip]
const FLOAT_FUNCTIONS: [&str; 54] = [
    "f32::acos", "f32::acosh", "f32::asin", "f32::asinh", "f32::atan", "f32::atan2", "f32::atanh", "f32::cbrt", "f32::cos", "f32::cosh",
    "f32::exp", "f32::exp2", "f32::exp_m1", "f32::gamma", "f32::hypot", "f32::ln", "f32::ln_1p", "f32::log", "f32::log10", "f32::log2",
    "f32::powf", "f32::powi", "f32::sin", "f32::sin_cos", "f32::sinh", "f32::tan", "f32::tanh",
    "f64::acos", "f64::acosh", "f64::asin", "f64::asinh", "f64::atan", "f64::atan2", "f64::atanh", "f64::cbrt", "f64::cos", "f64::cosh",
    "f64::exp", "f64::exp2", "f64::exp_m1", "f64::gamma", "f64::hypot", "f64::ln", "f64::ln_1p", "f64::log", "f64::log10", "f64::log2",
    "f64::powf", "f64::powi", "f64::sin", "f64::sin_cos", "f64::sinh", "f64::tan", "f64::tanh",
];

/// True for a method of a float that a library of the platform computes.
pub(super) fn of_platform(method: &str) -> bool {
    let (f64s, of) = (FLOAT_FUNCTIONS.iter().skip(27), |n: &&str| n.strip_prefix("f64::") == Some(method));
    f64s.copied().any(|n| of(&n))
}

/// Modules that users import and write in front of what is in them.
const MODULES: &[&str] = &[
    "any",
    "atomic",
    "executor",
    "future",
    "hint",
    "panic",
    "path",
    "process",
    "stream",
    "sync",
    "task",
    "thread",
    "time",
    "channel",
    "net",
    "io",
    "fs",
    "env",
    "ptr",
    "backtrace",
    "offset",
    "prelude",
];

struct Symbol {
    of: &'static Symbols,
    names: Vec<&'static str>,
    arguments: Option<usize>,
}

/// All symbols by their last name.
static BY_NAME: LazyLock<HashMap<&'static str, Vec<Symbol>>> = LazyLock::new(|| {
    let mut all: HashMap<_, Vec<Symbol>> = HashMap::new();
    for of in ALL {
        for path in of.names {
            let (path, arguments) = path.split_once('/').map_or((*path, None), |(path, n)| (path, n.parse().ok()));
            let names: Vec<&str> = path.split("::").collect();
            if let Some(last) = names.last() {
                all.entry(*last).or_default().push(Symbol { of, names, arguments });
            }
        }
    }
    all
});

/// True if some symbol has this last name, or can be made from entropy.
pub(super) fn known(name: &str) -> bool {
    BY_NAME.contains_key(name) || is_seeding(name)
}

/// A generator of any type that is seeded by the system.
fn is_seeding(name: &str) -> bool {
    matches!(name, "from_entropy" | "from_os_rng" | "try_from_os_rng")
}

static SEEDING: Symbols = open(RANDOMNESS, "takes its seed from the randomness of the system", RAND, &[]);

/// The symbol that a path names.
pub(super) struct Found {
    pub(super) symbols: &'static Symbols,
    /// How rustc can tell whether it is that symbol.
    pub(super) doubt: Option<Doubt>,
}

/// What a name that comes from around the function may also be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Doubt {
    /// Another type: the path without its last name is a type.
    Type,
    /// Another module: the path without its last name is a module, which in truth has this type.
    Module(&'static str),
    /// Another clock: what a real one gives is made of a `SystemTime`.
    Now,
    /// No lock: what a lock gives has this method.
    Lock(&'static str),
}

/// The symbol that a path names. `open`: what its first name means is not known. `given`: how many arguments stand behind it.
pub(super) fn find(path: &[String], open: bool, given: Option<usize>) -> Option<Found> {
    let last = path.last()?;
    if is_seeding(last) && path.len() > 1 {
        return Some(Found { symbols: &SEEDING, doubt: None });
    }
    let found = BY_NAME.get(last.as_str())?.iter().find(|s| s.is(path, open, given))?;
    Some(Found { symbols: found.of, doubt: if open { found.doubt(path) } else { None } })
}

impl Symbol {
    fn is(&self, path: &[String], open: bool, given: Option<usize>) -> bool {
        let Some(before) = path.len().checked_sub(self.names.len()) else { return false };
        let (before, names) = path.split_at(before);
        let takes = self.arguments.is_none_or(|n| given.is_none_or(|given| n == given));
        if names.iter().zip(&self.names).any(|(a, b)| a != b) || (open && !takes) {
            return false;
        }
        match before.split_first() {
            None => self.of.open && open,
            Some((first, rest)) => {
                let of_crate = self.of.crates.contains(&first.as_str());
                let by_module = open && self.of.open && MODULES.contains(&first.as_str());
                (of_crate || by_module) && rest.iter().all(|s| is_module(s))
            }
        }
    }

    fn doubt(&self, path: &[String]) -> Option<Doubt> {
        let first = path.first()?;
        if path.len() < 2 || (self.of.crates.contains(&first.as_str()) && !MODULES.contains(&first.as_str())) {
            return None;
        }
        let of = self.names.get(self.names.len().checked_sub(2)?)?;
        if is_module(of) {
            return WITNESSES.iter().find(|(module, _)| module == of).map(|(_, witness)| Doubt::Module(witness));
        }
        match (*of, self.names.last().copied()) {
            ("Utc" | "Local", Some("now")) => Some(Doubt::Now),
            ("Mutex", Some("new")) => Some(Doubt::Lock("lock")),
            ("RwLock", Some("new")) => Some(Doubt::Lock("read")),
            (ty, _) => TYPES.contains(&ty).then_some(Doubt::Type),
        }
    }
}

fn is_module(name: &str) -> bool {
    name.starts_with(|c: char| c.is_lowercase() || c == '_')
}

/// Modules of the standard library, and a type of each that the runtime knows as `Named`.
const WITNESSES: &[(&str, &str)] = &[
    ("any", "TypeId"),
    ("env", "VarError"),
    ("fs", "File"),
    ("io", "Stdin"),
    ("process", "ExitStatus"),
    ("thread", "Thread"),
];

/// Types that the runtime knows as `Named`.
const TYPES: &[&str] = &[
    "AtomicBool",
    "AtomicI16",
    "AtomicI32",
    "AtomicI64",
    "AtomicI8",
    "AtomicIsize",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicU8",
    "AtomicUsize",
    "Backtrace",
    "Condvar",
    "File",
    "Instant",
    "Ordering",
    "RandomState",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "TimeZone",
    "Timestamp",
    "TypeId",
    "UdpSocket",
    "Uuid",
    "Zoned",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn code(path: &str, open: bool) -> Option<&'static str> {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        find(&path, open, None).map(|f| f.symbols.rule.code)
    }

    #[test]
    fn a_symbol_is_found_by_its_crate_and_by_a_name_that_nothing_else_has() {
        let found = [
            ("std::time::Instant::now", "WF001"),
            ("Instant::now", "WF001"),
            ("time::Instant::now", "WF001"),
            ("chrono::offset::Utc::now", "WF001"),
            ("rand::random", "WF002"),
            ("rand_chacha::ChaCha8Rng::from_os_rng", "WF002"),
            ("thread_rng", "WF002"),
            ("tokio::task::spawn", "WF005"),
            ("fs::read", "WF007"),
            ("std::process::Command::new", "WF007"),
            ("f64::sin", "WF013"),
        ];
        for (path, rule) in found {
            assert_eq!(code(path, true), Some(rule), "{path}");
        }
    }

    #[test]
    fn another_number_of_arguments_is_another_function() {
        let path = ["Uuid".to_owned(), "new_v4".to_owned()];
        assert!(find(&path, true, Some(1)).is_none());
        assert!(find(&path, true, Some(0)).is_some_and(|f| f.doubt == Some(Doubt::Type)));
        assert!(
            find(&["env".into(), "var".into()], true, Some(1))
                .is_some_and(|f| f.doubt == Some(Doubt::Module("VarError")))
        );
        assert!(find(&["std".into(), "env".into(), "var".into()], true, Some(1)).is_some_and(|f| f.doubt.is_none()));
    }

    #[test]
    fn what_is_only_called_so_is_not_found() {
        let fine = [
            "random",
            "now",
            "Rng::random",
            "rand::Rng::random",
            "clock::Instant::now",
            "crate::Instant::now",
            "my::thread::sleep",
            "Command::new",
            "reqwest::Url::parse",
            "std::net::Ipv4Addr::new",
            "spawn",
            "uuid::Uuid::new_v5",
            "StdRng::seed_from_u64",
            "f64::sqrt",
            "Local",
            "sleep",
            "fs::join",
            "io::copy",
            "join_all",
            "Ordering::Less",
        ];
        for path in fine {
            assert_eq!(code(path, true), None, "{path}");
        }
        assert_eq!(code("Instant::now", false), None, "a path that begins with a crate `Instant`");
    }
}
