//! Files, sockets and processes.

use crate::note;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};
use workflow_runtime::prelude::*;

/// WF007: a file, in a helper
pub mod io_helper {
    use super::*;

    fn template() -> String {
        fs::read_to_string("template.txt").unwrap_or_default()
    }

    #[workflow]
    pub async fn io_helper() -> Result<String, WorkflowError> {
        let text = template();
        note(&text).await?;
        Ok(text)
    }
}

/// WF007: a file, behind an alias of the function
pub mod io_alias {
    use super::*;
    use std::fs::read_to_string as slurp;

    #[workflow]
    pub async fn io_alias(path: String) -> Result<String, WorkflowError> {
        let text = slurp(&path)?;
        note(&text).await?;
        Ok(text)
    }
}

/// WF007: `File::open`, through a trait of one's own
pub mod io_trait {
    use super::*;

    pub trait Source {
        fn text(&self) -> io::Result<String>;
    }

    impl Source for Path {
        fn text(&self) -> io::Result<String> {
            let mut text = String::new();
            File::open(self)?.read_to_string(&mut text)?;
            Ok(text)
        }
    }

    #[workflow]
    pub async fn io_trait(path: PathBuf) -> Result<String, WorkflowError> {
        let text = path.text()?;
        note(&text).await?;
        Ok(text)
    }
}

/// WF007: whether a path is there
pub mod io_exists {
    use super::*;

    #[workflow]
    pub async fn io_exists(path: PathBuf) -> Result<bool, WorkflowError> {
        let there = path.exists() || path.with_extension("bak").is_file();
        note("there").await?;
        Ok(there)
    }
}

/// WF007: a path without links
pub mod io_canonical {
    use super::*;

    fn full(path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    #[workflow]
    pub async fn io_canonical(path: PathBuf) -> Result<PathBuf, WorkflowError> {
        let full = full(&path);
        note("full").await?;
        Ok(full)
    }
}

/// WF007: what a folder holds, an iterator adaptor
pub mod io_folder {
    use super::*;

    #[workflow]
    pub async fn io_folder(folders: Vec<PathBuf>) -> Result<usize, WorkflowError> {
        let n = folders.iter().flat_map(fs::read_dir).flatten().count();
        note("n").await?;
        Ok(n)
    }
}

/// WF007: a file that `Drop` writes, in another crate
pub mod io_drop {
    use super::*;

    #[workflow]
    pub async fn io_drop(text: String) -> Result<usize, WorkflowError> {
        let n = {
            let journal = shared::remote::Journal::new(&text);
            journal.len()
        };
        note("journal").await?;
        Ok(n)
    }
}

/// WF007: the standard input
pub mod io_stdin {
    use super::*;

    fn line() -> String {
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok();
        line
    }

    #[workflow]
    pub async fn io_stdin() -> Result<String, WorkflowError> {
        let line = line();
        note(&line).await?;
        Ok(line)
    }
}

/// WF007: a socket, behind an alias
pub mod io_socket {
    use super::*;
    use std::net::TcpStream as Wire;

    #[workflow]
    pub async fn io_socket(address: String) -> Result<bool, WorkflowError> {
        let up = Wire::connect(&address).is_ok();
        note("up").await?;
        Ok(up)
    }
}

/// WF007: a name that is looked up
pub mod io_name {
    use super::*;
    use std::net::ToSocketAddrs;

    #[workflow]
    pub async fn io_name(host: String) -> Result<usize, WorkflowError> {
        let n = (host.as_str(), 443).to_socket_addrs()?.count();
        note("n").await?;
        Ok(n)
    }
}

/// WF007: a program, in another crate
pub mod io_program {
    use super::*;

    #[workflow]
    pub async fn io_program() -> Result<String, WorkflowError> {
        let text = shared::remote::revision();
        note(&text).await?;
        Ok(text)
    }
}

/// WF007: a request that blocks
pub mod io_reqwest {
    use super::*;
    use reqwest::blocking as web;

    #[workflow]
    pub async fn io_reqwest(url: String) -> Result<String, WorkflowError> {
        let text = web::get(&url).unwrap_or_default();
        note(&text).await?;
        Ok(text)
    }
}

/// WF007: ureq, in a helper
pub mod io_ureq {
    use super::*;

    fn page(url: &str) -> Option<String> {
        ureq::get(url).call().ok()
    }

    #[workflow]
    pub async fn io_ureq(url: String) -> Result<Option<String>, WorkflowError> {
        let text = page(&url);
        note("page").await?;
        Ok(text)
    }
}

/// WF007: redis, in `Default` of a helper type
pub mod io_redis {
    use super::*;

    pub struct Counter(u64);

    impl Default for Counter {
        fn default() -> Self {
            Counter(redis::Client::open("redis://localhost").map_or(0, |c| c.get("n")))
        }
    }

    #[workflow]
    pub async fn io_redis() -> Result<u64, WorkflowError> {
        let n = Counter::default().0;
        note("n").await?;
        Ok(n)
    }
}

/// WF007: a datagram, through a function pointer
pub mod io_datagram {
    use super::*;
    use std::net::UdpSocket;

    fn beep(port: u16) -> bool {
        UdpSocket::bind(("127.0.0.1", port)).is_ok()
    }

    const ACTIONS: [fn(u16) -> bool; 1] = [beep];

    #[workflow]
    pub async fn io_datagram(port: u16) -> Result<bool, WorkflowError> {
        let done = ACTIONS.iter().all(|a| a(port));
        note("done").await?;
        Ok(done)
    }
}

/// WF007: the size of a file, in a generic function of another crate
pub mod io_metadata {
    use super::*;

    #[workflow]
    pub async fn io_metadata(path: String) -> Result<u64, WorkflowError> {
        let n = shared::remote::size_of_file(&path);
        note("n").await?;
        Ok(n)
    }
}
