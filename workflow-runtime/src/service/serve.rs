//! The service: an engine, and a socket on which it answers.

use super::{
    ServiceError, answer,
    control::{Answer, LONGEST_LINE, Request, SOCKET},
};
use crate::{
    engine::{Engine, EngineBuilder},
    store::SledStore,
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
};

/// Runs the engine until the process is asked to stop.
pub(super) async fn serve(data: &Path, builder: EngineBuilder) -> Result<(), ServiceError> {
    // The store is locked by whoever serves: behind it, a socket that is there is nobody's.
    let engine = builder.store(SledStore::open(data)?).build().await?;
    let path = data.join(SOCKET);
    let served = listen(&engine, &path).await;
    let report = engine.shutdown().await;
    if report.interrupted > 0 {
        eprintln!("stopped {} activities that were running; the next service runs them again", report.interrupted);
    }
    // Gone is gone, whoever removed it.
    let _ = std::fs::remove_file(&path);
    served
}

/// Opens a store that is there.
pub(super) fn existing(data: &Path) -> Result<SledStore, ServiceError> {
    if !data.is_dir() {
        return Err(ServiceError::NoStore { data: data.to_owned() });
    }
    Ok(SledStore::open(data)?)
}

async fn listen(engine: &Engine, path: &PathBuf) -> Result<(), ServiceError> {
    let failed = |source| ServiceError::Socket { path: path.clone(), source };
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    restrict(path).map_err(failed)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
    println!("serving; stop with ctrl-c");
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            connection = listener.accept() => match connection {
                Ok((stream, _)) => {
                    let engine = engine.clone();
                    tokio::spawn(async move {
                        if let Err(error) = converse(&engine, stream).await {
                            tracing::debug!(%error, "a control connection ended");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "a control connection could not be accepted"),
            }
        }
    }
}

/// For the owner only: whoever can write to the socket can do everything that the service can.
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

async fn converse(engine: &Engine, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LONGEST_LINE)).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str::<Request>(&line) {
            Ok(request) => answer::answer(engine, request).await,
            Err(e) => {
                Answer::Refused { code: "WE120".into(), message: format!("WE120: the request is not understood: {e}") }
            }
        };
        let mut line = serde_json::to_string(&answer)?;
        line.push('\n');
        write.write_all(line.as_bytes()).await?;
    }
    Ok(())
}
