//! The variables in scope, and what the borrow checker knows about them.
//!
//! Programs are well-typed and pass the borrow checker by construction: what was moved, what is borrowed and what a loop would move
//! twice is not used.

use crate::types::Ty;
use std::collections::BTreeSet;

/// How a variable holds its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Owned,
    /// `&T`.
    Ref,
    /// `&mut T`.
    RefMut,
}

#[derive(Debug, Clone)]
pub struct Var {
    pub name: String,
    pub ty: Ty,
    pub hold: Hold,
    pub mutable: bool,
    /// Paths that were moved out; the empty one is the whole.
    pub moved: BTreeSet<String>,
    /// How many live borrows only read it.
    pub frozen: u32,
    /// How many live borrows may write it.
    pub locked: u32,
    /// How many loops stand around its declaration.
    pub loops: usize,
    /// What it borrows from.
    pub lender: Option<usize>,
    /// It may still be mentioned.
    pub usable: bool,
}

/// What a program can name in front of `=`, behind `&`, or as a value.
#[derive(Debug, Clone)]
pub struct Place {
    pub text: String,
    pub ty: Ty,
    pub root: usize,
    /// Fields behind the root.
    pub path: String,
}

/// What was moved out of each variable at one point of a program.
pub type Moves = Vec<BTreeSet<String>>;

#[derive(Default)]
pub struct Scope {
    pub vars: Vec<Var>,
    /// So many variables stand outside of a branch: what it moves out of them does not come back.
    pub sealed: usize,
    /// Variables that something was moved out of since this was emptied, also on ways that do not come back.
    pub moved_from: BTreeSet<usize>,
}

impl Scope {
    pub fn moves(&self) -> Moves {
        self.vars.iter().map(|v| v.moved.clone()).collect()
    }

    pub fn set_moves(&mut self, moves: &Moves) {
        for (var, moved) in self.vars.iter_mut().zip(moves) {
            var.moved = moved.clone();
        }
    }

    /// What is moved where several paths meet.
    pub fn meet(&mut self, ends: &[Moves]) {
        for (i, var) in self.vars.iter_mut().enumerate() {
            var.moved = ends.iter().filter_map(|e| e.get(i)).flatten().cloned().collect();
        }
    }

    pub fn declare(&mut self, name: &str, ty: &Ty, hold: Hold, mutable: bool, loops: usize) -> usize {
        self.vars.push(Var {
            name: name.into(),
            ty: ty.clone(),
            hold,
            mutable,
            moved: BTreeSet::new(),
            frozen: 0,
            locked: 0,
            loops,
            lender: None,
            usable: true,
        });
        self.vars.len() - 1
    }

    /// A variable that borrows from another as long as it lives.
    pub fn borrow(&mut self, var: usize, lender: usize) {
        self.vars[var].lender = Some(lender);
        match self.vars[var].hold {
            Hold::RefMut => self.vars[lender].locked += 1,
            _ => self.vars[lender].frozen += 1,
        }
    }

    /// Ends a borrow.
    pub fn give_back(&mut self, var: usize) {
        if let Some(lender) = self.vars[var].lender.take() {
            match self.vars[var].hold {
                Hold::RefMut => self.vars[lender].locked -= 1,
                _ => self.vars[lender].frozen -= 1,
            }
        }
        self.vars[var].usable = false;
    }

    /// Ends the scope that began when there were this many variables.
    pub fn close(&mut self, mark: usize) {
        for var in (mark..self.vars.len()).rev() {
            if self.vars[var].lender.is_some() {
                self.give_back(var);
            }
        }
        self.vars.truncate(mark);
    }

    pub fn visible(&self, var: usize) -> bool {
        let v = &self.vars[var];
        v.usable && !self.vars[var + 1..].iter().any(|later| later.name == v.name)
    }

    /// All places, to a depth of two fields.
    fn places(&self) -> Vec<Place> {
        let mut all = vec![];
        for root in (0..self.vars.len()).rev().filter(|v| self.visible(*v)) {
            let v = &self.vars[root];
            let text = if v.hold == Hold::Owned { v.name.clone() } else { format!("(*{})", v.name) };
            all.push(Place { text, ty: v.ty.clone(), root, path: String::new() });
            for (field, ty) in v.ty.fields() {
                let text = format!("{}.{field}", v.name);
                for (inner, inner_ty) in ty.fields() {
                    let (text, path) = (format!("{text}.{inner}"), format!(".{field}.{inner}"));
                    all.push(Place { text, ty: inner_ty, root, path });
                }
                all.push(Place { text, ty, root, path: format!(".{field}") });
            }
        }
        all
    }

    fn initialised(&self, p: &Place) -> bool {
        let within = |a: &str, b: &str| a.starts_with(b) && (a.len() == b.len() || a[b.len()..].starts_with('.'));
        !self.vars[p.root].moved.iter().any(|m| within(m, &p.path) || within(&p.path, m))
    }

    pub fn readable(&self) -> Vec<Place> {
        self.places().into_iter().filter(|p| self.initialised(p) && self.vars[p.root].locked == 0).collect()
    }

    /// Places that can be assigned. Those that were moved out of can be given a value again.
    pub fn writable(&self, again: bool) -> Vec<Place> {
        let can = |p: &Place| {
            let v = &self.vars[p.root];
            let free = v.locked == 0 && v.frozen == 0;
            let there =
                self.initialised(p) || (again && p.path.is_empty() && v.hold == Hold::Owned && p.root >= self.sealed);
            free && there && (v.hold == Hold::RefMut || (v.hold == Hold::Owned && v.mutable))
        };
        self.places().into_iter().filter(can).collect()
    }

    /// Places whose value can be moved out, given how many loops may be left before it would happen again.
    pub fn movable(&self, barrier: usize) -> Vec<Place> {
        let can = |p: &Place| {
            let v = &self.vars[p.root];
            v.hold == Hold::Owned && v.frozen == 0 && v.locked == 0 && v.loops >= barrier && self.initialised(p)
        };
        self.places().into_iter().filter(can).collect()
    }

    pub fn take(&mut self, p: &Place) {
        self.vars[p.root].moved.insert(p.path.clone());
        self.moved_from.insert(p.root);
    }

    /// The place has a value again.
    pub fn give(&mut self, p: &Place) {
        if p.path.is_empty() {
            self.vars[p.root].moved.clear();
        }
    }
}
