//! The pipeline on whole functions: what is emitted, and that nothing makes it panic.

use super::{activity, workflow};
use proc_macro2::TokenStream;
use quote::quote;

fn pretty(tokens: TokenStream) -> String {
    let text = tokens.to_string();
    syn::parse2(tokens).map_or(text, |file| prettyplease::unparse(&file))
}

/// Compares with the stored expansion; `UPDATE=1` stores it anew.
fn expect(name: &str, tokens: TokenStream) {
    let path = format!("{}/src/driver/snapshots/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    let text = pretty(tokens);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, stored, "the expansion has changed: run again with `UPDATE=1` and read the difference");
}

#[test]
fn an_activity() {
    let attr = quote!(
        timeout = "10s",
        retry(attempts = 5, unless(ChargeError::Declined { code } if *code > 10)),
        alias = "bill"
    );
    let item = quote! {
        /// Charges a card.
        pub async fn charge(gateway: State<Gateway>, cx: ActivityContext, card: &Card, cents: u64) -> Result<Payment, ChargeError> {
            gateway.charge(cx.idempotency_key(), card, cents).await
        }
    };
    expect("activity", activity(attr, item));
}

#[test]
fn a_workflow_with_an_error_can_still_be_called() {
    let item = quote! {
        pub async fn order(order: Order) -> Result<Receipt, OrderError> {
            tokio::join!(a(), b());
            todo!()
        }
    };
    expect("broken_workflow", workflow(quote!(name = "shop.order"), item));
}

#[test]
fn half_typed_code_keeps_its_tokens() {
    for item in [quote!(async fn f { x. }), quote!(async fn f() { x. }), quote!(pub async), quote!()] {
        for out in [activity(quote!(), item.clone()), workflow(quote!(), item.clone())] {
            let text = out.to_string();
            assert!(text.starts_with(&item.to_string()) && text.contains("compile_error"), "{text}");
        }
    }
}

#[test]
fn no_tokens_make_the_compiler_panic() {
    let attrs = [
        quote!(),
        quote!(=),
        quote!("x"),
        quote!(retry),
        quote!(retry()),
        quote!(retry(unless())),
        quote!(timeout = "9999999999999d"),
    ];
    let items = [
        quote!(),
        quote!(fn),
        quote!(
            fn f();
        ),
        quote!(
            struct S;
        ),
        quote!(
            async fn r#type(r#in: u8) {}
        ),
        quote!(
            const unsafe extern "C" fn f<'a, T, const N: usize>(self, _: &'a mut T, ...) -> impl X
            where
                T: Y,
            {
            }
        ),
        quote!(
            async fn f((): (), [a, ..]: [u8; 3], &x: &u8, ref y: u8, z @ 1..: u8, mut v: _) -> ! {}
        ),
        quote!(
            async fn f(x: State, y: State<A, B>, z: State<'a>, w: ActivityContext<T>, v: &State<X>) -> Result {}
        ),
        quote!(
            async fn f() -> Result<A, B, C> {
                loop {
                    break 'a f().await?;
                }
            }
        ),
        quote!(
            async fn f(n: u8) {
                for i in 0..n {
                    if let Some(x) = g(i).await
                        && h(x).await
                    {
                        continue 'b;
                    }
                }
                return;
            }
        ),
        quote!(
            async fn f() {
                let x;
                let y = async move || z().await;
                x = y;
                macro_rules! m {
                    () => {};
                }
                m!(a.await)
            }
        ),
    ];
    for attr in &attrs {
        for item in &items {
            for out in [activity(attr.clone(), item.clone()), workflow(attr.clone(), item.clone())] {
                assert!(!out.to_string().contains("bug of the workflow compiler"), "{item}\n{out}");
            }
        }
    }
}
