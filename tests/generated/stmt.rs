//! Statements.

use crate::{
    branch::Tail,
    r#gen::{Gen, Ret},
    items::unlabelled,
    scope::{Hold, Place},
    types::Ty,
};

impl Gen<'_> {
    pub fn statement(&mut self) -> String {
        self.src.begin();
        let text = self.under(|cx| cx.depth += 1, Self::any_statement);
        self.src.end();
        text
    }

    fn any_statement(&mut self) -> String {
        self.fuel -= 1;
        self.let_go();
        let nested = if self.cx.depth < 6 { 1 } else { 0 };
        let branches = if self.deeper() && self.cx.awaits && self.cx.leaves { 1 } else { 0 };
        let (blocks, loops) = (5 * nested, 4 * nested);
        let simple = [4, 3, blocks, loops, blocks, 5, 3, 3, 2, 2, 4, 2, 2, 1, 4];
        match self.src.weighted(&[&simple[..], &[3 * branches, 2 * branches]].concat()) {
            0 => self.let_(),
            1 => self.deed(),
            2 => {
                self.used("if");
                self.if_(&Tail::Unit)
            }
            3 => self.match_(&Tail::Unit),
            4 => self.any_loop(),
            5 => self.assign(),
            6 => self.change(),
            7 => self.let_pattern(),
            8 => self.let_else(),
            9 => self.deferred(),
            10 => self.let_borrow(),
            11 => self.moved_and_back(),
            12 => self.assertion(),
            13 => self.let_closure(),
            14 => match self.src.below(5) {
                0 if !self.conditional => self.conditional(),
                1 => self.event(),
                2 => self.ensured(),
                3 => self.let_generic(),
                _ => self.item(),
            },
            15 => self.let_join(),
            _ => self.select(&Tail::Unit),
        }
    }

    /// A borrow may end before its scope does.
    fn let_go(&mut self) {
        let Some(var) = self.scope.vars.len().checked_sub(1) else { return };
        let v = &self.scope.vars[var];
        if v.lender.is_some()
            && v.usable
            && v.loops == self.cx.loops
            && v.frozen + v.locked == 0
            && self.src.chance(1, 3)
        {
            self.scope.give_back(var);
        }
    }

    fn declare(&mut self, name: &str, ty: &Ty, mutable: bool) -> usize {
        self.scope.declare(name, ty, Hold::Owned, mutable, self.cx.loops)
    }

    fn let_(&mut self) -> String {
        let ty = Ty::any(self.src, 2);
        let value = self.value(&ty);
        let (name, mutable, typed) = (self.name(), self.src.chance(1, 2), self.src.chance(1, 3));
        self.declare(&name, &ty, mutable);
        let mutability = if mutable { "mut " } else { "" };
        let annotation = if typed { format!(": {ty}") } else { String::new() };
        self.used("let");
        format!("let {mutability}{name}{annotation} = {value};")
    }

    /// The value of a generic function with a type of its own.
    fn let_generic(&mut self) -> String {
        let generic: Vec<usize> = (0..self.helpers.len()).filter(|h| self.helpers[*h].generic).collect();
        let (true, Some(&h)) = (self.cx.awaits, self.pick(&generic)) else { return self.item() };
        let Ty::Tuple(mut all) = self.helpers[h].ret.ty().clone() else { return self.item() };
        all[0] = Ty::any(self.src, 1);
        let ty = Ty::Tuple(all);
        let (value, name) = (self.helped(&ty), self.name());
        self.declare(&name, &ty, false);
        format!("let {name} = {value};")
    }

    /// A place with one of some types, if need be of a new variable, which is declared in front.
    pub fn there(&mut self, written: bool, fits: impl Fn(&Ty) -> bool, otherwise: &Ty) -> (String, Place) {
        let places = if written { self.writable(false) } else { self.scope.readable() };
        if let Some(place) = self.pick_place(places, fits) {
            return (String::new(), place);
        }
        let (value, name) = (self.value(otherwise), self.fresh("v"));
        let root = self.declare(&name, otherwise, true);
        let declaration = format!("let mut {name} = {value};\n");
        (declaration, Place { text: name, ty: otherwise.clone(), root, path: String::new() })
    }

    /// Something that is awaited for what it does.
    pub fn deed(&mut self) -> String {
        if !self.cx.awaits {
            return self.let_();
        }
        let question = match self.ret {
            Ret::Result(_) if self.cx.leaves => "?",
            Ret::Option(_) if self.cx.leaves => ".ok()?",
            _ => ".unwrap_or_default()",
        };
        if self.src.chance(1, 4) {
            self.used("sleep");
            let n = self.value(&Ty::U32);
            return format!("sleep(seconds(u64::from({n}))).await{question};");
        }
        let ty = Ty::any(self.src, 1);
        let value = self.awaited(&ty);
        self.used("expression statement");
        format!("let _ = {value};")
    }

    fn assign(&mut self) -> String {
        let compound = self.src.chance(1, 2);
        let ty = match self
            .pick_place(self.writable(!compound), |t| !compound || matches!(t, Ty::U32 | Ty::I64 | Ty::Str))
        {
            Some(p) => p.ty,
            None => return self.let_(),
        };
        let indexed = matches!(ty, Ty::U32 | Ty::Str | Ty::Bool) && self.src.chance(1, 2);
        if compound && ty == Ty::Str {
            let Some(p) = self.pick_place(self.writable(false), |t| *t == Ty::Str) else { return self.let_() };
            self.used("compound assignment");
            let (value, ()) = self.locked(&p, |g| g.lent(&Ty::Str, |_| ()));
            return format!("{} += {value};", p.text);
        }
        if indexed {
            self.used("assignment to an index");
            let array = Ty::Three(Box::new(ty.clone()));
            let (declared, p) = self.there(true, |t| *t == array, &array);
            // The right side runs first.
            let (value, index) = self.locked(&p, |g| (g.value(&ty), g.value(&Ty::U32)));
            let op = if compound { "^=" } else { "=" };
            return format!("{declared}{}[({index} % 3) as usize] {op} {value};", p.text);
        }
        let value = self.value(&ty);
        let place = {
            let Some(p) = self.pick_place(self.writable(!compound), |t| *t == ty) else {
                return format!("let _ = {value};");
            };
            self.used(if p.path.is_empty() { "assignment" } else { "assignment to a field" });
            self.scope.give(&p);
            p.text
        };
        if compound {
            self.used("compound assignment");
            let op = ["+", "^", "|"][self.src.below(3)];
            return format!("{place} {op}= {value};");
        }
        format!("{place} = {value};")
    }

    /// A method that changes its receiver.
    fn change(&mut self) -> String {
        if !self.cx.writes {
            return self.let_();
        }
        let fits = |t: &Ty| matches!(t, Ty::Vec(_) | Ty::Str | Ty::Map(_) | Ty::Set(_) | Ty::Option(_));
        let (declared, p) = self.there(true, fits, &Ty::Vec(Box::new(Ty::U32)));
        self.used("method that changes");
        let at = self.src.below(3);
        self.scope.vars[p.root].frozen += 1;
        let text = match (&p.ty, at) {
            (Ty::Vec(t), 0 | 1) => format!("{}.push({});", p.text, self.value(t)),
            (Ty::Vec(t), _) => format!("{}.extend({});", p.text, self.value(&Ty::Vec(t.clone()))),
            (Ty::Str, 0) => format!("{}.push({});", p.text, self.value(&Ty::Char)),
            (Ty::Str, 1) => {
                let n = self.value(&Ty::U32);
                self.used("write!");
                format!("write!({}, \"{{}}\", {n}).unwrap_or(());", p.text)
            }
            (Ty::Str, _) => {
                let (more, ()) = self.locked(&p, |g| g.lent(&Ty::Str, |_| ()));
                format!("{}.push_str({more});", p.text)
            }
            (Ty::Map(t), _) => {
                let (k, v) = (self.value(&Ty::Str), self.value(t));
                format!("{}.insert({k}, {v});", p.text)
            }
            (Ty::Set(t), _) => format!("{}.insert({});", p.text, self.value(t)),
            (Ty::Option(t), 0 | 1) => format!("{}.replace({});", p.text, self.value(t)),
            _ => format!("{}.take();", p.text),
        };
        self.scope.vars[p.root].frozen -= 1;
        declared + &text
    }

    fn let_pattern(&mut self) -> String {
        if self.cx.moves && self.src.chance(1, 5) {
            return self.ref_beside_moved();
        }
        let ty = match self.src.below(4) {
            0 => Ty::Tuple(vec![Ty::any(self.src, 1), Ty::any(self.src, 1)]),
            1 => Ty::Item,
            2 => Ty::Three(Box::new(Ty::U32)),
            _ => Ty::Order,
        };
        if ty == Ty::Item
            && let Some(p) = self.pick_place(self.writable(false), |t| *t == ty)
        {
            self.used("ref patterns");
            let (a, b) = (self.fresh("v"), self.fresh("v"));
            let name = self.scope.declare(&a, &Ty::Str, Hold::Ref, false, self.cx.loops);
            let tags = self.scope.declare(&b, &Ty::Vec(Box::new(Ty::U32)), Hold::RefMut, false, self.cx.loops);
            self.scope.borrow(name, p.root);
            self.scope.borrow(tags, p.root);
            return format!("let Item {{ name: ref {a}, tags: ref mut {b}, .. }} = {};", p.text);
        }
        let (value, hold, lender) = self.scrutinee(&ty);
        // A temporary that is borrowed lives on.
        let (pattern, bound) = self.irrefutable(&ty, hold);
        self.bind(bound, hold, lender);
        self.used("let with a pattern");
        format!("let {pattern} = {value};")
    }

    /// `let Item { name: ref a, tags: b, .. } = place;`
    fn ref_beside_moved(&mut self) -> String {
        let (declared, p) = match self.pick_place(self.movable(self.cx.barrier), |t| *t == Ty::Item) {
            Some(place) => (String::new(), place),
            None => {
                let (value, text) = (self.value(&Ty::Item), self.fresh("v"));
                let root = self.declare(&text, &Ty::Item, false);
                (format!("let {text} = {value};\n"), Place { text, ty: Ty::Item, root, path: String::new() })
            }
        };
        self.used("ref patterns beside values");
        let (a, b, c) = (self.fresh("v"), self.fresh("v"), self.fresh("v"));
        let tags = Place {
            text: format!("{}.tags", p.text),
            ty: Ty::Vec(Box::new(Ty::U32)),
            root: p.root,
            path: format!("{}.tags", p.path),
        };
        self.scope.take(&tags);
        let name = self.scope.declare(&a, &Ty::Str, Hold::Ref, false, self.cx.loops);
        self.scope.borrow(name, p.root);
        self.declare(&b, &tags.ty, false);
        self.declare(&c, &Ty::U32, false);
        format!("{declared}let Item {{ name: ref {a}, tags: {b}, id: {c}, .. }} = {};", p.text)
    }

    fn let_else(&mut self) -> String {
        if !self.cx.leaves {
            return self.let_();
        }
        let ty = self.matched_type();
        let (value, hold, lender) = self.scrutinee(&ty);
        let before = self.scope.moves();
        // The scrutinee is still borrowed only where it matched.
        let otherwise = self.leaving_block();
        self.scope.set_moves(&before);
        let (pattern, bound) = self.pattern(&ty, hold);
        self.bind(bound, hold, lender);
        self.used("let-else");
        format!("let {pattern} = {value} else {otherwise};")
    }

    /// `let x; if .. { x = ..; } else { x = ..; }`
    fn deferred(&mut self) -> String {
        let ty = Ty::any(self.src, 1);
        let name = self.fresh("v");
        let condition = self.value(&Ty::Bool);
        let branches = self.alternatives(2, |g, i| {
            if i == 1 && g.cx.leaves && g.src.chance(1, 5) {
                return (g.leaving_block(), false);
            }
            let text = g.scoped(|g| {
                let first = if g.deeper() && g.src.chance(1, 2) { g.statement() } else { String::new() };
                let value = g.value(&ty);
                format!("{{\n{first}\n{name} = {value};\n}}")
            });
            (text, true)
        });
        self.declare(&name, &ty, false);
        self.used("deferred initialisation");
        let annotation = if self.src.chance(1, 2) { format!(": {ty}") } else { String::new() };
        format!("let {name}{annotation};\nif {condition} {} else {}", branches[0], branches[1])
    }

    fn let_borrow(&mut self) -> String {
        let mutable = self.cx.writes && self.src.chance(1, 3);
        let places = if mutable { self.writable(false) } else { self.scope.readable() };
        let Some(p) = self.pick(&places).cloned() else { return self.let_() };
        let name = self.name();
        let (text, hold) = if mutable {
            self.used("let of a mutable borrow");
            (format!("&mut {}", p.text), Hold::RefMut)
        } else {
            self.used("let of a borrow");
            (self.borrowed(&p), Hold::Ref)
        };
        if let (Ty::Option(t), false) = (&p.ty, mutable)
            && !t.copy()
            && self.cx.leaves
            && self.src.chance(1, 2)
        {
            self.used("as_ref");
            let before = self.scope.moves();
            let otherwise = self.leaving_block();
            self.scope.set_moves(&before);
            let var = self.scope.declare(&name, t, Hold::Ref, false, self.cx.loops);
            self.scope.borrow(var, p.root);
            return format!("let Some({name}) = {}.as_ref() else {otherwise};", p.text);
        }
        let var = self.scope.declare(&name, &p.ty, hold, false, self.cx.loops);
        self.scope.borrow(var, p.root);
        format!("let {name} = {text};")
    }

    /// A variable is moved away, and gets a value again.
    fn moved_and_back(&mut self) -> String {
        let can = |p: &crate::scope::Place, g: &Self| {
            p.path.is_empty() && p.root >= g.scope.sealed && g.scope.vars[p.root].mutable && !p.ty.copy()
        };
        let movable: Vec<_> = self.movable(0).into_iter().filter(|p| can(p, self)).collect();
        let Some(p) = self.pick(&movable).cloned() else { return self.let_() };
        let name = self.fresh("v");
        self.scope.take(&p);
        self.declare(&name, &p.ty, false);
        let owed = std::mem::replace(&mut self.owed, self.targets.len());
        // In a scope of its own, so that nothing hides the variable.
        let between = if self.deeper() { self.scoped(Self::statement) } else { String::new() };
        let value = self.value(&p.ty);
        self.owed = owed;
        self.scope.give(&p);
        self.used("re-initialisation after a move");
        format!("let {name} = {};\n{{\n{between}\n}}\n{} = {value};", p.text, p.text)
    }

    fn assertion(&mut self) -> String {
        self.used("assert!");
        let condition = self.value(&Ty::Bool);
        let n = self.under(|cx| cx.moves = false, |g| g.perhaps(|g| g.value(&Ty::U32)));
        match self.src.below(4) {
            0 => format!("assert!({condition} || true, \"never {{}}\", {n});"),
            1 => {
                let (a, b) = (self.value(&Ty::U32), self.value(&Ty::U32));
                format!("assert_ne!({a} + 10, {b} % 10, \"never\");")
            }
            2 => {
                let again = unlabelled(&n);
                format!(
                    "if {condition} {{\nlet _ = {n};\n}} else {{\nassert!({again} < 90, \"too large: {{}}\", {again});\n}}"
                )
            }
            _ => format!("assert!({condition}, \"false with {{}}\", {n});"),
        }
    }

    /// A closure that captures and is used up before the next await.
    fn let_closure(&mut self) -> String {
        self.used("let of a closure");
        let arg = self.value(&Ty::U32);
        let (closure, name) = (self.fresh("f"), self.fresh("v"));
        let body = self.scoped(|g| {
            g.scope.declare("it", &Ty::U32, Hold::Owned, false, g.cx.loops);
            g.under(
                |cx| (cx.awaits, cx.leaves, cx.moves, cx.writes) = (false, false, false, false),
                |g| g.value(&Ty::U32),
            )
        });
        let argument = self.fresh("v");
        self.declare(&argument, &Ty::U32, false);
        self.declare(&name, &Ty::U32, false);
        format!(
            "let {argument} = {arg};\nlet {closure} = |it: u32| {body};\nlet {name} = {closure}({argument}) ^ {closure}(1);"
        )
    }
}
