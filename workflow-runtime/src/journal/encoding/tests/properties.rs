//! What holds for every value, and for every damage.

use proptest::prelude::*;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    super::{FORMAT, decode, decode_borrowed, encode},
    types::{Loose, LooseFlat, LooseInternal, Node, WideField, loose, node, plain},
};
use crate::journal::payload::Payload;

/// Reads the bytes in every way there is. None may panic.
fn read_anyhow(bytes: &[u8]) {
    let _ = decode::<Node>(bytes);
    let _ = decode::<Loose>(bytes);
    let _ = decode::<LooseInternal>(bytes);
    let _ = decode::<serde_json::Value>(bytes);
    let _ = decode::<IgnoredAny>(bytes);
    let _ = decode::<Vec<Option<Option<(i128, f32)>>>>(bytes);
    let _ = decode_borrowed::<(&str, &[u8])>(bytes);
    if let Ok(payload) = Payload::from_bytes(bytes.to_vec()) {
        let _ = payload.to_json();
        let _ = payload.canonical_eq(&Payload::encode(&1).expect("encodes"));
        let _ = format!("{payload:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_back(value in node()) {
        let payload = Payload::encode(&value).expect("encodes");
        prop_assert_eq!(payload.decode::<Node>().expect("decodes"), value.clone());
        prop_assert!(payload.decode::<IgnoredAny>().is_ok());
        let json = payload.to_json().to_string();
        prop_assert!(!json.contains("<unreadable"), "{}", json);
        prop_assert!(payload.canonical_eq(&Payload::encode(&Some(value)).expect("encodes")));
    }

    #[test]
    fn every_value_comes_back_through_the_buffers_of_serde(value in plain()) {
        #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
        #[serde(untagged)]
        enum Buffered<T> {
            Only(T),
        }
        let bytes = encode(&Buffered::Only(&value)).expect("encodes");
        prop_assert_eq!(decode::<Buffered<_>>(&bytes).expect("decodes"), Buffered::Only(value));
    }

    #[test]
    fn what_serde_cannot_hold_is_an_error_and_never_another_value(
        value in loose(), wide in any::<u128>(), shift in 0..128_u32,
    ) {
        if let Ok(read) = decode::<Loose>(&encode(&value).expect("encodes")) {
            prop_assert_eq!(read, value);
        }
        let wide = wide >> shift;
        let flat = LooseFlat { inner: WideField { wide } };
        prop_assert!(encode(&flat).map_or(true, |bytes| decode::<LooseFlat>(&bytes).is_err()));
        let tagged = LooseInternal::Newtype(WideField { wide });
        prop_assert!(encode(&tagged).map_or(true, |bytes| decode::<LooseInternal>(&bytes).is_err()));
        let tagged = LooseInternal::Struct { wide: wide as i128 };
        prop_assert!(encode(&tagged).map_or(true, |bytes| decode::<LooseInternal>(&bytes).is_err()));
    }

    #[test]
    fn a_cut_value_is_an_error(value in node(), at in any::<prop::sample::Index>()) {
        let mut bytes = encode(&value).expect("encodes");
        bytes.truncate(at.index(bytes.len()));
        prop_assert!(decode::<Node>(&bytes).is_err());
        read_anyhow(&bytes);
    }

    #[test]
    fn a_longer_value_is_an_error(value in node(), more in 0..=255_u8) {
        let mut bytes = encode(&value).expect("encodes");
        bytes.push(more);
        prop_assert!(decode::<Node>(&bytes).is_err());
        read_anyhow(&bytes);
    }

    #[test]
    fn no_damage_panics(
        value in node(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&value).expect("encodes");
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_anyhow(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        read_anyhow(&bytes);
        bytes.insert(0, FORMAT);
        read_anyhow(&bytes);
    }

    #[test]
    fn integers_are_equal_at_any_width(value in any::<i64>(), shift in 0..64_u32) {
        let value = value >> shift;
        let wide = Payload::encode(&i128::from(value)).expect("encodes");
        prop_assert!(wide.canonical_eq(&Payload::encode(&value).expect("encodes")));
        prop_assert_eq!(wide.decode::<i64>().expect("decodes"), value);
        prop_assert_eq!(wide.to_json(), serde_json::json!(value));
    }
}
