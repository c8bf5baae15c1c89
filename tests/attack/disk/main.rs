//! The process whose files fail: `attack-disk <fault> <number> <place> <record>`.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
#[path = "../clients.rs"]
mod clients;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
#[path = "../passing.rs"]
mod passing;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
#[path = "../workload.rs"]
mod workload;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("the calls of this process are put in place of those of Linux");
}
