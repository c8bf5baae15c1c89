//! Methods and casts: what they are is known by their names, and by what is known of the value that they are called on.

use super::{
    Net,
    imports::{Resolved, Space, segments},
    kinds::Kind,
    symbols,
};
use crate::diagnostic::Suspect;
use quote::quote;
use syn::{Expr, ExprMethodCall, Type};
use workflow_rules::{ADDRESSES, BLOCKING, CLOCK, CONCURRENCY, FLOATS, GLOBALS, IO, RANDOMNESS};

impl Net<'_> {
    /// What a method is, by its name and by what is known of its receiver.
    pub(super) fn method(&mut self, m: &ExprMethodCall) {
        let name = m.method.to_string();
        let found = match name.as_str() {
            "elapsed" if m.args.is_empty() && !matches!(&*m.receiver, Expr::Call(_)) => {
                let what = "`elapsed()` reads a clock";
                return match self.scopes.of_expr(&m.receiver) {
                    Kind::Clock(None) => self.found(CLOCK, &m.method, what),
                    Kind::Clock(Some(name)) => {
                        let ty = syn::Ident::new(name, m.method.span());
                        self.suspect(CLOCK, &m.method, what, Suspect::Type(quote!(#ty)));
                    }
                    _ => {}
                };
            }
            "next_u32" | "next_u64" | "fill_bytes" | "try_next_u32" | "try_next_u64" | "try_fill_bytes"
            | "unwrap_err"
                if self.is_os_rng(&m.receiver) =>
            {
                (RANDOMNESS, "on `OsRng` draws from the randomness of the system")
            }
            "par_iter" | "par_iter_mut" | "into_par_iter" | "par_bridge" | "par_chunks" | "par_sort"
            | "par_sort_by" | "par_sort_unstable" | "par_extend" => (CONCURRENCY, "uses a pool of threads"),
            "block_on" | "blocking_send" | "blocking_recv" | "blocking_lock" | "blocking_read" | "blocking_write" => {
                (BLOCKING, "stops the thread")
            }
            "to_socket_addrs" => (IO, "asks the network"),
            "exists" | "try_exists" | "is_file" | "is_dir" | "is_symlink" | "metadata" | "symlink_metadata"
            | "canonicalize" | "read_dir" | "read_link"
                if self.scopes.of_expr(&m.receiver) == Kind::File =>
            {
                (IO, "works on files")
            }
            _ if symbols::of_platform(&name) && self.scopes.of_expr(&m.receiver) == Kind::Float => {
                (FLOATS, "is computed by a library of the platform")
            }
            _ => return,
        };
        self.found(found.0, &m.method, &format!("`{name}()` {}", found.1));
    }

    /// A method that changes a global; true if it was reported.
    pub(super) fn global(&mut self, m: &ExprMethodCall, locked: bool) -> bool {
        let Expr::Path(p) = &*m.receiver else { return false };
        let Some(last) = p.path.segments.last() else { return false };
        let name = last.ident.to_string();
        let constant = name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let method = m.method.to_string();
        let atomic = method.starts_with("fetch_")
            || method.starts_with("compare_")
            || matches!(method.as_str(), "load" | "store" | "swap");
        let changes = match method.as_str() {
            "lock" | "write" | "read" | "try_lock" => locked && m.args.is_empty(),
            "get_or_init" | "get_or_try_init" | "with_borrow" | "with_borrow_mut" => true,
            _ => atomic && m.args.iter().any(is_ordering),
        };
        if constant && changes {
            self.tell(m.method.span());
            // One of the function's own is reported where it is declared.
            if !self.scopes.declares(&name) {
                self.found(GLOBALS, &p.path, &format!("`{name}` is a global that changes"));
            }
            return true;
        }
        false
    }

    /// `OsRng`, which comes from around the function.
    pub(super) fn is_os_rng(&self, e: &Expr) -> bool {
        let Expr::Path(p) = e else { return false };
        p.path.is_ident("OsRng")
            && matches!(self.scopes.resolve(&segments(&p.path), Space::Value), Resolved::Path { open: true, .. })
    }

    pub(super) fn cast(&mut self, c: &syn::ExprCast) {
        let Type::Path(ty) = &*c.ty else { return };
        let integer =
            ["usize", "isize", "u64", "i64", "u32", "i32", "u128", "i128"].iter().any(|n| ty.path.is_ident(n));
        if integer && (is_pointer(&c.expr) || self.scopes.of_expr(&c.expr) == Kind::Pointer) {
            self.found(ADDRESSES, c, "this cast gives an address");
        }
    }
}

/// `addr`, of `<*const T>::addr`.
pub(super) fn addresses(path: &syn::Path) -> bool {
    let methods = ["addr", "expose_provenance", "align_offset", "is_aligned"];
    path.segments.len() == 1 && path.segments.iter().all(|s| methods.iter().any(|m| s.ident == m))
}

pub(super) fn is_ordering(e: &Expr) -> bool {
    let Expr::Path(p) = e else { return false };
    let last = p.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    matches!(last.as_str(), "Relaxed" | "Release" | "Acquire" | "AcqRel" | "SeqCst")
}

/// An expression that is surely a pointer.
fn is_pointer(e: &Expr) -> bool {
    match e {
        Expr::Cast(c) => matches!(&*c.ty, Type::Ptr(_) | Type::BareFn(_)) || is_pointer(&c.expr),
        Expr::Paren(p) => is_pointer(&p.expr),
        Expr::Group(g) => is_pointer(&g.expr),
        Expr::RawAddr(_) => true,
        Expr::MethodCall(m) => m.args.is_empty() && (m.method == "as_ptr" || m.method == "as_mut_ptr"),
        Expr::Call(c) => match &*c.func {
            Expr::Path(f) => {
                let path = segments(&f.path);
                matches!(path.as_slice(), [.., m, f] if m == "ptr" && (f == "from_ref" || f == "from_mut"))
            }
            _ => false,
        },
        Expr::Macro(m) => m.mac.path.segments.last().is_some_and(|s| s.ident == "addr_of" || s.ident == "addr_of_mut"),
        _ => false,
    }
}
