//! Builds a package of the copy, and reads what the compiler says.

use crate::project::Project;
use serde_json::Value;
use std::{
    env,
    process::{Command, Stdio},
};

/// One message of the compiler.
#[derive(Debug, Clone)]
pub(crate) struct Said {
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

impl Project {
    /// With objects and not only metadata, for the calls are read from the objects.
    pub(crate) fn build(&self, package: &str) -> Built {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(&self.dir)
            .args(["build", "--quiet", "--message-format=json", "--package", package])
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo build runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let finished = messages.iter().find(|m| m["reason"] == "build-finished");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some(finished) = finished else { panic!("cargo build did not run: {stderr}") };
        let of_package = |m: &&Value| m["package_id"].as_str().is_some_and(|id| id.contains(&format!("/{package}#")));
        let said = messages.iter().filter(|m| m["reason"] == "compiler-message").filter(of_package).filter_map(said);
        Built { finished: finished["success"] == true, said: said.collect(), stderr }
    }
}

/// `None` for a summary, which stands at no place.
fn said(m: &Value) -> Option<Said> {
    let m = &m["message"];
    let span = m["spans"].as_array()?.iter().find(|s| s["is_primary"] == true)?;
    let path = span["file_name"].as_str()?;
    let file = path.split_once('/').map_or(path, |(_, file)| file);
    Some(Said {
        file: file.into(),
        line: span["line_start"].as_u64()? as usize,
        rendered: m["rendered"].as_str().unwrap_or_default().into(),
    })
}
