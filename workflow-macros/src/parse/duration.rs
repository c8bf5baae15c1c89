//! Durations in attributes: `"200ms"`, `"10s"`, `"1h30m"`.

use std::time::Duration;

/// What a duration may be written as, for messages.
pub(super) const FORMS: &str =
    "write a whole number with `ms`, `s`, `m`, `h` or `d`, like \"200ms\", \"10s\" or \"1h30m\"";

/// The duration that `text` says, from the largest unit to the smallest.
///
/// # Errors
///
/// Why it says none.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("a duration is missing: {FORMS}"));
    }
    let (mut total, mut last) = (0u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, behind) = rest.split_at(digits);
        let letters = behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, behind) = behind.split_at(letters);
        rest = behind.trim_start();
        let scale = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(format!("`{text}` is not a duration: {FORMS}")),
        };
        if scale >= last || number.is_empty() {
            return Err(format!("`{text}` is not a duration: {FORMS}"));
        }
        last = scale;
        let millis = number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
        match millis.and_then(|m| total.checked_add(m)) {
            Some(sum) => total = sum,
            None => return Err(format!("`{text}` is too long for a duration")),
        }
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, millis) in [
            ("200ms", 200),
            ("10s", 10_000),
            ("2m", 120_000),
            ("3h", 10_800_000),
            ("30d", 2_592_000_000),
            ("1h30m", 5_400_000),
            ("1d 2h 3m 4s 5ms", 93_784_005),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            " ",
            "10",
            "s",
            "ten s",
            "1.5s",
            "-1s",
            "10 s",
            "1m1h",
            "1s1s",
            "1w",
            "1µs",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
