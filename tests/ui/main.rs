//! Messages of the compiler, one file per group of rules. `UI=overwrite` writes them anew.
//!
//! No case compiles; what is said of it, in [normal form](normal), is what stands in the file beside it.

mod normal;

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tests::toolchain::{self, Toolchain};

/// Below the root of the workspace, where cargo runs rustc: places in the libraries are below it too.
const CASES: &str = "tests/ui/fail";

/// What a case can use.
const LIBRARIES: [&str; 7] = ["anyhow", "jiff", "serde", "thiserror", "tokio", "tracing", "workflow_runtime"];

#[test]
fn messages() {
    let toolchain = Toolchain::find(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui"), &LIBRARIES);
    let toolchain = toolchain.unwrap_or_else(|e| panic!("{e}"));
    let (cases, messages) = (files("rs"), files("stderr"));
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    assert!(!cases.is_empty(), "there are no cases in {CASES}");
    let nobody: Vec<_> = messages.iter().filter(|name| !cases.contains(&name.as_str())).collect();
    assert!(nobody.is_empty(), "there are messages for cases that are not there: {nobody:?}");
    let wrong = toolchain::at_once(&cases, |case| compare(case, &said(&toolchain, case)));
    let wrong: String = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong}\n`UI=overwrite` writes what is said now");
    println!("{} cases", cases.len());
}

/// The names of the files with this extension.
fn files(extension: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(root().join(CASES)).expect("the cases").map(|e| e.expect("a case").path());
    let paths = paths.filter(|p| p.extension().is_some_and(|e| e == extension));
    paths.filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned())).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace")
}

fn path(case: &str, extension: &str) -> PathBuf {
    Path::new(CASES).join(case).with_extension(extension)
}

/// What the compiler says of a case; `None` if it compiles.
fn said(toolchain: &Toolchain, case: &str) -> Option<String> {
    let (source, out) = (path(case, "rs"), toolchain.dir().join(format!("lib{case}.rmeta")));
    let mut rustc = toolchain.rustc();
    rustc.current_dir(root()).arg(&source).args(["--crate-type", "bin", "--emit", "metadata", "-o"]).arg(out);
    // A message is the same however wide the terminal is and however long a type, and a case needs no caller.
    rustc.args(["--diagnostic-width", "140", "--verbose", "--allow", "dead_code"]);
    let output = rustc.output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stderr);
    let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(output.status.success() || !messages.is_empty(), "{case}: {text}");
    // A summary stands at no place.
    let placed = messages.iter().filter(|m| m["spans"].as_array().is_some_and(|spans| !spans.is_empty()));
    let rendered = placed.filter_map(|m| m["rendered"].as_str());
    let mut normal: Vec<String> = vec![];
    for text in rendered.map(|text| normal::form(text, &source, root())) {
        // As cargo does.
        if !normal.contains(&text) {
            normal.push(text);
        }
    }
    (!output.status.success()).then(|| normal.join("\n"))
}

/// What is wrong, if anything is.
fn compare(case: &str, said: &Option<String>) -> Option<String> {
    let Some(said) = said else { return Some(format!("{case}.rs compiles\n")) };
    let file = root().join(path(case, "stderr"));
    let expected = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    if normal::without_modules(&expected) == normal::without_modules(said) {
        return None;
    }
    if std::env::var_os("UI").is_some_and(|v| v == "overwrite") {
        fs::write(&file, said).expect("a file beside the case");
        return None;
    }
    Some(format!("=== {case}.rs is to say\n{expected}=== and says\n{said}"))
}
