//! Types that use everything that serde offers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Equal by bits, so that NaNs count.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Bits64(pub(super) f64);

impl PartialEq for Bits64 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

/// Equal by bits, so that NaNs count.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Bits32(pub(super) f32);

impl PartialEq for Bits32 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

/// A byte string, as `serde_bytes` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Empty {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EmptyTuple();

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Key {
    Unit,
    Newtype(Option<Option<()>>),
    Tuple(i64, u128),
    Struct { text: String, bytes: Bytes },
}

/// Everything that passes through serde's buffers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Plain {
    Unit,
    Units(Unit, Empty, EmptyTuple, ()),
    Float(Bits64, Bits32),
    Int(i64),
    Uint(u64),
    Char(char),
    Text(String),
    Bytes(Bytes),
    Options(Option<Option<Option<()>>>),
    Maybe(Option<Option<Box<Plain>>>),
    Seq(Vec<Plain>),
    Map(BTreeMap<String, Plain>),
    Numbers(BTreeMap<i32, Plain>),
    Struct { first: Box<Plain>, rest: Option<Unit> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(super) enum Internal {
    Unit,
    Struct { value: Plain, option: Option<Option<()>> },
    Newtype(Inner),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Inner {
    pub(super) inner: Plain,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
pub(super) enum Adjacent {
    Unit,
    Newtype(Box<Node>),
    Tuple(i128, Box<Node>),
    Struct { value: Box<Node> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Untagged {
    Pair(Plain, Option<Option<()>>),
    Struct { plain: Plain },
    Bytes(Bytes),
    Number(u64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flat {
    id: u32,
    option: Option<Option<()>>,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, Plain>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Defaults {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<Box<Node>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
    #[serde(rename = "wide number")]
    wide: i128,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Newtype(pub(super) Box<Node>);

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Node {
    Plain(Plain),
    Wide(i128),
    Wider(u128),
    Newtype(Newtype),
    Maybe(Option<Option<Newtype>>),
    Tuple(Box<Node>, Option<Unit>, Option<i128>),
    Seq(Vec<Node>),
    Map(BTreeMap<Key, Node>),
    Struct { left: Box<Node>, right: Option<Box<Node>> },
    Internal(Internal),
    Adjacent(Adjacent),
    Untagged(Untagged),
    Flat(Flat),
    Defaults(Defaults),
}

/// What serde's buffers cannot hold, where they are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Loose {
    Small(u64),
    Signed(i64),
    Float(Bits64),
    Wide(i128),
    Wider(u128),
    Field { wide: i128 },
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LooseFlat {
    #[serde(flatten)]
    pub(super) inner: WideField,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WideField {
    pub(super) wide: u128,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(super) enum LooseInternal {
    Struct { wide: i128 },
    Newtype(WideField),
}

fn options() -> impl Strategy<Value = Option<Option<()>>> {
    prop_oneof![Just(None), Just(Some(None)), Just(Some(Some(())))]
}

pub(super) fn plain() -> BoxedStrategy<Plain> {
    let text = "\\PC{0,40}";
    let leaf = prop_oneof![
        Just(Plain::Unit),
        Just(Plain::Units(Unit, Empty {}, EmptyTuple(), ())),
        (any::<u64>(), any::<u32>())
            .prop_map(|(d, s)| Plain::Float(Bits64(f64::from_bits(d)), Bits32(f32::from_bits(s)))),
        any::<i64>().prop_map(Plain::Int),
        (any::<u64>(), 0..64_u32).prop_map(|(value, shift)| Plain::Uint(value >> shift)),
        (any::<i64>(), 0..64_u32).prop_map(|(value, shift)| Plain::Int(value >> shift)),
        any::<char>().prop_map(Plain::Char),
        text.prop_map(Plain::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|b| Plain::Bytes(Bytes(b))),
        prop::option::of(options()).prop_map(Plain::Options),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            prop::option::of(prop::option::of(boxed.clone())).prop_map(Plain::Maybe),
            prop::collection::vec(inner.clone(), 0..20).prop_map(Plain::Seq),
            prop::collection::btree_map(text, inner.clone(), 0..20).prop_map(Plain::Map),
            prop::collection::btree_map(any::<i32>(), inner, 0..4).prop_map(Plain::Numbers),
            (boxed, prop::option::of(Just(Unit))).prop_map(|(first, rest)| Plain::Struct { first, rest }),
        ]
    })
    .boxed()
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        Just(Key::Unit),
        options().prop_map(Key::Newtype),
        any::<(i64, u128)>().prop_map(|(a, b)| Key::Tuple(a, b)),
        any::<(String, Vec<u8>)>().prop_map(|(text, bytes)| Key::Struct { text, bytes: Bytes(bytes) }),
    ]
}

fn internal() -> impl Strategy<Value = Internal> {
    prop_oneof![
        Just(Internal::Unit),
        (plain(), options()).prop_map(|(value, option)| Internal::Struct { value, option }),
        plain().prop_map(|inner| Internal::Newtype(Inner { inner })),
    ]
}

fn untagged() -> impl Strategy<Value = Untagged> {
    prop_oneof![
        (plain(), options()).prop_map(|(plain, option)| Untagged::Pair(plain, option)),
        plain().prop_map(|plain| Untagged::Struct { plain }),
        any::<Vec<u8>>().prop_map(|bytes| Untagged::Bytes(Bytes(bytes))),
        any::<u64>().prop_map(Untagged::Number),
        any::<String>().prop_map(Untagged::Text),
    ]
}

fn flat() -> impl Strategy<Value = Flat> {
    let rest = prop::collection::btree_map("[A-Z]{1,4}", plain(), 0..4);
    (any::<u32>(), options(), plain(), rest).prop_map(|(id, option, inner, rest)| Flat {
        id,
        option,
        inner: Inner { inner },
        rest,
    })
}

pub(super) fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        plain().prop_map(Node::Plain),
        any::<i128>().prop_map(Node::Wide),
        any::<u128>().prop_map(Node::Wider),
        any::<i8>().prop_map(|small| Node::Wide(small.into())),
        internal().prop_map(Node::Internal),
        untagged().prop_map(Node::Untagged),
        flat().prop_map(Node::Flat),
        Just(Node::Adjacent(Adjacent::Unit)),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        let maybe = prop::option::of(boxed.clone());
        prop_oneof![
            boxed.clone().prop_map(|node| Node::Newtype(Newtype(node))),
            prop::option::of(maybe.clone().prop_map(|node| node.map(Newtype))).prop_map(Node::Maybe),
            (boxed.clone(), prop::option::of(Just(Unit)), any::<Option<i128>>())
                .prop_map(|(node, unit, wide)| Node::Tuple(node, unit, wide)),
            prop::collection::vec(inner.clone(), 0..20).prop_map(Node::Seq),
            prop::collection::btree_map(key(), inner, 0..20).prop_map(Node::Map),
            (boxed.clone(), maybe.clone()).prop_map(|(left, right)| Node::Struct { left, right }),
            boxed.clone().prop_map(|node| Node::Adjacent(Adjacent::Newtype(node))),
            (any::<i128>(), boxed.clone()).prop_map(|(wide, node)| Node::Adjacent(Adjacent::Tuple(wide, node))),
            boxed.prop_map(|value| Node::Adjacent(Adjacent::Struct { value })),
            (maybe, any::<Vec<u8>>(), any::<i128>())
                .prop_map(|(skipped, list, wide)| { Node::Defaults(Defaults { skipped, list, wide }) }),
        ]
    })
}

pub(super) fn loose() -> impl Strategy<Value = Loose> {
    let wide = prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from)].boxed();
    prop_oneof![
        any::<u64>().prop_map(Loose::Small),
        (i64::MIN..0).prop_map(Loose::Signed),
        any::<u64>().prop_map(|bits| Loose::Float(Bits64(f64::from_bits(bits)))),
        wide.clone().prop_map(Loose::Wide),
        any::<u128>().prop_map(Loose::Wider),
        wide.prop_map(|wide| Loose::Field { wide }),
        any::<String>().prop_map(Loose::Text),
    ]
}
