//! The scratch workspace: each case as a program of the package `plain` and of the package `durable`.

use crate::compare::Diagnostic;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub(crate) struct Project {
    dir: PathBuf,
    target: PathBuf,
    sources: PathBuf,
    pub(crate) cases: Vec<String>,
}

const MANIFEST: &str = r#"
[workspace]
resolver = "3"
members = ["plain", "durable"]
"#;

const DEPENDENCIES: &str = r#"
[dependencies]
anyhow = "1"
serde = { version = "1", features = ["derive"] }
thiserror = "2"
tokio = { version = "1", features = ["macros"] }
tracing = "0.1"
"#;

/// Writes the workspace into the target directory.
pub(crate) fn write() -> Project {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = tests.parent().expect("the package stands in the workspace");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a directory in the target directory");
    let dir = target.join("tests/lints");
    let sources = tests.join("lints");
    let mut cases: Vec<String> = fs::read_dir(sources.join("cases"))
        .expect("the cases")
        .map(|e| e.expect("a case").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    cases.sort();
    let project = Project { dir, target: target.join("tests/lints-target"), sources, cases };
    put(&project.dir.join("Cargo.toml"), MANIFEST);
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("Cargo.lock");
    put(&project.dir.join("Cargo.lock"), &lock);
    for package in ["plain", "durable"] {
        project.package(package, root);
    }
    project
}

impl Project {
    pub(crate) fn source(&self, case: &str) -> String {
        fs::read_to_string(self.sources.join("cases").join(format!("{case}.rs"))).expect("a case")
    }

    fn package(&self, package: &str, root: &Path) {
        let dir = self.dir.join(package);
        let runtime = root.join("workflow-runtime");
        let mut manifest = format!(
            "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\nautobins = false\n\n[lib]\nname = \"shop\"\npath = {:?}\n{DEPENDENCIES}workflow-runtime = {{ path = {runtime:?} }}\n",
            self.sources.join("shop").join(format!("{package}.rs")),
        );
        for case in &self.cases {
            let source = self.source(case);
            let source = if package == "plain" { plain(&source) } else { source };
            put(&dir.join(format!("{case}.rs")), &source);
            manifest += &format!("[[bin]]\nname = {case:?}\npath = \"{case}.rs\"\n");
        }
        put(&dir.join("Cargo.toml"), &manifest);
    }

    /// What clippy, which is rustc too, says: package, case, and one diagnostic.
    pub(crate) fn check(&self) -> Vec<(String, String, Diagnostic)> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(&self.dir)
            .args(["clippy", "--offline", "--workspace", "--keep-going", "--quiet"])
            .arg("--message-format=json")
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "0")
            .stdin(Stdio::null())
            .env_remove("RUSTFLAGS")
            .env_remove("CLIPPY_ARGS")
            .output()
            .expect("cargo clippy runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let finished = messages.iter().any(|m| m["reason"] == "build-finished");
        assert!(finished, "cargo clippy did not run: {}", String::from_utf8_lossy(&output.stderr));
        messages.iter().filter(|m| m["reason"] == "compiler-message").filter_map(of).collect()
    }
}

fn of(m: &Value) -> Option<(String, String, Diagnostic)> {
    let id = m["package_id"].as_str()?;
    let package = ["plain", "durable"].into_iter().find(|p| id.contains(&format!("/{p}#")))?;
    let diagnostic = Diagnostic::of(&m["message"])?;
    Some((package.into(), m["target"]["name"].as_str()?.into(), diagnostic))
}

/// The source with an attribute without a meaning in place of `#[workflow..]`, so that everything else stays where it is.
fn plain(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = ["#[workflow", "#[activity"].iter().filter_map(|a| rest.find(a)).min() {
        let end = rest[at..].find("]\n").expect("the end of an attribute") + at + 1;
        out += &rest[..at];
        let blanks = rest[at..end].chars().skip("#[cold".len() + 1);
        out += "#[cold";
        out.extend(blanks.map(|c| if c == '\n' { c } else { ' ' }));
        out.push(']');
        rest = &rest[end..];
    }
    out + rest
}

/// Writes a file unless it is as it should be, so that it is not compiled again.
fn put(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|t| t == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
    fs::write(path, text).expect("a file");
}
