//! What is known of a value without types: what its annotation says, or the call that makes it.

use super::imports::{Resolved, Scopes, Space, segments};
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Expr, GenericArgument, PathArguments, Type};

/// A family of types.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    /// A hash table with a random state; if its name comes from around the function, the [type](Scopes::written) that it is by.
    Hash(Option<usize>),
    /// A collection whose content does not depend on the order in which it was filled.
    Unordered,
    /// A collection that keeps the order in which it was filled.
    List,
    /// `Instant` and `SystemTime`, by this name if it comes from around the function.
    Clock(Option<&'static str>),
    /// `f32` and `f64`.
    Float,
    /// A raw pointer.
    Pointer,
    /// `Path` and `PathBuf`.
    File,
    Other,
}

/// The crates whose names these are, and how many type arguments name another hasher.
const TYPES: &[(&str, Kind, &[&str])] = &[
    ("AHashMap", Kind::Hash(None), &["ahash"]),
    ("AHashSet", Kind::Hash(None), &["ahash"]),
    ("BTreeMap", Kind::Unordered, STD),
    ("BTreeSet", Kind::Unordered, STD),
    ("BinaryHeap", Kind::Unordered, STD),
    ("HashMap", Kind::Hash(None), &["std", "hashbrown"]),
    ("HashSet", Kind::Hash(None), &["std", "hashbrown"]),
    ("Instant", Kind::Clock(None), STD),
    ("LinkedList", Kind::List, STD),
    ("Path", Kind::File, STD),
    ("PathBuf", Kind::File, STD),
    ("String", Kind::List, STD),
    ("SystemTime", Kind::Clock(None), STD),
    ("Vec", Kind::List, STD),
    ("VecDeque", Kind::List, STD),
    ("f32", Kind::Float, STD),
    ("f64", Kind::Float, STD),
];

const STD: &[&str] = &["std", "core", "alloc"];

impl Scopes {
    /// What a type is, by its name.
    pub(super) fn of_type(&self, ty: &Type) -> Kind {
        match ty {
            Type::Reference(r) => self.of_type(&r.elem),
            Type::Paren(p) => self.of_type(&p.elem),
            Type::Group(g) => self.of_type(&g.elem),
            Type::Slice(_) => Kind::List,
            Type::Ptr(_) => Kind::Pointer,
            Type::Path(p) if p.qself.is_none() => {
                let (kind, open) = self.named(&segments(&p.path));
                match kind {
                    // With a hasher that somebody chose.
                    Kind::Hash(_) if hasher(&p.path) => Kind::Unordered,
                    Kind::Hash(_) if open => Kind::Hash(Some(self.write(&p.path))),
                    kind => kind,
                }
            }
            _ => Kind::Other,
        }
    }

    /// What the type with this name is, and whether its name comes from around the function.
    pub(super) fn named(&self, path: &[String]) -> (Kind, bool) {
        let known = |name: &String| TYPES.binary_search_by(|(n, ..)| (*n).cmp(name)).ok().and_then(|i| TYPES.get(i));
        if !self.renames() {
            return match path.last().and_then(known) {
                Some((name, kind, crates)) if from(path, crates, true) => opened(*kind, name, path),
                _ => (Kind::Other, false),
            };
        }
        let Resolved::Path { segments, open, globs } = self.resolve(path, Space::Type) else {
            return (Kind::Other, false);
        };
        let all = std::iter::once((&segments, open)).chain(globs.iter().map(|g| (g, false)));
        for (segments, open) in all {
            if let Some((name, kind, crates)) = segments.last().and_then(known)
                && from(segments, crates, open)
            {
                return if open { opened(*kind, name, segments) } else { (*kind, false) };
            }
        }
        (Kind::Other, false)
    }

