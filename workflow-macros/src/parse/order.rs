//! What becomes of the order in which an iterator gives its items, as far as syntax shows.
//!
//! An iterator over a `HashMap` is harmless if nothing depends on its order: if the items are counted, added up, sorted, or put into what has
//! an order of its own. Where syntax does not show that, the order is taken to matter.

use syn::{Expr, ExprMethodCall, GenericArgument, Pat, PathArguments, Stmt, Type};

/// What a method does with the order of the iterator that it is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// It gives another iterator in the same order, or what is as good as one.
    Kept,
    /// Its value is the same for every order.
    Lost,
    /// Its value may differ.
    Seen,
}

/// What `call` does with the order of its receiver. `wanted` is the type of its value, if that is written.
pub(crate) fn of(call: &ExprMethodCall, wanted: Option<&Type>) -> Order {
    let wanted = turbofish(call).or(wanted);
    match call.method.to_string().as_str() {
        "iter"
        | "into_iter"
        | "keys"
        | "values"
        | "into_keys"
        | "into_values"
        | "drain"
        | "map"
        | "filter"
        | "filter_map"
        | "flat_map"
        | "flatten"
        | "cloned"
        | "copied"
        | "chain"
        | "union"
        | "intersection"
        | "difference"
        | "symmetric_difference"
        | "unwrap"
        | "expect" => Order::Kept,
        "count"
        | "len"
        | "is_empty"
        | "min"
        | "max"
        | "all"
        | "any"
        | "contains"
        | "sorted"
        | "sorted_by"
        | "sorted_by_key"
        | "sorted_unstable"
        | "sorted_unstable_by"
        | "sorted_unstable_by_key" => Order::Lost,
        "sum" | "product" if !wanted.is_some_and(float) => Order::Lost,
        "collect" if wanted.is_some_and(unordered) => Order::Lost,
        _ => Order::Seen,
    }
}

/// True if the statement at `at` binds what the next one sorts: `let mut v: Vec<_> = ..; v.sort();`.
pub(crate) fn sorted_next(stmts: &[Stmt], at: usize) -> bool {
    let (Some(Stmt::Local(l)), Some(Stmt::Expr(Expr::MethodCall(m), _))) = (stmts.get(at), stmts.get(at + 1)) else {
        return false;
    };
    let pat = match &l.pat {
        Pat::Type(t) => &*t.pat,
        pat => pat,
    };
    let Pat::Ident(bound) = pat else { return false };
    matches!(&*m.receiver, Expr::Path(p) if p.path.is_ident(&bound.ident))
        && m.method.to_string().starts_with("sort")
        && collects(l.init.as_ref().map(|i| &*i.expr))
}

/// True if the initialiser is what `collect` gives, with or without `?` and `unwrap` behind it.
fn collects(e: Option<&Expr>) -> bool {
    match e {
        Some(Expr::MethodCall(m)) if m.method == "collect" || m.method == "collect_vec" => true,
        Some(Expr::MethodCall(m)) if m.method == "unwrap" || m.method == "expect" => collects(Some(&m.receiver)),
        Some(Expr::Try(t)) => collects(Some(&t.expr)),
        _ => false,
    }
}

fn turbofish(call: &ExprMethodCall) -> Option<&Type> {
    call.turbofish.as_ref()?.args.iter().find_map(|a| match a {
        GenericArgument::Type(t) => Some(t),
        _ => None,
    })
}

fn float(t: &Type) -> bool {
    matches!(t, Type::Path(p) if p.path.is_ident("f64") || p.path.is_ident("f32"))
}

/// True for collections whose value does not depend on the order in which they were filled.
fn unordered(t: &Type) -> bool {
    let Type::Path(p) = t else { return false };
    let Some(last) = p.path.segments.last() else { return false };
    match last.ident.to_string().as_str() {
        "BTreeMap" | "BTreeSet" | "HashMap" | "HashSet" | "BinaryHeap" => true,
        // `None` says nothing of which item it came from; an error does.
        "Option" => match &last.arguments {
            PathArguments::AngleBracketed(a) => {
                matches!(a.args.first(), Some(GenericArgument::Type(inner)) if unordered(inner))
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{Block, parse_quote};

    #[test]
    fn what_methods_do_with_the_order() {
        let of = |call: ExprMethodCall| super::of(&call, None);
        assert_eq!(of(parse_quote!(m.keys())), Order::Kept);
        assert_eq!(of(parse_quote!(m.values().sum::<u32>())), Order::Lost);
        assert_eq!(of(parse_quote!(m.values().sum::<f64>())), Order::Seen);
        assert_eq!(of(parse_quote!(m.iter().collect::<std::collections::BTreeMap<_, _>>())), Order::Lost);
        assert_eq!(of(parse_quote!(m.iter().collect::<Option<BTreeMap<_, _>>>())), Order::Lost);
        assert_eq!(of(parse_quote!(m.iter().collect::<Vec<_>>())), Order::Seen);
        assert_eq!(of(parse_quote!(m.iter().collect())), Order::Seen);
        assert_eq!(of(parse_quote!(m.iter().next())), Order::Seen);
    }

    #[test]
    fn what_is_sorted_has_no_order_of_its_own() {
        let sorted: Block = parse_quote!({
            let mut v: Vec<_> = m.keys().collect();
            v.sort();
        });
        assert!(sorted_next(&sorted.stmts, 0));
        let other: Block = parse_quote!({
            let mut v: Vec<_> = m.keys().collect();
            w.sort();
        });
        assert!(!sorted_next(&other.stmts, 0));
        let first: Block = parse_quote!({
            let mut v = m.values().next().unwrap();
            v.sort();
        });
        assert!(!sorted_next(&first.stmts, 0));
    }
}
