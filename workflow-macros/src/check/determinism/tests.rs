//! What is found, and above all what is not.

use super::determinism;
use crate::{diagnostic::Errors, parse::workflow::WorkflowFn};
use proc_macro2::TokenStream;
use workflow_rules::RULES;

/// The codes of what is found in a function, and of what is left to rustc, because a name may mean something else.
fn both(attr: &str, function: &str) -> (Vec<String>, Vec<String>) {
    let tokens = |s: &str| s.parse::<TokenStream>().unwrap_or_else(|e| panic!("{s}: {e}"));
    let errors = Errors::new();
    let Some(mut f) = WorkflowFn::parse(tokens(attr), tokens(function), &errors) else {
        panic!("{function}: {:?}", errors.finish());
    };
    determinism(&mut f, &errors);
    let found = errors.finish().map_or_else(|e| e.into_iter().map(|e| e.to_string()).collect(), |()| vec![]);
    let found = found.into_iter().chain(f.warnings.into_iter().map(|w| w.message));
    let code =
        |s: String| s.rsplit_once('[').map_or_else(|| s.clone(), |(_, code)| code.trim_end_matches(']').to_owned());
    (found.map(code).collect(), f.suspicions.into_iter().map(|s| code(s.message)).collect())
}

/// All codes.
fn in_function(attr: &str, function: &str) -> Vec<String> {
    let (found, left) = both(attr, function);
    found.into_iter().chain(left).collect()
}

fn in_body(body: &str) -> Vec<String> {
    in_function("", &format!("async fn w(order: Order, m: HashMap<String, u32>, rate: f64) {{ {body} }}"))
}

#[track_caller]
fn each(rule: &str, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(in_body(body), [rule], "{body}");
    }
}

#[track_caller]
fn none(bodies: &[&str]) {
    for body in bodies {
        assert_eq!(in_body(body), [""; 0], "{body}");
    }
}

