//! The order program, end to end: a worker that is killed, services that fail, and books that must add up.

use std::{
    fs,
    process::{Command, Output},
};

fn order(args: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_order")).args(args).output().expect("the program runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}

/// The number in the row of the table that begins with `what`; a row that is absent counts none.
fn number(text: &str, what: &str) -> u64 {
    let Some(row) = text.lines().find(|l| l.trim_start().starts_with(what)) else { return 0 };
    let number = row.trim_start()[what.len()..].split_whitespace().next().and_then(|n| n.parse().ok());
    number.unwrap_or_else(|| panic!("no number in `{row}`"))
}

#[test]
fn sixty_orders_survive_five_kills_and_a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("orders.jsonl");
    let orders: Vec<&str> = include_str!("../order/orders.jsonl").lines().take(60).collect();
    fs::write(&file, orders.join("\n")).expect("a file of orders");
    let (file, data) = (file.display().to_string(), dir.path().join("data").display().to_string());
    let args = ["--orders", &file, "--data", &data, "--kills", "5", "--seed", "20"];

    let (first, text) = order(&args);
    assert!(first.status.success(), "{text}");
    assert_eq!((number(&text, "orders  "), number(&text, "worker killed")), (60, 5), "{text}");
    assert!(number(&text, "orders resumed") > 0, "{text}");
    assert!(text.contains("at most 1 per order"), "{text}");

    let (second, again) = order(&args);
    assert!(second.status.success(), "{again}");
    assert_eq!(number(&again, "activities run"), 0, "{again}");
    for row in ["fulfilled", "cards charged", "refunded", "stock reserved", "released", "parcels shipped"] {
        assert_eq!(number(&again, row), number(&text, row), "{row}\n{text}\n{again}");
    }
}

#[test]
fn a_file_that_is_no_file_of_orders_is_refused_with_line_and_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("orders.jsonl");
    let first = include_str!("../order/orders.jsonl").lines().next().expect("an order");
    fs::write(&file, format!("{first}\n{}\n", first.replace("\"customer\"", "\"costumer\"")))
        .expect("a file of orders");
    let (output, text) = order(&["--orders", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("orders.jsonl, line 2: unknown field `costumer`"), "{text}");
}

#[test]
fn a_command_line_that_is_wrong_is_refused_with_the_usage() {
    let (output, text) = order(&["--kills", "some"]);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--kills some: invalid digit") && text.contains("usage: order"), "{text}");
}
