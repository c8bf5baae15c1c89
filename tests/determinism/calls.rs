//! `cargo workflow check`, the third net: run as a user runs it, over the objects of a dev build.

use crate::{build::PACKAGES, project::Project};
use serde_json::Value;
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

/// What it found in a workflow.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) package: String,
    /// The file, below the sources of the package, and the line of the workflow.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) rule: String,
    /// The message and the chain.
    pub(crate) text: String,
}

/// What the check of both packages says.
pub(crate) struct Checked {
    /// The package of each workflow that was checked.
    pub(crate) workflows: Vec<String>,
    /// Findings, also those that an exemption silences: the exemptions are there so that the other nets let the workflow through.
    pub(crate) found: Vec<Called>,
}

impl Project {
    /// Builds the program once; `cargo` has then built it for all packages.
    pub(crate) fn build_checker(&self, root: &Path) -> bool {
        let manifest = root.join("workflow-macros/cargo-workflow/Cargo.toml");
        if !manifest.exists() {
            return false;
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .current_dir(root)
            .args(["build", "--quiet", "--package", "cargo-workflow"])
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .status();
        assert!(built.expect("cargo build runs").success(), "cargo-workflow does not compile");
        true
    }

    /// Checks both packages.
    pub(crate) fn check_calls(&self) -> Checked {
        let output = Command::new(self.target.join("debug/cargo-workflow"))
            .current_dir(&self.dir)
            .args(["workflow", "check", "--message-format", "json", "--quiet"])
            .args(PACKAGES.iter().flat_map(|p| ["--package", p]))
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null())
            .output()
            .expect("cargo-workflow runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("the check gave no report: {e}\n{stderr}"));
        let workflows = report["workflows"].as_array().expect("workflows");
        let found = workflows.iter().flat_map(called).collect();
        let packages = workflows.iter().map(|w| w["crate"].as_str().unwrap_or_default().to_owned());
        Checked { workflows: packages.collect(), found }
    }
}

fn called(workflow: &Value) -> Vec<Called> {
    let path = workflow["file"].as_str().unwrap_or_default();
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let line = workflow["line"].as_u64().unwrap_or_default() as usize;
    let lists = ["findings", "silenced"].into_iter().flat_map(|l| workflow[l].as_array().cloned().unwrap_or_default());
    lists
        .map(|f| {
            let chain = f["chain"].as_array().cloned().unwrap_or_default();
            let steps: Vec<String> = chain.iter().map(|s| s["function"].as_str().unwrap_or("?").to_owned()).collect();
            Called {
                package: workflow["crate"].as_str().unwrap_or_default().to_owned(),
                file: file.to_owned(),
                line,
                rule: f["rule"].as_str().unwrap_or_default().to_owned(),
                text: format!("{}\n    {}", f["message"].as_str().unwrap_or_default(), steps.join("\n    ")),
            }
        })
        .collect()
}
