//! When the order of a hash map shows, and when it does not.
//!
//! Whoever goes through a map calls an iterator's methods in the same function, and with opt-level 0 they are there to be seen, with
//! their types: a sum of integers, a search whose answer is yes or no, and what is collected into an ordered or hashed collection, or
//! sorted, is the same in every order.

use crate::{
    graph::{Graph, NodeId},
    name::Name,
};
use std::collections::HashSet;

/// Whether the order in which `user` goes through a map, by the method `method`, can show.
pub(crate) fn order_matters(graph: &Graph, user: NodeId, method: NodeId, local: &dyn Fn(NodeId) -> bool) -> bool {
    let map = graph.name(method);
    if !is_random(&map.text) || compares_or_fills(&graph.name(user).path) {
        return false;
    }
    if map.path.ends_with("::retain") {
        return closures(graph, method, local).any(|closure| writes_a_list(graph, closure));
    }
    let (mut consumers, mut sorts, mut lists) = (0, false, false);
    let of = arguments(&map.text);
    for edge in &graph.node(user).edges {
        let name = graph.name(edge.to);
        sorts |= is_sort(&name.path);
        if !is_given_iterator(&name.text, of) {
            continue;
        }
        match consumption(name) {
            Consumption::None => {}
            Consumption::InAnyOrder => consumers += 1,
            Consumption::IntoList => (consumers, lists) = (consumers + 1, true),
            Consumption::InOrder => return true,
        }
    }
    consumers == 0 || (lists && !sorts)
}

/// The user's closures that a method of a map calls: they are a few calls within the standard library away.
fn closures<'g>(
    graph: &'g Graph,
    method: NodeId,
    local: &'g dyn Fn(NodeId) -> bool,
) -> impl Iterator<Item = NodeId> + 'g {
    let (mut near, mut seen) = (vec![method], HashSet::from([method]));
    for _ in 0..8 {
        let within = near.iter().filter(|n| !local(**n)).flat_map(|n| graph.node(*n).edges.iter().map(|e| e.to));
        let next: Vec<NodeId> = within.collect();
        near.extend(next.into_iter().filter(|n| seen.insert(*n)));
    }
    near.into_iter().filter(move |n| local(*n))
}

/// Whether a function appends to something that keeps the order.
fn writes_a_list(graph: &Graph, function: NodeId) -> bool {
    const APPENDS: [&str; 7] = [
        "alloc::vec::Vec::push",
        "alloc::vec::Vec::extend",
        "alloc::string::String::push",
        "alloc::string::String::insert",
        "alloc::collections::vec_deque::VecDeque::push",
        "<alloc::vec::Vec as core::iter::traits::collect::Extend>",
        "<alloc::string::String as core::fmt::Write>",
    ];
    graph.node(function).edges.iter().any(|e| APPENDS.iter().any(|a| graph.name(e.to).path.starts_with(a)))
}

/// The default hasher is not written out: a map with three type arguments, or a set with two, names its own.
fn is_random(text: &str) -> bool {
    let own = if text.contains("::HashSet<") { 1 } else { 2 };
    let (mut arguments, mut hasher) = (0, "");
    for argument in split(arguments_of(text)) {
        (arguments, hasher) = (arguments + 1, argument.trim());
    }
    // Legacy mangling tells the names of the parameters only.
    arguments <= own || hasher.contains("RandomState") || hasher.len() == 1
}

/// The type arguments of the map or set, without its hasher: an iterator over it has the same.
fn arguments(text: &str) -> &str {
    let all = arguments_of(text);
    let own = if text.contains("::HashSet<") { 1 } else { 2 };
    let len: usize = split(all).take(own).map(|a| a.len() + 1).sum();
    all.get(..len.saturating_sub(1)).unwrap_or(all)
}

