//! Demangled text without type arguments, so that a rule can name a function once for all its instances.

/// `<a::B<u8>>::f::<u16>` is `a::B::f`; `<a::B<u8> as c::D<u8>>::f` is `<a::B as c::D>::f`.
pub(super) fn path(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let rest = match text.strip_prefix('<').map(|_| split_group(text)) {
        Some(Some((inner, rest))) => {
            match split_as(inner) {
                Some((ty, of)) => {
                    out.push('<');
                    out.push_str(&type_path(ty));
                    out.push_str(" as ");
                    out.push_str(&path(of));
                    out.push('>');
                }
                None => out.push_str(&type_path(inner)),
            }
            rest
        }
        _ => text,
    };
    without_arguments(rest, &mut out);
    out
}

/// The crate that a path begins with. Of `<T as Trait>` it is that of the type, or that of the trait where the type has none.
pub(super) fn krate(path: &str) -> Option<&str> {
    match split_trait(path) {
        Some((ty, of)) => first(ty).or_else(|| first(of)),
        None => first(path),
    }
}

/// The crate of the trait of `<T as Trait>::method`.
pub(super) fn trait_crate(path: &str) -> Option<&str> {
    split_trait(path).and_then(|(_, of)| first(of)).or_else(|| first(path))
}

fn split_trait(path: &str) -> Option<(&str, &str)> {
    let (inner, _) = path.strip_prefix('<').and_then(|_| split_group(path))?;
    split_as(inner)
}

fn first(path: &str) -> Option<&str> {
    let path =
        path.trim_start_matches(['&', '*', '[', '(', '<']).trim_start_matches("mut ").trim_start_matches("const ");
    path.find("::").map(|end| &path[..end]).filter(|name| is_name(name))
}

fn is_name(s: &str) -> bool {
    !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// References, slices and tuples keep their signs; what stands within them loses its arguments.
fn type_path(ty: &str) -> String {
    let sign = ty.len() - ty.trim_start_matches(['&', '*', '[', '(']).len();
    let (sign, ty) = ty.split_at(sign);
    format!("{sign}{}", path(ty))
}

/// `<inner>rest`.
fn split_group(text: &str) -> Option<(&str, &str)> {
    let end = closing(text)?;
    Some((&text[1..end], &text[end + 1..]))
}

/// The place of the `>` that closes the `<` at the beginning.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut before) = (0usize, ' ');
    for (i, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            // Not the arrow of a function type.
            '>' if before != '-' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
        before = c;
    }
    None
}

/// `T as Trait` at the outermost level.
fn split_as(inner: &str) -> Option<(&str, &str)> {
    let (mut depth, mut before) = (0usize, ' ');
    for (i, c) in inner.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && inner[i..].starts_with(" as ") => return Some((&inner[..i], &inner[i + 4..])),
            _ => {}
        }
        before = c;
    }
    None
}

/// Drops `<..>` and `::<..>`.
fn without_arguments(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let before = &rest[..open];
        out.push_str(before.strip_suffix("::").unwrap_or(before));
        match closing(&rest[open..]) {
            Some(end) => rest = &rest[open + end + 1..],
            None => return,
        }
    }
    out.push_str(rest);
}
