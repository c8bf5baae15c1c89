//! Names of symbols: demangled, with the crate in which the code was written.

mod canonical;
mod mangled;

use mangled::Home;
use std::borrow::Cow;

/// The name of a symbol, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// As people read it, without hashes.
    pub(crate) text: String,
    /// Without type arguments: `std::collections::hash::map::HashMap::iter`, `<a::T as b::Trait>::method`. A symbol that is not
    /// Rust's is `extern name`.
    pub(crate) path: String,
    /// The crate whose source the code stands in, if the name tells.
    pub(crate) krate: Option<String>,
}

/// What a path begins with if the symbol is not Rust's.
pub(crate) const EXTERN: &str = "extern ";

impl Name {
    /// Takes a symbol apart. v0 and legacy mangling are known, with the underscore that Mach-O puts in front.
    pub(crate) fn of(symbol: &str) -> Self {
        let symbol = unversioned(symbol);
        let Ok(demangled) = rustc_demangle::try_demangle(symbol) else {
            let path = format!("{EXTERN}{}", symbol.trim_start_matches('_'));
            return Name { text: symbol.to_owned(), path, krate: None };
        };
        let text = format!("{demangled:#}");
        let path = canonical::path(&text);
        let krate = match mangled::home(symbol) {
            Some(Home::Crate(krate)) => Some(krate),
            Some(Home::Trait) => canonical::trait_crate(&path),
            None => canonical::krate(&path),
        };
        let krate = krate.map(str::to_owned);
        Name { text, path, krate }
    }

    /// The text without type arguments and without what a compiler made up, for people.
    pub(crate) fn short(&self) -> Cow<'_, str> {
        match self.path.strip_prefix(EXTERN) {
            Some(name) => Cow::Owned(format!("{name} (C)")),
            None => Cow::Borrowed(&self.path),
        }
    }
}

/// Without the version that a linker script adds: `getrandom@GLIBC_2.25`.
fn unversioned(symbol: &str) -> &str {
    symbol.split_once('@').filter(|(name, _)| !name.is_empty()).map_or(symbol, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::Name;

    fn name(symbol: &str) -> (String, String) {
        let n = Name::of(symbol);
        (n.path, n.krate.unwrap_or_default())
    }

    #[test]
    fn the_crate_is_that_of_the_source() {
        // A method of std for a type of a user, and one that a trait of std provides.
        let own = "_RNvXCscRv4lfGuUl1_1tNtB2_1CNtNtNtNtCsgEmfK2I1SDS_4core4iter6traits8iterator8Iterator4next";
        assert_eq!(name(own), ("<t::C as core::iter::traits::iterator::Iterator>::next".into(), "t".into()));
        let provided =
            "_RINvYNtCscRv4lfGuUl1_1t1CNtNtNtNtCsgEmfK2I1SDS_4core4iter6traits8iterator8Iterator3maphNCNvB5_4main0EB5_";
        assert_eq!(name(provided), ("<t::C as core::iter::traits::iterator::Iterator>::map".into(), "core".into()));
        let inherent = "_RNvMs5_NtCsjrHSEGnQ3l9_3std4timeNtB5_10SystemTime3now";
        assert_eq!(name(inherent), ("std::time::SystemTime::now".into(), "std".into()));
    }

    #[test]
    fn legacy_mangling_is_known() {
        let clock = "_ZN3std4time10SystemTime3now17h0123456789abcdefE";
        assert_eq!(name(clock), ("std::time::SystemTime::now".into(), "std".into()));
        let implemented = "_ZN50_$LT$shop..Order$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE";
        assert_eq!(name(implemented), ("<shop::Order as core::fmt::Display>::fmt".into(), "shop".into()));
        let generic = "_ZN3std11collections4hash3map24HashMap$LT$K$C$V$C$S$GT$4iter17h0123456789abcdefE";
        assert_eq!(name(generic), ("std::collections::hash::map::HashMap::iter".into(), "std".into()));
    }

    #[test]
    fn what_is_not_of_rust_is_external() {
        assert_eq!(name("clock_gettime"), ("extern clock_gettime".into(), String::new()));
        assert_eq!(name("getrandom@GLIBC_2.25"), ("extern getrandom".into(), String::new()));
        assert_eq!(name("_open"), ("extern open".into(), String::new()));
    }

    #[test]
    fn no_symbol_makes_it_panic() {
        for s in [
            "",
            "_",
            "_R",
            "_RNv",
            "_RNvC",
            "_RNvB_",
            "_RNvMs",
            "_RNvC99999999999999999999x",
            "_ZN",
            "@",
            "<",
            "_RNvC1é",
        ] {
            Name::of(s);
        }
        for text in ["<", "<<", "a<b", "<a as b", ">", "::", "<&", "a::<", "<a as b>::<"] {
            super::canonical::path(text);
        }
    }
}
