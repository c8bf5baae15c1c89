//! Branches that run at once: `join!`, `try_join!` and `select!`.

use crate::{
    branch::Tail,
    r#gen::{Capture, Gen, Ret},
    ops::Param,
    scope::Hold,
    types::Ty,
};

/// What a branch ends with.
#[derive(Clone)]
enum Out {
    /// With an error that `Fail` is made from.
    Result(Ty),
    Option(Ty),
    Plain(Ty),
}

impl Gen<'_> {
    /// `let (a, b) = join!(..);` and what becomes of the outputs.
    pub fn let_join(&mut self) -> String {
        self.used("join!");
        let n = 2 + usize::from(self.src.chance(1, 3));
        let branches = self.branches(n, Self::any_branch);
        let (mut names, mut lines) = (vec![], vec![]);
        for (_, out) in &branches {
            let output = self.fresh("o");
            let name = self.fresh("v");
            let (value, ty) = self.of_output(&output, out);
            lines.push(format!("let {name} = {value};"));
            names.push(output);
            self.scope.declare(&name, &ty, Hold::Owned, false, self.cx.loops);
        }
        let texts: Vec<String> = branches.into_iter().map(|b| b.0).collect();
        format!("let ({}) = join!({});\n{}", names.join(", "), texts.join(", "), lines.join("\n"))
    }

    /// `try_join!(..)?` as a tuple of these types.
    pub fn try_join(&mut self, types: &[Ty]) -> String {
        self.used("try_join!");
        let mut types = types.iter();
        let branches = self.branches(types.len(), |g| {
            let ty = types.next().cloned().unwrap_or(Ty::Unit);
            g.async_branch(&Ret::Result(ty))
        });
        let all: Vec<Ty> = branches.iter().map(|(_, out)| out.ty().clone()).collect();
        let texts: Vec<String> = branches.into_iter().map(|b| b.0).collect();
        self.unwrapped(&format!("try_join!({})", texts.join(", ")), &Ty::Tuple(all))
    }

    /// `select! { .. }` whose handlers give the tail.
    pub fn select(&mut self, tail: &Tail) -> String {
        self.used("select!");
        let n = 2 + usize::from(self.src.chance(1, 3));
        let guards: Vec<Option<String>> = (0..n).map(|_| self.branch_guard()).collect();
        let branches = self.branches(n, Self::any_branch);
        let refutable: Vec<bool> =
            branches.iter().map(|(_, out)| !matches!(out, Out::Plain(_)) && self.src.chance(1, 3)).collect();
        let mut otherwise = guards.iter().all(Option::is_some);
        otherwise |= refutable.iter().zip(&guards).all(|(r, g)| *r || g.is_some());
        let mut outs = branches.iter().zip(&refutable).zip(guards);
        // Of a value that no handler gives rustc does not know the type.
        let (last, mut given) = (n + usize::from(otherwise) - 1, false);
        let arms = self.alternatives(last + 1, |g, i| {
            g.scoped(|g| {
                let Some((((branch, out), refutable), guard)) = outs.next() else {
                    g.used("else of select!");
                    let (text, back) = g.alternative(tail, false);
                    return (format!("else => {text}"), back);
                };
                let name = g.fresh("o");
                let guard = guard.map(|c| format!(", if {c}")).unwrap_or_default();
                let (pattern, first) = if *refutable {
                    g.used("pattern of a branch");
                    let bound = g.fresh("v");
                    g.scope.declare(&bound, out.ty(), Hold::Owned, false, g.cx.loops);
                    (format!("{}({bound})", out.good()), String::new())
                } else {
                    let (value, ty) = g.of_output(&name, out);
                    let bound = g.fresh("v");
                    g.scope.declare(&bound, &ty, Hold::Owned, false, g.cx.loops);
                    (name, format!("let {bound} = {value};\n"))
                };
                let (text, back) = g.alternative(tail, given || i < last);
                given |= back;
                let text = text.replacen("{\n", &format!("{{\n{first}"), 1);
                (format!("{pattern} = {branch}{guard} => {text}"), back)
            })
        });
        format!("select! {{\n{}\n}}", arms.join("\n"))
    }

    /// Whether a branch takes part, sometimes.
    fn branch_guard(&mut self) -> Option<String> {
        self.src.chance(1, 5).then(|| {
            self.used("guard of a branch");
            self.quiet(|g| g.value(&Ty::Bool))
        })
    }

    /// What neither awaits nor leaves nor moves nor writes.
    pub fn quiet<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        self.under(|cx| (cx.awaits, cx.leaves, cx.moves, cx.writes) = (false, false, false, false), f)
    }

    /// An output as a value of the type that it has.
    fn of_output(&mut self, name: &str, out: &Out) -> (String, Ty) {
        let ty = out.ty().clone();
        let value = match out {
            Out::Result(_) => self.unwrapped(name, &ty),
            Out::Option(_) if self.cx.leaves && matches!(self.ret, Ret::Option(_)) => format!("{name}?"),
            Out::Option(_) => format!("{name}.unwrap_or({})", self.leaf(&ty)),
            Out::Plain(_) => name.to_owned(),
        };
        (value, ty)
    }

    /// Branches that share the variables around them: each of these is only read by all, or belongs to one of them.
    fn branches(&mut self, n: usize, mut branch: impl FnMut(&mut Self) -> (String, Out)) -> Vec<(String, Out)> {
        let mark = self.scope.vars.len();
        let mut owners = vec![];
        for v in 0..mark {
            let var = &self.scope.vars[v];
            let free = var.frozen + var.locked == 0 && var.moved.is_empty();
            owners.push(if free && self.src.chance(1, 3) { Some(self.src.below(n)) } else { None });
        }
        let sealed = std::mem::replace(&mut self.scope.sealed, mark);
        let moved_before = std::mem::take(&mut self.scope.moved_from);
        let mut all = vec![];
        for i in 0..n {
            self.src.begin();
            for (var, owner) in self.scope.vars.iter_mut().zip(&owners) {
                var.frozen += u32::from(owner.is_none());
                var.locked += u32::from(owner.is_some_and(|o| o != i));
            }
            let capture = self.captures(&owners, i);
            let outer = std::mem::replace(&mut self.capture, capture);
            all.push(self.scoped(&mut branch));
            self.capture = outer;
            let moved: Vec<usize> = self.scope.moved_from.iter().copied().filter(|v| *v < mark).collect();
            for (var, owner) in self.scope.vars.iter_mut().zip(&owners) {
                var.frozen -= u32::from(owner.is_none());
                var.locked -= u32::from(owner.is_some_and(|o| o != i));
            }
            // What a branch moves out of, on whatever way, belongs to it from the start.
            moved.into_iter().for_each(|v| self.scope.vars[v].moved.extend([String::new()]));
            self.src.end();
        }
        self.scope.moved_from.extend(moved_before);
        self.scope.sealed = sealed;
        all
    }

    /// What an `async move` block as branch `i` does with the variables around it, given the branches that they belong to.
    fn captures(&self, owners: &[Option<usize>], i: usize) -> Capture {
        let mut capture = Capture::default();
        for (v, (var, owner)) in self.scope.vars.iter().zip(owners).enumerate() {
            let copied = var.hold == Hold::Ref || (var.hold == Hold::Owned && var.ty.copy());
            let own = *owner == Some(i) && self.cx.moves && var.loops >= self.cx.barrier;
            match (copied, own) {
                (true, _) => {}
                (false, true) => capture.taken.push(v),
                (false, false) => capture.never.push(v),
            }
        }
        capture
    }

    fn any_branch(&mut self) -> (String, Out) {
        let ty = Ty::any(self.src, 1);
        match self.src.weighted(&[3, 2, 4, 2, 1]) {
            0 => self.operation_branch(),
            1 => {
                self.used("timer as a branch");
                let n = self.quiet(|g| g.leaf(&Ty::U32));
                (format!("sleep(seconds(u64::from({n})))"), Out::Result(Ty::Unit))
            }
            2 => self.async_branch(&Ret::Result(ty)),
            3 if self.src.chance(1, 3) => self.group_branch(),
            3 => self.async_branch(&Ret::Option(ty)),
            _ => self.async_branch(&Ret::Plain(ty)),
        }
    }

    /// An operation or a helper without `async` around it. Nothing that it borrows is a temporary.
    fn operation_branch(&mut self) -> (String, Out) {
        let owned = |p: &Param| matches!(p, Param::Value(_));
        let fit: Vec<usize> = (0..self.ops.len()).filter(|i| self.ops[*i].params.iter().all(owned)).collect();
        let helpers: Vec<usize> =
            (0..self.helpers.len()).filter(|h| !self.helpers[*h].recursive && !self.helpers[*h].generic).collect();
        if self.src.chance(1, 3)
            && let Some(&h) = self.pick(&helpers)
        {
            self.used("helper as a branch");
            let helper = self.helpers[h].clone();
            let args: Vec<String> = helper.params.iter().map(|t| self.quiet(|g| g.leaf(t))).collect();
            let out = match helper.ret {
                Ret::Result(t) => Out::Result(t),
                Ret::Option(t) => Out::Option(t),
                Ret::Plain(t) => Out::Plain(t),
            };
            return (format!("{}({})", helper.name, args.join(", ")), out);
        }
        self.used("operation as a branch");
        let op = self.pick(&fit).copied().unwrap_or_default();
        let types: Vec<Ty> = self.ops[op].params.iter().map(|p| p.ty().clone()).collect();
        let args: Vec<String> = types.iter().map(|t| self.quiet(|g| g.value(t))).collect();
        (format!("{}({})", self.ops[op].name, args.join(", ")), Out::Result(self.ops[op].ok.clone()))
    }

    /// A group without `async` around it.
    fn group_branch(&mut self) -> (String, Out) {
        let element = Ty::any(self.src, 1);
        match self.quiet(|g| g.calls(&element)) {
            Some(calls) => {
                self.used("group as a branch");
                (format!("try_join_all({calls})"), Out::Result(Ty::Vec(Box::new(element))))
            }
            None => self.operation_branch(),
        }
    }

    /// `async { .. }`, which `?` and `return` leave, or `async move { .. }`.
    fn async_branch(&mut self, ret: &Ret) -> (String, Out) {
        self.used("async branch");
        let Capture { never, taken } = std::mem::take(&mut self.capture);
        if !self.src.chance(1, 3) {
            return self.async_block(ret);
        }
        self.used("async move branch");
        never.iter().for_each(|v| self.scope.vars[*v].locked += 1);
        let (text, out) = self.async_block(ret);
        never.iter().for_each(|v| self.scope.vars[*v].locked -= 1);
        self.scope.moved_from.extend(taken);
        // What is held stays where everything can name it.
        let moves = !text.contains("held");
        (if moves { text.replacen("async {", "async move {", 1) } else { text }, out)
    }

    fn async_block(&mut self, ret: &Ret) -> (String, Out) {
        let (targets, owed) = (std::mem::take(&mut self.targets), std::mem::take(&mut self.owed));
        let outer = std::mem::replace(&mut self.ret, ret.clone());
        let floor = std::mem::replace(&mut self.floor, self.cx.barrier);
        let text = self.under(
            |cx| (cx.awaits, cx.leaves) = (true, true),
            |g| {
                let mut lines = g.several(if g.deeper() { 3 } else { 1 }, Self::statement);
                let value = g.value(ret.ty());
                lines.push(match ret {
                    Ret::Result(t) => format!("Ok::<{t}, Fail>({value})"),
                    Ret::Option(t) => format!("Some::<{t}>({value})"),
                    Ret::Plain(_) => value,
                });
                lines.join("\n")
            },
        );
        (self.floor, self.ret, self.targets, self.owed) = (floor, outer, targets, owed);
        let out = match ret.clone() {
            Ret::Result(t) => Out::Result(t),
            Ret::Option(t) => Out::Option(t),
            Ret::Plain(t) => Out::Plain(t),
        };
        (format!("async {{\n{text}\n}}"), out)
    }
}

impl Out {
    fn ty(&self) -> &Ty {
        match self {
            Out::Result(t) | Out::Option(t) | Out::Plain(t) => t,
        }
    }

    fn good(&self) -> &'static str {
        match self {
            Out::Option(_) => "Some",
            Out::Result(_) | Out::Plain(_) => "Ok",
        }
    }
}
