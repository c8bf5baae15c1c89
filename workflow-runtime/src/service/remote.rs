//! The client side of the control socket.

use super::{
    ServiceError,
    control::{Answer, Request, SOCKET},
};
use serde_json::Value;
use std::{io, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

/// Asks the service that runs on `data`.
pub(super) async fn ask(data: &Path, request: &Request) -> Result<Value, ServiceError> {
    let path = data.join(SOCKET);
    let failed = |source| ServiceError::Socket { path: path.clone(), source };
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        // A socket that nobody listens on was left behind by a service that was killed.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(ServiceError::NotRunning { data: data.to_owned() });
        }
        Err(e) => return Err(failed(e)),
    };
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(request).map_err(|e| failed(e.into()))?;
    line.push('\n');
    write.write_all(line.as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    BufReader::new(read).read_line(&mut answer).await.map_err(failed)?;
    if answer.is_empty() {
        return Err(ServiceError::NotRunning { data: data.to_owned() });
    }
    let answer: Answer = serde_json::from_str(&answer).map_err(|_| ServiceError::Answer { answer })?;
    answer.into_result()
}
