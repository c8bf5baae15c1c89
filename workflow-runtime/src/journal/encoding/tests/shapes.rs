//! One by one: what the usual mapping loses, and how each looks to people.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::{FORMAT, decode, decode_borrowed, encode, encode_into},
    back, round_trip,
    types::{Bytes, Empty, EmptyTuple, Unit},
};
use crate::journal::payload::Payload;

fn payload<T: Serialize + ?Sized>(value: &T) -> Payload {
    Payload::encode(value).expect("encodes")
}

#[test]
fn every_option_comes_back() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped(Option<Unit>);

    round_trip(Some(()));
    round_trip(None::<()>);
    round_trip(Some(Some(Some(()))));
    round_trip(Some(Some(None::<()>)));
    round_trip(Some(None::<Option<()>>));
    round_trip(Some(Wrapped(Some(Unit))));
    round_trip(Some(Wrapped(None)));
    round_trip(Some(serde_json::Value::Null));
    round_trip(None::<serde_json::Value>);
    round_trip(vec![Some(None), Some(Some(7_u8)), None]);
    round_trip(BTreeMap::from([(None, 1), (Some(None), 2), (Some(Some(())), 3)]));
    round_trip(Some(Some("nil".to_owned())));
    assert_eq!(encode(&Some(Some(5))), encode(&5), "only what is ambiguous is marked");
}

#[test]
fn every_bit_of_a_float_comes_back() {
    for bits in [0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0001, (-0.0_f64).to_bits(), f64::INFINITY.to_bits()] {
        assert_eq!(back(&f64::from_bits(bits)).expect("decodes").to_bits(), bits);
    }
    for bits in [0x7f80_0001, 0xffc0_beef, (-0.0_f32).to_bits(), 0.1_f32.to_bits()] {
        assert_eq!(back(&f32::from_bits(bits)).expect("decodes").to_bits(), bits);
    }
}

#[test]
fn integers_come_back_at_their_edges() {
    for value in [0, 1, 127, 128, 255, 256, 65_535, 65_536, u32::MAX.into(), 1 << 32, u64::MAX] {
        round_trip(value);
        round_trip(i128::from(value));
        round_trip(u128::from(value));
    }
    for value in [-1, -32, -33, -128, -129, -32_768, -32_769, i32::MIN.into(), i64::MIN, i64::MAX] {
        round_trip(value);
        round_trip(i128::from(value));
    }
    round_trip((i128::MIN, i128::MAX, u128::MAX));
}

#[test]
fn headers_come_back_at_their_edges() {
    for len in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
        round_trip("x".repeat(len));
        round_trip(Bytes(vec![1; len]));
        round_trip(vec![(); len]);
        round_trip((0..len).map(|i| (i, ())).collect::<BTreeMap<_, _>>());
    }
}

#[test]
fn empty_types_and_chars_come_back() {
    round_trip((Unit, Empty {}, EmptyTuple(), ()));
    round_trip(('\0', 'ß', '\u{10ffff}'));
}

#[test]
fn keys_may_be_of_any_type() {
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct Place {
        row: i32,
        name: Option<char>,
    }
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Side {
        Left,
        Right(u8, u8),
    }
    round_trip(HashMap::from([(Place { row: -1, name: Some('x') }, Unit), (Place { row: 2, name: None }, Unit)]));
    round_trip(BTreeMap::from([(Side::Left, 1), (Side::Right(2, 3), 4)]));
    round_trip(BTreeMap::from([((1_u8, "a".to_owned()), true)]));
    round_trip(BTreeMap::from([(vec![i128::MIN], ())]));
    round_trip(BTreeMap::from([((), ())]));
}

#[test]
fn types_may_change_in_the_ways_that_serde_allows() {
    #[derive(Serialize)]
    struct Old {
        kept: u8,
        dropped: BTreeMap<u8, Option<Option<i128>>>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct New {
        kept: u128,
        missing: Option<String>,
        #[serde(default)]
        defaulted: Vec<u8>,
    }
    let bytes = encode(&Old { kept: 7, dropped: BTreeMap::from([(1, Some(None))]) }).expect("encodes");
    assert_eq!(decode::<New>(&bytes), Ok(New { kept: 7, missing: None, defaulted: vec![] }));
    assert_eq!(decode::<f64>(&encode(&0.5_f32).expect("encodes")), Ok(0.5));
    assert_eq!(decode::<Option<u8>>(&encode(&7).expect("encodes")), Ok(Some(7)), "a value may become optional");
}

#[test]
fn a_narrower_type_takes_what_fits_and_refuses_the_rest() {
    fn read<T: serde::de::DeserializeOwned>(value: &impl Serialize) -> Result<T, &'static str> {
        decode(&encode(value).expect("encodes")).map_err(|error| error.code())
    }
    assert_eq!(read::<f32>(&0.5_f64), Ok(0.5));
    assert_eq!(read::<f32>(&0.1_f64), Err("decode_mismatch"));
    assert!(read::<f32>(&f64::NAN).is_ok_and(f32::is_nan));
    assert_eq!(read::<f64>(&-7), Ok(-7.0));
    assert_eq!(read::<f64>(&(1_u64 << 53)), Ok(9_007_199_254_740_992.0));
    assert_eq!(read::<f64>(&i64::MIN), Err("decode_mismatch"));
    assert_eq!(read::<u8>(&256), Err("decode_mismatch"));
    assert_eq!(read::<i8>(&-128_i128), Ok(-128));
    assert_eq!(read::<u64>(&u128::MAX), Err("decode_mismatch"));
}

