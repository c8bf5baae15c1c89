//! `cargo workflow check` on the workspace in `fixture`, built once.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture")
}

/// Runs the check as cargo does.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-workflow"));
    command.args(["workflow", "check", "--quiet", "--manifest-path"]).arg(fixture().join("Cargo.toml"));
    // The target directory of the tests themselves: others that run the check find there what the runtime is made of.
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target directory"));
    command.args(args).output().expect("cargo-workflow runs")
}

/// The report on all workflows of the fixture.
fn report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| {
        let output = run(&["-p", "app", "--message-format", "json"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "the fixture has findings:\n{errors}");
        serde_json::from_slice(&output.stdout).expect("a JSON document")
    })
}

fn workflows() -> impl Iterator<Item = (&'static str, &'static Vec<Value>)> {
    let workflows = report()["workflows"].as_array().expect("workflows");
    workflows.iter().map(|w| (w["name"].as_str().expect("a name"), w["findings"].as_array().expect("findings")))
}

fn rules(findings: &[Value]) -> Vec<&str> {
    findings.iter().filter_map(|f| f["rule"].as_str()).collect()
}

fn chain(workflow: &str, rule: &str) -> Vec<&'static Value> {
    let (_, findings) = workflows().find(|(name, _)| *name == workflow).expect("the workflow");
    let finding = findings.iter().find(|f| f["rule"] == rule).expect("a finding");
    finding["chain"].as_array().expect("a chain").iter().collect()
}

#[test]
fn what_is_hidden_is_found() {
    let bad = workflows().filter_map(|(name, found)| Some((name.strip_prefix("wf")?.get(..3)?, name, found)));
    let (mut count, mut missed) = (0, vec![]);
    for (code, name, findings) in bad {
        count += 1;
        if !rules(findings).contains(&format!("WF{code}").as_str()) {
            missed.push((name, rules(findings)));
        }
    }
    assert!(missed.is_empty(), "missed: {missed:#?}");
    assert!(count >= 80, "{count} workflows are none to learn from");
}

#[test]
fn honest_code_raises_no_alarm() {
    let honest = || workflows().filter(|(name, _)| name.starts_with("honest_"));
    let alarms: Vec<_> = honest().filter(|(_, f)| !f.is_empty()).collect();
    assert!(alarms.is_empty(), "false alarms: {alarms:#?}");
    assert!(honest().count() >= 35);
}

/// Each of these is listed in `docs/determinism-calls.md`.
#[test]
fn what_is_out_of_reach_is_known() {
    let limits = || workflows().filter(|(name, _)| name.starts_with("limit_"));
    let found: Vec<_> = limits().filter(|(_, f)| !f.is_empty()).map(|(name, f)| (name, rules(f))).collect();
    assert!(found.is_empty(), "no longer out of reach, change the page: {found:?}");
    assert!(limits().count() >= 5);
}

#[test]
fn the_chain_names_crates_functions_and_lines() {
    let chain = chain("wf001_clock_helpers_helper", "WF001");
    let functions: Vec<_> = chain.iter().map(|s| s["function"].as_str().unwrap_or_default()).collect();
    assert_eq!(
        functions,
        [
            "workflow `wf001_clock_helpers_helper`",
            "evade::clock::helpers_helper",
            "evade::clock::one",
            "evade::clock::two",
            "evade::clock::alias",
            "std::time::SystemTime::now",
        ]
    );
    let source = std::fs::read_to_string(fixture().join("evade/src/clock.rs")).expect("the source");
    for (step, call) in chain[1..5].iter().zip(["one()", "two()", "alias()", "Wall::now()"]) {
        assert_eq!(step["file"], "evade/src/clock.rs");
        let line = step["line"].as_u64().expect("a line") as usize;
        assert!(source.lines().nth(line - 1).is_some_and(|l| l.contains(call)), "line {line} has no {call}");
    }
    assert_eq!((&chain[0]["crate"], &chain[1]["crate"]), (&"app".into(), &"evade".into()));
}

