//! Macros: what they are, and what stands between their brackets.
//!
//! Tokens that are expressions are read as such. Others, such as those of `json!`, are searched for paths that are called.

use super::{
    Net,
    formats::{self, Text},
    imports::{Resolved, Space, plain, segments},
};
use crate::{lower, parse::threads};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Expr, Macro, Token, parse::Parser, punctuated::Punctuated, visit::Visit};
use workflow_rules::{BACKTRACES, CONCURRENCY, ENVIRONMENT, ESCAPES, GLOBALS, IO, OUTPUT, RANDOMNESS, Rule};

const STD: &[&str] = &["std", "core", "alloc"];
const FUTURES: &[&str] =
    &["tokio", "futures", "futures_util", "futures_lite", "async_std", "smol", "crossbeam", "crossbeam_channel"];

/// What a macro does, by its name and the crates that have it. The standard library's, and those that are `true`, are known without a crate.
#[rustfmt::skip]
const MACROS: &[(&str, &[&str], bool, &Rule, &str)] = &[
    ("asm", STD, true, ESCAPES, "can do anything"),
    ("column", STD, true, BACKTRACES, "gives a place of the source"),
    ("dbg", STD, true, OUTPUT, "prints"),
    ("debug", &["log"], false, OUTPUT, "prints"),
    ("eprint", STD, true, OUTPUT, "prints"),
    ("eprintln", STD, true, OUTPUT, "prints"),
    ("error", &["log"], false, OUTPUT, "prints"),
    ("file", STD, true, BACKTRACES, "gives a place of the source"),
    ("global_asm", STD, true, ESCAPES, "can do anything"),
    ("include", STD, true, ESCAPES, "takes code from another file"),
    ("info", &["log"], false, OUTPUT, "prints"),
    ("join", FUTURES, false, CONCURRENCY, "polls futures side by side"),
    ("lazy_static", &["lazy_static"], true, GLOBALS, "makes a global that changes"),
    ("line", STD, true, BACKTRACES, "gives a place of the source"),
    ("log", &["log"], false, OUTPUT, "prints"),
    ("module_path", STD, true, BACKTRACES, "gives a place of the source"),
    ("naked_asm", STD, true, ESCAPES, "can do anything"),
    ("nanoid", &["nanoid"], true, RANDOMNESS, "draws a random id"),
    ("option_env", STD, true, ENVIRONMENT, "reads the environment of the build"),
    ("print", STD, true, OUTPUT, "prints"),
    ("println", STD, true, OUTPUT, "prints"),
    ("query", &["sqlx"], false, IO, "asks a database"),
    ("query_as", &["sqlx"], false, IO, "asks a database"),
    ("query_file", &["sqlx"], false, IO, "asks a database"),
    ("query_scalar", &["sqlx"], false, IO, "asks a database"),
    ("select", FUTURES, false, CONCURRENCY, "polls futures side by side"),
    ("select_biased", FUTURES, true, CONCURRENCY, "polls futures side by side"),
    ("task_local", &["tokio"], true, GLOBALS, "makes a global that changes"),
    ("thread_local", STD, true, GLOBALS, "makes a global that changes"),
    ("trace", &["log"], false, OUTPUT, "prints"),
    ("try_join", FUTURES, false, CONCURRENCY, "polls futures side by side"),
    ("warn", &["log"], false, OUTPUT, "prints"),
];

/// Macros whose text is seen by people and reaches no state.
const SHOWN: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "error",
    "event",
    "info",
    "panic",
    "span",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "warn",
];

