//! What a name means where it stands, as far as the function shows it: imports, items, locals.
//!
//! A name that nothing here declares is *open*: it comes from around the function, which a macro cannot see.

use super::kinds::Kind;
use proc_macro2::TokenStream;
use std::cell::RefCell;
use syn::{FnArg, Generics, Item, Pat, Stmt, UseTree};

/// The name spaces of Rust.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Space {
    Type,
    Value,
    Macro,
}

/// What a name in a scope is.
enum Meaning {
    /// Another name for this path.
    Import(Vec<String>),
    Item(Space),
    Local(Kind),
}

/// What a path means.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    /// An item of the user's own, or a local.
    Own,
    /// The path without the imports of the function. If a `use` or `::` leads to it, it begins with a crate.
    Path {
        segments: Vec<String>,
        /// True if the first segment comes from around the function.
        open: bool,
        /// What it would be by each import of everything.
        globs: Vec<Vec<String>>,
    },
}

#[derive(Default)]
struct Scope {
    names: Vec<(String, Meaning)>,
    globs: Vec<Vec<String>>,
    /// The body of a function within the function, which does not see the locals around it.
    wall: bool,
}

/// The scopes around a piece of syntax, the innermost last.
pub(super) struct Scopes {
    all: Vec<Scope>,
    /// How many names are imported or declared, so that most paths need no look.
    declared: usize,
    /// Types that rustc is to look at.
    pub(super) written: RefCell<Vec<TokenStream>>,
}

/// The longest chain of imports that name each other.
const DEEPEST: usize = 8;

impl Scopes {
    pub(super) fn new() -> Self {
        Scopes { all: vec![Scope::default()], declared: 0, written: RefCell::default() }
    }

    /// Opens a scope; with a wall, locals around it are not seen.
    pub(super) fn open(&mut self, wall: bool) {
        self.all.push(Scope { wall, ..Scope::default() });
    }

    pub(super) fn close(&mut self) {
        self.all.pop();
    }

    /// True if a path can mean something else than it says.
    pub(super) fn renames(&self) -> bool {
        self.declared > 0
    }

    fn add(&mut self, name: String, meaning: Meaning) {
        if let Some(scope) = self.all.last_mut() {
            scope.names.push((name, meaning));
        }
    }

    fn declare(&mut self, name: &syn::Ident, space: Space) {
        self.declared += 1;
        self.add(plain(name), Meaning::Item(space));
    }

    /// A local variable.
    pub(super) fn local(&mut self, name: &syn::Ident, kind: Kind) {
        self.add(plain(name), Meaning::Local(kind));
    }

    /// Every name that a pattern binds.
    pub(super) fn bind(&mut self, pat: &Pat) {
        crate::lower::names_in(pat).iter().for_each(|name| self.local(name, Kind::Other));
    }

    /// Type parameters.
    pub(super) fn generics(&mut self, generics: &Generics) {
        generics.type_params().for_each(|p| self.declare(&p.ident, Space::Type));
    }

