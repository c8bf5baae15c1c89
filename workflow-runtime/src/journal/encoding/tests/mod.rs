//! Round trips, errors and damage.

mod errors;
mod properties;
mod shapes;
mod types;

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use super::{DecodeError, decode, encode};

fn back<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, DecodeError> {
    decode(&encode(value).expect("encodes"))
}

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(back(&value).expect("decodes"), value);
}

/// As if read or written on a thread of the usual size, with the frames of a debug build.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).expect("spawns");
    thread.join().expect("does not panic");
}
