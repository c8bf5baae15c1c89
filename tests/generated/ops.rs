//! The signatures of the operations of `tests::generated::operations`.

use crate::types::{Ty, option, vec_of};

/// A parameter.
pub enum Param {
    Value(Ty),
    /// `&T`, `&str`, `&[T]`, where a `&T`, `&String`, `&Vec<T>` can stand.
    Ref(Ty),
}

impl Param {
    pub fn ty(&self) -> &Ty {
        match self {
            Param::Value(t) | Param::Ref(t) => t,
        }
    }
}

pub struct Op {
    pub name: &'static str,
    pub params: Vec<Param>,
    pub ok: Ty,
}

impl Op {
    /// Whether it waits for a signal.
    pub fn signal(&self) -> bool {
        self.name.ends_with(".recv")
    }
}

/// All of them, the simplest first.
pub fn operations() -> Vec<Op> {
    use Param::{Ref, Value};
    let op = |name, params, ok| Op { name, params, ok };
    vec![
        op("ping", vec![Value(Ty::U32)], Ty::U32),
        op("double", vec![Value(Ty::U32)], Ty::U32),
        op("num", vec![Value(Ty::I64)], Ty::I64),
        op("flag", vec![Value(Ty::U32)], Ty::Bool),
        op("letter", vec![Value(Ty::Char)], Ty::Char),
        op("text", vec![Ref(Ty::Str), Value(Ty::U32)], Ty::Str),
        op("name", vec![Value(Ty::Str)], Ty::Str),
        op("list", vec![Value(Ty::U32)], vec_of(Ty::U32)),
        op("words", vec![Ref(Ty::Str)], vec_of(Ty::Str)),
        op("maybe", vec![Value(Ty::U32)], option(Ty::U32)),
        op("remark", vec![Ref(Ty::Kind)], option(Ty::Str)),
        op("pair", vec![Value(Ty::U32), Ref(Ty::Str)], Ty::Tuple(vec![Ty::U32, Ty::Str])),
        op("fetch", vec![Value(Ty::U32)], Ty::Item),
        op("kind", vec![Value(Ty::U32)], Ty::Kind),
        op("order", vec![Ref(Ty::Item)], Ty::Order),
        op("store", vec![Ref(Ty::Item), Ref(vec_of(Ty::U32))], Ty::Unit),
        op("table", vec![Value(Ty::U32)], Ty::Map(Box::new(Ty::U32))),
        op("keys", vec![Ref(vec_of(Ty::U32))], Ty::Set(Box::new(Ty::U32))),
        op("three", vec![Value(Ty::U32)], Ty::Three(Box::new(Ty::U32))),
        op("items", vec![Value(Ty::U32)], vec_of(Ty::Item)),
        op("NEWS.recv", vec![], Ty::U32),
        op("NOTES.recv", vec![], Ty::Str),
        op("PARCELS.recv", vec![], Ty::Item),
    ]
}
