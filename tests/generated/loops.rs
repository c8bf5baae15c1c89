//! Loops. All of them end.

use crate::{
    chains::Adapt,
    r#gen::{Gen, Target},
    scope::{Hold, Moves},
    types::{Ty, vec_of},
};

impl Gen<'_> {
    pub fn any_loop(&mut self) -> String {
        match self.src.weighted(&[5, 5, 3, 3, 2, 2, 3, 3, 2]) {
            0 => self.for_owned(),
            1 => self.for_borrowed(),
            2 => self.while_(),
            3 => {
                self.used("loop");
                self.loop_(None)
            }
            4 => self.while_let(),
            5 => self.for_map(),
            6 => self.for_pieces(),
            7 => self.for_text(),
            _ => self.for_drained(),
        }
    }

    /// A body that may run again; gives the text of what `f` writes and the label of the loop, if it is named.
    pub fn looping(
        &mut self,
        value: Option<&Ty>,
        never_zero: bool,
        f: impl FnOnce(&mut Self) -> String,
    ) -> (String, String) {
        let (label, mark, outside) = (self.label(), self.scope.vars.len(), self.cx.loops);
        let target = Target {
            label: label.clone(),
            value: value.cloned(),
            is_loop: true,
            outside,
            mark,
            exits: vec![],
            named: false,
            in_head: false,
        };
        self.targets.push(target);
        let before = self.scope.moves();
        let text = self.scoped(|g| g.under(|cx| (cx.loops, cx.barrier) = (outside + 1, outside + 1), f));
        let mut ends: Vec<Moves> = if never_zero { vec![] } else { vec![before, self.scope.moves()] };
        let named = match self.targets.pop() {
            Some(target) => {
                ends.extend(target.exits);
                target.named
            }
            None => false,
        };
        self.scope.meet(&ends);
        (text, if named { format!("{label}: ") } else { String::new() })
    }

    pub fn body(&mut self) -> String {
        let most = if self.deeper() { 3 } else { 0 };
        let mut lines = self.several(most, Self::statement);
        if self.src.chance(1, 4) && self.cx.leaves {
            let condition = self.value(&Ty::Bool);
            let before = self.scope.moves();
            let left = self.leaving_block();
            self.scope.set_moves(&before);
            lines.push(format!("if {condition} {left}"));
        }
        lines.join("\n")
    }

    fn for_owned(&mut self) -> String {
        let element = Ty::any(self.src, 1);
        let (items, element) = match self.src.below(7) {
            0 => (self.value(&vec_of(element.clone())), element),
            1 => {
                self.used("for over a range");
                (format!("0..({} % 4)", self.value(&Ty::U32)), Ty::U32)
            }
            2 => {
                self.used("for over an inclusive range");
                (format!("1..=({} % 4)", self.value(&Ty::U32)), Ty::U32)
            }
            3 => (format!("{}.into_iter()", self.value(&vec_of(element.clone()))), element),
            4 => (self.value(&Ty::Map(Box::new(element.clone()))), Ty::Tuple(vec![Ty::Str, element])),
            5 => {
                let simple = Ty::any(self.src, 0);
                (format!("{}.into_iter()", self.value(&Ty::Set(Box::new(simple.clone())))), simple)
            }
            _ => {
                let array = Ty::Three(Box::new(Ty::U32));
                (self.value(&array), Ty::U32)
            }
        };
        self.used("for over owned items");
        let both_ends = !items.contains("..");
        let (items, counted) = self.adapted(items, both_ends, Adapt::Owned);
        let (text, label) = self.looping(None, false, |g| {
            let (pattern, bound) = g.irrefutable(&element, Hold::Owned);
            g.bind(bound, Hold::Owned, None);
            let (pattern, count) = g.counted(pattern, counted);
            let body = g.body();
            format!("for {pattern} in {items} {{\n{count}{body}\n}}")
        });
        label + &text
    }

    fn for_borrowed(&mut self) -> String {
        let mutable = self.cx.writes && self.src.chance(1, 3);
        let fits = |t: &Ty| matches!(t, Ty::Vec(_) | Ty::Three(_));
        let otherwise = vec_of(Ty::any(self.src, 1));
        let (declared, place) = self.there(mutable, fits, &otherwise);
        let (Ty::Vec(element) | Ty::Three(element)) = place.ty.clone() else { return declared };
        let hold = if mutable { Hold::RefMut } else { Hold::Ref };
        self.used(if mutable { "for over mutable borrows" } else { "for over borrows" });
        let direct = if mutable { format!("&mut {}", place.text) } else { self.borrowed(&place) };
        let method = if mutable { "iter_mut" } else { "iter" };
        let (items, counted) = match self.src.below(3) {
            0 => (direct, false),
            _ => {
                let items = format!("{}.{method}()", place.text);
                self.locked(&place, |g| g.adapted(items, true, Adapt::Lent))
            }
        };
        let (text, label) = self.looping(None, false, |g| {
            let (pattern, bound) = g.irrefutable(&element, hold);
            // The collection is borrowed in the body even if the pattern binds nothing.
            match hold {
                Hold::RefMut => g.scope.vars[place.root].locked += 1,
                _ => g.scope.vars[place.root].frozen += 1,
            }
            g.bind(bound, hold, Some(place.root));
            let (pattern, count) = g.counted(pattern, counted);
            let body = g.body();
            match hold {
                Hold::RefMut => g.scope.vars[place.root].locked -= 1,
                _ => g.scope.vars[place.root].frozen -= 1,
            }
            format!("for {pattern} in {items} {{\n{count}{body}\n}}")
        });
        format!("{declared}{label}{text}")
    }

    fn for_map(&mut self) -> String {
        let fits = |t: &Ty| matches!(t, Ty::Map(_) | Ty::Set(_));
        let otherwise = Ty::Map(Box::new(Ty::any(self.src, 1)));
        let (declared, place) = self.there(false, fits, &otherwise);
        self.used("for over an ordered map or set");
        let lent = self.borrowed(&place);
        let (text, label) = self.looping(None, false, |g| {
            g.scope.vars[place.root].frozen += 1;
            let pattern = match place.ty.clone() {
                Ty::Map(v) => {
                    let (k, name) = (g.fresh("v"), g.fresh("v"));
                    let vars = [
                        g.scope.declare(&k, &Ty::Str, Hold::Ref, false, g.cx.loops),
                        g.scope.declare(&name, &v, Hold::Ref, false, g.cx.loops),
                    ];
                    vars.iter().for_each(|v| g.scope.borrow(*v, place.root));
                    format!("({k}, {name})")
                }
                Ty::Set(t) => {
                    let name = g.fresh("v");
                    let var = g.scope.declare(&name, &t, Hold::Ref, false, g.cx.loops);
                    g.scope.borrow(var, place.root);
                    name
                }
                _ => "_".into(),
            };
            let body = g.body();
            g.scope.vars[place.root].frozen -= 1;
            format!("for {pattern} in {lent} {{\n{body}\n}}")
        });
        format!("{declared}{label}{text}")
    }

    fn while_(&mut self) -> String {
        self.used("while");
        let counter = self.fresh("n");
        let (text, label) = self.looping(None, false, |g| {
            let t = g.targets.len() - 1;
            g.targets[t].in_head = true;
            let condition = if g.src.chance(2, 3) { format!(" && {}", g.value(&Ty::Bool)) } else { String::new() };
            let bound = g.src.chance(1, 4).then(|| {
                g.used("while let");
                let part = g.let_condition();
                format!(" && {part}")
            });
            let bound = bound.unwrap_or_default();
            g.targets[t].in_head = false;
            let body = g.body();
            format!("while {counter} < 3{condition}{bound} {{\n{counter} += 1;\n{body}\n}}")
        });
        format!("let mut {counter} = 0;\n{label}{text}")
    }

    /// `while let Some(x) = stack.pop()`
    fn while_let(&mut self) -> String {
        let Some(place) = self.pick_place(self.writable(false), |t| matches!(t, Ty::Vec(_))) else {
            return self.while_();
        };
        let Ty::Vec(element) = place.ty.clone() else { return self.while_() };
        self.used("while let");
        let (text, label) = self.looping(None, false, |g| {
            // So that it ends, nothing is put back.
            g.scope.vars[place.root].frozen += 1;
            let (pattern, bound) = g.irrefutable(&element, Hold::Owned);
            g.bind(bound, Hold::Owned, None);
            let body = g.body();
            g.scope.vars[place.root].frozen -= 1;
            format!("while let Some({pattern}) = {}.pop() {{\n{body}\n}}", place.text)
        });
        label + &text
    }

    /// `loop`, which a counter ends.
    pub fn loop_(&mut self, value: Option<&Ty>) -> String {
        let counter = self.fresh("n");
        let (text, label) = self.looping(value, true, |g| {
            let t = g.targets.len() - 1;
            let before = g.scope.moves();
            let outside = g.cx.loops - 1;
            // What ends the loop must not go round it.
            g.targets[t].in_head = true;
            let left = match value {
                Some(ty) => {
                    let v = g.under(|cx| cx.barrier = outside, |g| g.value(ty));
                    format!("break {v};")
                }
                None => "break;".into(),
            };
            g.targets[t].in_head = false;
            let (mark, mut moves) = (g.targets[t].mark, g.scope.moves());
            moves.truncate(mark);
            g.targets[t].exits.push(moves);
            g.scope.set_moves(&before);
            let body = g.body();
            format!("loop {{\n{counter} += 1;\nif {counter} > 3 {{\n{left}\n}}\n{body}\n}}")
        });
        let text = format!("let mut {counter} = 0;\n{label}{text}");
        if value.is_some() { format!("{{\n{text}\n}}") } else { text }
    }
}