    /// Keeps a type, for rustc to look at outside of the function: what means something only within is replaced.
    fn write(&self, path: &syn::Path) -> usize {
        let mut path = path.clone();
        let arguments = path.segments.iter_mut().filter_map(|s| match &mut s.arguments {
            PathArguments::AngleBracketed(a) => Some(a.args.iter_mut()),
            _ => None,
        });
        for argument in arguments.flatten() {
            if !self.is_outside(argument.to_token_stream()) {
                *argument = syn::parse_quote!(());
            }
        }
        let mut written = self.written.borrow_mut();
        written.push(quote!(#path));
        written.len() - 1
    }

    /// True if tokens mean the same around the function.
    fn is_outside(&self, tokens: TokenStream) -> bool {
        tokens.into_iter().all(|t| match t {
            TokenTree::Ident(i) if i == "_" => false,
            TokenTree::Ident(i) => matches!(self.resolve(&[super::imports::plain(&i)], Space::Type), Resolved::Path { open: true, globs, .. } if globs.is_empty()),
            TokenTree::Group(g) => self.is_outside(g.stream()),
            TokenTree::Punct(p) => p.as_char() != '\'',
            TokenTree::Literal(_) => true,
        })
    }

    /// What an expression gives, by how it is written.
    pub(super) fn of_expr(&self, e: &Expr) -> Kind {
        match e {
            Expr::Path(p) if p.qself.is_none() => match p.path.get_ident() {
                Some(name) if name == "UNIX_EPOCH" => Kind::Clock(None),
                Some(name) => self.kind(&super::imports::plain(name)),
                None => constant(&p.path),
            },
            Expr::Reference(r) => self.of_expr(&r.expr),
            Expr::Paren(p) => self.of_expr(&p.expr),
            Expr::Group(g) => self.of_expr(&g.expr),
            Expr::Unary(u) => self.of_expr(&u.expr),
            Expr::Cast(c) => self.of_type(&c.ty),
            Expr::RawAddr(_) => Kind::Pointer,
            Expr::Lit(l) => match &l.lit {
                syn::Lit::Float(_) => Kind::Float,
                _ => Kind::Other,
            },
            Expr::Binary(b) => match (self.of_expr(&b.left), self.of_expr(&b.right)) {
                (Kind::Float, Kind::Float) if arithmetic(&b.op) => Kind::Float,
                _ => Kind::Other,
            },
            Expr::Macro(m) if m.mac.path.is_ident("vec") || m.mac.path.is_ident("format") => Kind::List,
            Expr::Call(c) => self.of_call(c),
            Expr::MethodCall(m) => self.of_method(m),
            _ => Kind::Other,
        }
    }

    fn of_call(&self, c: &syn::ExprCall) -> Kind {
        let Expr::Path(f) = &*c.func else { return Kind::Other };
        let path = segments(&f.path);
        let Some((function, ty)) = path.split_last() else { return Kind::Other };
        if ty.is_empty() || f.qself.is_some() {
            return Kind::Other;
        }
        // What these give has the hasher that the type has by default.
        let made = matches!(function.as_str(), "new" | "with_capacity" | "from" | "now");
        if made && !hasher_within(&f.path) { self.named(ty).0 } else { Kind::Other }
    }

    fn of_method(&self, m: &syn::ExprMethodCall) -> Kind {
        const SAME: &[&str] = &[
            "abs",
            "as_mut",
            "as_ref",
            "borrow",
            "by_ref",
            "ceil",
            "clamp",
            "clone",
            "copysign",
            "floor",
            "fract",
            "max",
            "min",
            "mul_add",
            "recip",
            "rem_euclid",
            "round",
            "signum",
            "sqrt",
            "to_owned",
            "trunc",
        ];
        let name = m.method.to_string();
        if matches!(name.as_str(), "as_ptr" | "as_mut_ptr") && m.args.is_empty() {
            return Kind::Pointer;
        }
        if name == "collect" {
            return turbofish(m).map_or(Kind::Other, |ty| self.of_type(ty));
        }
        if SAME.binary_search(&name.as_str()).is_ok() { self.of_expr(&m.receiver) } else { Kind::Other }
    }
}

/// The last type of `::<..>` behind a method.
pub(super) fn turbofish(m: &syn::ExprMethodCall) -> Option<&Type> {
    m.turbofish.as_ref()?.args.iter().rev().find_map(|a| match a {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// A type whose name comes from around the function, unless the path begins with a crate.
fn opened(kind: Kind, name: &'static str, path: &[String]) -> (Kind, bool) {
    match (kind, path) {
        (Kind::Clock(_), [_]) => (Kind::Clock(Some(name)), true),
        (kind, path) => (kind, path.len() == 1),
    }
}

/// True if a path leads to one of the crates, or is a name that comes from around the function.
fn from(path: &[String], crates: &[&str], open: bool) -> bool {
    let Some((_, before)) = path.split_last() else { return false };
    match before.first() {
        None => open,
        Some(first) => {
            crates.contains(&first.as_str()) || (open && matches!(first.as_str(), "collections" | "time" | "path"))
        }
    }
}

/// `f64::consts::PI`.
fn constant(path: &syn::Path) -> Kind {
    let last = path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    if last == "UNIX_EPOCH" {
        return Kind::Clock(None);
    }
    let float = path.segments.iter().any(|s| s.ident == "f64" || s.ident == "f32");
    if float && last.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        Kind::Float
    } else {
        Kind::Other
    }
}

fn arithmetic(op: &syn::BinOp) -> bool {
    use syn::BinOp::{Add, Div, Mul, Rem, Sub};
    matches!(op, Add(_) | Sub(_) | Mul(_) | Div(_) | Rem(_))
}

/// True if a type names its hasher.
fn hasher(path: &syn::Path) -> bool {
    let Some(last) = path.segments.last() else { return false };
    let PathArguments::AngleBracketed(args) = &last.arguments else { return false };
    let default = if last.ident.to_string().ends_with("Map") { 2 } else { 1 };
    args.args.iter().filter(|a| matches!(a, GenericArgument::Type(_))).count() > default
}

/// The same of the type in `HashMap::<K, V, S>::new`.
fn hasher_within(path: &syn::Path) -> bool {
    let mut ty = path.clone();
    ty.segments.pop();
    ty.segments.pop_punct();
    hasher(&ty)
}