/// What stands between the brackets behind `HashMap` or `HashSet`.
fn arguments_of(text: &str) -> &str {
    let name = if text.contains("::HashSet<") { "::HashSet<" } else { "::HashMap<" };
    let Some((_, rest)) = text.split_once(name) else { return "" };
    let mut depth = 0usize;
    for (i, c) in brackets(rest) {
        match c {
            '<' | '(' | '[' => depth += 1,
            _ if depth == 0 => return &rest[..i],
            _ => depth -= 1,
        }
    }
    rest
}

/// At the commas that stand within no brackets.
fn split(arguments: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(arguments).filter(|a| !a.is_empty());
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut depth, mut marks) = (0usize, brackets(text).peekable());
        for (i, c) in text.char_indices() {
            if let Some((_, mark)) = marks.next_if(|(at, _)| *at == i) {
                depth = if matches!(mark, '<' | '(' | '[') { depth + 1 } else { depth.saturating_sub(1) };
            }
            if c == ',' && depth == 0 {
                rest = Some(&text[i + 1..]);
                return Some(&text[..i]);
            }
        }
        rest = None;
        Some(text)
    })
}

/// The brackets of a type. That of an arrow is none.
fn brackets(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut before = ' ';
    text.char_indices().filter(move |(_, c)| {
        let arrow = before == '-' && *c == '>';
        before = *c;
        matches!(c, '<' | '>' | '(' | ')' | '[' | ']') && !arrow
    })
}

/// Whether a function is given an iterator over a map with these type arguments. A map itself it may be given for anything.
fn is_given_iterator(text: &str, of: &str) -> bool {
    const ITERATORS: [&str; 14] = [
        "::Iter<",
        "::IterMut<",
        "::Keys<",
        "::Values<",
        "::ValuesMut<",
        "::IntoKeys<",
        "::IntoValues<",
        "::IntoIter<",
        "::Drain<",
        "::ExtractIf<",
        "::Union<",
        "::Intersection<",
        "::Difference<",
        "::SymmetricDifference<",
    ];
    let mut rest = text;
    while let Some(at) = rest.find("collections::hash::") {
        rest = &rest[at + "collections::hash::".len()..];
        let kind = rest.trim_start_matches("map").trim_start_matches("set");
        if ITERATORS.iter().any(|i| kind.starts_with(i)) && text.contains(of) {
            return true;
        }
    }
    false
}

/// Compares two maps, or fills a collection that has an order of its own or none.
fn compares_or_fills(path: &str) -> bool {
    const KINDS: [&str; 5] = [
        "std::collections::hash::",
        "hashbrown::",
        "alloc::collections::btree::",
        "alloc::collections::binary_heap::",
        "&std::collections::hash::",
    ];
    let of = path.strip_prefix('<').unwrap_or(path);
    let ordered = KINDS.iter().any(|k| of.starts_with(k));
    let (fills, compares) = (
        ["::extend", "::from_iter", "::clone", "::clone_from"],
        ["::eq", "::is_subset", "::is_superset", "::is_disjoint"],
    );
    ordered && (fills.iter().any(|m| path.ends_with(m)) || compares.iter().any(|m| path.ends_with(m)))
}

fn is_sort(path: &str) -> bool {
    let method = path.rsplit("::").next().unwrap_or_default();
    method.starts_with("sort") && (path.starts_with("[") || path.contains("slice")) || method.starts_with("sorted")
}

enum Consumption {
    /// It makes an iterator of an iterator, or looks at the map by key.
    None,
    InAnyOrder,
    IntoList,
    InOrder,
}

