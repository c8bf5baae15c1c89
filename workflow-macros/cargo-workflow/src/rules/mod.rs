//! What is searched for, and where a search ends.

mod c_library;
mod cuts;
mod hash;
mod sinks;
mod statics;

pub(crate) use cuts::is_cut;
pub(crate) use hash::order_matters;
pub(crate) use sinks::find as sink;
pub(crate) use statics::{Statics, is_ours};

use crate::name::Name;
use std::collections::BTreeSet;
use workflow_rules::Rule;

/// A family of functions that break a rule.
#[derive(Debug)]
pub(crate) struct Sinks {
    pub(crate) rule: &'static Rule,
    /// The end of a sentence that begins with the function.
    pub(crate) does: &'static str,
    pub(crate) by: By,
    /// Paths without type arguments. `*` stands for anything.
    pub(crate) paths: &'static [&'static str],
}

/// Whose call of a sink counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Everybody's.
    Anyone,
    /// That of code outside of the standard library, which does the same within for harmless reasons.
    Direct,
    /// That of local code, on its own or by a function of the standard library. What a dependency keeps for itself does not show.
    Local,
    /// That of local code itself.
    LocalDirect,
}

/// In whose source a piece of code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In none that a name tells: a vtable, a constant, a function of C.
    Unknown,
    Std,
    /// In the runtime of workflows, or in a library that has been searched by hand.
    Trusted,
    /// In a package of the workspace, or another one on this disk.
    Local,
    /// In a dependency.
    Foreign,
}

/// Crates that belong to the standard library.
const STD: [&str; 10] = [
    "core",
    "alloc",
    "std",
    "std_detect",
    "compiler_builtins",
    "panic_unwind",
    "panic_abort",
    "unwind",
    "__rustc",
    "hashbrown",
];

/// The engine's own surface, and what is made for use in workflows: tracing, which writes nothing when a step is executed again.
const TRUSTED: [&str; 6] =
    ["workflow_runtime", "workflow_definition", "workflow_rules", "tracing", "tracing_core", "tracing_attributes"];

/// Whether a crate can be trusted as a whole. It is compiled before the user's, so no search needs its object files.
pub(crate) fn is_trusted(krate: &str) -> bool {
    TRUSTED.contains(&krate)
}

impl Place {
    /// That of a symbol, in a build with these crates of the user.
    pub(crate) fn of(name: &Name, local: &BTreeSet<String>) -> Self {
        let Some(krate) = name.krate.as_deref() else { return Place::Unknown };
        match krate {
            k if STD.contains(&k) => Place::Std,
            k if is_trusted(k) => Place::Trusted,
            k if local.contains(k) => Place::Local,
            _ => Place::Foreign,
        }
    }
}

/// Whether a symbol is a function of another language of which nothing is known: not one that a compiler calls by itself, and not one
/// whose result its arguments decide.
pub(crate) fn is_unknown(path: &str) -> bool {
    const KNOWN: [&str; 48] = [
        "memcpy",
        "memmove",
        "memset",
        "memcmp",
        "bcmp",
        "memchr",
        "memrchr",
        "strlen",
        "strcmp",
        "strncmp",
        "malloc",
        "calloc",
        "realloc",
        "free",
        "posix_memalign",
        "tls_get_addr",
        "tlv_bootstrap",
        "Unwind_Resume",
        "rust_eh_personality",
        "abort",
        "GLOBAL_OFFSET_TABLE_",
        "chkstk",
        "probestack",
        "floor",
        "floorf",
        "ceil",
        "ceilf",
        "trunc",
        "truncf",
        "round",
        "roundf",
        "roundeven",
        "roundevenf",
        "rint",
        "rintf",
        "nearbyint",
        "nearbyintf",
        "sqrt",
        "sqrtf",
        "fma",
        "fmaf",
        "fmod",
        "fmodf",
        "fabs",
        "copysign",
        "fmin",
        "fmax",
        "errno_location",
    ];
    path.strip_prefix(crate::name::EXTERN).is_some_and(|name| !KNOWN.contains(&name) && !name.starts_with("llvm."))
}

/// Whether a function prints a value for programmers.
pub(crate) fn is_debug(path: &str) -> bool {
    path.ends_with(" as core::fmt::Debug>::fmt")
}

/// Whether a path is that of a pattern, in which `*` stands for any text.
pub(crate) fn matches(path: &str, pattern: &str) -> bool {
    let Some((head, mut tail)) = pattern.split_once('*') else { return path == pattern };
    let Some(mut rest) = path.strip_prefix(head) else { return false };
    while let Some((part, behind)) = tail.split_once('*') {
        let Some(at) = rest.find(part) else { return false };
        (rest, tail) = (&rest[at + part.len()..], behind);
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::{c_library::C_LIBRARY, matches, sinks::SINKS};

    #[test]
    fn a_star_stands_for_any_text() {
        for (path, pattern, fits) in [
            ("std::fs::read", "std::fs::read", true),
            ("std::fs::read_dir", "std::fs::read", false),
            ("std::fs::read_dir", "std::fs::*", true),
            ("<&a::T as core::fmt::Pointer>::fmt", "<* as core::fmt::Pointer>::fmt", true),
            ("<a::T as core::fmt::Debug>::fmt", "<* as core::fmt::Pointer>::fmt", false),
            ("a::b::c", "a*b*c", true),
            ("a::c", "a*b*c", false),
            ("ab", "ab*b", false),
        ] {
            assert_eq!(matches(path, pattern), fits, "{path} {pattern}");
        }
    }

    #[test]
    fn each_path_stands_in_one_family() {
        let mut all: Vec<&str> = SINKS.iter().chain(C_LIBRARY).flat_map(|s| s.paths).copied().collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
    }
}
