//! What mutations begin with: the async functions of this repository, and the pieces that they are made of.

use proc_macro2::TokenStream;
use quote::ToTokens;
use std::{fs, path::Path};
use syn::{
    Expr, ItemFn, Pat, Stmt,
    visit::{self, Visit},
};

/// Functions with what stands in their attributes, and their expressions, statements and patterns.
#[derive(Default)]
pub(crate) struct Seeds {
    pub(crate) functions: Vec<(TokenStream, ItemFn)>,
    pub(crate) exprs: Vec<Expr>,
    pub(crate) stmts: Vec<Stmt>,
    pub(crate) pats: Vec<Pat>,
}

impl Seeds {
    /// Reads the examples, the language tests and the guide.
    pub(crate) fn of_the_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seeds = Seeds::default();
        for place in ["tests/lang", "tests/crash", "tests/ui/fail", "examples", "docs", "README.md"] {
            seeds.read(&root.join(place));
        }
        seeds
    }

    fn read(&mut self, path: &Path) {
        if let Ok(entries) = fs::read_dir(path) {
            let mut entries: Vec<_> = entries.flatten().map(|e| e.path()).collect();
            entries.sort();
            return entries.iter().for_each(|e| self.read(e));
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        match path.extension().and_then(|e| e.to_str()) {
            Some("rs") => self.program(&text),
            Some("md") => text.split("```").skip(1).step_by(2).for_each(|code| {
                let code = code.split_once('\n').map(|(_, code)| code).unwrap_or_default();
                self.program(&code.replace("\n# ", "\n"));
            }),
            _ => {}
        }
    }

    fn program(&mut self, text: &str) {
        if let Ok(file) = syn::parse_file(text) {
            self.visit_file(&file);
        }
    }
}

impl<'ast> Visit<'ast> for Seeds {
    fn visit_item_fn(&mut self, f: &'ast ItemFn) {
        let ours = |a: &&syn::Attribute| {
            ["workflow", "activity", "test"].iter().any(|n| a.path().segments.last().is_some_and(|s| s.ident == n))
        };
        let attribute = f.attrs.iter().find(ours);
        if f.sig.asyncness.is_some() || attribute.is_some() {
            let keys = attribute.and_then(|a| a.meta.require_list().ok()).map(|l| l.tokens.clone());
            let mut f = f.clone();
            f.attrs.retain(|a| !ours(&a));
            self.functions.push((keys.unwrap_or_default(), f));
        }
        visit::visit_item_fn(self, f);
    }
    fn visit_expr(&mut self, e: &'ast Expr) {
        self.exprs.push(e.clone());
        visit::visit_expr(self, e);
    }
    fn visit_stmt(&mut self, s: &'ast Stmt) {
        self.stmts.push(s.clone());
        visit::visit_stmt(self, s);
    }
    fn visit_pat(&mut self, p: &'ast Pat) {
        self.pats.push(p.clone());
        visit::visit_pat(self, p);
    }
}

/// The tokens of a seed.
pub(crate) fn tokens(f: &ItemFn) -> TokenStream {
    f.to_token_stream()
}
