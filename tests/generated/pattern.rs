//! Patterns, and `match`.

use crate::{
    branch::Tail,
    r#gen::{Cx, Gen},
    scope::Hold,
    types::{Ty, option},
};

/// What a pattern binds.
pub struct Bound {
    pub name: String,
    pub ty: Ty,
    pub mutable: bool,
}

impl Gen<'_> {
    /// Declares what a pattern binds.
    pub fn bind(&mut self, bound: Vec<Bound>, hold: Hold, lender: Option<usize>) {
        for b in bound {
            let var = self.scope.declare(&b.name, &b.ty, hold, b.mutable, self.cx.loops);
            if let Some(lender) = lender.filter(|_| hold != Hold::Owned) {
                self.scope.borrow(var, lender);
            }
        }
    }

    /// A pattern for a value that is held in some way; it may be one that does not match.
    pub fn pattern(&mut self, ty: &Ty, hold: Hold) -> (String, Vec<Bound>) {
        let mut bound = vec![];
        let text = self.pattern_of(ty, hold, true, &mut bound);
        (text, bound)
    }

    /// A pattern that always matches.
    pub fn irrefutable(&mut self, ty: &Ty, hold: Hold) -> (String, Vec<Bound>) {
        let mut bound = vec![];
        let text = self.pattern_of(ty, hold, false, &mut bound);
        (text, bound)
    }

    fn binding(&mut self, ty: &Ty, hold: Hold, bound: &mut Vec<Bound>) -> String {
        // One pattern must not bind a name twice.
        let mut name = self.name();
        if bound.iter().any(|b| b.name == name) {
            name = self.fresh("v");
        }
        let mutable = hold == Hold::Owned && self.src.chance(1, 4);
        bound.push(Bound { name: name.clone(), ty: ty.clone(), mutable });
        if mutable { format!("mut {name}") } else { name }
    }

    fn pattern_of(&mut self, ty: &Ty, hold: Hold, refutable: bool, bound: &mut Vec<Bound>) -> String {
        self.src.begin();
        let text = match self.src.weighted(&[2, 1, 6]) {
            0 => self.binding(ty, hold, bound),
            1 => "_".into(),
            _ => self.taken_apart(ty, hold, refutable, bound),
        };
        self.src.end();
        text
    }

    fn taken_apart(&mut self, ty: &Ty, hold: Hold, refutable: bool, bound: &mut Vec<Bound>) -> String {
        match ty {
            Ty::Tuple(all) => {
                let all: Vec<_> = all.iter().map(|t| self.pattern_of(t, hold, refutable, bound)).collect();
                self.used("tuple pattern");
                format!("({})", all.join(", "))
            }
            Ty::Three(t) => {
                let all: Vec<_> = (0..2).map(|_| self.pattern_of(t, hold, refutable, bound)).collect();
                self.used("array pattern");
                format!("[{}, .., {}]", all[0], all[1])
            }
            Ty::Item => {
                self.used("struct pattern");
                let (id, name) = (
                    self.pattern_of(&Ty::U32, hold, refutable, bound),
                    self.pattern_of(&Ty::Str, hold, refutable, bound),
                );
                format!("Item {{ id: {id}, name: {name}, .. }}")
            }
            Ty::Order => {
                self.used("nested pattern");
                let (item, kind) = (
                    self.pattern_of(&Ty::Item, hold, refutable, bound),
                    self.pattern_of(&Ty::Kind, hold, refutable, bound),
                );
                format!("Order {{ item: {item}, kind: {kind}, .. }}")
            }
            Ty::U32 if refutable => self.number_pattern(hold, bound),
            Ty::Option(t) if refutable => match self.src.below(3) {
                0 => "None".into(),
                _ => format!("Some({})", self.pattern_of(t, hold, refutable, bound)),
            },
            Ty::Result(t) if refutable => match self.src.below(3) {
                0 => "Err(_)".into(),
                _ => format!("Ok({})", self.pattern_of(t, hold, refutable, bound)),
            },
            Ty::Kind if refutable => self.kind_pattern(hold, bound),
            Ty::Bool if refutable => "true".into(),
            Ty::Char if refutable => "'a'..='m'".into(),
            _ => self.binding(ty, hold, bound),
        }
    }

    fn number_pattern(&mut self, hold: Hold, bound: &mut Vec<Bound>) -> String {
        match self.src.below(5) {
            0 => format!("{}", self.src.below(4)),
            1 => {
                self.used("or-pattern");
                "0 | 2 | 4".into()
            }
            2 => "0..=2".into(),
            // Through a reference a constant does not match.
            3 if hold == Hold::Owned => {
                self.used("constant pattern");
                "LIMIT".into()
            }
            _ => {
                self.used("@ pattern");
                let name = self.binding(&Ty::U32, hold, bound);
                format!("{name} @ (1..=3)")
            }
        }
    }

    fn kind_pattern(&mut self, hold: Hold, bound: &mut Vec<Bound>) -> String {
        match self.src.below(6) {
            0 => "Kind::Plain".into(),
            1 => format!("Kind::Count({})", self.pattern_of(&Ty::U32, hold, true, bound)),
            2 => format!("Kind::Named({})", self.pattern_of(&Ty::Str, hold, true, bound)),
            3 => {
                let w = self.pattern_of(&Ty::U32, hold, true, bound);
                let by = self.pattern_of(&Ty::Str, hold, true, bound);
                format!("Kind::Sized {{ w: {w}, by: {by} }}")
            }
            4 => format!("Kind::Deep({})", self.pattern_of(&option(Ty::U32), hold, true, bound)),
            _ => {
                self.used("or-pattern");
                let name = self.binding(&Ty::U32, hold, bound);
                format!("(Kind::Count({name}) | Kind::Sized {{ w: {name}, .. }} | Kind::Deep(Some({name})))")
            }
        }
    }

    /// `match`, whose last arm takes what is left.
    pub fn match_(&mut self, tail: &Tail) -> String {
        match self.src.below(5) {
            0 => return self.match_text(tail),
            1 => {
                if let Some(text) = self.match_slice(tail) {
                    return text;
                }
            }
            _ => {}
        }
        let ty = if self.src.chance(1, 5) { Ty::U32 } else { self.matched_type() };
        let (scrutinee, hold, lender) = self.scrutinee(&ty);
        let n = 1 + self.src.below(3);
        let arms = self.alternatives(n + 1, |g, i| {
            g.scoped(|g| {
                if i == n {
                    let (text, back) = g.alternative(tail, false);
                    return (format!("_ => {text}"), back);
                }
                let (pattern, bound) = g.pattern(&ty, hold);
                g.bind(bound, hold, lender);
                // The scrutinee is borrowed until the guard has decided.
                let locked = u32::from(hold == Hold::RefMut);
                lender.into_iter().for_each(|l| g.scope.vars[l].locked += locked);
                let guard = g.guard();
                lender.into_iter().for_each(|l| g.scope.vars[l].locked -= locked);
                let (text, back) = g.alternative(tail, true);
                (format!("{pattern}{guard} => {text}"), back)
            })
        });
        self.used("match");
        format!("match {scrutinee} {{\n{}\n}}", arms.join("\n"))
    }

    /// `if condition` behind a pattern, sometimes.
    fn guard(&mut self) -> String {
        if !self.src.chance(1, 3) {
            return String::new();
        }
        self.used("guard");
        let rules = |cx: &mut Cx| (cx.moves, cx.writes) = (false, false);
        let condition = self.under(rules, |g| g.value(&Ty::Bool));
        format!(" if {condition}")
    }

    fn match_text(&mut self, tail: &Tail) -> String {
        let text = match self.pick_place(self.scope.readable(), |t| *t == Ty::Str) {
            Some(place) => place.text,
            None => self.value(&Ty::Str),
        };
        let arms = self.alternatives(3, |g, i| {
            let pattern = ["\"a\" | \"ab\"", "\"\"", "_"][i];
            let guard = if i == 2 { String::new() } else { g.guard() };
            let (text, back) = g.alternative(tail, i != 2);
            (format!("{pattern}{guard} => {text}"), back)
        });
        self.used("match on text");
        format!("match {text}.as_str() {{\n{}\n}}", arms.join("\n"))
    }

    fn match_slice(&mut self, tail: &Tail) -> Option<String> {
        let place = self.pick_place(self.scope.readable(), |t| matches!(t, Ty::Vec(_)))?;
        let Ty::Vec(inner) = place.ty.clone() else { return None };
        self.used("slice pattern");
        let arms = self.alternatives(3, |g, i| {
            g.scoped(|g| {
                let mut bound = vec![];
                let pattern = match i {
                    0 => {
                        let first = g.pattern_of(&inner, Hold::Ref, true, &mut bound);
                        format!("[{first}]")
                    }
                    1 => {
                        let (first, last) =
                            (g.binding(&inner, Hold::Ref, &mut bound), g.binding(&inner, Hold::Ref, &mut bound));
                        format!("[{first}, .., {last}]")
                    }
                    _ => "_".into(),
                };
                g.bind(bound, Hold::Ref, Some(place.root));
                let guard = if i == 2 { String::new() } else { g.guard() };
                let (text, back) = g.alternative(tail, i != 2);
                (format!("{pattern}{guard} => {text}"), back)
            })
        });
        Some(format!("match {}.as_slice() {{\n{}\n}}", place.text, arms.join("\n")))
    }
}
