//! What errors say, and what never panics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    super::{DecodeError, EncodeError, FORMAT, decode, encode},
    on_small_stack,
    types::{Newtype, Node, Plain},
};
use crate::journal::payload::Payload;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    lines: Vec<BTreeMap<(u8, u8), Line>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Item { quantity: i64 },
}

#[test]
fn a_mismatch_says_where_and_what() {
    let order = Order { lines: vec![BTreeMap::new(), BTreeMap::from([((1, 2), Line::Item { quantity: -1 })])] };
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never read: decoding fails")]
    struct Other {
        lines: Vec<BTreeMap<(u8, u8), OtherLine>>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never read: decoding fails")]
    enum OtherLine {
        Item { quantity: u64 },
    }
    let error = decode::<Other>(&encode(&order).expect("encodes")).expect_err("a different type");
    let DecodeError::Mismatch { path, message } = &error else { panic!("{error:?}") };
    assert_eq!(path, "$.lines[1][[1,2]].Item.quantity");
    assert_eq!(message, "invalid value: integer `-1`, expected u64");
    assert_eq!(error.code(), "decode_mismatch");
    assert!(error.to_string().contains("#[serde(default)]"), "{error}");
}

#[test]
fn what_is_longer_than_the_type_is_refused() {
    let error = decode::<(u8, u8)>(&encode(&(1, 2, 3)).expect("encodes")).expect_err("three are not two");
    assert_eq!(error.code(), "decode_mismatch");
    assert!(error.to_string().contains("invalid length 3, expected 2 elements"), "{error}");
}

#[test]
fn damage_has_its_own_codes() {
    assert_eq!(decode::<()>(&[]), Err(DecodeError::Empty));
    assert_eq!(decode::<()>(&[77]), Err(DecodeError::UnknownFormat { found: 77 }));
    assert_eq!(decode::<()>(&[FORMAT, 0xc0, 0, 0]), Err(DecodeError::TrailingBytes { count: 2 }));
    let cases: [(&[u8], &str); 8] = [
        (&[FORMAT], "decode_truncated"),
        (&[FORMAT, 0xa5, b'a'], "decode_truncated"),
        (&[FORMAT, 0xdd, 255, 255, 255, 255], "decode_truncated"),
        (&[FORMAT, 0xa1, 0xff], "decode_malformed"),
        (&[FORMAT, 0xc1], "decode_malformed"),
        (&[FORMAT, 0xd4, 1, 0], "decode_malformed"),
        (&[FORMAT, 0xd4, 9, 0], "decode_malformed"),
        (&[FORMAT, 0xc7, 1, 1, 1], "decode_malformed"),
    ];
    for (bytes, code) in cases {
        let error = decode::<Node>(bytes).expect_err("damaged");
        assert_eq!(error.code(), code, "{bytes:?}: {error}");
        assert_eq!(decode::<IgnoredAny>(bytes).map_err(|e| e.code()).err(), Some(code), "{bytes:?}");
        let json = Payload::from_bytes(bytes.to_vec()).expect("has the format byte").to_json();
        assert!(json.as_str().is_some_and(|text| text.starts_with("<unreadable")), "{json}");
    }
}

#[test]
fn a_refusal_says_where() {
    let cell = std::cell::RefCell::new(1);
    let _guard = cell.borrow_mut();
    let error = encode(&BTreeMap::from([("a", (1, Some(&cell)))])).expect_err("mutably borrowed");
    let EncodeError::Refused { message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(message, "already mutably borrowed");
    assert_eq!(error.code(), "encode_refused");
}

#[test]
fn what_is_too_deep_is_an_error_in_both_directions() {
    on_small_stack(|| {
        let mut node = Node::Wide(1);
        let mut deepest = 0;
        for depth in 1..200 {
            node = Node::Newtype(Newtype(Box::new(node)));
            match encode(&node) {
                Ok(bytes) => {
                    deepest = depth;
                    assert_eq!(decode::<Node>(&bytes).as_ref(), Ok(&node), "what was written can be read");
                    let _ = Payload::from_bytes(bytes).expect("has the format byte").to_json();
                }
                Err(error) => assert_eq!(error.code(), "encode_too_deep"),
            }
        }
        assert_eq!(deepest, 127, "the innermost value is a container of its own");
        let tree = (0..128).fold(Tree::Leaf(()), |tree, _| Tree::Seq(vec![tree]));
        assert_eq!(decode::<Tree>(&encode(&tree).expect("encodes")).as_ref(), Ok(&tree));
    });
}

/// Goes through serde's buffers on every level.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Tree {
    Leaf(()),
    Seq(Vec<Tree>),
    Map(BTreeMap<Tree, Tree>),
}

#[test]
fn a_bomb_of_nesting_is_an_error() {
    on_small_stack(|| {
        for byte in [0x91, 0x81] {
            let mut bytes = vec![byte; 1_000_000];
            bytes[0] = FORMAT;
            bytes.resize(2_000_000, 0xc0);
            assert!(decode::<serde_json::Value>(&bytes).is_err());
            assert_eq!(decode::<Tree>(&bytes).map_err(|e| e.code()), Err("decode_too_deep"));
            assert!(decode::<Node>(&bytes).is_err());
            let payload = Payload::from_bytes(bytes).expect("has the format byte");
            assert!(payload.to_json().is_string());
            assert!(!payload.canonical_eq(&Payload::encode(&()).expect("encodes")));
        }
        let mut names = vec![FORMAT];
        for _ in 0..100_000 {
            names.extend(*b"\x81\xa5Maybe");
        }
        names.extend(encode(&Plain::Unit).expect("encodes"));
        assert_eq!(decode::<Node>(&names).map_err(|e| e.code()), Err("decode_too_deep"));
    });
}

#[test]
fn a_type_that_contains_itself_by_options_alone_ends() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Chain(Option<Box<Chain>>);

    on_small_stack(|| {
        assert_eq!(decode::<Chain>(&encode(&5).expect("encodes")).map_err(|e| e.code()), Err("decode_too_deep"));
        let mut chain = Chain(None);
        for _ in 0..60 {
            chain = Chain(Some(Box::new(chain)));
        }
        assert_eq!(decode::<Chain>(&encode(&chain).expect("encodes")).as_ref(), Ok(&chain));
        for _ in 0..60 {
            chain = Chain(Some(Box::new(chain)));
        }
        assert_eq!(encode(&chain).map_err(|e| e.code()), Err("encode_too_deep"));
    });
}