#[test]
fn a_finding_reads_as_a_sentence_and_says_what_to_do() {
    let output = run(&["-p", "app", "--workflow", "wf001_clock_trait_object"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "error[WF001]: `SystemTime::now` reads a clock, and a step that is executed again reads another time: use `now()`",
        "--> evade/src/clock.rs:",
        "<evade::clock::Real as evade::clock::Clock>::read",
        "`cargo workflow explain WF001`",
        "1 workflow checked: 1 error",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn an_honest_workflow_passes() {
    let output = run(&["-p", "app", "--workflow", "honest_json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("1 workflow checked: 0 errors"), "{text}");
}

#[test]
fn sarif_has_a_result_with_a_place_for_each_finding() {
    let output = run(&["-p", "app", "--message-format", "sarif", "--workflow", "wf007_io_file"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).expect("a JSON document");
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"WF007".into(), &"error".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "evade/src/io.rs");
    assert!(place["region"]["startLine"].as_u64().is_some_and(|l| l > 1));
    let flow = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("a flow");
    assert!(flow.len() >= 3);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|r| r["id"] == "WF007"));
}

#[test]
fn a_list_exempts_with_a_reason_and_reports_what_is_stale() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let list = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a list");
        path.display().to_string()
    };
    let one = list(
        "one.toml",
        "[[allow]]\nrule = \"WF001\"\nfunction = \"evade::clock::two\"\nreason = \"a test\"\n\n\
         [[allow]]\nrule = \"WF007\"\nfunction = \"evade::clock::two\"\nreason = \"it has no file\"\n",
    );
    let output = run(&["-p", "app", "--message-format", "json", "--exemptions", &one]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON document");
    let workflow =
        |name: &str| report["workflows"].as_array().and_then(|w| w.iter().find(|w| w["name"] == name)).cloned();
    let exempted = workflow("wf001_clock_helpers_helper").expect("the workflow");
    assert_eq!(exempted["findings"], Value::Array(vec![]));
    assert_eq!(exempted["silenced"][0]["reason"], "a test");
    let other = workflow("wf001_clock_alias").expect("the workflow");
    assert_eq!(other["findings"][0]["rule"], "WF001", "another way to the same sink is not exempted");
    let stale = report["unneeded"].as_array().expect("a list").iter().filter(|u| u["file"] == one.as_str());
    let stale: Vec<_> = stale.map(|u| (&u["rule"], &u["line"])).collect();
    assert_eq!(stale, [(&"WF007".into(), &6.into())]);

    let everything = list("everything.toml", "[[allow]]\nrule = \"WF001\"\nreason = \"all of it\"\n");
    let output = run(&["-p", "app", "--exemptions", &everything]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name the `workflow`, or the `function`"));
}

#[test]
fn an_exemption_in_the_source_holds_for_what_it_stands_on() {
    let workflow = |name: &str| {
        let all = report()["workflows"].as_array().expect("workflows");
        all.iter().find(|w| w["name"] == name).expect("the workflow")
    };
    let whole = workflow("exempt_whole");
    assert_eq!(whole["findings"], Value::Array(vec![]));
    assert_eq!(
        (&whole["silenced"][0]["rule"], &whole["silenced"][0]["reason"]),
        (&"WF001".into(), &"a test of exemptions".into())
    );
    let statement = workflow("exempt_statement");
    let found = statement["findings"].as_array().expect("findings");
    assert_eq!(rules(found), ["WF001"], "the file is exempted, the second clock is not");
    assert_eq!(found[0]["chain"][1]["function"], "evade::clock::helpers_helper");
    assert_eq!(statement["silenced"][0]["rule"], "WF007");
    let unneeded = report()["unneeded"].as_array().expect("a list");
    assert_eq!(unneeded.len(), 1, "{unneeded:#?}");
    assert_eq!(unneeded[0]["rule"], "WF007");
    let source = std::fs::read_to_string(fixture().join("app/src/bodies.rs")).expect("the source");
    let line = source.lines().position(|l| l.contains("fn exempt_in_vain")).map(|i| i as u64 + 1);
    assert_eq!(unneeded[0]["line"].as_u64(), line);
}

#[test]
fn what_cannot_be_checked_is_not_passed() {
    for (args, said) in [
        (&["-p", "bare"][..], "there is no workflow in what was built"),
        (&["-p", "app", "--workflow", "nobody"], "there is no workflow `nobody`"),
        (&["-p", "nothing"], "the build failed"),
        (&["-p", "app", "--exemptions", "/nowhere/list.toml"], "cannot read /nowhere/list.toml"),
    ] {
        let output = run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(said), "{args:?}: {errors}");
    }
}

#[test]
fn a_rule_explains_itself() {
    let explain = |code: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-workflow"));
        command.args(["workflow", "explain", code]).output().expect("cargo-workflow runs")
    };
    let page = explain("wf003");
    assert!(page.status.success() && String::from_utf8_lossy(&page.stdout).starts_with("# WF003: hash order"));
    assert_eq!(explain("WF999").status.code(), Some(2));
}
