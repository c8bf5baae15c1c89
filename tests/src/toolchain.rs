//! rustc, with the libraries that a test itself is linked with: nothing is built twice for what a test compiles by it.

use crate::generated::values::Fail;
use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// rustc, and libraries.
#[derive(Debug)]
pub struct Toolchain {
    /// Where cargo has put the libraries.
    deps: PathBuf,
    externs: Vec<OsString>,
    dir: PathBuf,
}

impl Toolchain {
    /// Finds this library, and those of [`linked`](crate::linked) with these names, beside this test's executable. There may be
    /// others of the same names, of earlier builds and other features: a program that is linked with this library says whether its
    /// types are those of the test, and whether another library is the one that this library knows is for rustc to say.
    ///
    /// `dir` is for the test's own files.
    ///
    /// # Errors
    ///
    /// One of them is not there, a file cannot be written, or rustc cannot be run.
    pub fn find(dir: &Path, names: &[&str]) -> io::Result<Toolchain> {
        let exe = std::env::current_exe()?;
        let deps = exe.parent().map(Path::to_path_buf).unwrap_or_default();
        fs::create_dir_all(dir)?;
        let mut found = Toolchain { deps, externs: vec![], dir: dir.to_path_buf() };
        found.choose("tests", Toolchain::is_this)?;
        for name in names {
            found.choose(name, |with| with.is_linked(name))?;
        }
        Ok(found)
    }

    /// The directory for the test's own files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A library more, for what is compiled from now on.
    pub fn add(&mut self, name: &str, path: &Path) {
        let mut arg = OsString::from(format!("{name}="));
        arg.push(path);
        self.externs.extend([OsString::from("--extern"), arg]);
    }

    /// `program`, which takes the arguments of rustc, with all libraries.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let dependency = format!("dependency={}", self.deps.display());
        command.args(["--edition", "2024", "--error-format", "json", "-L", &dependency]).args(&self.externs);
        command.stdin(Stdio::null());
        command
    }

    /// The compiler that cargo uses.
    pub fn rustc(&self) -> Command {
        self.command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
    }

    /// Adds the library of this name with which something holds.
    fn choose(&mut self, name: &str, holds: impl Fn(&Toolchain) -> io::Result<bool>) -> io::Result<()> {
        let before = self.externs.len();
        for path in self.candidates(&format!("lib{name}-"))? {
            self.add(name, &path);
            if holds(self)? {
                return Ok(());
            }
            self.externs.truncate(before);
        }
        let deps = self.deps.display();
        Err(io::Error::other(format!("the library `{name}` that this test is linked with is not in {deps}")))
    }

    /// The libraries whose names begin so, the newest first.
    fn candidates(&self, prefix: &str) -> io::Result<Vec<PathBuf>> {
        let mut all = vec![];
        for entry in fs::read_dir(&self.deps)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && name.ends_with(".rlib") {
                all.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        all.sort();
        Ok(all.into_iter().rev().map(|(_, path)| path).collect())
    }

    /// A program that is linked with the library sees the types of this process.
    fn is_this(&self) -> io::Result<bool> {
        let probe = "fn main() { print!(\"{:?}\", std::any::TypeId::of::<tests::generated::values::Fail>()); }";
        let program = self.dir.join("probe");
        let built = self.rustc().arg(self.write(probe)?).arg("-o").arg(&program).output()?;
        let seen = format!("{:?}", TypeId::of::<Fail>());
        Ok(built.status.success() && Command::new(&program).output()?.stdout == seen.as_bytes())
    }

    /// The library is the one that this library knows: two globs may give one name if they mean one thing.
    fn is_linked(&self, name: &str) -> io::Result<bool> {
        let probe = format!(
            "use tests::linked::*; use other::*; mod other {{ pub extern crate {name}; }} fn both() {{ use {name} as one; }}"
        );
        let mut rustc = self.rustc();
        rustc.arg(self.write(&probe)?).args(["--crate-type", "lib", "--emit", "metadata", "-o"]);
        Ok(rustc.arg(self.dir.join("probe.rmeta")).output()?.status.success())
    }

    fn write(&self, probe: &str) -> io::Result<PathBuf> {
        let source = self.dir.join("probe.rs");
        fs::write(&source, probe)?;
        Ok(source)
    }
}

/// Does one thing with each, as many at once as there are processors. The order of the results is that of the items.
///
/// # Panics
///
/// If one of them does.
pub fn at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let take = || next.fetch_add(1, Ordering::Relaxed);
    let worker = || {
        let mut done = vec![];
        while let Some((i, item)) = Some(take()).and_then(|i| Some((i, items.get(i)?))) {
            done.push((i, work(item)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let joined = running.into_iter().map(|r| r.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, result)| result).collect()
}
