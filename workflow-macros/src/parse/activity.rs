//! `#[activity(..)] async fn`.

use super::{attribute, function, limits, limits::Limits, retry::Retry};
use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use std::time::Duration;
use syn::{FnArg, GenericArgument, ItemFn, Pat, PatType, PathArguments, Type};

/// The keys of the attribute.
const KEYS: [&str; 12] = [
    "timeout",
    "heartbeat",
    "schedule_to_start",
    "total_timeout",
    "retry",
    "queue",
    "priority",
    "max_concurrent",
    "rate",
    "on_cancel",
    "name",
    "alias",
];

/// What the user said about an activity.
pub(crate) struct ActivityFn {
    /// The registered name.
    pub(crate) name: String,
    /// Names from before a rename.
    pub(crate) aliases: Vec<String>,
    /// Limit of one attempt.
    pub(crate) timeout: Option<Duration>,
    /// The policy, if an `Err` is retried.
    pub(crate) retry: Option<Retry>,
    /// The queue, if it is not the default one.
    pub(crate) queue: Option<String>,
    /// Everything else that limits it.
    pub(crate) limits: Limits,
    /// The function as written, without the attribute.
    pub(crate) item: ItemFn,
}

/// What a parameter of an activity is for.
pub(crate) enum Role<'f> {
    /// `State<T>`: injected. Holds `T`.
    State(&'f Type),
    /// `ActivityContext`: injected.
    Context,
    /// A `self`, which a function outside of an `impl` cannot have.
    Receiver,
    /// `name: T`: travels, and is given to the body.
    Value(&'f PatType),
    /// `name: &T`: travels as its owned form, and is lent to the body. Holds `T` too.
    Lent(&'f PatType, &'f Type),
}

impl ActivityFn {
    /// `None` if the item is not a function that can be parsed. A wrong attribute is reported, and the rest of it kept.
    pub(crate) fn parse(attr: TokenStream, item: TokenStream, errors: &Errors) -> Option<Self> {
        let keys = attribute::keys(attr, "`#[activity]`", &KEYS, &["alias"], errors);
        let item = function(item, "activity", errors)?;
        let name = attribute::default_name(&item.sig.ident);
        let limits = Limits::default();
        let mut activity = ActivityFn { name, aliases: vec![], timeout: None, retry: None, queue: None, limits, item };
        for (key, meta) in keys {
            match key.as_str() {
                "timeout" => activity.timeout = attribute::duration(&meta, "timeout = \"10s\"", 1, errors),
                "retry" => activity.retry = Some(Retry::parse(&meta, errors)),
                "queue" => activity.queue = attribute::name(&meta, "queue = \"payments\"", errors),
                "name" => {
                    if let Some(name) = attribute::name(&meta, "name = \"charge\"", errors) {
                        activity.name = name;
                    }
                }
                "heartbeat" => activity.limits.heartbeat = attribute::duration(&meta, "heartbeat = \"30s\"", 1, errors),
                "schedule_to_start" => {
                    activity.limits.schedule_to_start =
                        attribute::duration(&meta, "schedule_to_start = \"5m\"", 1, errors);
                }
                "total_timeout" => {
                    activity.limits.total_timeout = attribute::duration(&meta, "total_timeout = \"1h\"", 1, errors);
                }
                "priority" => activity.limits.priority = limits::priority(&meta, errors),
                "max_concurrent" => activity.limits.max_concurrent = limits::max_concurrent(&meta, errors),
                "rate" => activity.limits.rate = limits::rate(&meta, errors),
                "on_cancel" => activity.limits.on_cancel = limits::on_cancel(&meta, errors),
                _ => activity.aliases.extend(attribute::name(&meta, "alias = \"old_name\"", errors)),
            }
        }
        Some(activity)
    }

    /// The parameters in order, each with what it is for.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Role<'_>> {
        self.item.sig.inputs.iter().map(|input| match input {
            FnArg::Receiver(_) => Role::Receiver,
            FnArg::Typed(p) => role(p),
        })
    }
}

fn role(p: &PatType) -> Role<'_> {
    if let Some(last) = last_segment(&p.ty) {
        if last.ident == "ActivityContext" && last.arguments.is_none() {
            return Role::Context;
        }
        if let (true, PathArguments::AngleBracketed(a)) = (last.ident == "State", &last.arguments)
            && let (Some(GenericArgument::Type(t)), 1) = (a.args.first(), a.args.len())
        {
            return Role::State(t);
        }
    }
    match bare(&p.ty) {
        Type::Reference(r) => Role::Lent(p, &r.elem),
        _ => Role::Value(p),
    }
}

/// The type without the invisible groups that macros leave.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(g) => bare(&g.elem),
        Type::Paren(p) => bare(&p.elem),
        other => other,
    }
}

/// The last segment of a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match bare(ty) {
        Type::Path(p) => p.path.segments.last(),
        _ => None,
    }
}

/// The name that a parameter binds, if its pattern is one name.
pub(crate) fn binding(p: &PatType) -> Option<&syn::Ident> {
    match &*p.pat {
        Pat::Ident(i) if i.subpat.is_none() && i.by_ref.is_none() => Some(&i.ident),
        _ => None,
    }
}
