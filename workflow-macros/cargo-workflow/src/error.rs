//! Why a check could not run. Each message says what to do.

use std::{
    fmt::{self, Display},
    path::Path,
};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Error(String);

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Error(message.into())
    }

    pub(crate) fn read(path: &Path, e: &std::io::Error) -> Self {
        Error(format!("cannot read {}: {e}", path.display()))
    }

    pub(crate) fn object(path: &Path, member: Option<&str>, e: &dyn Display) -> Self {
        let member = member.map(|m| format!("({m})")).unwrap_or_default();
        let path = path.display();
        Error(format!(
            "cannot read the object file {path}{member}: {e}; delete it and run again, and if that does not help, report it"
        ))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
