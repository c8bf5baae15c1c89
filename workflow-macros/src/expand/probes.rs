//! Probes: in the check copy, the types of some expressions are looked at.
//!
//! What is probed are expressions whose type rustc must know there anyway: what a `for` loop goes through, and the receivers of methods. A
//! probe of anything else would be an error where the type comes from a later use. The check copy is also run, as an oracle, so every expression is still
//! evaluated once, and in its place.

use crate::{lower, parse::workflow::WorkflowFn};
use proc_macro2::{Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Arm, Block, Expr, ExprCall, ExprForLoop, ExprMatch, ExprMethodCall, Item, Lit, Macro, Member, Pat, Token,
    punctuated::Punctuated,
    spanned::Spanned,
    token::{Brace, Paren},
    visit_mut::{self, VisitMut},
};
use workflow_rules::{ADDRESSES, BLOCKING, CLOCK, CONCURRENCY, GLOBALS, HASH_ORDER, IO, OUTPUT, Rule};

/// Puts probes into the body, and gives what brings their trait into scope.
pub(super) fn probe(block: &mut Block, f: &WorkflowFn) -> Option<TokenStream> {
    let mut probes = Probes { f, awaited: false, some: false };
    probes.visit_block_mut(block);
    probes.some.then(|| {
        quote!(
            #[allow(unused_imports)]
            use ::workflow_runtime::__private::Allowed as _;
        )
    })
}

/// Methods that begin an iteration.
fn source(method: &str) -> bool {
    matches!(
        method,
        "iter"
            | "iter_mut"
            | "into_iter"
            | "keys"
            | "into_keys"
            | "values"
            | "values_mut"
            | "into_values"
            | "drain"
            | "extract_if"
            | "union"
            | "intersection"
            | "difference"
            | "symmetric_difference"
    )
}

/// Methods that no step may call on some types.
fn watched(method: &str) -> bool {
    matches!(
        method,
        "elapsed"
            | "duration_since"
            | "checked_duration_since"
            | "saturating_duration_since"
            | "lock"
            | "try_lock"
            | "read"
            | "write"
            | "try_read"
            | "try_write"
            | "blocking_lock"
            | "send"
            | "try_send"
            | "recv"
            | "try_recv"
            | "recv_timeout"
            | "try_iter"
            | "wait"
            | "notify_one"
            | "notify_all"
            | "join"
            | "is_finished"
            | "abort"
            | "load"
            | "store"
            | "swap"
            | "compare_exchange"
            | "fetch_add"
            | "fetch_sub"
            | "fetch_max"
            | "fetch_min"
            | "fetch_and"
            | "fetch_or"
            | "fetch_xor"
            | "fetch_update"
            | "spawn"
            | "block_on"
            | "spawn_blocking"
            | "spawn_local"
            | "get_or_init"
            | "with"
            | "set"
            | "get"
            | "open"
            | "metadata"
            | "sync_all"
            | "sync_data"
            | "set_len"
            | "read_line"
            | "lines"
            | "local_addr"
            | "peer_addr"
            | "accept"
            | "incoming"
            | "send_to"
            | "recv_from"
            | "exists"
            | "try_exists"
            | "is_file"
            | "is_dir"
            | "read_dir"
            | "canonicalize"
            | "file_type"
            | "read_to_string"
            | "read_to_end"
            | "read_exact"
            | "write_all"
            | "flush"
            | "seek"
            | "output"
            | "status"
            | "try_wait"
            | "kill"
            | "wait_with_output"
    )
}

/// Methods that tell where a pointer points to.
fn addresses(method: &str) -> bool {
    matches!(method, "addr" | "expose_provenance" | "align_offset" | "is_aligned")
}

/// Which question a probe asks.
#[derive(Clone, Copy)]
enum Asks {
    GoesThrough,
    Calls,
    Addresses,
}

