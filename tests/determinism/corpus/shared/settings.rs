//! What the process was started with.

use std::{env, fmt, num::ParseIntError};

/// What this was built from.
pub const BUILD: &str = match option_env!("BUILD_REVISION") {
    Some(revision) => revision,
    None => env!("CARGO_PKG_VERSION"),
};

pub fn scratch() -> String {
    env::temp_dir().display().to_string()
}

pub struct Settings {
    pub retries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { retries: env::var("RETRIES").ok().and_then(|r| r.parse().ok()).unwrap_or(3) }
    }
}

#[derive(Debug)]
pub struct SettingsError(String);

impl From<ParseIntError> for SettingsError {
    fn from(e: ParseIntError) -> Self {
        SettingsError(format!("{e} in {}", env::var("HOME").unwrap_or_default()))
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

pub fn number(text: &str) -> Result<u32, SettingsError> {
    Ok(text.parse()?)
}

pub trait Provider {
    fn value(&self, key: &str) -> Option<String>;
}

struct Nothing;
struct Variables;

impl Provider for Nothing {
    fn value(&self, _: &str) -> Option<String> {
        None
    }
}

impl Provider for Variables {
    fn value(&self, key: &str) -> Option<String> {
        env::var(key).ok()
    }
}

pub fn provider(test: bool) -> Box<dyn Provider> {
    if test { Box::new(Nothing) } else { Box::new(Variables) }
}
