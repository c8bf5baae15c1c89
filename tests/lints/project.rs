//! Each case as a program that uses the library `shop` as it is with workflows, and as it is without.

use crate::compare::Diagnostic;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use tests::toolchain::{self, Toolchain};

/// Both renderings of a case.
pub(crate) const PACKAGES: [&str; 2] = ["plain", "durable"];

const LIBRARIES: [&str; 6] = ["anyhow", "serde", "thiserror", "tokio", "tracing", "workflow_runtime"];

pub(crate) struct Project {
    /// Where both renderings are written.
    dir: PathBuf,
    sources: PathBuf,
    clippy: PathBuf,
    pub(crate) cases: Vec<String>,
}

/// Writes both renderings of all cases.
pub(crate) fn write() -> Project {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("lints");
    let mut cases: Vec<String> = fs::read_dir(sources.join("cases"))
        .expect("the cases")
        .map(|e| e.expect("a case").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    cases.sort();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lints");
    let project = Project { dir, sources, clippy: clippy(), cases };
    for package in PACKAGES {
        let dir = project.dir.join(package);
        fs::create_dir_all(&dir).expect("a directory");
        for case in &project.cases {
            let source = project.source(case);
            let source = if package == "plain" { plain(&source) } else { source };
            fs::write(dir.join(format!("{case}.rs")), source).expect("a file");
        }
    }
    project
}

/// The compiler with the lints of clippy, which stands beside the one without.
fn clippy() -> PathBuf {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc runs");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    sysroot.join("bin").join(format!("clippy-driver{}", env::consts::EXE_SUFFIX))
}

impl Project {
    pub(crate) fn source(&self, case: &str) -> String {
        fs::read_to_string(self.sources.join("cases").join(format!("{case}.rs"))).expect("a case")
    }

    /// What clippy, which is rustc too, says: package, case, and one diagnostic.
    pub(crate) fn check(&self) -> Vec<(&'static str, String, Diagnostic)> {
        let toolchain = Toolchain::find(&self.dir, &LIBRARIES).unwrap_or_else(|e| panic!("{e}"));
        let said = toolchain::at_once(&PACKAGES, |package| self.package(&toolchain, package));
        said.into_iter().flatten().collect()
    }

    fn package(&self, toolchain: &Toolchain, package: &'static str) -> Vec<(&'static str, String, Diagnostic)> {
        let dir = self.dir.join(package);
        let shop = dir.join("libshop.rmeta");
        let mut clippy = toolchain.command(&self.clippy);
        clippy.arg(self.sources.join("shop").join(format!("{package}.rs"))).args(["--crate-name", "shop"]);
        let mut all = self.run(clippy.args(["--crate-type", "lib"]), &shop);
        assert!(all.is_empty() && shop.exists(), "`{package}` itself does not compile cleanly: {all:?}");
        let mut said = vec![];
        for case in &self.cases {
            let mut clippy = toolchain.command(&self.clippy);
            clippy.arg(dir.join(format!("{case}.rs"))).args(["--crate-name", case, "--crate-type", "bin"]);
            clippy.arg("--extern").arg(format!("shop={}", shop.display()));
            all = self.run(&mut clippy, &dir.join(format!("lib{case}.rmeta")));
            said.extend(all.into_iter().map(|diagnostic| (package, case.clone(), diagnostic)));
        }
        said
    }

    /// What is said of one crate.
    fn run(&self, clippy: &mut Command, out: &Path) -> Vec<Diagnostic> {
        // What the manifest of this test says is not said of the case.
        clippy.env_remove("CARGO_PKG_RUST_VERSION").env_remove("CLIPPY_ARGS").env("CLIPPY_CONF_DIR", &self.dir);
        clippy.args(["--emit", "metadata", "-o"]).arg(out);
        let output = clippy.output().unwrap_or_else(|e| panic!("{}: {e}; is clippy installed?", self.clippy.display()));
        let text = String::from_utf8_lossy(&output.stderr);
        let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        assert!(output.status.success() || !messages.is_empty(), "clippy did not run: {text}");
        messages.iter().filter_map(Diagnostic::of).collect()
    }
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
