//! `#[workflow(..)] async fn`.

use super::{
    attribute,
    exempt::{self, Exemption},
    function, marker,
};
use crate::diagnostic::{Errors, Suspicion, Warning};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use std::collections::BTreeSet;
use syn::ItemFn;
use workflow_rules::Rule;

/// What the user said about a workflow.
#[derive(Clone)]
pub(crate) struct WorkflowFn {
    /// The registered name.
    pub(crate) name: String,
    /// Names from before a rename.
    pub(crate) aliases: Vec<String>,
    /// The rules of determinism that do not hold, for the function or for a statement of it.
    pub(crate) exempt: Vec<Exemption>,
    /// What is said about it without being an error.
    pub(crate) warnings: Vec<Warning>,
    /// What rustc is to refuse if a name means what it seems to.
    pub(crate) suspicions: Vec<Suspicion>,
    /// Where the tokens have told something already, or show that there is nothing to tell: the line and the column.
    pub(crate) told: BTreeSet<(usize, usize)>,
    /// The function as written, without the attribute.
    pub(crate) item: ItemFn,
}

impl WorkflowFn {
    /// The type that stands for the function, with its type parameters.
    pub(crate) fn tag(&self) -> TokenStream {
        let (marker, (_, parameters, _)) = (marker(&self.item.sig.ident), self.item.sig.generics.split_for_impl());
        quote!(#marker #parameters)
    }

    /// True if it has type parameters: it runs as a part of others only.
    pub(crate) fn generic(&self) -> bool {
        !self.item.sig.generics.params.is_empty()
    }

    /// True if what the types say at `at` is not to be reported: the tokens have decided it, or one of the rules does not hold there.
    pub(crate) fn leaves(&self, at: Span, rules: &[&Rule]) -> bool {
        let at = at.start();
        if self.told.contains(&(at.line, at.column)) {
            return true;
        }
        let exempts = |e: &&Exemption| rules.contains(&e.rule) && (e.lines.0..=e.lines.1).contains(&at.line);
        let mut exempt = self.exempt.iter().filter(exempts).peekable();
        let any = exempt.peek().is_some();
        exempt.filter(|e| e.silenced.get().is_none()).for_each(|e| e.silenced.set(Some("net2")));
        any
    }

    /// `None` if the item is not a function that can be parsed. A wrong attribute is reported, and the rest of it kept.
    pub(crate) fn parse(attr: TokenStream, item: TokenStream, errors: &Errors) -> Option<Self> {
        let keys = attribute::keys(attr, "`#[workflow]`", &["name", "alias", "allow"], &["alias", "allow"], errors);
        let item = function(item, "workflow", errors)?;
        let lines = (exempt::lines(&item.sig).0, item.block.brace_token.span.close().end().line);
        let name = attribute::default_name(&item.sig.ident);
        let mut workflow = WorkflowFn {
            name,
            aliases: vec![],
            exempt: vec![],
            warnings: vec![],
            suspicions: vec![],
            told: BTreeSet::new(),
            item,
        };
        for (key, meta) in keys {
            match key.as_str() {
                "name" => {
                    if let Some(name) = attribute::name(&meta, "name = \"order\"", errors) {
                        workflow.name = name;
                    }
                }
                "allow" => {
                    let new = exempt::allow(&meta, lines, errors);
                    let new = exempt::once(&workflow.exempt, &meta, new, errors);
                    workflow.exempt.extend(new);
                }
                _ => workflow.aliases.extend(attribute::name(&meta, "alias = \"old_name\"", errors)),
            }
        }
        Some(workflow)
    }
}
