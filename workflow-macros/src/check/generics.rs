//! What the type parameters of a workflow must be able to do.

use crate::diagnostic::Errors;
use syn::{
    Ident, Signature, Type, TypeParam, TypeParamBound, WherePredicate,
    visit::{self, Visit},
};

/// Traits of which it is known that none of them asks for more than it says.
const KNOWN: &[&str] = &[
    "Serialize",
    "DeserializeOwned",
    "Deserialize",
    "Send",
    "Sync",
    "Sized",
    "Unpin",
    "Clone",
    "Copy",
    "Debug",
    "Display",
    "Default",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "Hash",
    "ToString",
    "From",
    "Into",
    "TryFrom",
    "TryInto",
    "AsRef",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Error",
    "FromStr",
];

/// Reports each parameter of whose bounds it can be seen that they are too few.
pub(super) fn parameters(sig: &Signature, errors: &Errors) {
    for t in sig.generics.type_params() {
        let bounds = bounds(sig, t);
        let Some(known) = bounds.iter().map(|b| name(b)).collect::<Option<Vec<String>>>() else { continue };
        let has = |name: &str| known.iter().any(|k| k == name);
        let lasts = has("'static");
        let loads = has("DeserializeOwned") || has("Deserialize");
        let name = &t.ident;
        if !is_stored(sig, name) {
            if !lasts {
                errors.push(name, format!("a workflow outlives whoever calls it, and so must what it is compiled for: write `{name}: 'static`"));
            }
        } else if !(lasts && loads && has("Serialize") && has("Send")) {
            errors.push(
                name,
                format!("values of the type `{name}` are stored, and moved to another thread, so it must be known that they can be: write `{name}: Payload`, which stands for `Serialize + DeserializeOwned + Send + 'static`"),
            );
        }
    }
}

/// All that is said of a parameter.
fn bounds<'s>(sig: &'s Signature, t: &'s TypeParam) -> Vec<&'s TypeParamBound> {
    let mut all: Vec<&TypeParamBound> = t.bounds.iter().collect();
    for p in sig.generics.where_clause.iter().flat_map(|w| &w.predicates) {
        if let WherePredicate::Type(p) = p
            && matches!(&p.bounded_ty, Type::Path(ty) if ty.path.is_ident(&t.ident))
        {
            all.extend(&p.bounds);
        }
    }
    all
}

/// `None` for what may ask for anything.
fn name(b: &TypeParamBound) -> Option<String> {
    match b {
        TypeParamBound::Lifetime(l) => Some(l.to_string()),
        TypeParamBound::Trait(t) => {
            let name = t.path.segments.last()?.ident.to_string();
            KNOWN.contains(&name.as_str()).then_some(name)
        }
        _ => None,
    }
}

/// True if an argument or the result is, or holds, a value of this type.
fn is_stored(sig: &Signature, name: &Ident) -> bool {
    struct Find<'n>(&'n Ident, bool);
    impl Visit<'_> for Find<'_> {
        fn visit_type_path(&mut self, t: &syn::TypePath) {
            self.1 |= t.path.is_ident(self.0);
            visit::visit_type_path(self, t);
        }
    }
    let mut find = Find(name, false);
    sig.inputs.iter().for_each(|i| find.visit_fn_arg(i));
    find.visit_return_type(&sig.output);
    find.1
}
