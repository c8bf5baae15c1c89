//! What an expansion costs: it grows as the function does.
//!
//! `EXPANSION=1 CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_OPT_LEVEL=3 cargo test -p workflow-macros --lib --release expansion -- --nocapture`
//! prints the time of one expansion for functions of 20 to 800 suspension points. Without the variable cargo builds what a macro depends on,
//! `syn` above all, without optimization, and that is half of what is measured then.

use super::workflow;
use proc_macro2::{TokenStream, TokenTree};
use std::time::{Duration, Instant};

/// The suspension points of one [`part`].
const POINTS: usize = 5;

/// A loop over borrowed elements, a `match`, `?`, and values that live until the end of the part.
fn part(i: usize) -> String {
    format!(
        "let order{i} = load(total).await?;
        let mut sum{i} = 0;
        for line in order{i}.lines.iter() {{
            if line.count > 3 {{ continue; }}
            sum{i} += price(line.id).await?;
        }}
        let note = &order{i}.note;
        match check(sum{i}).await? {{
            Check::Fine(code) => total += code,
            Check::Late {{ days }} if days > 2 => total += wait(days).await?,
            other => {{ tracing::info!(\"{{other:?}} {{sum{i}}}\"); return Err(Refused(note.clone())); }}
        }}
        ship(note.clone(), order{i}.lines).await?;"
    )
}

/// A workflow with so many suspension points.
fn function(points: usize) -> TokenStream {
    let parts: String = (0..points / POINTS).map(part).collect();
    let text = format!("async fn f(mut total: u64) -> Result<u64, Refused> {{ {parts} Ok(total) }}");
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// How many tokens there are, those within delimiters included.
fn tokens(stream: TokenStream) -> usize {
    let size = |t: TokenTree| match t {
        TokenTree::Group(g) => 1 + tokens(g.stream()),
        _ => 1,
    };
    stream.into_iter().map(size).sum()
}

#[test]
fn expansion_is_as_long_for_each_point_of_a_long_function_as_of_a_short_one() {
    let each = |points: usize| {
        let out = workflow(TokenStream::new(), function(points));
        assert!(!out.to_string().contains("compile_error"), "{out}");
        tokens(out) as f64 / points as f64
    };
    let (short, long) = (each(50), each(400));
    println!("tokens for each point: {short:.0} of 50, {long:.0} of 400");
    assert!(long < short * 1.02, "{short:.0} tokens for each of 50 points, {long:.0} for each of 400");
    assert!(long < 400.0, "{long:.0} tokens for each point");
    if std::env::var_os("EXPANSION").is_some() {
        print_times();
    }
}

/// The fastest of several expansions.
fn fastest(points: usize) -> Duration {
    let item = function(points);
    let once = |_| {
        let item = item.clone();
        let start = Instant::now();
        let out = workflow(TokenStream::new(), item);
        let took = start.elapsed();
        drop(out);
        took
    };
    (0..2_000 / points).map(once).min().unwrap_or_default()
}

fn print_times() {
    for points in [20, 25, 50, 100, 200, 400, 800] {
        let took = fastest(points);
        let each = took / u32::try_from(points).unwrap_or(u32::MAX);
        println!("{points:>4} points: {took:>10.2?}, {each:>8.2?} for each");
    }
}
