//! Small workflows and what becomes of them, for people to read. `UPDATE=1` writes the files anew.

use crate::driver;
use std::{fs, path::Path};

fn check(name: &str, workflow: &str) {
    let item = workflow.parse().expect("the workflow must be Rust");
    let expanded = driver::workflow(proc_macro2::TokenStream::new(), item);
    let file = syn::parse2(expanded).expect("the expansion must be Rust");
    let text = format!("// {}\n\n{}", workflow.trim().replace('\n', "\n// "), prettyplease::unparse(&file));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/expand/snapshots").join(name).with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).expect("the snapshot must be writable");
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == text,
        "`{}` is not what the compiler writes now; look at it, then run with UPDATE=1:\n{text}",
        path.display()
    );
}

#[test]
fn straight_line() {
    check(
        "straight_line",
        r#"
async fn order(order: Order) -> Result<Receipt, OrderError> {
    let payment = charge(&order.card, order.total()).await?;
    sleep(days(1)).await?;
    Ok(Receipt { order: order.id, payment })
}
"#,
    );
}

#[test]
fn borrowed_loop() {
    check(
        "borrowed_loop",
        r#"
async fn reserve_all(order: Order) -> Result<u64, OrderError> {
    let mut held = 0;
    for line in &order.lines {
        held += reserve(&line.sku, line.quantity).await?;
    }
    Ok(held)
}
"#,
    );
}

#[test]
fn branch() {
    check(
        "branch",
        r#"
async fn greet(name: String) -> String {
    let word = if name.is_empty() {
        return String::new();
    } else {
        match lookup(&name).await {
            Ok(word) => word,
            Err(_) => "hello".to_string(),
        }
    };
    format!("{word}, {name}")
}
"#,
    );
}

#[test]
fn what_is_refused_leaves_a_function_that_can_be_called() {
    check(
        "refused",
        "async fn both(n: u32) -> u32 { tracing::info!(\"{}\", ping(n).await); let f = async || ping(n).await; match n { 1 => 1, _ => 2 } }",
    );
}

/// `tests/ui/fail/rejected.rs` says what becomes of it if rustc accepts the function.
#[test]
fn what_rustc_must_refuse_says_so_if_rustc_does_not() {
    check("rejected", "async fn wrong(n: u32) -> u32 { ping(n).await; break; n }");
}

#[test]
fn two_at_once() {
    check(
        "join",
        r#"
async fn both(n: u32) -> u32 {
    let mut sum = 0;
    let (a, b) = join!(ping(n), async {
        sum += ping(sum).await?;
        Ok::<_, Error>(sum)
    });
    a + b.unwrap_or(sum)
}
"#,
    );
}

#[test]
fn the_first_of_two() {
    check(
        "select",
        r#"
async fn first(n: u32) -> Option<u32> {
    select! {
        Ok(a) = ping(n), if n > 1 => Some(a),
        _ = sleep(days(1)) => None,
    }
}
"#,
    );
}

/// The string literals among tokens.
fn texts(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let of = |t: proc_macro2::TokenTree| match t {
        proc_macro2::TokenTree::Group(g) => texts(g.stream()),
        t => syn::parse2::<syn::LitStr>(t.into()).map_or_else(|_| vec![], |s| vec![s.value()]),
    };
    tokens.into_iter().flat_map(of).collect()
}

/// Every exemption is recorded with its lines and its reason; what the tokens have found there is noted.
#[test]
fn exemptions_leave_records() {
    let text = "async fn f(n: u32) -> u32 {\n#[workflow(allow(WF001, WF008, reason = \"known\"))]\n{\nprintln!(\"{n}\");\n}\nn\n}";
    let item = text.parse().expect("the workflow must be Rust");
    let out = driver::workflow(quote::quote!(allow(WF012, reason = "all"), name = "shop.f"), item);
    let texts = texts(out.clone());
    let records: Vec<&String> = texts.iter().filter(|t| t.contains('\0')).collect();
    let expected = [
        ["WF012\0shop.f\0", "\x001\x007\0-\0all\0"],
        ["WF001\0shop.f\0", "\x002\x005\0-\0known\0"],
        ["WF008\0shop.f\0", "\x002\x005\0net1\0known\0"],
    ];
    assert_eq!(records, expected.concat());
    let out = out.to_string();
    assert!(!out.contains("compile_error") && !out.contains("workflow (allow"), "{out}");
}
