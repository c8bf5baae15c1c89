//! Groups of operations: `join_all` and its kin.

use crate::{
    r#gen::Gen,
    ops::Param,
    types::{Ty, vec_of},
};

impl Gen<'_> {
    /// The value of a group, if it can have this type.
    pub fn group(&mut self, ty: &Ty) -> Option<String> {
        match ty {
            Ty::Vec(t) => self.all_of(t),
            Ty::Option(t) => {
                let calls = self.calls(t)?;
                self.used("select_all");
                Some(format!("select_all({calls}).await.and_then(|(_, it)| it.ok())"))
            }
            Ty::U32 => {
                let numbers = self.numbers();
                self.used("group of timers");
                Some(format!(
                    "(join_all({numbers}.map(|it| sleep(seconds(u64::from(it))))).await.into_iter().flatten().count() as u32)"
                ))
            }
            _ => None,
        }
    }

    fn all_of(&mut self, t: &Ty) -> Option<String> {
        let calls = self.calls(t)?;
        let call = match self.src.below(4) {
            0 | 1 => {
                self.used("try_join_all");
                return Some(self.unwrapped(&format!("try_join_all({calls}).await"), &vec_of(t.clone())));
            }
            2 => {
                self.used("for_each_concurrent");
                format!("for_each_concurrent({}, {calls}).await", 1 + self.src.below(3))
            }
            _ => {
                self.used("join_all");
                format!("join_all({calls}).await")
            }
        };
        let each = if t.has_default() { "map(|it| it.unwrap_or_default())" } else { "flatten()" };
        Some(format!("{call}.into_iter().{each}.collect::<Vec<{t}>>()"))
    }

    /// An iterator over calls of one operation that gives this type.
    pub fn calls(&mut self, t: &Ty) -> Option<String> {
        let one = |p: &[Param]| matches!(p, [] | [Param::Value(_)]);
        let fit: Vec<usize> =
            (0..self.ops.len()).filter(|i| self.ops[*i].ok == *t && one(&self.ops[*i].params)).collect();
        let op = *self.pick(&fit)?;
        let name = self.ops[op].name;
        let Some(param) = self.ops[op].params.first().map(|p| p.ty().clone()) else {
            self.used("group of signals");
            let n = self.value(&Ty::U32);
            return Some(format!("(0..{n} % 4).map(|_| {name}())"));
        };
        if param == Ty::U32 && self.src.chance(1, 3) {
            return Some(format!("{}.map({name})", self.numbers()));
        }
        if self.src.chance(1, 2)
            && let Some(place) = self.pick_place(self.scope.readable(), |t| *t == vec_of(param.clone()))
        {
            self.used("group over borrowed elements");
            return Some(format!("{}.iter().map(|it| {name}(it.clone()))", place.text));
        }
        let all = self.value(&vec_of(param));
        Some(format!("{all}.into_iter().map({name})"))
    }

    fn numbers(&mut self) -> String {
        format!("(0..{} % 4)", self.value(&Ty::U32))
    }
}
