//! The program `service`, as its user meets it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use workflow_runtime::{engine::Engine, prelude::*, store::SledStore};

fn program(data: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_service"));
    program.arg("--data").arg(data);
    program
}

/// A service that answers.
fn serve(data: &Path) -> Child {
    serve_with(data, &[])
}

fn serve_with(data: &Path, options: &[&str]) -> Child {
    let mut service = program(data).arg("serve").args(options).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(service.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("serving"), "{line}");
    service
}

fn run(data: &Path, args: &[&str]) -> Output {
    program(data).args(args).output().unwrap()
}

#[track_caller]
fn ok(data: &Path, args: &[&str]) -> String {
    let out = run(data, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[track_caller]
fn refused(data: &Path, args: &[&str]) -> String {
    let out = run(data, args);
    assert!(!out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stderr).unwrap()
}

const ADA: &str = r#"{"by": "Ada", "ok": true}"#;
const BOB: &str = r#"{"by": "Bob", "ok": true}"#;

#[test]
fn an_instance_is_steered_from_the_command_line_and_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let mut service = serve(data);
    assert_eq!(ok(data, &["start", "review", "doc-1", "\"text\"", "2"]), "started doc-1\n");
    assert_eq!(ok(data, &["start", "review", "doc-1", "\"text\"", "2"]), "attached to doc-1\n");
    assert_eq!(ok(data, &["signal", "doc-1", "verdict", ADA]), "sent\n");
    service.kill().unwrap();
    service.wait().unwrap();

    // Without a service the store itself is read.
    let shown = ok(data, &["show", "doc-1"]);
    assert!(shown.contains("state: Running") && shown.contains("name=agreed value=[\"Ada\"]"), "{shown}");
    assert!(ok(data, &["list", "--status", "running"]).contains("review"));
    let json: serde_json::Value = serde_json::from_str(&ok(data, &["--json", "history", "doc-1"])).unwrap();
    assert!(json[0]["events"][0]["Started"]["workflow"] == "review", "{json}");

    let mut service = serve(data);
    assert_eq!(ok(data, &["update", "doc-1", "needed", "2"]), "1\n");
    assert!(refused(data, &["update", "doc-1", "needed", "0"]).contains("somebody has to read it"));
    assert!(refused(data, &["skip", "doc-1", "--reason", "r"]).contains("doc-1"));
    assert_eq!(ok(data, &["signal", "doc-1", "verdict", BOB, "--message-id", "bob"]), "sent\n");
    let result = ok(data, &["result", "doc-1", "--wait"]);
    assert_eq!(result, "Completed: published 4 characters, agreed by Ada and Bob\n");
    let history = ok(data, &["history", "doc-1"]);
    assert!(history.contains("SignalReceived") && history.contains("Ada"), "{history}");
    service.kill().unwrap();
    service.wait().unwrap();
    assert_eq!(ok(data, &["result", "doc-1"]), result);

    let exported = data.join("doc-1.json");
    std::fs::write(&exported, ok(data, &["export", "doc-1"])).unwrap();
    assert_eq!(ok(data, &["verify", exported.to_str().unwrap()]), "6 steps do again what they did\n");
    let doctored =
        std::fs::read_to_string(&exported).unwrap().replace("\"signal\": \"verdict\"", "\"signal\": \"opinion\"");
    std::fs::write(&exported, doctored).unwrap();
    let difference = refused(data, &["verify", exported.to_str().unwrap()]);
    assert!(difference.contains("WE102") && difference.contains("opinion"), "{difference}");
}

#[test]
fn no_arguments_a_wrong_name_and_a_reader_that_has_read_enough() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let mut service = serve(data);
    assert_eq!(ok(data, &["start", "rehearsal", "today"]), "started today\n");
    assert_eq!(ok(data, &["result", "today", "--wait"]), "Completed: published 30 characters\n");
    assert!(refused(data, &["start", "rehearsal", "once", "3"]).contains("these are not the arguments"));
    assert!(refused(data, &["start", "reviw", "doc-1", "\"text\"", "2"]).contains("no workflow of that name"));
    ok(data, &["start", "review", "doc-1", "\"text\"", "2"]);
    assert_eq!(ok(data, &["result", "doc-1"]), "Running\n");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unread = program(data).args(["export", "today"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert!(unread.status.success() && unread.stderr.is_empty(), "{unread:?}");
    service.kill().unwrap();
    service.wait().unwrap();
}

const VERDICT: Signal<serde_json::Value> = Signal::new("verdict");

/// The service does not know it.
#[workflow]
async fn of_another_program() -> Result<String, WorkflowError> {
    Ok(VERDICT.recv().await?.to_string())
}

#[test]
fn who_waits_for_a_blocked_instance_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = Engine::builder().store(SledStore::open(data).unwrap()).build().await.unwrap();
        engine.start("stranger", of_another_program()).await.unwrap();
        engine.shutdown().await;
    });
    let mut service = serve(data);
    // What wakes it finds out.
    ok(data, &["signal", "stranger", "verdict", ADA]);
    for command in [&["result", "stranger", "--wait"][..], &["update", "stranger", "needed", "2"]] {
        let told = refused(data, command);
        assert!(told.contains("WB001: `stranger` is blocked: "), "{told}");
    }
    let result = ok(data, &["result", "stranger"]);
    assert!(result.starts_with("Blocked: WB001: "), "{result}");
    service.kill().unwrap();
    service.wait().unwrap();
}