#[test]
fn the_examples_of_the_rules_are_found_and_what_replaces_them_is_not() {
    // What only types can tell.
    let by_type = ["WF004", "WF014"];
    for rule in RULES.iter().filter(|r| !by_type.contains(&r.code)) {
        let functions = |text: &str| {
            let file = syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", rule.code));
            let functions = file.items.into_iter().filter_map(|i| match i {
                syn::Item::Fn(f) if f.attrs.iter().any(|a| a.path().is_ident("workflow")) => Some(f),
                _ => None,
            });
            let all: Vec<String> = functions.map(|f| quote::quote!(#f).to_string()).collect();
            assert!(!all.is_empty(), "{}", rule.code);
            all.iter().flat_map(|f| in_function("", f)).collect::<Vec<_>>()
        };
        assert_eq!(functions(rule.wrong), [rule.code], "{}", rule.wrong);
        assert_eq!(functions(rule.right), [""; 0], "{}", rule.right);
    }
}

#[test]
fn imports_of_the_function_are_followed() {
    each(
        "WF001",
        &[
            "use std::time::Instant; let t = Instant::now();",
            "use std::time::Instant as I; let t = I::now();",
            "use std::time as t; t::SystemTime::now();",
            "use std::{fmt, time::{self as clock, Duration}}; clock::Instant::now();",
            "use std as s; let f = s::time::Instant::now; f();",
            "use std::time::*; { let t = SystemTime::now(); }",
            "use std::time; use time::Instant as When; When::now();",
            "use ::std::time::Instant as When; When::now();",
            "extern crate std as core2; core2::time::Instant::now();",
            "type When = std::time::Instant; When::now();",
            "<std::time::Instant>::now();",
            "let all: Vec<_> = (0..3).map(|_| chrono::Utc::now()).collect();",
            "fn helper() -> u64 { use std::time::SystemTime as S; S::now().into() } helper();",
            "struct S; impl S { fn at() { std::time::Instant::now(); } }",
            "let t = Some(1).map_or_else(std::time::Instant::now, f);",
            "if x { y } else if let Some(t) = f(jiff::Timestamp::now()) { z }",
        ],
    );
    each(
        "WF002",
        &[
            "use rand::random as draw; let n: u8 = draw();",
            "use rand::prelude::*; let n: u8 = random();",
            "use rand; let n = rand::rng();",
        ],
    );
    each("WF007", &["use std::fs::*; read(\"x\")?;", "use tokio::fs as disk; disk::write(a, b);"]);
    each("WF008", &["use std::println as say; say!(\"x\");", "use log::info; info!(\"x\");", "log::warn!(\"x\");"]);
    each("WF005", &["use tokio::join; join!(a(), b());", "futures::join!(a, b);", "tokio::select! { x = f() => {} }"]);
}

#[test]
fn what_the_function_declares_is_its_own() {
    none(&[
        "struct Instant; impl Instant { fn now() {} } Instant::now();",
        "fn thread_rng() -> u8 { 4 } thread_rng();",
        "mod fs { pub fn read() {} } fs::read();",
        "use super::Instant; Instant::now();",
        "crate::rand::random();",
        "self::fs::read(\"x\");",
        "let block_on = |x| x; block_on(3);",
        "enum Uuid { A } impl Uuid { fn new_v4() -> Self { Uuid::A } } Uuid::new_v4();",
        "macro_rules! println { ($x:expr) => { $x } } println!(3);",
        "trait Mutex { fn new(); } Mutex::new();",
        "Stamp::<u8>::now(); <Ids<u8>>::new_v4();",
        "use workflow_runtime::{now, random, sleep, uuid}; now(); random::<u8>(); uuid(); sleep(d).await;",
        "use workflow_runtime::prelude::*; let n: u64 = random(); now();",
        "workflow_runtime::now(); random::<u64>();",
        "clock.now(); timer.elapsed(); order.spawn(); x.read(); rng.random::<u8>(); a.lock();",
    ]);
}

#[test]
fn what_a_name_from_around_the_function_means_is_left_to_rustc() {
    let left = [
        ("WF001", "use crate::clock::Instant; Instant::now();"),
        ("WF001", "use shop::clock::Instant as When; When::now();"),
        ("WF001", "crate::When::now();"),
        ("WF001", "Instant::now();"),
        ("WF001", "let f = Instant::now;"),
        ("WF001", "fn late(t: SystemTime) { t.elapsed(); }"),
        ("WF002", "let id = Id::new_v4();"),
        ("WF003", "for x in &m { f(x).await; }"),
        ("WF007", "fs::read(x);"),
        ("WF009", "env::var(x);"),
    ];
    for (rule, body) in left {
        let found = both("", &format!("async fn w(m: HashMap<String, u32>) {{ {body} }}"));
        assert_eq!(found, (vec![], vec![rule.to_owned()]), "{body}");
    }
    let found = both("", "async fn w() { std::env::var(x); use std::fs; fs::read(x); let t = chrono::Utc::now(); }");
    assert_eq!(found.1, [""; 0]);
    none(&[
        "Instant::now(turn);",
        "env::var();",
        "process::id(x);",
        "type_name(x);",
        "T::x::now();",
        "Moment::now(3);",
    ]);
}

#[test]
fn arguments_of_macros_are_read() {
    each(
        "WF001",
        &[
            "let s = format!(\"{}\", Utc::now());",
            "let s = vec![1, Instant::now().into()];",
            "let s = vec![SystemTime::now(); 3];",
            "tracing::info!(at = ?Instant::now(), \"x\");",
            "let j = json!({ \"at\": Utc::now(), \"n\": [1, 2] });",
            "let b = matches!(f(Utc::now()), Some(_));",
            "my_macro!(x => { Utc::now() });",
            "my_macro!(let x = Utc::now(););",
            "format!(\"{at}\", at = Utc::now());",
            "assert!(Utc::now() > due, \"late\");",
            "macro_rules! t { () => { std::time::Instant::now() } } t!();",
            "join!(a(Utc::now()), b());",
            "select! { x = a() => f(x, Utc::now()), y = b() => 3 };",
        ],
    );
    each(
        "WF012",
        &["m!(a => unsafe { f() });", "include!(\"x.rs\");", "core::arch::asm!(\"nop\");", "unsafe { f() };"],
    );
}

#[test]
fn addresses() {
    each(
        "WF011",
        &[
            "format!(\"{:p}\", &order);",
            "let o = &order; format!(\"{o:p}\");",
            "format!(\"{:#018p}\", &order);",
            "write!(out, \"{:>20p}\", &order);",
            "let a = &order as *const _ as usize;",
            "let a = (&raw const order) as u64;",
            "let a = name.as_ptr() as usize;",
            "let p = name.as_ptr(); let a = p as u64;",
            "let p: *const Order = &order; let a = p as usize;",
            "let a = std::ptr::from_ref(&order) as usize;",
            "std::ptr::eq(a, b);",
            "std::any::type_name::<Order>();",
            "TypeId::of::<Order>();",
            "Rc::ptr_eq(&a, &b);",
        ],
    );
    none(&[
        "format!(\"{:>8} {{:p}} {:w$}\", 1, 2);",
        "let r = Regex::new(\"{:p}\");",
        "let n = order.len() as usize; let p = n as u64;",
        "let s = p.as_ptr();",
    ]);
}

#[test]
fn hash_order() {
    each(
        "WF003",
        &[
            "for (k, v) in &m { f(k).await; }",
            "for k in m.keys() { f(k).await; }",
            "let all: Vec<_> = m.into_iter().collect();",
            "let s: HashSet<u8> = HashSet::new(); for x in s { f(x); }",
            "let s = std::collections::HashMap::from([(1, 2)]); s.iter().next();",
            "let s = x.iter().collect::<HashSet<_>>(); let v = s.iter().map(f).collect::<Vec<_>>();",
            "format!(\"{m:?}\");",
            "format!(\"{:#?}\", m);",
            "m.drain().for_each(f);",
            "m.values().max_by_key(|v| v.n);",
            "let f: f64 = m.values().map(|v| v.rate).sum::<f64>();",
            "fn g(m: &HashMap<u8, u8>) -> Vec<u8> { m.keys().copied().collect() } g(&x);",
            "let mut v = vec![]; v.extend(m.keys()); v.first();",
            "x.iter().zip(m.values());",
            "use std::collections::HashMap as Map; let x: Map<u8, u8> = f(); x.keys().next();",
        ],
    );
    none(&[
        "m.get(&k); m.insert(k, v); m.contains_key(&k); m.entry(k).or_default(); m.len(); m.remove(&k); m.retain(|_, v| *v > 1);",
        "let n: u32 = m.values().sum(); let n = m.values().copied().filter(|n| *n > 2).count();",
        "let b = m.keys().any(|k| k == x) && m.values().all(f); let x = m.values().max();",
        "let b: BTreeMap<_, _> = m.into_iter().collect(); for x in &b { f(x).await; }",
        "let b = m.into_iter().collect::<BTreeMap<_, _>>();",
        "let mut v: Vec<_> = m.keys().cloned().collect(); v.sort(); for x in v { f(x).await; }",
        "let mut v = m.iter().collect::<Vec<_>>(); v.sort_unstable_by_key(|x| x.0); f(&v);",
        "let mut v = vec![]; v.extend(m.keys()); v.sort();",
        "for x in m.keys().sorted() { f(x).await; }",
        "let s: HashMap<u8, u8, BuildHasherDefault<FxHasher>> = f(); for x in &s { f(x); }",
        "let s: IndexMap<u8, u8> = f(); for x in &s { f(x); }",
        "use rustc_hash::FxHashMap as HashMap; let s: HashMap<u8, u8> = f(); for x in &s { f(x); }",
        "struct HashMap; let m: HashMap = f(); for x in m { f(x); }",
        "let b = BTreeSet::from_iter(m.keys()); let mut t = BTreeMap::new(); t.extend(m);",
        "let m = BTreeMap::from(x); for x in &m { f(x); }",
        "let t = m.values().fold(0, |a, b| a + b);",
        "tracing::info!(\"{m:?}\"); let x = format!(\"{}\", m.len());",
        "let other: HashMap<_, _> = m.iter().map(|(k, v)| (v, k)).collect();",
        "let m = order.lines; for l in &m { f(l).await; }",
    ]);
}

#[test]
fn globals_and_platform_floats() {
    each(
        "WF010",
        &[
            "static mut N: u32 = 0;",
            "static N: AtomicU32 = AtomicU32::new(0);",
            "static R: std::sync::LazyLock<Regex> = LazyLock::new(|| f());",
            "thread_local! { static X: Cell<u8> = Cell::new(1); }",
            "COUNT.fetch_add(1, Ordering::SeqCst);",
            "let x = CACHE.lock().unwrap().get(&k);",
            "std::thread_local!(static X: u8 = 1);",
        ],
    );
    each(
        "WF013",
        &[
            "f64::sin(rate);",
            "rate.powf(2.0);",
            "let x = (rate * 2.0).exp();",
            "2.0_f64.sqrt().ln();",
            "std::f64::consts::PI.cos();",
        ],
    );
    none(&[
        "static TABLE: [u8; 3] = [1, 2, 3]; TABLE.len(); static NAME: &str = \"x\";",
        "rate.sqrt() + rate.floor() * 2.0; angle.sin(); x.log(y); order.exp();",
        "const MAX: u32 = 3; MAX.swap_bytes(); APPROVED.recv().await;",
        "let now = now(); let elapsed = now - order.at; let t = elapsed.as_secs();",
    ]);
}

#[test]
fn the_rest_of_the_rules() {
    each("WF001", &["let started = SystemTime::UNIX_EPOCH; started.elapsed();", "Uuid::now_v7();", "Zoned::now();"]);
    each(
        "WF002",
        &[
            "rand::rng().random_range(0..3);",
            "let mut rng = StdRng::from_os_rng();",
            "<StdRng as SeedableRng>::from_entropy();",
            "x.shuffle(&mut thread_rng());",
            "Uuid::new_v4();",
            "fastrand::u32(..);",
            "use rand::rngs::OsRng; let mut os = OsRng;",
            "let n = OsRng.next_u32();",
            "x.shuffle(&mut OsRng);",
            "nanoid!();",
        ],
    );
    each(
        "WF005",
        &["std::thread::spawn(|| 3);", "tokio::spawn(f());", "x.par_iter().sum::<u8>();", "rayon::join(a, b);"],
    );
    each(
        "WF006",
        &[
            "std::thread::sleep(d);",
            "let m = Mutex::new(3);",
            "let (a, b) = mpsc::channel();",
            "rt.block_on(f());",
            "x.load(Ordering::Acquire);",
            "futures::executor::block_on(f());",
        ],
    );
    each(
        "WF007",
        &[
            "fs::read_to_string(\"x\")?;",
            "Path::new(\"x\").exists();",
            "let p = PathBuf::from(x); p.is_dir();",
            "TcpStream::connect(a)?;",
            "reqwest::get(url);",
            "reqwest::Client::new();",
            "std::process::Command::new(\"ls\").output();",
            "sqlx::query!(\"select 1\");",
        ],
    );
    each("WF008", &["dbg!(x);", "eprintln!(\"x\");", "std::io::stdout().flush();"]);
    each(
        "WF009",
        &["env::var(\"X\");", "option_env!(\"X\");", "std::process::exit(1);", "std::thread::available_parallelism();"],
    );
    each("WF015", &["Backtrace::capture();", "let l = f(line!());", "format!(\"{}\", file!());"]);
    each("WF012", &["extern \"C\" { fn f(); }", "unsafe fn f() {}", "struct S; unsafe impl Send for S {}"]);
    none(&["tracing::info!(line = line!(), \"x\");", "std::io::copy(&mut a, &mut b);", "Ipv4Addr::new(1, 2, 3, 4);"]);
}

#[test]
fn what_is_recorded_is_exempt() {
    none(&[
        "let t = side_effect(|| Utc::now());",
        "let t = workflow_runtime::side_effect(std::time::Instant::now);",
        "use workflow_runtime as w; let v = w::side_effect(|| { println!(\"x\"); std::fs::read(\"x\") });",
    ]);
    each(
        "WF001",
        &[
            "fn side_effect(f: fn()) {} side_effect(|| Utc::now());",
            "other::side_effect(|| Utc::now());",
            "side_effect(make(Utc::now()));",
            "let t = side_effect(|| 3); Utc::now();",
        ],
    );
}

#[test]
fn exemptions() {
    let f = "async fn w() { println!(\"a\"); Utc::now(); }";
    assert_eq!(in_function("allow(WF008, reason = \"r\")", f), ["WF001"]);
    assert_eq!(in_function("allow(WF008, WF001, reason = \"r\"), name = \"x\"", f), [""; 0]);
    none(&[
        "#[workflow(allow(WF001, reason = \"r\"))] let t = Utc::now();",
        "#[workflow(allow(WF001, reason = \"r\"))] f(|| Utc::now());",
        "#[workflow(allow(WF001, reason = \"r\"))] { Utc::now(); Utc::now(); }",
        "let x = f(#[workflow(allow(WF001, reason = \"r\"))] Utc::now());",
        "let x = f(#[workflow(allow(WF001, reason = \"r\"))] Utc::now().max(y));",
        "let x = #[workflow(allow(WF001, reason = \"r\"))] Utc::now().max(y);",
        "match x { #[workflow(allow(WF001, reason = \"r\"))] 1 => f(Utc::now()), _ => 3 }",
        "#[workflow_runtime::workflow(allow(WF008, reason = \"r\"))] println!(\"x\");",
        "S { #[workflow(allow(WF001, reason = \"r\"))] at: Utc::now() };",
        "#[workflow(allow(WF001, reason = \"r\"))] fn f() { Utc::now(); }",
        "#[workflow(allow(WF001, reason = \"r\"))] at = Utc::now();",
    ]);
    each(
        "WF001",
        &[
            "#[workflow(allow(WF008, reason = \"r\"))] let t = Utc::now();",
            "#[workflow(allow(WF001, reason = \"r\"))] let t = Utc::now(); Utc::now();",
            "let x = f(#[workflow(allow(WF001, reason = \"r\"))] Utc::now(), Utc::now());",
        ],
    );
}
