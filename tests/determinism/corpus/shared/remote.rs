//! The world: services, files, programs, tasks.

pub use rayon::join as together;
use std::{
    fs,
    future::{Future, IntoFuture, Ready, ready},
    io::{self, Write},
    path::Path,
    process::Command,
};

pub struct Request {
    url: String,
    retries: u64,
}

impl Request {
    pub fn new(url: &str) -> Request {
        Request { url: url.to_owned(), retries: 0 }
    }

    pub fn retries(mut self, n: u64) -> Request {
        self.retries = n;
        self
    }
}

impl IntoFuture for Request {
    type Output = u64;
    type IntoFuture = Ready<u64>;

    fn into_future(self) -> Ready<u64> {
        ready(self.url.len() as u64 + self.retries)
    }
}

/// Begins work that nobody waits for.
pub fn warm_up() {
    tokio::task::spawn_blocking(|| 1);
}

/// Runs a task on whatever runtime there is.
pub fn detach(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Lines that are written when they are done with.
pub struct Journal {
    text: String,
}

impl Journal {
    pub fn new(text: &str) -> Journal {
        Journal { text: text.to_owned() }
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        fs::write("journal.txt", &self.text).ok();
    }
}

pub fn revision() -> String {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default()
}

pub fn size_of_file<P: AsRef<Path>>(path: P) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

fn sink(loud: bool) -> Box<dyn Write> {
    if loud { Box::new(io::stdout()) } else { Box::new(io::sink()) }
}

/// Writes it where traces go.
pub fn trace_to(text: &str) {
    sink(!text.is_empty()).write_all(text.as_bytes()).ok();
}
