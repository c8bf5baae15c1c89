//! Points in time in the engine's own records: nanoseconds since 1970, which are shorter than a text and need no parsing.
//!
//! For `#[serde(with = ..)]`. What is shown to people is the text, and times that no such number can say are texts too.

use super::payload::is_stored;
use jiff::Timestamp;
use serde::{Deserializer, Serialize, Serializer, de};
use std::fmt;

pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(at.as_nanosecond()) {
        Ok(nanoseconds) if is_stored() => serializer.serialize_i64(nanoseconds),
        _ => at.serialize(serializer),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_any(Time)
}

struct Time;

impl de::Visitor<'_> for Time {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point in time")
    }

    fn visit_i64<E: de::Error>(self, nanoseconds: i64) -> Result<Timestamp, E> {
        Timestamp::from_nanosecond(nanoseconds.into()).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, nanoseconds: u64) -> Result<Timestamp, E> {
        Timestamp::from_nanosecond(nanoseconds.into()).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{encoding, payload};
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct At(#[serde(with = "crate::journal::time")] Timestamp);

    #[test]
    fn every_time_is_read_back_to_the_nanosecond_and_texts_are_read_too() {
        let times = ["2026-11-26T15:15:21.123456789Z", "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z"];
        let texts = times.map(|t| t.parse().unwrap()).into_iter().chain([Timestamp::MIN, Timestamp::MAX]);
        for at in texts {
            let bytes = encoding::encode(&At(at)).unwrap();
            assert_eq!(encoding::decode::<At>(&bytes).unwrap(), At(at));
            assert_eq!(encoding::decode::<At>(&encoding::encode(&at).unwrap()).unwrap(), At(at));
            let shown = payload::for_people(|| serde_json::to_value(At(at))).unwrap();
            assert_eq!(shown, serde_json::to_value(at).unwrap());
        }
        assert_eq!(encoding::encode(&At(times[0].parse().unwrap())).unwrap().len(), 1 + 9);
    }
}
