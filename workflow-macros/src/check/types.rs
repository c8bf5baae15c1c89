//! Types of values that are stored: nothing in them is borrowed, and all of them have a name.

use crate::diagnostic::Errors;
use proc_macro2::Span;
use syn::{
    Lifetime, Type, TypeImplTrait, TypeReference, TypeTraitObject,
    spanned::Spanned,
    visit::{self, Visit},
};

/// Reports what cannot be owned in `ty`: borrows, lifetimes, `impl Trait`, `dyn Trait`. `why` opens the message.
pub(super) fn owned(ty: &Type, noun: &str, why: &str, errors: &Errors) {
    Owned { noun, why, errors }.visit_type(ty);
}

struct Owned<'a> {
    noun: &'a str,
    why: &'a str,
    errors: &'a Errors,
}

impl Owned<'_> {
    fn at(&self, span: Span, instead: &str) {
        self.errors.at(span, format!("{}: {instead}", self.why));
    }
}

impl<'ast> Visit<'ast> for Owned<'_> {
    fn visit_type_reference(&mut self, r: &'ast TypeReference) {
        let text = match &*r.elem {
            Type::Path(p) if p.path.is_ident("str") => "take `String` instead of `&str`",
            Type::Slice(_) => "take a `Vec` instead of the slice",
            _ => "take the owned type, without `&`",
        };
        self.at(r.and_token.span(), text);
    }
    fn visit_lifetime(&mut self, l: &'ast Lifetime) {
        if l.ident != "static" {
            self.at(l.span(), "use an owned type");
        }
    }
    fn visit_type_impl_trait(&mut self, t: &'ast TypeImplTrait) {
        self.errors.push(
            t,
            format!(
                "{} is registered as one function, and its values are stored: name a concrete type instead of `impl Trait`",
                self.noun
            ),
        );
    }
    fn visit_type_trait_object(&mut self, t: &'ast TypeTraitObject) {
        self.errors
            .push(t, "a `dyn Trait` cannot be read back from storage: name a concrete type, like an enum of the cases");
    }
    fn visit_type(&mut self, t: &'ast Type) {
        match t {
            Type::Infer(t) => self.errors.push(t, "the type of a stored value is written out: replace `_`"),
            Type::Never(_) => {}
            t => visit::visit_type(self, t),
        }
    }
}
