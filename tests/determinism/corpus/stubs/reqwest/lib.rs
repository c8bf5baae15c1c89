//! As much of reqwest as the corpus calls, so that names and paths are those of reqwest.

use std::io;

/// Asks for a page.
pub async fn get(url: &str) -> io::Result<String> {
    blocking::get(url)
}

pub mod blocking {
    use std::{
        io::{self, Read, Write},
        net::TcpStream,
    };

    /// Asks for a page, and waits.
    pub fn get(url: &str) -> io::Result<String> {
        let host = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect((host, 80))?;
        write!(stream, "GET / HTTP/1.0\r\nhost: {host}\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }
}