/// What a function does to an iterator over a map.
fn consumption(name: &Name) -> Consumption {
    let Some((of, method)) = name.path.rsplit_once("::") else { return Consumption::None };
    let iterator = of.ends_with("core::iter::traits::iterator::Iterator>");
    let collection = of.ends_with("collect::FromIterator>") || of.ends_with("collect::Extend>");
    if collection {
        return if compares_or_fills(&name.path) { Consumption::InAnyOrder } else { list(&name.path) };
    }
    if of.ends_with("itertools::Itertools>") && (method.starts_with("sorted") || method.starts_with("counts")) {
        return Consumption::InAnyOrder;
    }
    if !iterator {
        // A function that takes the iterator: only those that make another one are known to leave it as it is.
        let makes =
            of.ends_with("collect::IntoIterator>") || of.contains("collections::hash::") || of.starts_with("core::ptr");
        let by_key =
            of.contains("hashbrown::") || of.ends_with("Clone>") || of.ends_with("Default>") || of.ends_with("Index>");
        return if makes || by_key || method == "drop_in_place" { Consumption::None } else { Consumption::InOrder };
    }
    match method {
        "map" | "filter" | "filter_map" | "flat_map" | "flatten" | "cloned" | "copied" | "by_ref" | "size_hint"
        | "chain" => Consumption::None,
        "count" | "all" | "any" | "min" | "max" | "is_empty" => Consumption::InAnyOrder,
        "sum" | "product" if !name.text.ends_with("::<f64>") && !name.text.ends_with("::<f32>") => {
            Consumption::InAnyOrder
        }
        "collect" => collected(&name.text),
        _ => Consumption::InOrder,
    }
}

/// The type argument of `collect`.
fn collected(text: &str) -> Consumption {
    let into = text.rsplit_once(">::collect::<").map_or("", |(_, into)| into);
    let unordered =
        ["std::collections::hash::", "alloc::collections::btree::", "alloc::collections::binary_heap::", "hashbrown::"];
    if unordered.iter().any(|k| into.starts_with(k)) { Consumption::InAnyOrder } else { list(into) }
}

fn list(path: &str) -> Consumption {
    let path = path.trim_start_matches('<');
    if path.starts_with("alloc::vec::Vec") || path.starts_with("alloc::boxed::Box<[") || path.starts_with("smallvec::")
    {
        Consumption::IntoList
    } else {
        Consumption::InOrder
    }
}

#[cfg(test)]
mod tests {
    use super::{arguments, is_given_iterator, is_random};

    #[test]
    fn a_hasher_of_its_own_is_not_random() {
        for (text, random) in [
            ("<std::collections::hash::map::HashMap<u8, (u8, u16)>>::iter", true),
            ("<std::collections::hash::map::HashMap<u8, u8, std::hash::random::RandomState>>::iter", true),
            (
                "<std::collections::hash::map::HashMap<u8, u8, core::hash::BuildHasherDefault<fxhash::FxHasher>>>::iter",
                false,
            ),
            ("<std::collections::hash::set::HashSet<u8>>::iter", true),
            ("<std::collections::hash::set::HashSet<u8, core::hash::BuildHasherDefault<a::H>>>::iter", false),
            ("<std::collections::hash::map::HashMap<u8, fn(u8) -> u8>>::iter", true),
            // Legacy mangling.
            ("std::collections::hash::map::HashMap<K,V,S>::iter", true),
        ] {
            assert_eq!(is_random(text), random, "{text}");
        }
    }

    #[test]
    fn an_iterator_has_the_type_arguments_of_its_map() {
        let map = "<std::collections::hash::map::HashMap<alloc::string::String, (u8, fn(u8) -> u8)>>::iter";
        assert_eq!(arguments(map), "alloc::string::String, (u8, fn(u8) -> u8)");
        let next = "<std::collections::hash::map::Iter<alloc::string::String, (u8, fn(u8) -> u8)> as core::iter::Iterator>::next";
        assert!(is_given_iterator(next, arguments(map)) && !is_given_iterator(next, "u8, u8"));
        let slot = "<workflow_runtime::machine::slot::Slot<std::collections::hash::map::HashMap<u8, u8>>>::take";
        assert!(!is_given_iterator(slot, "u8, u8"));
        assert_eq!(arguments("<std::collections::hash::set::HashSet<u8, a::Hasher<u8, u8>>>::iter"), "u8");
        assert_eq!(arguments("std::collections::hash::map::HashMap"), "");
    }
}
