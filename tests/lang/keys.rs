//! Names that come together: of variables, of their fields, of what waits for a point, of the points themselves.

use crate::{agree, shop::*};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    prelude::*,
};

#[activity]
async fn hold(s: String) -> String {
    s + "!"
}

#[workflow]
async fn a_field_and_what_waits_for_a_point_of_that_name(
    mut ping: (u32, String, String),
) -> Result<String, OrderError> {
    ping.0 += 1;
    let second = hold(ping.1).await?;
    let sum = double(ping.0).await? + self::super::shop::ping(ping.0).await? + self::super::shop::ping(1).await?;
    Ok(format!("{second} {sum} {} {}", ping.0, ping.2))
}

#[workflow]
#[allow(non_snake_case, reason = "underscores that meet those of the machine")]
async fn a_field_and_what_shadows_its_variable(of: (String, String)) -> Result<String, OrderError> {
    let pair = of;
    let first = hold(pair.0).await?;
    let rest = move || pair.1;
    let rest = rest();
    let pair = (first.clone(), rest.clone(), 3);
    let pair__1 = hold(pair.0).await?;
    ping(pair.2).await?;
    let pair__f1 = (pair__1.clone(), pair.1);
    let again = hold(pair__f1.0).await?;
    Ok(format!("{first} {rest} {pair__1} {again} {} {}", pair__f1.1, pair.2))
}

#[workflow]
async fn a_label_of_many_words(n: u32) -> Result<String, OrderError> {
    let sum = double(n).label("n").await? + double(ping(n).label("n.0: the \"first\" / last").await?).await?;
    match (hold("a".into()).label("a b").await?, hold("b".into()).label("a b.0").await?) {
        (a, b) if ping(sum).await? > 3 => Ok(hold(a).await? + &b),
        (_, b) => Ok(b),
    }
}

fn keys<W: Workflow>(_: impl Fn() -> WorkflowCall<W>, label: &str) -> Vec<String> {
    W::def().definition().point(label).unwrap_or_else(|| panic!("no point `{label}`")).live.clone()
}

#[test]
fn names_that_come_together() {
    agree(|| a_field_and_what_waits_for_a_point_of_that_name((1, "a".into(), "b".into())));
    agree(|| a_field_and_what_shadows_its_variable(("a".into(), "b".into())));
    agree(|| a_label_of_many_words(1));
    agree(|| a_label_of_many_words(4));
    let call = || a_field_and_what_waits_for_a_point_of_that_name((1, "a".into(), "b".into()));
    assert_eq!(keys(call, "ping"), ["ping.0", "ping.2", "ping.3", "second"]);
}
