//! Compiles and runs batches of programs.

use crate::program::{Program, Rendering};
use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    process::{Command, Stdio},
};
use tests::toolchain::Toolchain;

/// What became of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Agrees(Counts),
    /// The renderings do different things.
    Differs(String),
    /// The workflow does not compile, the plain function does.
    Refused(String),
    /// The plain function does not compile: a defect of the generator.
    Invalid(String),
}

/// What one program did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub points: usize,
    pub crashes: usize,
    pub runs: usize,
    pub panics: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.points += other.points;
        self.crashes += other.crashes;
        self.runs += other.runs;
        self.panics += other.panics;
    }
}

/// How the programs of a batch are run.
#[derive(Debug, Clone, Copy)]
pub struct Under {
    pub oracles: usize,
    /// The operation from which on the machine is answered wrongly.
    pub corrupt: Option<usize>,
    /// They are only compiled; all that compile agree.
    pub check: bool,
}

/// Compiles programs with the libraries that this test is linked with.
pub struct Builder(Toolchain);

impl Builder {
    /// One that keeps its files apart from those of others.
    pub fn new(name: &str) -> io::Result<Builder> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated").join(name);
        Toolchain::find(&dir, &["workflow_runtime"]).map(Builder)
    }

    fn rustc(&self, source: &Path, out: &Path) -> Command {
        let mut rustc = self.0.rustc();
        rustc.arg(source).arg("-o").arg(out).args(["--crate-name", "batch", "--cap-lints", "allow"]);
        rustc.args(["-C", "opt-level=0", "-C", "debuginfo=0", "-C", "overflow-checks=on"]);
        rustc
    }

    /// Compiles programs together, runs them, and says what became of each.
    pub fn judge(&self, batch: &str, programs: &[Program], under: Under) -> io::Result<Vec<Verdict>> {
        let mut verdicts: Vec<Option<Verdict>> = programs.iter().map(|_| None).collect();
        let dir = self.0.dir().join(batch);
        for (i, program) in programs.iter().enumerate() {
            let dir = dir.join(format!("p{i}"));
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("plain.rs"), program.render(Rendering::Plain))?;
            fs::write(dir.join("flow.rs"), program.render(Rendering::Workflow))?;
        }
        // Programs that do not compile are left out until the others do.
        loop {
            let rest: Vec<usize> = (0..programs.len()).filter(|i| verdicts[*i].is_none()).collect();
            if rest.is_empty() {
                break;
            }
            let errors = self.compile(&dir, programs, &rest, under.check)?;
            if errors.is_empty() && under.check {
                verdicts.iter_mut().filter(|v| v.is_none()).for_each(|v| *v = Some(Verdict::Agrees(Counts::default())));
                break;
            }
            if errors.is_empty() {
                self.run(&dir, programs, under, &mut verdicts)?;
                break;
            }
            for (i, verdict) in errors {
                verdicts[i] = Some(verdict);
            }
        }
        Ok(verdicts.into_iter().map(|v| v.unwrap_or(Verdict::Differs("it ended the process".into()))).collect())
    }

    /// Errors by program; none if there is an executable.
    fn compile(
        &self,
        dir: &Path,
        programs: &[Program],
        rest: &[usize],
        check: bool,
    ) -> io::Result<BTreeMap<usize, Verdict>> {
        let mut main = String::from(
            "#![allow(warnings)]\nuse std::collections::{BTreeMap, BTreeSet};\nuse tests::generated::{driver, values::*};\n",
        );
        let mut harness = vec![];
        for &i in rest {
            main.push_str(&format!("mod p{i} {{ pub mod plain; pub mod flow; }}\n"));
            harness.push(format!("{{ use p{i}::{{plain, flow}}; {} }}", programs[i].harness()));
        }
        main.push_str(&format!("fn main() {{ driver::main(&[{}]); }}\n", harness.join(",\n")));
        let source = dir.join("main.rs");
        fs::write(&source, main)?;
        let mut rustc = self.rustc(&source, &dir.join("batch"));
        if check {
            rustc.args(["--emit", "metadata"]);
        }
        let output = rustc.stderr(Stdio::piped()).output()?;
        if output.status.success() {
            return Ok(BTreeMap::new());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let errors = errors(&text);
        if errors.is_empty() {
            // Nothing that says whose it is.
            let verdict = Verdict::Refused(text.chars().take(4000).collect());
            let [one] = rest else { return self.apart(dir, programs, rest, check) };
            return Ok(BTreeMap::from([(*one, verdict)]));
        }
        Ok(errors)
    }

    /// Compiles each alone.
    fn apart(
        &self,
        dir: &Path,
        programs: &[Program],
        rest: &[usize],
        check: bool,
    ) -> io::Result<BTreeMap<usize, Verdict>> {
        let mut all = BTreeMap::new();
        for &i in rest {
            all.extend(self.compile(dir, programs, &[i], check)?);
        }
        Ok(all)
    }

    fn run(&self, dir: &Path, programs: &[Program], under: Under, verdicts: &mut [Option<Verdict>]) -> io::Result<()> {
        let mut command = Command::new(dir.join("batch"));
        command.arg(under.oracles.to_string()).args(under.corrupt.map(|c| c.to_string()));
        let output = command.stderr(Stdio::inherit()).output()?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, points, crashes, runs, panics, verdict, why] = fields[..] else { continue };
            let n = |s: &str| s.parse().unwrap_or(0);
            let counts = Counts { points: n(points), crashes: n(crashes), runs: n(runs), panics: n(panics) };
            let verdict = if verdict == "agrees" { Verdict::Agrees(counts) } else { Verdict::Differs(why.to_owned()) };
            if let Some(i) = programs.iter().position(|p| p.functions.last().is_some_and(|f| f.name == name)) {
                verdicts[i] = Some(verdict);
            }
        }
        Ok(())
    }
}

/// The errors of rustc by program. One in the plain rendering counts more: it is the generator's.
fn errors(stderr: &str) -> BTreeMap<usize, Verdict> {
    let mut all = BTreeMap::new();
    for line in stderr.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if message["level"] != "error" {
            continue;
        }
        let spans = message["spans"].as_array().cloned().unwrap_or_default();
        let Some((i, plain)) = spans.iter().find_map(whose) else { continue };
        let text = message["rendered"].as_str().unwrap_or_default().to_owned();
        if plain {
            all.insert(i, Verdict::Invalid(text));
        } else {
            all.entry(i).or_insert(Verdict::Refused(text));
        }
    }
    all
}

/// The program that a span is in, and whether it is the plain rendering.
fn whose(span: &serde_json::Value) -> Option<(usize, bool)> {
    let file = Path::new(span["file_name"].as_str()?);
    let dir = file.parent()?.file_name()?.to_str()?;
    let i = dir.strip_prefix('p')?.parse().ok()?;
    match file.file_name()?.to_str()? {
        "plain.rs" => Some((i, true)),
        "flow.rs" => Some((i, false)),
        _ => whose(&span["expansion"]["span"]),
    }
}