#[test]
fn types_of_the_standard_library_come_back() {
    use std::{borrow::Cow, net::IpAddr, num::NonZeroU8, ops::Bound, path::PathBuf, time};

    round_trip((time::Duration::new(7, 9), time::UNIX_EPOCH + time::Duration::from_nanos(1)));
    round_trip(IpAddr::from([127, 0, 0, 1]));
    round_trip((PathBuf::from("a/b"), std::ffi::OsString::from("c"), Cow::<str>::Borrowed("d")));
    round_trip((Ok::<(), u8>(()), Err::<Option<()>, Option<()>>(Some(()))));
    round_trip((1..5, 1..=5, Bound::<()>::Unbounded, Bound::Excluded(Some(()))));
    round_trip((NonZeroU8::MAX, std::num::Wrapping(-1), [0_u8; 32], [(); 0]));
    round_trip((std::cmp::Reverse(1_u128), std::marker::PhantomData::<u8>));
    round_trip(std::collections::HashSet::from([Some(None), Some(Some(())), None]));
}

#[test]
fn flattened_maps_may_have_keys_that_are_no_strings() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        numbers: BTreeMap<u32, Option<Option<()>>>,
    }
    round_trip(Flat { name: "n".to_owned(), numbers: BTreeMap::from([(0, Some(None)), (70_000, Some(Some(())))]) });
}

#[test]
fn text_forms_are_used_and_strings_can_be_borrowed() {
    let id = uuid::Uuid::from_u128(7);
    let time: jiff::Timestamp = "2025-01-02T03:04:05.6Z".parse().expect("parses");
    round_trip((id, time));
    assert_eq!(payload(&(id, time)).to_json(), json!([id.to_string(), "2025-01-02T03:04:05.6Z"]));
    let bytes = encode(&("text", Bytes(vec![1, 2]))).expect("encodes");
    assert_eq!(decode_borrowed::<(&str, &[u8])>(&bytes), Ok(("text", &[1, 2][..])));
}

#[test]
fn a_length_that_was_unknown_or_wrong_is_set_right() {
    struct Liar(Option<usize>, u8);
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(self.0)?;
            for i in 0..self.1 {
                seq.serialize_element(&i)?;
            }
            seq.end()
        }
    }
    for (claimed, len) in [(None, 0), (None, 3), (None, 100), (Some(3), 0), (Some(99_999), 20), (Some(2), 200)] {
        let bytes = encode(&("before", Liar(claimed, len), "after")).expect("encodes");
        let (_, read, after): (String, Vec<u8>, String) = decode(&bytes).expect("decodes");
        assert_eq!((read, after.as_str()), ((0..len).collect(), "after"));
    }
}

#[test]
fn people_see_json() {
    #[derive(Serialize)]
    struct All {
        some: Option<()>,
        small: i128,
        wide: u128,
        nan: f64,
        infinite: f32,
        tenth: f32,
        bytes: Bytes,
        keys: BTreeMap<(u8, bool), char>,
        both: Both,
    }
    /// A map with the keys `1` and `"1"`.
    struct Both;
    impl Serialize for Both {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry(&1, &true)?;
            map.serialize_entry("1", &false)?;
            map.end()
        }
    }
    let all = All {
        some: Some(()),
        small: -5,
        wide: u128::MAX,
        nan: f64::NAN,
        infinite: f32::NEG_INFINITY,
        tenth: 0.1,
        bytes: Bytes(vec![0, 255]),
        keys: BTreeMap::from([((1, true), 'x')]),
        both: Both,
    };
    let json = json!({
        "some": null, "small": -5, "wide": u128::MAX.to_string(), "nan": "NaN", "infinite": "-Infinity", "tenth": 0.1,
        "bytes": "AP8=", "keys": { "[1,true]": "x" }, "both": [[1, true], ["1", false]],
    });
    assert_eq!(payload(&all).to_json(), json);
    assert_eq!(
        decode::<serde_json::Value>(&encode(&(1, "a", None::<u8>)).expect("encodes")),
        Ok(json!([1, "a", null]))
    );
}