#[test]
fn a_store_is_counted_copied_while_it_runs_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("live");
    let mut service = serve(data);
    for id in ["doc-1", "doc-2"] {
        ok(data, &["start", "review", id, "\"text\"", "2"]);
    }
    ok(data, &["signal", "doc-1", "verdict", ADA]);
    ok(data, &["terminate", "doc-2", "--reason", "r"]);
    let stats = ok(data, &["stats", "--records"]);
    assert!(stats.contains("  running            1\n") && stats.contains("  terminated         1\n"), "{stats}");
    assert!(stats.contains("in 1 segments") && stats.contains("  history  "), "{stats}");

    // A path of the client's, not of the service's.
    let copy = |name: &str| {
        Command::new(env!("CARGO_BIN_EXE_service"))
            .current_dir(dir.path())
            .args(["--data", "live", "snapshot", name])
            .output()
            .unwrap()
    };
    assert!(copy("monday").status.success());
    assert!(String::from_utf8(copy("monday").stderr).unwrap().contains("WS040"));
    ok(data, &["signal", "doc-1", "verdict", BOB]);
    ok(data, &["result", "doc-1", "--wait"]);
    service.kill().unwrap();
    service.wait().unwrap();
    let json: serde_json::Value = serde_json::from_str(&ok(data, &["--json", "stats"])).unwrap();
    assert!(json["instances"] == serde_json::json!({"Completed": 1, "Terminated": 1}), "{json}");
    // The process was killed: what tells the next one stays, and is no part of a copy.
    assert!(json["marks_bytes"].as_u64() > Some(0), "{json}");

    let restored = &dir.path().join("restored");
    let monday = dir.path().join("monday");
    let monday = monday.to_str().unwrap();
    assert!(ok(data, &["restore", monday, restored.to_str().unwrap()]).contains(" records, "));
    assert!(refused(data, &["restore", monday, restored.to_str().unwrap()]).contains("WS040"));
    assert!(!restored.join("engine.marks").exists());
    assert!(ok(restored, &["show", "doc-1"]).contains("state: Running"));
    let mut service = serve(restored);
    ok(restored, &["signal", "doc-1", "verdict", BOB]);
    assert!(ok(restored, &["result", "doc-1", "--wait"]).contains("agreed by Ada and Bob"));
    service.kill().unwrap();
    service.wait().unwrap();
    // Without a service too, and that only without one.
    assert!(ok(restored, &["compact"]).contains(" records, "));
    assert!(ok(restored, &["show", "doc-1"]).contains("agreed by Ada and Bob"));
    let tuesday = dir.path().join("tuesday");
    ok(restored, &["snapshot", tuesday.to_str().unwrap()]);
    let whole = std::fs::read(&tuesday).unwrap();
    std::fs::write(&tuesday, &whole[..whole.len() - 1]).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    let cut = refused(data, &["restore", tuesday.to_str().unwrap(), elsewhere.to_str().unwrap()]);
    assert!(cut.contains("WS042") && !elsewhere.exists(), "{cut}");
}

