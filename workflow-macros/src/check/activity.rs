//! Which functions can be an activity.

use super::{function, receiver, types::owned};
use crate::{
    diagnostic::Errors,
    parse::activity::{ActivityFn, Role, binding},
};
use syn::{FnArg, PatType, ReturnType, Type};

const NOUN: &str = "an activity";

/// True if the signature is one that an activity can have.
pub(crate) fn activity(f: &ActivityFn, errors: &Errors) -> bool {
    let own = Errors::new();
    function(&f.item.sig, NOUN, &own);
    generics(&f.item.sig.generics, &own);
    let (mut contexts, mut travelling) = (0, false);
    for (role, input) in f.roles().zip(&f.item.sig.inputs) {
        match role {
            Role::Receiver => {
                if let FnArg::Receiver(r) = input {
                    receiver(r, NOUN, "take what it needs as `State<T>`", &own);
                }
            }
            Role::State(_) | Role::Context if travelling => {
                own.push(input, "what the engine injects comes first: move this in front of the arguments of the call");
            }
            Role::State(_) => {}
            Role::Context => {
                contexts += 1;
                if contexts > 1 {
                    own.push(input, "there is one `ActivityContext` per attempt: remove this one");
                }
            }
            Role::Value(p) => {
                travelling = true;
                parameter(p, &p.ty, &own);
            }
            Role::Lent(p, ty) => {
                travelling = true;
                lent(p, &own);
                parameter(p, ty, &own);
            }
        }
    }
    if let ReturnType::Type(_, ty) = &f.item.sig.output {
        owned(ty, NOUN, "the result of an activity is stored, so it is owned", &own);
    }
    let fine = own.is_empty();
    if let Err(e) = own.finish() {
        errors.syn(e);
    }
    fine
}

fn generics(g: &syn::Generics, errors: &Errors) {
    for p in g.params.iter().filter(|p| !matches!(p, syn::GenericParam::Lifetime(_))) {
        errors.push(p, "an activity is registered as one function under one name, so it cannot be generic: write one function for each type");
    }
    if let (Some(w), true) = (&g.where_clause, g.params.is_empty()) {
        errors.push(w, "an activity cannot be generic, so it has no `where`: remove it");
    }
}

fn lent(p: &PatType, errors: &Errors) {
    let Type::Reference(r) = crate::parse::activity::bare(&p.ty) else { return };
    if let Some(t) = &r.mutability {
        errors.push(t, "an activity works on a copy of its arguments, so the caller would never see the change: take `&T` and return the new value");
    }
    if let Some(l) = &r.lifetime {
        errors.push(
            l,
            "an argument is lent to the body for one attempt, so it cannot live longer: leave the lifetime out",
        );
    }
    let injected =
        crate::parse::activity::last_segment(&r.elem).filter(|s| s.ident == "ActivityContext" || s.ident == "State");
    if let Some(s) = injected {
        errors.push(r, format!("`{}` is injected by value: leave `&` out", s.ident));
    }
}

fn parameter(p: &PatType, ty: &Type, errors: &Errors) {
    if binding(p).is_none() {
        errors.push(
            &p.pat,
            "an argument of an activity has a name, under which it is shown: write a name here, and take it apart in the body",
        );
    }
    owned(ty, NOUN, "the arguments of an activity are stored, so nothing in them is borrowed", errors);
}