#[test]
fn payloads_are_bytes_in_other_records_and_compare_as_values() {
    let inner = payload(&Some(()));
    round_trip(vec![Some(inner.clone()), None]);
    assert_eq!(payload(&inner).to_json(), json!("AdQBAQ=="));
    let text = serde_json::to_string(&inner).expect("serializes");
    assert_eq!(serde_json::from_str::<Payload>(&text).expect("deserializes"), inner);
    assert!(decode::<Payload>(&encode(&Bytes(vec![9])).expect("encodes")).is_err());

    let (one, other) = (payload(&[("a", 1), ("b", 2)].map(Some)), payload(&[("b", 2), ("a", 1)]));
    assert!(!one.canonical_eq(&other), "sequences have an order");
    let map = |keys: [&str; 2]| {
        let mut bytes = vec![FORMAT, 0x82];
        for key in keys {
            bytes.extend([0xa1, key.as_bytes()[0], 0xcf, 0, 0, 0, 0, 0, 0, 0, 1]);
        }
        Payload::from_bytes(bytes).expect("has the format byte")
    };
    assert_ne!(map(["a", "b"]), map(["b", "a"]));
    assert!(map(["a", "b"]).canonical_eq(&map(["b", "a"])));
    assert!(map(["a", "b"]).canonical_eq(&payload(&BTreeMap::from([("b", 1_u8), ("a", 1)]))));
    assert!(!payload(&0.0).canonical_eq(&payload(&-0.0)));
    assert!(!payload(&None::<()>).canonical_eq(&inner));
}

#[test]
fn equal_values_are_alike() {
    let same = |a: &Payload, b: &Payload| a.likeness64() == b.likeness64();
    let map = |values: [(u8, &str); 3]| payload(&indexmap(&values));
    fn indexmap<'a>(values: &'a [(u8, &'a str); 3]) -> impl Serialize + 'a {
        struct Map<'a>(&'a [(u8, &'a str); 3]);
        impl Serialize for Map<'_> {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_map(self.0.iter().copied())
            }
        }
        Map(values)
    }
    let (one, other) = (map([(1, "a"), (2, "b"), (3, "c")]), map([(3, "c"), (1, "a"), (2, "b")]));
    assert_ne!(one, other);
    assert!(same(&one, &other));
    // Within one another, as byte strings.
    assert!(same(&payload(&(&one, 1)), &payload(&(&other, 1))));
    assert!(same(&payload(&payload(&(1, &one))), &payload(&payload(&(1, &other)))));
    assert!(!same(&payload(&[1, 2]), &payload(&[2, 1])), "sequences have an order");
    assert!(!same(&one, &map([(1, "b"), (2, "a"), (3, "c")])), "which value belongs to which key counts");
    assert!(!same(&map([(1, "a"), (2, "b"), (2, "b")]), &map([(1, "a"), (3, "c"), (3, "c")])));
    assert!(same(&payload(&7_u128), &payload(&7_i8)) && same(&payload(&-7_i128), &payload(&-7_i8)));
    assert!(!same(&payload(&-7_i128), &payload(&u128::MAX)) && !same(&payload(&0.0), &payload(&-0.0)));
    assert!(
        !same(&payload(&"ab"), &payload(&Bytes(b"ab".to_vec()))) && !same(&payload(&"12345678"), &payload(&"12345679"))
    );
    assert!(!same(&payload(&None::<()>), &payload(&Some(()))));
    assert_eq!(one.likeness64(), 0x0b53_df2b_198d_c943, "the hash is kept in histories");
}

#[test]
fn the_format_is_pinned() {
    #[derive(Serialize)]
    enum Kind {
        Tuple(u8, i128),
    }
    let value = (Kind::Tuple(1, -2), Some(()), "é", 1.5_f32, Bytes(vec![7]));
    let bytes = encode(&value).expect("encodes");
    let mut expected = vec![FORMAT, 0x95, 0x81, 0xa5];
    expected.extend(b"Tuple\x92\x01\xd8\x02");
    expected.extend((-2_i128).to_be_bytes());
    expected.extend(b"\xd4\x01\x01\xa2\xc3\xa9\xca\x3f\xc0\x00\x00\xc4\x01\x07");
    assert_eq!(bytes, expected);
    assert_eq!(payload(&"hash").hash64(), 0x7b8d_4fe9_4e60_b668);
}

#[test]
fn a_refused_value_leaves_the_output_as_it_was() {
    let mut out = vec![1, 2, 3];
    let unreadable = std::cell::RefCell::new(1);
    let _guard = unreadable.borrow_mut();
    assert!(encode_into(&mut out, &("some", &unreadable)).is_err());
    assert_eq!(out, [1, 2, 3]);
}