#[test]
fn what_was_removed_is_read_from_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let (data, to) = (&dir.path().join("data"), dir.path().join("archive"));
    let archive = &["--archive", to.to_str().unwrap()];
    let mut service = serve_with(data, archive);
    let from = |args: &[&str]| ok(data, &[args, archive].concat());
    for id in ["doc-1", "doc-2"] {
        ok(data, &["start", "review", id, "\"text\"", "1"]);
    }
    assert!(refused(data, &["remove", "doc-1"]).contains("WE043"));
    assert!(refused(data, &["rebuild", "doc-1"]).contains("WE151"));
    // What is before it is read from the archive with the rest.
    let begun = ok(data, &["history", "doc-1"]);
    assert_eq!(ok(data, &["truncate", "doc-1"]), "removed 1 entries\n");
    assert!(ok(data, &["history", "doc-1"]).contains("Checkpointed"));
    ok(data, &["signal", "doc-1", "verdict", ADA]);
    ok(data, &["terminate", "doc-2", "--reason", "late"]);
    assert!(refused(data, &["truncate", "doc-2"]).contains("WE041"));
    let result = ok(data, &["result", "doc-1", "--wait"]);
    let history = begun + &ok(data, &["history", "doc-1"]);
    for id in ["doc-1", "doc-2"] {
        assert_eq!(ok(data, &["remove", id]), "removed\n");
    }
    // It is decided, and being done.
    while ok(data, &["list"]) != "none\n" {}
    service.kill().unwrap();
    service.wait().unwrap();

    assert_eq!(from(&["list"]).lines().count(), 2);
    assert!(from(&["list", "--status", "terminated"]).contains("doc-2"));
    assert_eq!(from(&["list", "--tag", "city=Oslo"]), "none\n");
    assert_eq!(from(&["history", "doc-1"]), history);
    assert_eq!(from(&["result", "doc-1"]), result);
    assert!(from(&["show", "doc-2"]).contains("outcome: late"));
    let exported = dir.path().join("doc-1.json");
    std::fs::write(&exported, from(&["export", "doc-1"])).unwrap();
    assert!(ok(data, &["verify", exported.to_str().unwrap()]).contains("steps do again what they did"));
    let run: serde_json::Value = serde_json::from_str(&from(&["--json", "show", "doc-1"])).unwrap();
    let run = run["run_id"].as_str().unwrap();
    assert_eq!(from(&["history", "doc-1", "--run", run]), history);
    assert!(refused(data, &["history", "doc-1", "--run", run]).contains("--archive"));
    assert!(refused(data, &[&["show", "doc-3"], &archive[..]].concat()).contains("holds no run of `doc-3`"));

    // Damage costs what it hits, and is told.
    let file = to.join("00000001.runs");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let out = run_in(data, &[&["list"], &archive[..]].concat());
    assert!(!out.0 && out.1.lines().count() == 1 && out.2.contains("WS051") && out.2.contains("runs"), "{out:?}");
}

/// Whether it was successful, and what it wrote.
fn run_in(data: &Path, args: &[&str]) -> (bool, String, String) {
    let out = run(data, args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.success(), text(out.stdout), text(out.stderr))
}

#[test]
fn what_cannot_be_done_is_said_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    assert!(refused(data, &["start", "review", "a", "\"t\"", "1"]).contains("no service runs on"));
    assert!(refused(&data.join("absent"), &["list"]).contains("there is no store in"));
    let mut service = serve(data);
    assert!(refused(data, &["start", "reviw", "a", "\"t\"", "1"]).contains("WE021"));
    assert!(refused(data, &["start", "review", "a", "text", "1"]).contains("argument 1 is not JSON"));
    let wrong = refused(data, &["start", "review", "a", "7", "1"]);
    assert!(wrong.contains("WE024") && wrong.contains("string"), "{wrong}");
    assert!(refused(data, &["signal", "nobody", "verdict", ADA]).contains("nobody"));
    assert!(refused(data, &["cancel", "nobody", "--reason", "r"]).contains("nobody"));
    assert!(refused(data, &["list", "--status", "asleep"]).contains("`asleep` is not a state"));
    assert!(refused(data, &["serve"]).contains("in use"));
    assert!(refused(data, &["compact"]).contains("in use"));
    assert_eq!(ok(data, &["start", "review", "a", "\"t\"", "1"]), "started a\n");
    assert_eq!(ok(data, &["cancel", "a", "--reason", "late"]), "asked to stop\n");
    assert!(ok(data, &["result", "a", "--wait"]).starts_with("Cancelled: "));
    assert!(refused(data, &["terminate", "a", "--reason", "late"]).contains("cancelled"));
    service.kill().unwrap();
    service.wait().unwrap();
}

#[test]
fn the_program_knows_its_functions_and_draws_them() {
    let dir = tempfile::tempdir().unwrap();
    let functions = ok(dir.path(), &["functions"]);
    assert!(functions.contains("workflow  review") && functions.contains("activity  publish"), "{functions}");
    let diagram = ok(dir.path(), &["diagram", "review"]);
    assert!(diagram.contains("stateDiagram-v2") && diagram.contains("--> [*]"), "{diagram}");
    assert!(refused(dir.path(), &["verify", "none.json"]).contains("none.json cannot be read"));
    assert!(refused(dir.path(), &["diagram", "none"]).contains("there are: rehearsal, review"));
}
