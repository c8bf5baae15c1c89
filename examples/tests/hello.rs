//! The smallest workflow, run twice.

use std::process::Command;

fn hello(data: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hello")).args(["Zoë", data]).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_second_run_attaches_to_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data").display().to_string();
    let greeting = "Hello, Zoë! This took three seconds, however often the program was stopped.\n";
    let first = hello(&data);
    let mut begun: Vec<&str> = first.strip_suffix(greeting).expect("the greeting comes last").lines().collect();
    // The activity may run before the client hears that the start is durable: either line can be first.
    begun.sort_unstable();
    assert_eq!(begun, ["(the activity runs)", "started"]);
    assert_eq!(hello(&data), format!("attached\n{greeting}"));
}