impl Net<'_> {
    /// A macro where an expression, a statement or an item can stand.
    pub(super) fn mac(&mut self, m: &Macro) {
        let path = segments(&m.path);
        let name = path.last().cloned().unwrap_or_default();
        let of = self.scopes.resolve(&path, Space::Macro);
        if let Some((rule, does)) = known(&of, &name)
            && !(rule == BACKTRACES && self.shown > 0)
        {
            self.found(rule, &m.path, &format!("`{}!` {does}", path.join("::")));
            if rule == CONCURRENCY {
                // Its futures would be reported once more.
                self.errors.seen_by_rustc();
            }
            if rule == GLOBALS {
                return;
            }
        }
        let ours = matches!(&of, Resolved::Path { segments, open, .. } if *open || segments.first().is_some_and(|s| s == "workflow_runtime"));
        if ours && let Some(Ok(t)) = threads::parse(m) {
            return self.threads(&t);
        }
        let shown = SHOWN.binary_search(&name.as_str()).is_ok() && !matches!(of, Resolved::Own);
        self.shown += usize::from(shown);
        self.arguments(m, &name);
        self.shown -= usize::from(shown);
    }

    fn threads(&mut self, t: &threads::Threads) {
        for b in &t.branches {
            self.visit_expr(&b.body);
            if let Some(arm) = &b.arm {
                self.scoped(|s| {
                    s.scopes.bind(&arm.pat);
                    arm.guard.iter().for_each(|g| s.visit_expr(g));
                    s.visit_expr(&arm.handler);
                });
            }
        }
        t.els.iter().for_each(|e| self.visit_expr(e));
    }

    fn arguments(&mut self, m: &Macro, name: &str) {
        if formats::is(name)
            && let Ok(all) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(m.tokens.clone())
        {
            if let Some(text) = Text::of(&all) {
                self.text(&text);
            }
            return all.iter().for_each(|e| self.argument(e));
        }
        match lower::known_macro(m) {
            Some(all) => all.iter().for_each(|e| self.visit_expr(e)),
            None => self.tokens(m.tokens.clone()),
        }
    }

    /// `value` or `name = value`.
    fn argument(&mut self, e: &Expr) {
        match e {
            Expr::Assign(a) if matches!(&*a.left, Expr::Path(p) if p.path.get_ident().is_some()) => {
                self.visit_expr(&a.right)
            }
            e => self.visit_expr(e),
        }
    }

    /// Tokens of which only the macro knows what they are.
    fn tokens(&mut self, tokens: TokenStream) {
        if tokens.is_empty() {
            return;
        }
        if let Ok(all) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            return all.iter().for_each(|e| self.argument(e));
        }
        match syn::Block::parse_within.parse2(tokens.clone()) {
            Ok(stmts) => self.scoped(|s| s.statements(&stmts, false)),
            Err(_) => self.scan(tokens),
        }
    }

    /// Looks for paths that are called in tokens that are no expressions.
    pub(super) fn scan(&mut self, tokens: TokenStream) {
        let all: Vec<TokenTree> = tokens.into_iter().collect();
        let punct = |i: usize, c: char| matches!(all.get(i), Some(TokenTree::Punct(p)) if p.as_char() == c);
        let colons = |i: usize| punct(i, ':') && punct(i + 1, ':');
        let mut i = 0;
        while let Some(token) = all.get(i) {
            let TokenTree::Ident(first) = token else {
                if let TokenTree::Group(g) = token {
                    self.tokens(g.stream());
                }
                i += 1;
                continue;
            };
            let (start, mut path) = (i, vec![plain(first)]);
            i += 1;
            while colons(i)
                && let Some(TokenTree::Ident(next)) = all.get(i + 2)
            {
                path.push(plain(next));
                i += 3;
            }
            let group = |i: usize| match all.get(i) {
                Some(TokenTree::Group(g)) => Some(g.delimiter()),
                _ => None,
            };
            let written = || all.get(start..i).unwrap_or_default().iter().cloned().collect::<TokenStream>();
            let before = |c: char| start > 0 && punct(start - 1, c);
            if before('$') || (before('.') && !(start > 1 && punct(start - 2, '.'))) {
                // What a macro is given, and the method of something.
                continue;
            }
            if first == "unsafe" && group(i) == Some(Delimiter::Brace) {
                self.found(ESCAPES, first, "an `unsafe` block can do anything");
            } else if punct(i, '!') && group(i + 1).is_some() {
                let call: TokenStream = all.get(start..i + 2).unwrap_or_default().iter().cloned().collect();
                if let Ok(m) = syn::parse2::<Macro>(call) {
                    self.mac(&m);
                    i += 2;
                }
            } else if path.len() > 1 || group(i) == Some(Delimiter::Parenthesis) || colons(i) {
                let on = written();
                let parsed = syn::parse2::<syn::Path>(on.clone()).ok();
                self.path(&path, parsed.as_ref(), None, on);
            }
        }
    }
}

/// What is known of a macro.
fn known(of: &Resolved, name: &str) -> Option<(&'static Rule, &'static str)> {
    let Resolved::Path { segments, open, globs } = of else { return None };
    let name = segments.last().map_or(name, String::as_str);
    let (_, crates, alone, rule, does) = MACROS.get(MACROS.binary_search_by(|(n, ..)| (*n).cmp(name)).ok()?)?;
    let of_crate = |path: &Vec<String>| path.len() > 1 && crates.iter().any(|c| path[0] == *c);
    let here = of_crate(segments) || (*alone && *open && segments.len() == 1) || globs.iter().any(of_crate);
    here.then_some((*rule, *does))
}