impl Asks {
    /// The rules that the answer may be about.
    fn rules(self) -> &'static [&'static Rule] {
        match self {
            Asks::GoesThrough => &[HASH_ORDER],
            Asks::Calls => &[CLOCK, CONCURRENCY, BLOCKING, IO, OUTPUT, GLOBALS],
            Asks::Addresses => &[ADDRESSES],
        }
    }

    /// The question about a borrow.
    fn seen(self, borrow: &TokenStream, span: Span) -> Expr {
        let method = Ident::new(["__goes_through", "__calls", "__addresses"][self as usize], span);
        Expr::Verbatim(quote_spanned!(span=> ::workflow_runtime::__private::Probe(#borrow).#method()))
    }

    /// The question about a value, which is handed back.
    fn taken(self, value: Expr, span: Span) -> Expr {
        let method = Ident::new(["__gone_through", "__called", "__addressed"][self as usize], span);
        let probe = quote_spanned!(span=> ::workflow_runtime::__private::Probe);
        Expr::MethodCall(ExprMethodCall {
            attrs: vec![],
            receiver: Box::new(Expr::Call(ExprCall {
                attrs: vec![],
                func: Box::new(Expr::Verbatim(probe)),
                paren_token: Paren(span),
                args: [value].into_iter().collect(),
            })),
            dot_token: Token![.](span),
            method,
            turbofish: None,
            paren_token: Paren(span),
            args: Punctuated::new(),
        })
    }
}

struct Probes<'f> {
    f: &'f WorkflowFn,
    /// What is visited belongs to a loop that awaits: the machine has its own words for what that cannot go through.
    awaited: bool,
    /// There is a probe.
    some: bool,
}

impl Probes<'_> {
    fn call(&mut self, m: &mut ExprMethodCall) -> Option<Expr> {
        visit_mut::visit_expr_method_call_mut(self, m);
        let method = m.method.to_string();
        match (source(&method), watched(&method)) {
            (true, _) if !self.awaited => self.asked(m, Asks::GoesThrough),
            (false, true) => self.asked(m, Asks::Calls),
            _ if addresses(&method) => self.asked(m, Asks::Addresses),
            _ => None,
        }
    }

    /// Probes what the loop goes through: what comes back is to be asked before the loop.
    fn for_loop(&mut self, l: &mut ExprForLoop) -> Option<Expr> {
        let begins = |m: &ExprMethodCall| m.args.is_empty() && source(&m.method.to_string()) && place(&m.receiver);
        let (seen, span) = match &*l.expr {
            Expr::Reference(r) if place(&r.expr) => (Some(r.expr.clone()), l.expr.span()),
            // The loop keeps the call as it is, because some lints look at both.
            Expr::MethodCall(m) if begins(m) => (Some(m.receiver.clone()), m.method.span()),
            e if place(e) => (Some(l.expr.clone()), e.span()),
            e => (None, e.span()),
        };
        let awaits = lower::awaits(&l.body);
        let asks = !awaits && !self.f.leaves(span, Asks::GoesThrough.rules());
        if seen.is_none() {
            let around = std::mem::replace(&mut self.awaited, awaits);
            self.visit_expr_mut(&mut l.expr);
            self.awaited = around;
        }
        if asks && matches!(&*l.expr, Expr::Call(_) | Expr::Await(_) | Expr::Try(_)) {
            self.some = true;
            let head = std::mem::replace(&mut *l.expr, Expr::PLACEHOLDER);
            *l.expr = Asks::GoesThrough.taken(head, span);
        }
        self.visit_block_mut(&mut l.body);
        let seen = seen.filter(|_| asks)?;
        self.some = true;
        Some(Asks::GoesThrough.seen(&quote!(&#seen), span))
    }

    /// The call, with its receiver probed: a place before the call, a value in its place.
    fn asked(&mut self, m: &mut ExprMethodCall, asks: Asks) -> Option<Expr> {
        let span = m.method.span();
        if self.f.leaves(span, asks.rules()) {
            return None;
        }
        if place(&m.receiver) {
            self.some = true;
            let receiver = &m.receiver;
            return Some(before(asks.seen(&quote!(&#receiver), span), Expr::MethodCall(m.clone())));
        }
        if temporary(&m.receiver) {
            self.some = true;
            let receiver = std::mem::replace(&mut *m.receiver, Expr::PLACEHOLDER);
            *m.receiver = asks.taken(receiver, span);
        }
        None
    }
}

/// `match probe { () => then }`: what `then` borrows lives as long as it did without the probe.
fn before(probe: Expr, then: Expr) -> Expr {
    let span = Span::mixed_site();
    let arm = Arm {
        attrs: vec![],
        pat: Pat::Verbatim(quote!(())),
        guard: None,
        fat_arrow_token: Token![=>](span),
        body: Box::new(then),
        comma: Some(Token![,](span)),
    };
    Expr::Match(ExprMatch {
        attrs: vec![],
        match_token: Token![match](span),
        expr: Box::new(probe),
        brace_token: Brace(span),
        arms: vec![arm],
    })
}

/// The variables and fields that a formatting macro may print with `{:?}`.
fn printed(m: &Macro) -> Vec<Expr> {
    const FORMATS: [&str; 5] = ["format", "write", "writeln", "anyhow", "bail"];
    if !m.path.segments.last().is_some_and(|s| FORMATS.iter().any(|f| s.ident == f)) {
        return vec![];
    }
    let args = lower::known_macro(m).unwrap_or_default();
    let text = args
        .iter()
        .position(|a| matches!(a, Expr::Lit(l) if matches!(&l.lit, Lit::Str(s) if s.value().contains("?}"))));
    let Some(text) = text else { return vec![] };
    let named = named_arguments(&m.tokens);
    let inline =
        lower::named_in_text(&args[text].to_token_stream()).into_iter().filter(|(name, _)| !named.contains(name));
    let inline = inline.filter_map(|(name, span)| {
        let name = syn::parse_str::<Ident>(&name).ok()?;
        Some(Expr::Verbatim(Ident::new(&name.to_string(), span).into_token_stream()))
    });
    args[text + 1..].iter().filter(|a| place(a)).cloned().chain(inline).collect()
}

/// The names of `name = value` among arguments.
fn named_arguments(tokens: &TokenStream) -> Vec<String> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let equals =
        |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == '=' && p.spacing() == Spacing::Alone);
    let named = tokens.windows(2).filter(|w| equals(&w[1]));
    named.filter_map(|w| if let TokenTree::Ident(name) = &w[0] { Some(name.to_string()) } else { None }).collect()
}

/// True for what can be borrowed twice with one meaning: a variable, or fields of one.
fn place(e: &Expr) -> bool {
    match e {
        Expr::Path(p) => p.qself.is_none() && p.path.get_ident().is_some(),
        Expr::Field(f) => matches!(f.member, Member::Named(_) | Member::Unnamed(_)) && place(&f.base),
        _ => false,
    }
}

/// True for what gives a value of its own.
fn temporary(e: &Expr) -> bool {
    match e {
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Try(_) | Expr::Await(_) | Expr::Cast(_) | Expr::RawAddr(_) => true,
        Expr::Paren(p) => temporary(&p.expr),
        _ => false,
    }
}

impl VisitMut for Probes<'_> {
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        match e {
            Expr::MethodCall(m) => {
                if let Some(probed) = self.call(m) {
                    *e = probed;
                }
            }
            Expr::ForLoop(l) => {
                if let Some(probe) = self.for_loop(l) {
                    let unprobed = std::mem::replace(e, Expr::PLACEHOLDER);
                    *e = before(probe, unprobed);
                }
            }
            Expr::Macro(m) => {
                self.visit_macro_mut(&mut m.mac);
                for seen in printed(&m.mac) {
                    if self.f.leaves(seen.span(), Asks::GoesThrough.rules()) {
                        continue;
                    }
                    self.some = true;
                    let call = std::mem::replace(e, Expr::PLACEHOLDER);
                    *e = before(Asks::GoesThrough.seen(&quote!(&#seen), seen.span()), call);
                }
            }
            // What is recorded may be anything.
            Expr::Call(c) if lower::records(&c.func) => {}
            _ => visit_mut::visit_expr_mut(self, e),
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, m: &mut Macro) {
        lower::in_known_macro(m, |e| self.visit_expr_mut(e));
    }
}