    /// Parameters of a function, with what `kind` knows of their types.
    pub(super) fn parameters<'a>(
        &mut self,
        inputs: impl Iterator<Item = &'a FnArg>,
        kind: impl Fn(&Self, &syn::Type) -> Kind,
    ) {
        for input in inputs {
            let FnArg::Typed(p) = input else { continue };
            match &*p.pat {
                Pat::Ident(i) => {
                    let kind = kind(self, &p.ty);
                    self.local(&i.ident, kind);
                }
                pat => self.bind(pat),
            }
        }
    }

    /// The items of a block, which its whole length sees.
    pub(super) fn items(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            if let Stmt::Item(item) = stmt {
                self.item(item);
            }
        }
    }

    pub(super) fn item(&mut self, item: &Item) {
        match item {
            Item::Use(u) => {
                let mut path = if u.leading_colon.is_some() { vec![String::new()] } else { vec![] };
                self.import(&mut path, &u.tree);
            }
            Item::ExternCrate(e) => {
                let name = e.rename.as_ref().map_or(&e.ident, |(_, name)| name);
                self.declared += 1;
                self.add(plain(name), Meaning::Import(vec![String::new(), plain(&e.ident)]));
            }
            Item::Type(t) => match &*t.ty {
                // Another name, unless it says more than the name.
                syn::Type::Path(p) if p.qself.is_none() && p.path.segments.iter().all(|s| s.arguments.is_none()) => {
                    self.declared += 1;
                    self.add(plain(&t.ident), Meaning::Import(segments(&p.path)));
                }
                _ => self.declare(&t.ident, Space::Type),
            },
            Item::Struct(s) => {
                self.declare(&s.ident, Space::Type);
                if !matches!(s.fields, syn::Fields::Named(_)) {
                    self.declare(&s.ident, Space::Value);
                }
            }
            Item::Enum(e) => self.declare(&e.ident, Space::Type),
            Item::Union(u) => self.declare(&u.ident, Space::Type),
            Item::Trait(t) => self.declare(&t.ident, Space::Type),
            Item::TraitAlias(t) => self.declare(&t.ident, Space::Type),
            Item::Mod(m) => self.declare(&m.ident, Space::Type),
            Item::Fn(f) => self.declare(&f.sig.ident, Space::Value),
            Item::Const(c) => self.declare(&c.ident, Space::Value),
            Item::Static(s) => self.declare(&s.ident, Space::Value),
            Item::Macro(m) => m.ident.iter().for_each(|name| self.declare(name, Space::Macro)),
            _ => {}
        }
    }

    fn import(&mut self, path: &mut Vec<String>, tree: &UseTree) {
        self.declared += 1;
        match tree {
            UseTree::Path(p) => {
                path.push(plain(&p.ident));
                self.import(path, &p.tree);
                path.pop();
            }
            UseTree::Name(n) => self.name(path, &n.ident, &n.ident),
            UseTree::Rename(r) if r.rename == "_" => {}
            UseTree::Rename(r) => self.name(path, &r.ident, &r.rename),
            UseTree::Glob(_) => {
                if let Some(scope) = self.all.last_mut() {
                    scope.globs.push(path.clone());
                }
            }
            UseTree::Group(g) => g.items.iter().for_each(|tree| self.import(path, tree)),
        }
    }

    fn name(&mut self, path: &[String], of: &syn::Ident, name: &syn::Ident) {
        let mut path = path.to_vec();
        if of != "self" {
            path.push(plain(of));
        }
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { plain(name) };
        self.add(name, Meaning::Import(path));
    }

    /// What is known of a local variable.
    pub(super) fn kind(&self, name: &str) -> Kind {
        match self.find(name, Space::Value) {
            Some(Meaning::Local(kind)) => *kind,
            _ => Kind::Other,
        }
    }

    /// True if the name of a variable, a constant or a function is declared in the function.
    pub(super) fn declares(&self, name: &str) -> bool {
        matches!(self.find(name, Space::Value), Some(Meaning::Local(_) | Meaning::Item(_)))
    }

    fn find(&self, name: &str, space: Space) -> Option<&Meaning> {
        let mut walled = false;
        for scope in self.all.iter().rev() {
            let here = scope.names.iter().rev().find(|(n, meaning)| {
                n == name
                    && match meaning {
                        Meaning::Import(_) => true,
                        Meaning::Item(s) => *s == space,
                        Meaning::Local(_) => space == Space::Value && !walled,
                    }
            });
            if let Some((_, meaning)) = here {
                return Some(meaning);
            }
            walled |= scope.wall;
        }
        None
    }

    /// What a path means, whose last segment is a name of `space`.
    pub(super) fn resolve(&self, path: &[String], space: Space) -> Resolved {
        self.resolved(path, space, 0)
    }

    fn resolved(&self, path: &[String], space: Space, depth: usize) -> Resolved {
        let Some((first, rest)) = path.split_first() else { return Resolved::Own };
        match first.as_str() {
            "" => return Resolved::Path { segments: rest.to_vec(), open: false, globs: vec![] },
            "crate" => return Resolved::Path { segments: path.to_vec(), open: false, globs: vec![] },
            "self" | "super" | "Self" => return Resolved::Own,
            _ if depth > DEEPEST => return Resolved::Own,
            _ => {}
        }
        let first_space = if rest.is_empty() { space } else { Space::Type };
        match self.find(first, first_space) {
            Some(Meaning::Item(_) | Meaning::Local(_)) => Resolved::Own,
            // `use chrono;` names itself.
            Some(Meaning::Import(to)) if to.len() == 1 && to.first() == Some(first) => {
                Resolved::Path { segments: path.to_vec(), open: false, globs: vec![] }
            }
            Some(Meaning::Import(to)) => {
                let path: Vec<String> = to.iter().chain(rest).cloned().collect();
                match self.resolved(&path, space, depth + 1) {
                    Resolved::Path { segments, globs, .. } => Resolved::Path { segments, open: false, globs },
                    Resolved::Own => Resolved::Own,
                }
            }
            None => {
                let globs = self.all.iter().rev().flat_map(|s| &s.globs);
                let globs = globs.map(|g| g.iter().filter(|s| !s.is_empty()).chain(path).cloned().collect());
                Resolved::Path { segments: path.to_vec(), open: true, globs: globs.collect() }
            }
        }
    }
}

/// `r#type` and `type` are one name.
pub(super) fn plain(name: &syn::Ident) -> String {
    crate::lower::plain(&name.to_string())
}

/// The names of a path, without its type arguments. One that begins with `::` begins with an empty name.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let root = path.leading_colon.map(|_| String::new());
    root.into_iter().chain(path.segments.iter().map(|s| plain(&s.ident))).collect()
}
