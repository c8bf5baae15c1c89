//! Names that stand for others in a piece of code.

use crate::lower;
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Pat, visit_mut::VisitMut};

/// Bindings that get another name first, because what they hide has to be put away.
#[derive(Default)]
pub(super) struct Renames {
    pub(super) names: BTreeMap<String, Ident>,
    pub(super) put: TokenStream,
    pub(super) bind: TokenStream,
}

impl Renames {
    pub(super) fn put_away(&mut self) -> TokenStream {
        std::mem::take(&mut self.put)
    }

    pub(super) fn rebind(&mut self) -> TokenStream {
        std::mem::take(&mut self.bind)
    }

    pub(super) fn pattern(&self, pat: &Pat) -> Pat {
        let mut pat = pat.clone();
        if !self.names.is_empty() {
            RenamePattern(self).visit_pat_mut(&mut pat);
        }
        pat
    }

    /// All but some of them.
    pub(super) fn without(&self, names: &BTreeSet<String>) -> Renames {
        let rest = self.names.iter().filter(|(name, _)| !names.contains(*name));
        Renames { names: rest.map(|(name, new)| (name.clone(), new.clone())).collect(), ..Renames::default() }
    }

    /// An expression with the other names. What a format string names, which cannot be changed, is lent under its own name.
    pub(super) fn tokens(&self, tokens: TokenStream) -> TokenStream {
        if self.names.is_empty() {
            return tokens;
        }
        let mut lent = TokenStream::new();
        for (name, span) in lower::named_in_text(&tokens) {
            if let Some(new) = self.names.get(&name) {
                let name = Ident::new(&name, span);
                lent.extend(quote!(let #name = &#new;));
            }
        }
        let renamed = self.rename(tokens);
        if lent.is_empty() { renamed } else { quote!({ #lent #renamed }) }
    }

    fn rename(&self, tokens: TokenStream) -> TokenStream {
        let mut field = false;
        let rename = |t| match t {
            TokenTree::Ident(i) if std::mem::take(&mut field) => TokenTree::Ident(i),
            TokenTree::Punct(p) => {
                field = p.as_char() == '.' && !field;
                TokenTree::Punct(p)
            }
            TokenTree::Ident(i) => match self.names.get(&i.to_string()) {
                Some(new) => TokenTree::Ident(new.clone()),
                None => TokenTree::Ident(i),
            },
            TokenTree::Group(g) => {
                field = false;
                TokenTree::Group(Group::new(g.delimiter(), self.rename(g.stream())))
            }
            other => {
                field = false;
                other
            }
        };
        tokens.into_iter().map(rename).collect()
    }
}

struct RenamePattern<'a>(&'a Renames);

impl VisitMut for RenamePattern<'_> {
    fn visit_pat_ident_mut(&mut self, p: &mut syn::PatIdent) {
        if let Some(new) = self.0.names.get(&p.ident.to_string()) {
            p.ident = new.clone();
            p.mutability = None;
        }
        syn::visit_mut::visit_pat_ident_mut(self, p);
    }
    fn visit_field_pat_mut(&mut self, f: &mut syn::FieldPat) {
        if f.colon_token.is_none() {
            f.colon_token = Some(Default::default());
        }
        self.visit_pat_mut(&mut f.pat);
    }
}
