//! The scratch workspace: the operations, a program without functions, and the same program with them, plain and as workflows.

use crate::source;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) const FUNCTIONS: usize = 50;
pub(crate) const POINTS: usize = 20;

/// The measured packages, the empty one first.
pub(crate) const PACKAGES: [&str; 3] = ["empty", "plain", "workflows"];

const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["operations", "empty", "plain", "workflows"]

[profile.release]
strip = true
"#;

const MAIN: &str = r#"
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = workflow_runtime::Engine::open("data").await?;
    println!("{:?}", operations::order());
"#;

/// Writes the workspace into the target directory.
pub(crate) fn write() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_cost");
    put(&dir.join("Cargo.toml"), WORKSPACE)?;
    put(&dir.join("Cargo.lock"), &fs::read_to_string(root.join("Cargo.lock"))?)?;
    let runtime = format!("workflow-runtime = {{ path = {:?} }}\n", root.join("workflow-runtime"));
    let serde = "serde = { version = \"1\", features = [\"derive\"] }\n";
    put(&dir.join("operations/Cargo.toml"), &manifest("operations", &[serde, &runtime]))?;
    put(&dir.join("operations/src/lib.rs"), include_str!("operations.rs"))?;
    let tokio = "tokio = { version = \"1\", features = [\"rt\", \"macros\"] }\n";
    for package in PACKAGES {
        let (modules, calls) = functions(&dir.join(package).join("src"), package)?;
        let operations = "operations = { path = \"../operations\" }\n";
        put(&dir.join(package).join("Cargo.toml"), &manifest(package, &[operations, tokio, &runtime]))?;
        let main = format!("{modules}{MAIN}{calls}    drop(engine);\n    Ok(())\n}}\n");
        put(&dir.join(package).join("src/main.rs"), &main)?;
    }
    Ok(dir)
}

fn manifest(package: &str, dependencies: &[&str]) -> String {
    format!(
        "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n{}",
        dependencies.concat()
    )
}

/// Writes the functions of a package, each into a module of its own; gives the modules and what keeps the functions in the program.
fn functions(src: &Path, package: &str) -> io::Result<(String, String)> {
    let (mut modules, mut calls) = (String::new(), String::new());
    for i in 0..if package == "empty" { 0 } else { FUNCTIONS } {
        let name = format!("flow_{i}");
        let (attribute, imports) = match package {
            "plain" => {
                ("", "use operations::plain::*;\nuse workflow_runtime::prelude::{ActivityError, hours, minutes};")
            }
            _ => ("#[workflow]", "use operations::durable::*;\nuse workflow_runtime::prelude::*;"),
        };
        let function = source::function(&name, attribute, i as u64, POINTS);
        let head = "#![allow(unused_imports)]\n";
        // A workflow registers itself; of a plain function nothing is compiled that nobody polls. Each is polled on its own.
        let run = if package == "plain" { run(&name) } else { String::new() };
        let types = "use operations::{FlowError, Line, OpError, Order, Quote, Receipt, Review, Status};";
        put(&src.join(format!("{name}.rs")), &format!("{head}{types}\n{imports}\n\n{function}{run}"))?;
        modules += &format!("mod {name};\n");
        if package == "plain" {
            calls += &format!("    println!(\"{{:?}}\", {name}::run(operations::order()).await);\n");
        }
    }
    Ok((modules, calls))
}

fn run(name: &str) -> String {
    format!(
        "
pub fn run(order: Order) -> std::pin::Pin<Box<dyn Future<Output = Result<Receipt, FlowError>>>> {{
    Box::pin({name}(order))
}}
"
    )
}

/// Leaves a file that is already so as it is, and so what was built from it.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text)
}
