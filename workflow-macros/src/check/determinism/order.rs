//! Hash order: whether what goes through a hash table depends on the order in which it does.

use super::{Net, imports::segments, kinds::Kind, kinds::turbofish, methods::is_ordering};
use crate::diagnostic::Suspect;
use quote::ToTokens;
use syn::{Expr, ExprMethodCall, GenericArgument, PathArguments, Stmt, Type, visit::Visit};
use workflow_rules::HASH_ORDER;

/// Where the value of an expression goes.
pub(super) enum Target {
    Unknown,
    /// The body of a loop.
    Loop,
    /// A value of this type.
    Type(Box<Type>),
    /// A collection that nothing is known of.
    Elsewhere,
    /// A collection in which order makes no difference.
    Unordered,
    /// A list that is sorted before anything else is done with it.
    Sorted,
}

/// Methods that go through their receiver.
const ITERATES: &[&str] = &[
    "difference",
    "drain",
    "extract_if",
    "intersection",
    "into_iter",
    "into_keys",
    "into_values",
    "iter",
    "iter_mut",
    "keys",
    "symmetric_difference",
    "union",
    "values",
    "values_mut",
];

/// Adapters that give what they take, or something made of it, one by one.
const ONE_BY_ONE: &[&str] = &[
    "as_ref",
    "by_ref",
    "chain",
    "cloned",
    "copied",
    "dedup",
    "filter",
    "filter_map",
    "filter_ok",
    "flat_map",
    "flatten",
    "fuse",
    "into_iter",
    "iter",
    "map",
    "map_into",
    "map_ok",
    "peekable",
    "rev",
    "unique",
    "unique_by",
];

/// What is the same in every order.
const SAME: &[&str] = &[
    "all",
    "all_equal",
    "all_unique",
    "any",
    "contains",
    "count",
    "counts",
    "counts_by",
    "is_empty",
    "k_largest",
    "k_smallest",
    "len",
    "max",
    "min",
    "minmax",
    "size_hint",
    "sorted",
    "sorted_by",
    "sorted_by_cached_key",
    "sorted_by_key",
    "sorted_unstable",
    "sorted_unstable_by",
    "sorted_unstable_by_key",
];

impl Net<'_> {
    /// A chain of methods, whose value goes to `target`.
    pub(super) fn chain(&mut self, outermost: &ExprMethodCall, target: &Target) {
        let held = self.attributes(&outermost.attrs, outermost);
        let mut links = vec![outermost];
        while let Some(Expr::MethodCall(inner)) = links.last().map(|m| &*m.receiver) {
            links.push(inner);
        }
        let unwraps =
            |m: &ExprMethodCall| matches!(m.method.to_string().as_str(), "unwrap" | "expect" | "unwrap_or_else");
        for (i, m) in links.iter().enumerate().rev() {
            let behind = links.get(..i).unwrap_or_default();
            let global = self.global(m, behind.last().is_some_and(|m| unwraps(m)));
            if i + 1 == links.len() && !global {
                self.visit_expr(&m.receiver);
            }
            self.goes_through(m, behind, target);
            self.method(m);
            self.method_arguments(m, global);
        }
        self.release(held);
    }

    /// Reports a method that goes through a hash table, unless its order makes no difference.
    fn goes_through(&mut self, m: &ExprMethodCall, behind: &[&ExprMethodCall], target: &Target) {
        let name = m.method.to_string();
        if ITERATES.binary_search(&name.as_str()).is_err() {
            return;
        }
        if self.any_order(behind, target, false) {
            // Nor do types have to look at it.
            return self.tell(m.method.span());
        }
        if let Kind::Hash(by) = self.scopes.of_expr(&m.receiver)
            && !self.any_order(behind, target, true)
        {
            self.hash(by, &m.method, &format!("`{name}()` goes through a hash table"));
        }
    }

    /// Reports what depends on the order of a hash table, if it has a random state.
    pub(super) fn hash(&mut self, by: Option<usize>, on: impl ToTokens, what: &str) {
        match by.and_then(|i| self.scopes.written.borrow().get(i).cloned()) {
            Some(ty) => self.suspect(HASH_ORDER, on, what, Suspect::Type(ty)),
            None => self.found(HASH_ORDER, on, what),
        }
    }

    /// The arguments of a method. How an access to a global is ordered has been reported with the global.
    fn method_arguments(&mut self, m: &ExprMethodCall, global: bool) {
        let target = match m.method.to_string().as_str() {
            "extend" => match self.scopes.of_expr(&m.receiver) {
                Kind::Hash(_) | Kind::Unordered => Target::Unordered,
                Kind::List => Target::Unknown,
                _ => Target::Elsewhere,
            },
            "chain" => Target::Elsewhere,
            _ => Target::Unknown,
        };
        for a in &m.args {
            if !(global && is_ordering(a)) {
                self.into(a, &target);
            }
        }
    }

    /// What the arguments of a function go to.
    pub(super) fn fills(&self, f: &Expr) -> Target {
        let Expr::Path(f) = f else { return Target::Unknown };
        let path = segments(&f.path);
        match path.split_last() {
            Some((last, ty)) if last == "from_iter" => match self.scopes.named(ty).0 {
                Kind::Hash(_) | Kind::Unordered => Target::Unordered,
                _ => Target::Unknown,
            },
            _ => Target::Unknown,
        }
    }

    /// True if the order makes no difference behind these methods, the outermost first, or where their value goes; `doubt` if
    /// that depends on a type that nobody has written.
    fn any_order(&self, behind: &[&ExprMethodCall], target: &Target, doubt: bool) -> bool {
        for m in behind.iter().rev() {
            let name = m.method.to_string();
            if ONE_BY_ONE.binary_search(&name.as_str()).is_ok() {
                continue;
            }
            return SAME.binary_search(&name.as_str()).is_ok()
                || match name.as_str() {
                    "sum" | "product" => {
                        let wanted = match target {
                            Target::Type(ty) => Some(&**ty),
                            _ => None,
                        };
                        turbofish(m).or(wanted).is_none_or(|ty| self.scopes.of_type(ty) != Kind::Float)
                    }
                    // With the key of the table in it there are no equals.
                    "min_by_key" | "max_by_key" => m.args.first().is_some_and(gives_tuple),
                    "fold" | "reduce" => {
                        m.args.last().is_some_and(commutes) && !m.args.first().is_some_and(|from| self.is_float(from))
                    }
                    "for_each" => false,
                    "collect" => match turbofish(m) {
                        Some(ty) => self.unordered(ty, target, doubt),
                        None => match target {
                            Target::Type(ty) => self.unordered(ty, target, doubt),
                            Target::Loop => false,
                            Target::Unordered | Target::Sorted => true,
                            Target::Unknown | Target::Elsewhere => doubt,
                        },
                    },
                    _ => false,
                };
        }
        match target {
            Target::Unordered | Target::Sorted => true,
            Target::Elsewhere => doubt,
            Target::Unknown | Target::Loop | Target::Type(_) => false,
        }
    }

    fn is_float(&self, e: &Expr) -> bool {
        matches!(e, Expr::Lit(l) if matches!(l.lit, syn::Lit::Float(_))) || self.scopes.of_expr(e) == Kind::Float
    }

    /// True if what is collected into the type is the same in any order; `doubt` if nobody knows.
    fn unordered(&self, ty: &Type, target: &Target, doubt: bool) -> bool {
        match self.scopes.of_type(ty) {
            _ if matches!(target, Target::Sorted) => true,
            Kind::List => false,
            Kind::Other => match first_argument(ty) {
                Some(inner) if is_outcome(ty) => self.unordered(&inner, target, doubt),
                _ => doubt,
            },
            _ => true,
        }
    }
}

