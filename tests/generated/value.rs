//! Expressions that give a value of a type. What they read and move is noted in the order in which it happens.

use crate::{
    r#gen::{Gen, Ret},
    ops::Param,
    scope::{Hold, Place},
    types::Ty,
};

impl Gen<'_> {
    /// An expression that can be an operand of anything.
    pub fn value(&mut self, ty: &Ty) -> String {
        self.src.begin();
        let text = self.under(|cx| cx.depth += 1, |g| g.any_value(ty));
        self.src.end();
        text
    }

    fn any_value(&mut self, ty: &Ty) -> String {
        if *ty == Ty::Generic {
            return "held.clone()".into();
        }
        if !self.deeper() {
            return self.leaf(ty);
        }
        self.fuel -= 1;
        let awaits = u32::from(self.cx.awaits);
        match self.src.weighted(&[3, 4, 6 * awaits, 5, 2, awaits]) {
            0 | 1 => self.leaf(ty),
            2 => self.awaited(ty),
            3 => self.composed(ty),
            4 => self.branching(ty),
            _ => self.helped(ty),
        }
    }

    /// A literal, or what a variable holds.
    pub fn leaf(&mut self, ty: &Ty) -> String {
        match self.src.weighted(&[2, 5]) {
            0 => ty.literal(self.src),
            _ => self.read(ty).unwrap_or_else(|| ty.literal(self.src)),
        }
    }

    /// What a place holds: copied, cloned, or moved out.
    pub fn read(&mut self, ty: &Ty) -> Option<String> {
        let place = self.pick_place(self.scope.readable(), |t| t == ty)?;
        if ty.copy() {
            return Some(place.text);
        }
        let movable = self.movable(self.cx.barrier).iter().any(|m| m.text == place.text);
        if movable && self.src.chance(2, 3) {
            self.used(if place.path.is_empty() { "move" } else { "partial move" });
            self.scope.take(&place);
            return Some(place.text);
        }
        Some(format!("{}.clone()", place.text))
    }

    /// `&place` or `&value`. The place is frozen while `then` is written.
    pub fn lent<R>(&mut self, ty: &Ty, then: impl FnOnce(&mut Self) -> R) -> (String, R) {
        if self.src.chance(1, 2)
            && let Some(place) = self.pick_place(self.scope.readable(), |t| t == ty)
        {
            let lent = self.borrowed(&place);
            let r = self.frozen(&place, then);
            return (lent, r);
        }
        let value = self.value(ty);
        (format!("&{value}"), then(self))
    }

    /// A shared borrow of a place.
    pub fn borrowed(&self, place: &Place) -> String {
        let var = &self.scope.vars[place.root];
        match var.hold {
            Hold::Ref if place.path.is_empty() => var.name.clone(),
            _ => format!("&{}", place.text),
        }
    }

    /// `operation(..).await` with its arguments, and the type of what it gives.
    fn call(&mut self, op: usize) -> String {
        let params: Vec<(bool, Ty)> = (self.ops[op].params.iter())
            .map(|p| match p {
                Param::Value(t) => (false, t.clone()),
                Param::Ref(t) => (true, t.clone()),
            })
            .collect();
        let args = self.arguments(&params);
        self.used(if self.ops[op].signal() { "signal" } else { "operation" });
        let label = self.given_label();
        format!("{}({}){label}.await", self.ops[op].name, args.join(", "))
    }

    /// Now and then a label, such as the compiler might give to a field or to what a name hides.
    fn given_label(&mut self) -> String {
        if !self.src.chance(1, 12) {
            return String::new();
        }
        let stem = self.any_name().unwrap_or_else(|| "v".to_owned());
        let end = [".0", ".1", "#1", " again", ".0.0"][self.src.below(5)];
        let label = format!("{stem}{end}");
        if !self.given.insert(label.clone()) {
            return String::new();
        }
        self.used("label");
        format!(".label(\"{label}\")")
    }

    fn arguments(&mut self, params: &[(bool, Ty)]) -> Vec<String> {
        let Some(((by_ref, ty), rest)) = params.split_first() else { return vec![] };
        let (first, mut rest) = if *by_ref {
            self.lent(ty, |g| g.arguments(rest))
        } else {
            let first = self.value(ty);
            (first, self.arguments(rest))
        };
        rest.insert(0, first);
        rest
    }

    /// The value of an operation, with one of the ways in which a program deals with its failure.
    pub fn awaited(&mut self, ty: &Ty) -> String {
        if self.src.chance(1, 4)
            && let Some(group) = self.group(ty)
        {
            return group;
        }
        let fit: Vec<usize> = (0..self.ops.len()).filter(|i| self.ops[*i].ok == *ty).collect();
        let Some(&op) = self.pick(&fit) else {
            return match ty {
                Ty::Result(t) => self.awaited_result(t),
                Ty::Option(t) => format!("Some({})", self.value(t)),
                _ => self.composed(ty),
            };
        };
        let call = self.call(op);
        self.unwrapped(&call, ty)
    }

    /// `Result<T, Oops>` of an operation that fails with `Oops`, or of another one.
    fn awaited_result(&mut self, ty: &Ty) -> String {
        let fit: Vec<usize> = (0..self.ops.len()).filter(|i| self.ops[*i].ok == *ty).collect();
        match self.pick(&fit) {
            Some(&op) => {
                let call = self.call(op);
                self.used("map_err");
                format!("{call}.map_err(|e| Oops::Text(e.to_string()))")
            }
            None => format!("Ok::<{ty}, Oops>({})", self.value(ty)),
        }
    }

    /// The value of a `Result` with an error that `Fail` is made from.
    pub fn unwrapped(&mut self, call: &str, ty: &Ty) -> String {
        let leaves = u32::from(self.cx.leaves);
        let by_question = match self.ret {
            Ret::Result(_) => [8 * leaves, 0],
            Ret::Option(_) => [0, 8 * leaves],
            Ret::Plain(_) => [0, 0],
        };
        let default = u32::from(ty.has_default());
        match self.src.weighted(&[by_question[0], by_question[1], 2 * default, 2, 1, leaves]) {
            0 => {
                self.used("? on Result");
                format!("{call}?")
            }
            1 => {
                self.used("? on Option");
                format!("{call}.ok()?")
            }
            2 => format!("{call}.unwrap_or_default()"),
            3 => {
                // The argument is evaluated behind the await.
                let other = self.value(ty);
                format!("{call}.unwrap_or({other})")
            }
            4 => {
                let other = ty.literal(self.src);
                format!("{call}.unwrap_or_else(|_| {other})")
            }
            _ => {
                self.used("match on an awaited result");
                let e = self.perhaps(|g| g.value(ty));
                format!("(match {call} {{\nOk(it) => it,\nErr(_) => {e},\n}})")
            }
        }
    }

    /// The value of another function of the program.
    pub fn helped(&mut self, ty: &Ty) -> String {
        let fit: Vec<usize> = (0..self.helpers.len()).filter(|i| self.helpers[*i].gives(ty)).collect();
        let Some(&i) = self.pick(&fit) else { return self.awaited(ty) };
        let mut helper = self.helpers[i].clone();
        if let (true, Ty::Tuple(all)) = (helper.generic, ty) {
            self.used("generic helper");
            helper.params[0] = all[0].clone();
        }
        let mut params: Vec<(bool, Ty)> = helper.params.iter().map(|t| (false, t.clone())).collect();
        let mut args = vec![];
        if helper.recursive {
            args.push(format!("{}u32", 1 + self.src.below(2)));
            params.remove(0);
        }
        args.extend(self.arguments(&params));
        self.used("helper");
        let call = format!("{}({}).await", helper.name, args.join(", "));
        match helper.ret {
            Ret::Plain(_) => call,
            Ret::Result(_) => self.unwrapped(&call, ty),
            Ret::Option(_) => {
                if self.cx.leaves && matches!(self.ret, Ret::Option(_)) {
                    self.used("? on Option");
                    return format!("{call}?");
                }
                format!("{call}.unwrap_or({})", self.value(ty))
            }
        }
    }

    /// An expression whose operands are expressions.
    pub fn composed(&mut self, ty: &Ty) -> String {
        match ty {
            Ty::Unit => "()".into(),
            Ty::Generic => "held.clone()".into(),
            Ty::U32 => self.number(),
            Ty::I64 => self.signed(),
            Ty::Bool => self.condition(),
            Ty::Char => {
                let s = self.value(&Ty::Str);
                format!("{s}.chars().next().unwrap_or('-')")
            }
            Ty::Str => self.string(),
            Ty::Kind => self.kind_value(),
            Ty::Item => self.item_value(),
            Ty::Order => {
                let (item, count) = (self.value(&Ty::Item), self.value(&Ty::I64));
                let kind = self.value(&Ty::Kind);
                self.used("struct literal");
                format!("(Order {{ item: {item}, count: {count}, kind: {kind}, lines: vec![] }})")
            }
            Ty::Tuple(all) if self.cx.awaits && self.cx.leaves && self.src.chance(1, 3) => self.try_join(all),
            Ty::Tuple(all) => {
                let all: Vec<_> = all.iter().map(|t| self.value(t)).collect();
                self.used("tuple");
                format!("({})", all.join(", "))
            }
            Ty::Option(t) => self.option_value(t),
            Ty::Result(t) => match self.src.below(2) {
                0 => format!("Ok::<{t}, Oops>({})", self.value(t)),
                _ => format!("Err::<{t}, Oops>(Oops::Code({}))", self.value(&Ty::U32)),
            },
            Ty::Vec(t) => {
                let n = 1 + self.src.below(3);
                let all: Vec<_> = (0..n).map(|_| self.value(t)).collect();
                self.used("vec!");
                format!("vec![{}]", all.join(", "))
            }
            Ty::Map(t) => {
                let (k, v) = (self.value(&Ty::Str), self.value(t));
                format!("BTreeMap::from([({k}, {v})])")
            }
            Ty::Set(t) => {
                let (a, b) = (self.value(t), self.value(t));
                format!("BTreeSet::from([{a}, {b}])")
            }
            Ty::Three(t) => {
                let all: Vec<_> = (0..3).map(|_| self.value(t)).collect();
                self.used("array");
                format!("[{}]", all.join(", "))
            }
        }
    }

    fn number(&mut self) -> String {
        match self.src.below(12) {
            0 | 1 => {
                let op = ["+", "^", "|", "&"][self.src.below(4)];
                let (a, b) = (self.value(&Ty::U32), self.value(&Ty::U32));
                self.used("binary operator");
                format!("({a} {op} {b})")
            }
            2 => {
                let (a, b) = (self.value(&Ty::U32), self.value(&Ty::U32));
                format!("{a}.saturating_sub({b})")
            }
            3 => format!("({} % 7u32)", self.value(&Ty::U32)),
            4 => format!("u32::from({})", self.value(&Ty::Bool)),
            5 => {
                let v = self.value(&Ty::Vec(Box::new(Ty::U32)));
                self.used("cast");
                format!("({v}.len() as u32)")
            }
            6 => {
                let o = self.value(&Ty::Option(Box::new(Ty::U32)));
                let d = self.value(&Ty::U32);
                format!("{o}.unwrap_or({d})")
            }
            7 => match self.pick_place(self.scope.readable(), |t| *t == Ty::Three(Box::new(Ty::U32))) {
                Some(place) => {
                    self.used("index of a place");
                    let i = self.frozen(&place, |g| g.value(&Ty::U32));
                    format!("{}[({i} % 3) as usize]", place.text)
                }
                None => {
                    self.used("index");
                    let array = self.value(&Ty::Three(Box::new(Ty::U32)));
                    let i = self.value(&Ty::U32);
                    format!("{array}[({i} % 3) as usize]")
                }
            },
            8 => match self.pick_place(self.scope.readable(), |t| matches!(t, Ty::Vec(_) | Ty::Map(_) | Ty::Set(_))) {
                Some(place) => format!("({}.len() as u32)", place.text),
                None => self.leaf(&Ty::U32),
            },
            9 => self.closure(),
            10 => {
                let t = self.value(&Ty::Tuple(vec![Ty::U32, Ty::Str]));
                format!("{t}.0")
            }
            _ => {
                let v = self.value(&Ty::Vec(Box::new(Ty::U32)));
                let method = ["sum::<u32>()", "max().unwrap_or(0)", "filter(|it| *it > 1).count() as u32"];
                format!("({v}.into_iter().{})", method[self.src.below(3)])
            }
        }
    }

    /// A closure that captures, called at once.
    fn closure(&mut self) -> String {
        let arg = self.value(&Ty::U32);
        let body = self.scoped(|g| {
            g.scope.declare("it", &Ty::U32, Hold::Owned, false, g.cx.loops);
            g.under(
                |cx| (cx.awaits, cx.leaves, cx.moves, cx.writes) = (false, false, false, false),
                |g| g.value(&Ty::U32),
            )
        });
        self.used("closure");
        format!("(|it: u32| {body})({arg})")
    }

    fn signed(&mut self) -> String {
        match self.src.below(3) {
            0 => {
                let op = ["+", "-", "^"][self.src.below(3)];
                let (a, b) = (self.value(&Ty::I64), self.value(&Ty::I64));
                format!("({a} {op} {b})")
            }
            1 => format!("(-{})", self.value(&Ty::I64)),
            _ => format!("i64::from({})", self.value(&Ty::U32)),
        }
    }

    pub fn condition(&mut self) -> String {
        match self.src.below(9) {
            0 | 1 => {
                let op = ["<", ">=", "==", "!="][self.src.below(4)];
                let (a, b) = (self.value(&Ty::U32), self.value(&Ty::U32));
                format!("({a} {op} {b})")
            }
            2 | 3 => {
                self.used("&& and ||");
                let op = ["&&", "||"][self.src.below(2)];
                let a = self.value(&Ty::Bool);
                let b = self.perhaps(|g| g.value(&Ty::Bool));
                format!("({a} {op} {b})")
            }
            4 => format!("(!{})", self.value(&Ty::Bool)),
            5 => {
                let s = self.value(&Ty::Str);
                format!("{s}.is_empty()")
            }
            6 => {
                let k = self.value(&Ty::Kind);
                self.used("matches!");
                let pattern =
                    ["Kind::Plain", "Kind::Count(0..=2)", "Kind::Sized { w, .. } if w > 1"][self.src.below(3)];
                format!("matches!({k}, {pattern})")
            }
            7 => {
                let o = self.value(&Ty::Option(Box::new(Ty::U32)));
                format!("{o}.is_some()")
            }
            _ => {
                let (a, b) = self.looked_at(&Ty::Str, &Ty::Str);
                format!("({a} == {b})")
            }
        }
    }

    fn string(&mut self) -> String {
        match self.src.below(7) {
            0 | 1 => self.format(),
            2 => {
                let a = self.value(&Ty::Str);
                let (b, ()) = self.lent(&Ty::Str, |_| ());
                self.used("binary operator");
                format!("({a} + {b})")
            }
            3 => format!("{}.to_string()", self.value(&Ty::U32)),
            4 => format!("{}.name", self.value(&Ty::Item)),
            5 => {
                let o = self.value(&Ty::Option(Box::new(Ty::Str)));
                format!("{o}.unwrap_or_default()")
            }
            _ => {
                let v = self.value(&Ty::Vec(Box::new(Ty::Str)));
                format!("{v}.join(\"-\")")
            }
        }
    }

    /// Two values of which the first is borrowed while the second is computed.
    fn looked_at(&mut self, first: &Ty, second: &Ty) -> (String, String) {
        let a = self.value(first);
        let place = self.scope.readable().into_iter().find(|p| p.text == a);
        let second = |g: &mut Self| g.under(|cx| cx.writes = false, |g| g.value(second));
        let b = match place {
            Some(place) => self.frozen(&place, second),
            None => second(self),
        };
        (a, b)
    }

    /// `format!` with inline, positional and named arguments.
    fn format(&mut self) -> String {
        self.used("format!");
        let simple = |p: &Place| p.path.is_empty();
        let places: Vec<Place> = self.scope.readable().into_iter().filter(simple).collect();
        let inline = self.pick(&places).cloned().filter(|_| self.src.chance(2, 3));
        let args = |g: &mut Self| -> (String, String) {
            let (a, b) = g.looked_at(&Ty::U32, &Ty::Str);
            match g.src.below(3) {
                0 => ("{}{:?}".into(), format!("{a}, {b}")),
                1 => ("{1}{0:>4}{1:?}".into(), format!("{a}, {b}")),
                _ => ("{a}{b}".into(), format!("a = {a}, b = {b}")),
            }
        };
        let (inline, (pattern, args)) = match inline {
            Some(p) => {
                self.used("inline format argument");
                let name = &self.scope.vars[p.root].name;
                let inline = format!("{{{name}:?}}");
                (inline, self.frozen(&p, args))
            }
            None => (String::new(), args(self)),
        };
        format!("format!(\"{pattern}{inline}\", {args})")
    }

    fn kind_value(&mut self) -> String {
        match self.src.below(4) {
            0 => format!("Kind::Count({})", self.value(&Ty::U32)),
            1 => format!("Kind::Named({})", self.value(&Ty::Str)),
            2 => format!("Kind::Deep({})", self.value(&Ty::Option(Box::new(Ty::U32)))),
            _ => {
                self.used("struct literal");
                let (by, w) = (self.value(&Ty::Str), self.value(&Ty::U32));
                format!("(Kind::Sized {{ by: {by}, w: {w} }})")
            }
        }
    }

    fn item_value(&mut self) -> String {
        self.used("struct literal");
        match self.src.below(3) {
            0 => {
                let (id, name) = (self.value(&Ty::U32), self.value(&Ty::Str));
                format!("(Item {{ id: {id}, name: {name}, tags: vec![], note: None }})")
            }
            1 => {
                let (name, base) = (self.value(&Ty::Str), self.value(&Ty::Item));
                self.used("functional update");
                format!("(Item {{ name: {name}, ..{base} }})")
            }
            _ => {
                let (tags, note) =
                    (self.value(&Ty::Vec(Box::new(Ty::U32))), self.value(&Ty::Option(Box::new(Ty::Str))));
                format!("(Item {{ tags: {tags}, note: {note}, ..Item::default() }})")
            }
        }
    }

    fn option_value(&mut self, t: &Ty) -> String {
        match self.src.below(3) {
            0 => format!("Some({})", self.value(t)),
            1 => {
                let (c, v) = (self.value(&Ty::Bool), self.value(t));
                format!("{c}.then_some({v})")
            }
            _ => {
                let r = self.value(&Ty::Result(Box::new(t.clone())));
                format!("{r}.ok()")
            }
        }
    }
}
