//! What the parts of the generator share: the choices, the variables, and what may be written here.

use crate::{
    ops::{Op, operations},
    scope::{Moves, Place, Scope},
    source::Source,
    types::Ty,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a function returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ret {
    /// `Result<T, Fail>`.
    Result(Ty),
    Option(Ty),
    Plain(Ty),
}

impl Ret {
    pub fn ty(&self) -> &Ty {
        match self {
            Ret::Result(t) | Ret::Option(t) | Ret::Plain(t) => t,
        }
    }
}

/// A function that others can await.
#[derive(Debug, Clone)]
pub struct Helper {
    pub name: String,
    pub params: Vec<Ty>,
    pub ret: Ret,
    /// Its first parameter counts down.
    pub recursive: bool,
    /// Its first parameter can be anything, and is given back in front of its value.
    pub generic: bool,
}

impl Helper {
    /// Whether a call of it can give this type.
    pub fn gives(&self, ty: &Ty) -> bool {
        match (self.generic, self.ret.ty(), ty) {
            (true, Ty::Tuple(own), Ty::Tuple(all)) => own.len() == all.len() && own[1] == all[1],
            (generic, own, _) => !generic && own == ty,
        }
    }
}

/// What may stand at some place in a program.
#[derive(Debug, Clone)]
pub struct Cx {
    pub awaits: bool,
    /// `?`, `return`, `break` and `continue`.
    pub leaves: bool,
    /// Variables may be moved out of.
    pub moves: bool,
    /// Variables may be assigned.
    pub writes: bool,
    pub depth: usize,
    /// How many loops are around.
    pub loops: usize,
    /// Variables that stand outside of so many loops must not be moved.
    pub barrier: usize,
}

/// Something that `break` or `continue` can name.
pub struct Target {
    pub label: String,
    /// What `break` gives.
    pub value: Option<Ty>,
    pub is_loop: bool,
    /// How many loops are around it.
    pub outside: usize,
    /// How many variables there were when it began.
    pub mark: usize,
    /// What was moved where it is left.
    pub exits: Vec<Moves>,
    pub named: bool,
    /// The head of a loop cannot leave it.
    pub in_head: bool,
}

/// Variables around an `async move` block.
#[derive(Default)]
pub struct Capture {
    pub never: Vec<usize>,
    pub taken: Vec<usize>,
}

pub struct Gen<'s> {
    pub src: &'s mut Source,
    pub scope: Scope,
    pub cx: Cx,
    /// How much may still be written.
    pub fuel: i32,
    pub ret: Ret,
    pub helpers: Vec<Helper>,
    pub targets: Vec<Target>,
    pub ops: Vec<Op>,
    /// So many of the targets must not be gone to, because a variable has to be given a value again before.
    pub owed: usize,
    /// What `return` leaves stands outside of so many loops.
    pub floor: usize,
    /// What an `async move` block in this place must not name, and what it takes away from the code around it.
    pub capture: Capture,
    /// There is a `#[cfg]` in the body: each doubles the expansion.
    pub conditional: bool,
    names: usize,
    labels: usize,
    /// Labels that points have been given.
    pub given: BTreeSet<String>,
    /// How often each construct was used.
    pub uses: BTreeMap<&'static str, usize>,
}

impl<'s> Gen<'s> {
    pub fn new(src: &'s mut Source, ret: Ret, helpers: Vec<Helper>, fuel: i32) -> Self {
        let cx = Cx { awaits: true, leaves: true, moves: true, writes: true, depth: 0, loops: 0, barrier: 0 };
        Gen {
            src,
            scope: Scope::default(),
            cx,
            fuel,
            ret,
            helpers,
            targets: vec![],
            ops: operations(),
            owed: 0,
            floor: 0,
            capture: Capture::default(),
            conditional: false,
            names: 0,
            labels: 0,
            given: BTreeSet::new(),
            uses: BTreeMap::new(),
        }
    }

    pub fn used(&mut self, construct: &'static str) {
        *self.uses.entry(construct).or_default() += 1;
    }

    /// A name for a variable, sometimes that of another one.
    pub fn name(&mut self) -> String {
        if self.src.chance(1, 6)
            && let Some(known) = self.any_name()
        {
            // Underscores that the user writes meet those of the machine.
            let end = ["", "", "", "__0", "__1", "__f0"][self.src.below(6)];
            self.used(if end.is_empty() { "shadowing" } else { "underscores" });
            return format!("{known}{end}");
        }
        self.fresh("v")
    }

    /// The name of a variable that is visible.
    pub fn any_name(&mut self) -> Option<String> {
        let visible: Vec<String> =
            self.scope.vars.iter().map(|v| v.name.clone()).filter(|n| n.starts_with('v')).collect();
        (!visible.is_empty()).then(|| visible[self.src.below(visible.len())].clone())
    }

    /// A name that nothing else has.
    pub fn fresh(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    pub fn label(&mut self) -> String {
        self.labels += 1;
        format!("'l{}", self.labels)
    }

    /// Up to so many parts, each with the choice that it is there.
    pub fn several(&mut self, most: usize, mut f: impl FnMut(&mut Self) -> String) -> Vec<String> {
        let mut all = vec![];
        while all.len() < most && self.fuel > 0 {
            self.src.begin();
            let more = self.src.chance(3, 4);
            if more {
                all.push(f(self));
            }
            self.src.end();
            if !more {
                break;
            }
        }
        all
    }

    /// Writes a part under other rules.
    pub fn under<R>(&mut self, change: impl FnOnce(&mut Cx), f: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.cx.clone();
        change(&mut self.cx);
        let r = f(self);
        self.cx = before;
        r
    }

    /// Writes a part while a place is only read.
    pub fn frozen<R>(&mut self, place: &Place, f: impl FnOnce(&mut Self) -> R) -> R {
        self.scope.vars[place.root].frozen += 1;
        let r = f(self);
        self.scope.vars[place.root].frozen -= 1;
        r
    }

    /// Writes a part while a place cannot be named.
    pub fn locked<R>(&mut self, place: &Place, f: impl FnOnce(&mut Self) -> R) -> R {
        self.scope.vars[place.root].locked += 1;
        let r = f(self);
        self.scope.vars[place.root].locked -= 1;
        r
    }

    /// Writes a part with variables of its own.
    pub fn scoped<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let mark = self.scope.vars.len();
        let r = f(self);
        self.scope.close(mark);
        r
    }

    /// Writes a part that runs or does not run.
    pub fn perhaps<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.scope.moves();
        let r = f(self);
        let after = self.scope.moves();
        self.scope.meet(&[before, after]);
        r
    }

    /// Whether there is room for something that is not a leaf.
    pub fn deeper(&self) -> bool {
        self.fuel > 0 && self.cx.depth < 6
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.src.below(all.len())) }
    }

    /// Places that may be assigned here.
    pub fn writable(&self, again: bool) -> Vec<Place> {
        if self.cx.writes { self.scope.writable(again) } else { vec![] }
    }

    /// Places that may be moved out of here.
    pub fn movable(&self, barrier: usize) -> Vec<Place> {
        if self.cx.moves { self.scope.movable(barrier) } else { vec![] }
    }

    /// One of the places that have a type.
    pub fn pick_place(&mut self, places: Vec<Place>, ty: impl Fn(&Ty) -> bool) -> Option<Place> {
        let fit: Vec<Place> = places.into_iter().filter(|p| ty(&p.ty)).collect();
        self.pick(&fit).cloned()
    }
}
