//! The time of a place.

use super::ambient;
use jiff::{Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// There is no time zone of this name on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error(
    "there is no time zone `{name}` on this machine: write an IANA name like `Europe/Berlin`, and install the zone files (tzdata)"
)]
pub struct UnknownTimeZone {
    /// The name.
    pub name: String,
}

/// [`now()`](crate::now) as date and time of a place, by its IANA name: `now_in("Europe/Berlin")?`.
///
/// For calendars: `sleep_until(now_in("Europe/Berlin")?.checked_add(1.month())?)`. The rules of the zone are those of the
/// machine on which the step runs; a timer that is set keeps its point in time when they change later.
///
/// # Errors
///
/// This machine knows no such zone.
///
/// # Panics
///
/// Outside of a workflow.
pub fn now_in(zone: &str) -> Result<Zoned, UnknownTimeZone> {
    let now = ambient::now();
    let zone = TimeZone::get(zone).map_err(|_| UnknownTimeZone { name: zone.to_owned() })?;
    Ok(now.to_zoned(zone))
}
