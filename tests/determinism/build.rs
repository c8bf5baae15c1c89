//! Builds a package of the copy, and reads what the compiler says.

use crate::{case::Case, project::Project};
use serde_json::Value;
use std::{
    env,
    process::{Command, Stdio},
};

/// What the judgement is about.
pub(crate) const PACKAGES: [&str; 2] = ["evasive", "honest"];

/// One message of the compiler.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The number of the error or the name of the lint; empty for what a macro says.
    pub(crate) code: String,
    pub(crate) error: bool,
    pub(crate) message: String,
    /// The file, below the sources of the package.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) rendered: String,
}

pub(crate) struct Built {
    /// There was no error.
    pub(crate) finished: bool,
    pub(crate) said: Vec<Said>,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn is_of(&self, case: &Case) -> bool {
        case.holds(&self.file, self.line)
    }

    /// The code that it ends with.
    pub(crate) fn named(&self) -> Option<&str> {
        [&self.message, &self.rendered]
            .into_iter()
            .find_map(|text| text.find("[WF").and_then(|at| text.get(at + 1..at + 6)))
    }

    /// The rule that it names. What was refused before there were codes says it in words.
    pub(crate) fn rule(&self) -> Option<&str> {
        if let Some(code) = self.named() {
            return Some(code);
        }
        let says = |words: &[&str]| words.iter().any(|w| self.rendered.contains(w));
        if says(&[
            "cannot be awaited in a workflow",
            "is a future that no checkpoint can hold",
            "`await` is only allowed",
        ]) {
            return Some("WF004");
        }
        says(&["is alive across the `.await`"]).then_some("WF014")
    }
}

impl Project {
    /// Builds both packages, so that the features of what they depend on are always the same, and says what is said of one.
    /// With objects and not only metadata: a build for tests has made the dependencies so.
    pub(crate) fn build(&self, package: &str) -> Built {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(&self.dir)
            .args(["build", "--quiet", "--keep-going", "--message-format=json"])
            .args(PACKAGES.iter().flat_map(|p| ["--package", p]))
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo build runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let ran = messages.iter().any(|m| m["reason"] == "build-finished");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(ran, "cargo build did not run: {stderr}");
        let of_package = |m: &&Value| m["package_id"].as_str().is_some_and(|id| id.contains(&format!("/{package}#")));
        let of_package: Vec<&Value> = messages.iter().filter(of_package).collect();
        let finished = of_package.iter().any(|m| m["reason"] == "compiler-artifact");
        let said = of_package.iter().filter(|m| m["reason"] == "compiler-message").filter_map(|m| said(m));
        Built { finished, said: said.collect(), stderr }
    }
}

/// `None` for a summary, which stands at no place.
fn said(m: &Value) -> Option<Said> {
    let m = &m["message"];
    let spans = m["spans"].as_array()?;
    let span = spans.iter().find(|s| s["is_primary"] == true)?;
    let (file, line) = in_package(span)?;
    Some(Said {
        code: m["code"]["code"].as_str().unwrap_or_default().into(),
        error: m["level"] == "error",
        message: m["message"].as_str()?.into(),
        file,
        line,
        rendered: m["rendered"].as_str().unwrap_or_default().into(),
    })
}

/// The place of a span, or that of the call of the macro of another crate which it is in.
fn in_package(span: &Value) -> Option<(String, usize)> {
    let path = span["file_name"].as_str()?;
    let outer = &span["expansion"]["span"];
    if let Some((package, file)) = path.split_once('/')
        && PACKAGES.contains(&package)
    {
        return Some((file.into(), span["line_start"].as_u64()? as usize));
    }
    if outer.is_null() { Some((path.into(), span["line_start"].as_u64()? as usize)) } else { in_package(outer) }
}
