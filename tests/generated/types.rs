//! The types of generated programs, and their simplest values.

use crate::source::Source;
use std::fmt;

/// A type without lifetimes that can be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ty {
    Unit,
    U32,
    I64,
    Bool,
    Char,
    Str,
    Item,
    Kind,
    Order,
    Tuple(Vec<Ty>),
    Option(Box<Ty>),
    /// With the error `Oops`.
    Result(Box<Ty>),
    Vec(Box<Ty>),
    /// From `String`.
    Map(Box<Ty>),
    Set(Box<Ty>),
    Three(Box<Ty>),
    /// The parameter of a generic function, of which there is one value, `held`.
    Generic,
}

pub fn option(t: Ty) -> Ty {
    Ty::Option(Box::new(t))
}

pub fn vec_of(t: Ty) -> Ty {
    Ty::Vec(Box::new(t))
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Unit => f.write_str("()"),
            Ty::U32 => f.write_str("u32"),
            Ty::I64 => f.write_str("i64"),
            Ty::Bool => f.write_str("bool"),
            Ty::Char => f.write_str("char"),
            Ty::Str => f.write_str("String"),
            Ty::Item => f.write_str("Item"),
            Ty::Kind => f.write_str("Kind"),
            Ty::Order => f.write_str("Order"),
            Ty::Tuple(all) => {
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                write!(f, "({})", all.join(", "))
            }
            Ty::Option(t) => write!(f, "Option<{t}>"),
            Ty::Result(t) => write!(f, "Result<{t}, Oops>"),
            Ty::Vec(t) => write!(f, "Vec<{t}>"),
            Ty::Map(t) => write!(f, "BTreeMap<String, {t}>"),
            Ty::Set(t) => write!(f, "BTreeSet<{t}>"),
            Ty::Three(t) => write!(f, "[{t}; 3]"),
            Ty::Generic => f.write_str("T"),
        }
    }
}

impl Ty {
    pub fn copy(&self) -> bool {
        match self {
            Ty::Unit | Ty::U32 | Ty::I64 | Ty::Bool | Ty::Char => true,
            Ty::Tuple(all) => all.iter().all(Ty::copy),
            Ty::Option(t) | Ty::Three(t) => t.copy(),
            _ => false,
        }
    }

    /// A type of at most this depth.
    pub fn any(src: &mut Source, depth: usize) -> Ty {
        let simple = [Ty::U32, Ty::Str, Ty::Bool, Ty::I64, Ty::Char, Ty::Item, Ty::Kind, Ty::Order];
        let weights: &[u32] =
            if depth == 0 { &[6, 5, 2, 2, 1] } else { &[6, 5, 2, 2, 1, 3, 3, 1, 3, 3, 1, 4, 2, 1, 2] };
        let at = src.weighted(weights);
        match at {
            8 => Ty::Tuple(vec![Ty::any(src, depth - 1), Ty::any(src, depth - 1)]),
            9 => option(Ty::any(src, depth - 1)),
            10 => Ty::Result(Box::new(Ty::any(src, depth - 1))),
            11 => vec_of(Ty::any(src, depth - 1)),
            12 => Ty::Map(Box::new(Ty::any(src, depth - 1))),
            13 => Ty::Set(Box::new(Ty::any(src, 0))),
            14 => Ty::Three(Box::new(Ty::any(src, 0))),
            simple_at => simple[simple_at].clone(),
        }
    }

    /// A value without anything in it.
    pub fn literal(&self, src: &mut Source) -> String {
        match self {
            Ty::Unit => "()".into(),
            Ty::U32 => format!("{}u32", src.below(5)),
            Ty::I64 => match src.below(5) {
                n @ 0..3 => format!("{n}i64"),
                n => format!("(-{n}i64)"),
            },
            Ty::Bool => ["true", "false"][src.below(2)].into(),
            Ty::Char => ["'a'", "'ß'", "'x'"][src.below(3)].into(),
            Ty::Str => ["String::new()", "\"a\".to_string()", "String::from(\"ab\")"][src.below(3)].into(),
            Ty::Item => "Item::default()".into(),
            Ty::Order => "Order::default()".into(),
            Ty::Kind => ["Kind::Plain", "Kind::Count(1)", "Kind::Deep(Some(2))", "Kind::Named(\"k\".into())"]
                [src.below(4)]
            .into(),
            Ty::Tuple(all) => {
                let all: Vec<_> = all.iter().map(|t| t.literal(src)).collect();
                format!("({})", all.join(", "))
            }
            Ty::Option(t) => match src.below(2) {
                0 => format!("None::<{t}>"),
                _ => format!("Some({})", t.literal(src)),
            },
            Ty::Result(t) => match src.below(2) {
                0 => format!("Ok::<{t}, Oops>({})", t.literal(src)),
                _ => format!("Err::<{t}, Oops>(Oops::Code({}))", src.below(3)),
            },
            Ty::Vec(t) => match src.below(3) {
                0 => format!("Vec::<{t}>::new()"),
                n => {
                    let all: Vec<_> = (0..n).map(|_| t.literal(src)).collect();
                    format!("vec![{}]", all.join(", "))
                }
            },
            Ty::Map(t) => match src.below(2) {
                0 => format!("BTreeMap::<String, {t}>::new()"),
                _ => format!("BTreeMap::from([(\"a\".to_string(), {})])", t.literal(src)),
            },
            Ty::Set(t) => match src.below(2) {
                0 => format!("BTreeSet::<{t}>::new()"),
                _ => format!("BTreeSet::from([{}])", t.literal(src)),
            },
            Ty::Three(t) => format!("[{}, {}, {}]", t.literal(src), t.literal(src), t.literal(src)),
            Ty::Generic => "held.clone()".into(),
        }
    }

    /// Whether `Default` is implemented.
    pub fn has_default(&self) -> bool {
        match self {
            Ty::Result(_) | Ty::Generic => false,
            Ty::Tuple(all) => all.iter().all(Ty::has_default),
            Ty::Three(t) => t.has_default(),
            _ => true,
        }
    }

    /// What can be reached by a field, and how.
    pub fn fields(&self) -> Vec<(String, Ty)> {
        let fields = |all: &[(&str, Ty)]| all.iter().map(|(n, t)| ((*n).to_owned(), t.clone())).collect();
        match self {
            Ty::Item => {
                fields(&[("id", Ty::U32), ("name", Ty::Str), ("tags", vec_of(Ty::U32)), ("note", option(Ty::Str))])
            }
            Ty::Order => {
                fields(&[("item", Ty::Item), ("count", Ty::I64), ("kind", Ty::Kind), ("lines", vec_of(Ty::Item))])
            }
            Ty::Tuple(all) => all.iter().enumerate().map(|(i, t)| (i.to_string(), t.clone())).collect(),
            _ => vec![],
        }
    }
}
