//! Loops over adapted iterators, pieces of slices and texts, and what is drained.

use crate::{
    r#gen::Gen,
    scope::{Hold, Place},
    types::{Ty, vec_of},
};

/// What is adapted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapt {
    Owned,
    Lent,
}

impl Gen<'_> {
    /// A chain of adaptors behind `items`, and whether each item has a number beside it.
    pub fn adapted(&mut self, items: String, both_ends: bool, what: Adapt) -> (String, bool) {
        let ready = [".iter()", ".iter_mut()", ".into_iter()"].iter().any(|begun| items.ends_with(begun));
        let mut text = match (what, ready) {
            _ if !self.src.chance(1, 2) => return (items, false),
            (_, true) => items,
            (Adapt::Lent, false) => return (items, false),
            (Adapt::Owned, false) => format!("({items}).into_iter()"),
        };
        for _ in 0..1 + self.src.below(2) {
            match self.src.below(4) {
                0 if both_ends => {
                    self.used("rev");
                    text += ".rev()";
                }
                1 => {
                    self.used("skip");
                    text += &format!(".skip({})", self.small());
                }
                _ => {
                    self.used("take");
                    text += &format!(".take({})", self.small());
                }
            }
        }
        match self.src.below(4) {
            0 => {
                self.used("enumerate");
                (format!("{text}.enumerate()"), true)
            }
            1 => {
                self.used("zip");
                (format!("(0..9usize).zip({text})"), true)
            }
            _ => (text, false),
        }
    }

    /// A number of elements.
    fn small(&mut self) -> String {
        let n = self.quiet(|g| g.value(&Ty::U32));
        format!("({n} % 4) as usize")
    }

    /// The pattern of an item, and the first line of the body if the item has a number beside it.
    pub fn counted(&mut self, pattern: String, counted: bool) -> (String, String) {
        if !counted {
            return (pattern, String::new());
        }
        let (i, n) = (self.fresh("i"), self.fresh("v"));
        self.scope.declare(&n, &Ty::U32, Hold::Owned, false, self.cx.loops);
        (format!("({i}, {pattern})"), format!("let {n} = {i} as u32;\n"))
    }

    /// The body of a loop over what is borrowed from `place`, which is named in front and behind.
    fn body_beside(&mut self, place: &Place, item: &str, declared: (&str, Ty)) -> String {
        self.scope.vars[place.root].frozen += 1;
        self.scope.declare(declared.0, &declared.1, Hold::Owned, false, self.cx.loops);
        let body = self.body();
        self.scope.vars[place.root].frozen -= 1;
        let again = if self.src.chance(1, 2) { format!("let _ = {item}.len();") } else { String::new() };
        format!("{body}\n{again}")
    }

    /// `for piece in place.chunks(2)`
    pub fn for_pieces(&mut self) -> String {
        let otherwise = vec_of(Ty::any(self.src, 1));
        let (declared, place) = self.there(false, |t| matches!(t, Ty::Vec(_)), &otherwise);
        let (method, construct) = [("chunks", "chunks"), ("windows", "windows"), ("chunks_exact", "chunks_exact")]
            [self.src.weighted(&[2, 2, 1])];
        self.used(construct);
        let items = format!("{}.{method}({})", place.text, 1 + self.src.below(3));
        let (items, counted) = match self.src.below(3) {
            0 => {
                self.used("enumerate");
                (format!("{items}.enumerate()"), true)
            }
            1 => (format!("{items}.rev()"), false),
            _ => (items, false),
        };
        let (text, label) = self.looping(None, false, |g| {
            let (piece, name) = (g.fresh("p"), g.fresh("v"));
            let (pattern, count) = g.counted(piece.clone(), counted);
            let owned = g.src.chance(1, 2);
            let (first, ty) = if owned { ("to_vec()", place.ty.clone()) } else { ("len() as u32", Ty::U32) };
            let body = g.body_beside(&place, &piece, (&name, ty));
            format!("for {pattern} in {items} {{\n{count}let {name} = {piece}.{first};\n{body}\n}}")
        });
        format!("{declared}{label}{text}")
    }

    /// `for line in text.lines()`
    pub fn for_text(&mut self) -> String {
        let (declared, place) = self.there(false, |t| *t == Ty::Str, &Ty::Str);
        let at = self.src.below(6);
        let (method, construct) = [
            ("chars()", "chars"),
            ("char_indices()", "char_indices"),
            ("bytes()", "bytes"),
            ("lines()", "lines"),
            ("split('b')", "split"),
            ("split_whitespace()", "split_whitespace"),
        ][at];
        self.used(construct);
        let items = format!("{}.{method}", place.text);
        let reversed = at < 5 && self.src.chance(1, 4);
        let items = if reversed { format!("{items}.rev()") } else { items };
        let counted = at != 1 && self.src.chance(1, 4);
        let items = if counted { format!("{items}.enumerate()") } else { items };
        let (text, label) = self.looping(None, false, |g| {
            let (piece, name) = (g.fresh("p"), g.fresh("v"));
            let plain = if at == 1 { format!("(_, {piece})") } else { piece.clone() };
            let (pattern, count) = g.counted(plain, counted);
            if at > 2 {
                let body = g.body_beside(&place, &piece, (&name, Ty::Str));
                return format!("for {pattern} in {items} {{\n{count}let {name} = {piece}.to_string();\n{body}\n}}");
            }
            g.scope.vars[place.root].frozen += 1;
            let (ty, value) = if at == 2 { (Ty::U32, format!("u32::from({piece})")) } else { (Ty::Char, piece) };
            g.scope.declare(&name, &ty, Hold::Owned, false, g.cx.loops);
            let body = g.body();
            g.scope.vars[place.root].frozen -= 1;
            format!("for {pattern} in {items} {{\n{count}let {name} = {value};\n{body}\n}}")
        });
        format!("{declared}{label}{text}")
    }

    /// `for x in v.drain(..)`
    pub fn for_drained(&mut self) -> String {
        let otherwise = vec_of(Ty::any(self.src, 1));
        if !self.cx.writes {
            return self.for_text();
        }
        let (declared, place) = self.there(true, |t| matches!(t, Ty::Vec(_)), &otherwise);
        let Ty::Vec(element) = place.ty.clone() else { return declared };
        self.used("drain");
        let (text, label) = self.looping(None, false, |g| {
            let (pattern, bound) = g.irrefutable(&element, Hold::Owned);
            g.bind(bound, Hold::Owned, None);
            g.scope.vars[place.root].locked += 1;
            let body = g.body();
            g.scope.vars[place.root].locked -= 1;
            format!("for {pattern} in {}.drain(..) {{\n{body}\n}}", place.text)
        });
        format!("{declared}{label}{text}")
    }
}
