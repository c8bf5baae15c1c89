//! Attacks on the engine, over real files, with child processes where a process has to die.
//!
//! `cargo test` runs a short form of each; `ATTACK=long cargo test --profile sim -p tests --test attack -- --nocapture` the
//! long one. Each prints what it counted.

mod archives;
mod audit;
mod churn;
mod clients;
mod completions;
mod every_write;
mod floods;
mod frames;
mod overload;
mod passing;
mod poison;
mod poisons;
mod power;
mod process;
mod random;
mod soak;
mod system_calls;
mod time;
mod workload;
