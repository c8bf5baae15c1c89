//! Extract, transform, load: sources are read at once, rows that cannot be used are set aside, and a load that fails in part is
//! split until what is bad stands alone.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    key: String,
    amount: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Summary {
    loaded: usize,
    rejected: Vec<String>,
    unread: Vec<String>,
    totals: BTreeMap<char, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum EtlError {
    #[error("{unread} of {sources} sources could not be read")]
    TooFew { unread: usize, sources: usize },
    #[error("the warehouse")]
    Warehouse(#[from] ActivityError<LoadError>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum LoadError {
    #[error("a row of {0} is refused")]
    Refused(usize),
    #[error("the warehouse is closed")]
    Closed,
}

#[activity(timeout = "1h", retry(attempts = 2, initial = "1m"))]
async fn extract(source: &str) -> Result<Vec<String>, String> {
    let lines = match source {
        "shops" => "apple,3\nbread,x\napple,4\ncream,-9\n",
        "web" => "bread,5\n\n# note\ndates,0\nafter,1",
        "closed" => "apple,1",
        _ => return Err(format!("no source {source}")),
    };
    Ok(lines.lines().map(str::to_owned).collect())
}

#[activity(retry(attempts = 3, initial = "1s", unless(LoadError::Refused(_))))]
async fn load_rows(table: &str, rows: &[Row]) -> Result<usize, LoadError> {
    match rows {
        _ if table == "closed" => Err(LoadError::Closed),
        rows if rows.iter().any(|r| r.amount < 0) => Err(LoadError::Refused(rows.len())),
        rows => Ok(rows.len()),
    }
}

#[activity(retry)]
async fn set_aside(table: &str, row: &Row) -> u32 {
    println!("{table}: {row:?}");
    1
}

/// Loads rows; if they are refused, each half by itself. Gives the rows that no split could save.
#[workflow]
async fn load_or_split(table: String, mut rows: Vec<Row>) -> Result<Vec<Row>, ActivityError<LoadError>> {
    match load_rows(&table, &rows).await {
        Ok(_) => Ok(vec![]),
        Err(ActivityError::Failed(LoadError::Refused(1))) => Ok(rows),
        Err(ActivityError::Failed(LoadError::Refused(n))) => {
            let right = rows.split_off(n / 2);
            let mut bad = load_or_split(table.clone(), rows).await?;
            bad.extend(load_or_split(table, right).await?);
            Ok(bad)
        }
        Err(e) => Err(e),
    }
}

#[workflow]
async fn etl(table: String, sources: Vec<String>) -> Result<Summary, EtlError> {
    fn parse(line: &str) -> Result<Option<Row>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (key, amount) = line.split_once(',').ok_or_else(|| format!("{line}: no comma"))?;
        let amount = amount.parse().map_err(|e| format!("{line}: {e}"))?;
        Ok(Some(Row { key: key.to_owned(), amount }))
    }

    let mut summary = Summary::default();
    let extracted = join_all(sources.iter().map(|s| extract(s))).await;
    let (mut rows, mut bad_lines) = (vec![], vec![]);
    for (source, lines) in sources.iter().zip(extracted) {
        match lines {
            Ok(lines) => {
                for line in &lines {
                    match parse(line) {
                        Ok(row) => rows.extend(row),
                        Err(e) => bad_lines.push(e),
                    }
                }
            }
            Err(e) => summary.unread.push(format!("{source}: {e}")),
        }
    }
    if summary.unread.len() * 2 > sources.len() {
        return Err(EtlError::TooFew { unread: summary.unread.len(), sources: sources.len() });
    }
    summary.rejected = bad_lines;

    let mut groups: BTreeMap<char, Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.key.chars().next().unwrap_or('?')).or_default().push(row);
    }
    for (initial, group) in groups {
        let (total, count) = (group.iter().map(|r| r.amount).sum::<i64>(), group.len());
        let bad = load_or_split(table.clone(), group).await?;
        for row in &bad {
            set_aside(&table, row).await.ok();
            summary.rejected.push(format!("{}: refused", row.key));
        }
        summary.loaded += count - bad.len();
        summary.totals.insert(initial, total - bad.iter().map(|r| r.amount).sum::<i64>());
    }
    Ok(summary)
}

fn names(sources: &[&str]) -> Vec<String> {
    sources.iter().map(|s| s.to_string()).collect()
}

#[test]
fn what_can_be_loaded_is_loaded() {
    let agreed = agree(|| etl("sales".to_owned(), names(&["shops", "web"])));
    assert_eq!(
        agreed.outcome["ok"],
        json!({
            "loaded": 5,
            "rejected": ["bread,x: invalid digit found in string", "cream: refused"],
            "unread": [],
            "totals": { "a": 8, "b": 5, "c": 0, "d": 0 },
        })
    );
    assert_eq!(asked(&agreed), "join_all extract extract load_rows load_rows load_rows set_aside load_rows");
    let half = agree(|| etl("sales".to_owned(), names(&["web", "nowhere"])));
    assert_eq!(half.outcome["ok"]["unread"], json!(["nowhere: no source nowhere"]));
}

#[test]
fn what_is_refused_is_split() {
    let rows = |amounts: &[i64]| amounts.iter().map(|a| Row { key: "x".to_owned(), amount: *a }).collect::<Vec<_>>();
    let agreed = agree(|| load_or_split("sales".to_owned(), rows(&[1, 2, -3, 4, 5, 6, 7, -8])));
    assert_eq!(agreed.outcome["ok"].as_array().expect("rows").len(), 2);
    assert_eq!(agreed.operations.len(), 11);
}

#[test]
fn too_little_is_an_error() {
    let few = agree(|| etl("sales".to_owned(), names(&["nowhere", "web", "never"])));
    assert_eq!(few.outcome, json!({ "err": { "TooFew": { "unread": 2, "sources": 3 } } }));
    let closed = agree(|| etl("closed".to_owned(), names(&["shops"])));
    assert_eq!(closed.outcome, json!({ "err": { "Warehouse": { "Failed": "Closed" } } }));
    let mocked = Differential::new(|| etl("sales".to_owned(), names(&["shops"])))
        .mock(load_rows, |_: String, _: Vec<Row>| Ok(0))
        .run();
    assert_eq!(mocked.outcome["ok"]["loaded"], 3);
}

#[workflow_runtime::test(crashes = "every")]
async fn no_row_is_loaded_twice(t: Test) {
    let run = t.start("e", etl("sales".to_owned(), names(&["shops", "web"]))).await;
    assert_eq!(run.result().await.expect("a summary").loaded, 5);
    t.calls(load_rows).assert_called_times(4);
}