fn is_outcome(ty: &Type) -> bool {
    matches!(ty, Type::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "Result" || s.ident == "Option"))
}

/// The `T` of `Result<T, E>` and `Option<T>`.
pub(super) fn first_argument(ty: &Type) -> Option<Type> {
    let Type::Path(p) = ty else { return None };
    let PathArguments::AngleBracketed(args) = &p.path.segments.last()?.arguments else { return None };
    args.args.iter().find_map(|a| match a {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

fn gives_tuple(e: &Expr) -> bool {
    matches!(e, Expr::Closure(c) if matches!(&*c.body, Expr::Tuple(t) if t.elems.len() > 1))
}

/// A closure that adds its second argument to its first one, so that it comes to the same in every order. Sums of floats do not.
fn commutes(e: &Expr) -> bool {
    use syn::BinOp::{Add, BitAnd, BitOr, BitXor, Mul};
    let Expr::Closure(c) = e else { return false };
    let Some(syn::Pat::Ident(sum)) = c.inputs.first() else { return false };
    let is_sum = |e: &Expr| matches!(e, Expr::Path(p) if p.path.is_ident(&sum.ident));
    let other = |e: &Expr| !names(e.to_token_stream(), &sum.ident.to_string());
    match &*c.body {
        Expr::Binary(b) => {
            matches!(b.op, Add(_) | Mul(_) | BitAnd(_) | BitOr(_) | BitXor(_))
                && (is_sum(&b.left) && other(&b.right) || other(&b.left) && is_sum(&b.right))
        }
        Expr::MethodCall(m) => {
            ["max", "min", "wrapping_add", "saturating_add"].iter().any(|n| m.method == n)
                && is_sum(&m.receiver)
                && m.args.iter().all(other)
        }
        _ => false,
    }
}

/// True if the first statement that names the local in `receiver` sorts it.
pub(super) fn sorted_next(receiver: &Expr, behind: &[Stmt]) -> bool {
    matches!(receiver, Expr::Path(p) if p.path.get_ident().is_some_and(|n| sorted_behind(&n.to_string(), behind)))
}

pub(super) fn sorted_behind(name: &str, behind: &[Stmt]) -> bool {
    let first = behind.iter().find(|s| names(s.to_token_stream(), name));
    let Some(Stmt::Expr(Expr::MethodCall(m), _)) = first else { return false };
    m.method.to_string().starts_with("sort") && matches!(&*m.receiver, Expr::Path(p) if p.path.is_ident(name))
}

fn names(tokens: proc_macro2::TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|t| match t {
        proc_macro2::TokenTree::Ident(i) => i == name,
        proc_macro2::TokenTree::Group(g) => names(g.stream(), name),
        _ => false,
    })
}
