//! Blocks, `if` and `match` as values.

use crate::{
    r#gen::{Gen, Target},
    scope::{Hold, Moves},
    types::Ty,
};

/// How a block ends.
#[derive(Debug, Clone)]
pub enum Tail {
    Unit,
    Value(Ty),
}

impl Gen<'_> {
    /// An expression that contains statements or alternatives.
    pub fn branching(&mut self, ty: &Ty) -> String {
        if !self.cx.leaves && !self.cx.awaits {
            // Within a closure.
            let c = self.value(&Ty::Bool);
            let (a, b) = (self.value(ty), self.value(ty));
            return format!("(if {c} {{ {a} }} else {{ {b} }})");
        }
        match self.src.below(if self.cx.awaits { 7 } else { 6 }) {
            6 => {
                let text = self.select(&Tail::Value(ty.clone()));
                format!("({text})")
            }
            0 => {
                self.used("block as value");
                let block = self.block(&Tail::Value(ty.clone()), 2);
                format!("({block})")
            }
            1 | 2 => {
                self.used("if as value");
                let text = self.if_(&Tail::Value(ty.clone()));
                format!("({text})")
            }
            3 => {
                self.used("match as value");
                let text = self.match_(&Tail::Value(ty.clone()));
                format!("({text})")
            }
            4 => {
                self.used("labelled block");
                let text = self.labelled_block(ty);
                format!("({text})")
            }
            _ => {
                self.used("loop as value");
                let text = self.loop_(Some(ty));
                format!("({text})")
            }
        }
    }

    /// `{ .. }` with up to so many statements.
    pub fn block(&mut self, tail: &Tail, most: usize) -> String {
        self.scoped(|g| {
            let most = if g.deeper() { most } else { 0 };
            let mut lines = g.several(most, Self::statement);
            match tail {
                Tail::Unit => {}
                Tail::Value(ty) => lines.push(g.value(ty)),
            }
            format!("{{\n{}\n}}", lines.join("\n"))
        })
    }

    /// What may be written in a block that is left, and so runs once however many loops are around.
    pub fn leaving_block(&mut self) -> String {
        // Decided first, because it says what may be moved.
        let choices = self.leave_choices();
        let at = self.src.below(choices.len());
        let (target, continues) = choices[at];
        let barrier = match target {
            None => self.floor,
            Some(t) if continues => self.cx.barrier.max(self.targets[t].outside + 1),
            Some(t) => self.targets[t].outside.min(self.cx.barrier),
        };
        let text = self.scoped(|g| {
            g.under(
                |cx| cx.barrier = barrier,
                |g| {
                    let most = usize::from(g.deeper());
                    let mut lines = g.several(most, Self::statement);
                    lines.push(g.leave_to(target, continues));
                    lines.join("\n")
                },
            )
        });
        format!("{{\n{text}\n}}")
    }

    /// `None` is `return`.
    fn leave_choices(&self) -> Vec<(Option<usize>, bool)> {
        let mut all = vec![(None, false)];
        for (i, t) in self.targets.iter().enumerate().skip(self.owed).rev().filter(|(_, t)| !t.in_head) {
            all.push((Some(i), false));
            if t.is_loop {
                all.push((Some(i), true));
            }
        }
        all
    }

    fn leave_to(&mut self, target: Option<usize>, continues: bool) -> String {
        let Some(t) = target else {
            self.used("early return");
            let value = self.returned();
            return format!("return {value};");
        };
        // A jump out of a labelled block bears a label.
        let innermost = self.targets[t].is_loop && t + 1 == self.targets.len();
        let label = self.targets[t].label.clone();
        let label = if innermost && self.src.chance(1, 2) {
            String::new()
        } else {
            self.targets[t].named = true;
            format!(" {label}")
        };
        if continues {
            self.used("continue");
            return format!("continue{label};");
        }
        self.used("break");
        let value = self.targets[t].value.clone().map(|ty| format!(" {}", self.value(&ty)));
        let mark = self.targets[t].mark;
        let mut moves = self.scope.moves();
        moves.truncate(mark);
        self.targets[t].exits.push(moves);
        format!("break{label}{};", value.unwrap_or_default())
    }

    /// What the function returns.
    pub fn returned(&mut self) -> String {
        use crate::r#gen::Ret;
        match self.ret.clone() {
            Ret::Result(t) => match self.src.below(4) {
                0..3 => format!("Ok({})", self.value(&t)),
                _ => {
                    let n = self.value(&Ty::U32);
                    format!("Err(Fail::Own({n}))")
                }
            },
            Ret::Option(t) => match self.src.below(4) {
                0..3 => format!("Some({})", self.value(&t)),
                _ => "None".into(),
            },
            Ret::Plain(t) => self.value(&t),
        }
    }

    /// Several alternatives, of which one runs. Those that are left do not come back.
    pub fn alternatives(&mut self, n: usize, mut f: impl FnMut(&mut Self, usize) -> (String, bool)) -> Vec<String> {
        let before = self.scope.moves();
        let mut ends: Vec<Moves> = vec![];
        let mut texts = vec![];
        for i in 0..n {
            self.scope.set_moves(&before);
            let (text, comes_back) = f(self, i);
            if comes_back {
                ends.push(self.scope.moves());
            }
            texts.push(text);
        }
        self.scope.meet(&ends);
        texts
    }

    /// The block of an alternative; sometimes it is left.
    pub fn alternative(&mut self, tail: &Tail, may_leave: bool) -> (String, bool) {
        if may_leave && self.cx.leaves && self.src.chance(1, 5) {
            return (self.leaving_block(), false);
        }
        (self.block(tail, 2), true)
    }

    /// `if`, `if let` and chains, with an `else` if it gives a value.
    pub fn if_(&mut self, tail: &Tail) -> String {
        let mark = self.scope.vars.len();
        // The condition may fail at each of its operands, so the `else` goes by all that it moves.
        let (condition, moves) = self.chain();
        let (then, comes_back) = self.alternative(tail, true);
        self.scope.close(mark);
        let after = if comes_back { Some(self.scope.moves()) } else { None };
        self.scope.set_moves(&moves);
        let mut ends: Vec<Moves> = after.into_iter().collect();
        if matches!(tail, Tail::Unit) && self.src.chance(1, 2) {
            ends.push(self.scope.moves());
            self.scope.meet(&ends);
            return format!("if {condition} {then}");
        }
        let otherwise = if self.deeper() && self.src.chance(1, 4) {
            self.used("else if");
            self.if_(tail)
        } else {
            self.block(tail, 2)
        };
        ends.push(self.scope.moves());
        self.scope.meet(&ends);
        format!("if {condition} {then} else {otherwise}")
    }

    /// `a && let pattern = b && ..`. What it binds stays declared; the caller closes the scope.
    pub fn chain(&mut self) -> (String, Moves) {
        let n = 1 + usize::from(self.src.chance(1, 4)) + usize::from(self.src.chance(1, 6));
        let outer = self.scope.vars.len();
        let mut parts = vec![];
        for _ in 0..n {
            if self.src.chance(2, 5) {
                self.used("if let");
                parts.push(self.let_condition());
            } else {
                parts.push(self.value(&Ty::Bool));
            }
        }
        if n > 1 {
            self.used("let chain");
        }
        let mut moves = self.scope.moves();
        moves.truncate(outer);
        (parts.join(" && "), moves)
    }

    /// `let pattern = value`, by value or by reference.
    pub fn let_condition(&mut self) -> String {
        let ty = self.matched_type();
        let (scrutinee, hold, lender) = self.scrutinee(&ty);
        let (pattern, bound) = self.pattern(&ty, hold);
        self.bind(bound, hold, lender);
        format!("let {pattern} = {scrutinee}")
    }

    /// A type that patterns can take apart, preferably one that there is a place of.
    pub fn matched_type(&mut self) -> Ty {
        let there = self.scope.readable();
        let fit = |t: &Ty| matches!(t, Ty::Option(_) | Ty::Kind | Ty::Result(_) | Ty::Tuple(_) | Ty::Item);
        if self.src.chance(1, 2)
            && let Some(p) = self.pick_place(there, fit)
        {
            return p.ty;
        }
        let u32s = Ty::Option(Box::new(Ty::U32));
        match self.src.below(6) {
            0 => u32s,
            1 => Ty::Option(Box::new(Ty::Str)),
            2 => Ty::Kind,
            3 => Ty::Result(Box::new(Ty::U32)),
            4 => Ty::Tuple(vec![Ty::U32, Ty::Str]),
            _ => Ty::Item,
        }
    }

    /// What is matched: a value, `&place`, `&mut place`, `&value`.
    pub fn scrutinee(&mut self, ty: &Ty) -> (String, Hold, Option<usize>) {
        match self.src.below(5) {
            0 | 1 => (self.value(ty), Hold::Owned, None),
            2 | 3 => match self.pick_place(self.scope.readable(), |t| t == ty) {
                Some(place) => {
                    self.used("match by reference");
                    (self.borrowed(&place), Hold::Ref, Some(place.root))
                }
                None => (self.value(ty), Hold::Owned, None),
            },
            _ if self.cx.writes => match self.pick_place(self.writable(false), |t| t == ty) {
                Some(place) => {
                    self.used("match by mutable reference");
                    (format!("&mut {}", place.text), Hold::RefMut, Some(place.root))
                }
                None => (self.value(ty), Hold::Owned, None),
            },
            _ => (self.value(ty), Hold::Owned, None),
        }
    }

    /// `'l: { .. break 'l value; .. value }`
    fn labelled_block(&mut self, ty: &Ty) -> String {
        let (label, mark) = (self.label(), self.scope.vars.len());
        let outside = self.cx.loops;
        self.targets.push(Target {
            label: label.clone(),
            value: Some(ty.clone()),
            is_loop: false,
            outside,
            mark,
            exits: vec![],
            named: true,
            in_head: false,
        });
        let t = self.targets.len() - 1;
        let text = self.scoped(|g| {
            let mut lines = vec![];
            if g.deeper() && g.src.chance(1, 2) {
                lines.push(g.statement());
            }
            if g.cx.leaves {
                let condition = g.value(&Ty::Bool);
                let before = g.scope.moves();
                let barrier = g.cx.barrier;
                let left = g.scoped(|g| g.under(|cx| cx.barrier = barrier, |g| g.leave_to(Some(t), false)));
                g.scope.set_moves(&before);
                lines.push(format!("if {condition} {{\n{left}\n}}"));
            }
            if g.deeper() && g.src.chance(1, 2) {
                lines.push(g.statement());
            }
            lines.push(g.value(ty));
            lines.join("\n")
        });
        let mut ends = vec![self.scope.moves()];
        if let Some(target) = self.targets.pop() {
            ends.extend(target.exits);
        }
        self.scope.meet(&ends);
        format!("{label}: {{\n{text}\n}}")
    }
}
