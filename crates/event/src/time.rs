//! Points in time as people write and read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Nanoseconds since the UNIX epoch, now.
pub fn now_ns() -> u64 {
    nanoseconds(since_epoch())
}

/// Seconds since the UNIX epoch, now.
pub fn now_s() -> i64 {
    i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A duration in nanoseconds.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC with nanoseconds: `2026-01-31T12:00:00.000000001Z`.
pub fn rfc3339(time_ns: u64) -> String {
    format(time_ns, "%Y-%m-%dT%H:%M:%S%.9fZ")
}

/// RFC 3339 in UTC with microseconds, which is what people need and the node's log gives.
pub fn rfc3339_micros(time_ns: u64) -> String {
    format(time_ns, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

fn format(time_ns: u64, form: &str) -> String {
    match Timestamp::from_nanosecond(time_ns.into()) {
        Ok(time) => time.strftime(form).to_string(),
        Err(_) => time_ns.to_string(), // not reached: the year 2554 is within jiff's range
    }
}

/// Nanoseconds since the UNIX epoch of an RFC 3339 time.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// Reads a point in time: RFC 3339, seconds since the UNIX epoch (`@1700000000`), or how long
/// ago it was (`90s`, `10m`, `2h`, `1d`).
///
/// # Errors
/// The text is of no such form; the message lists them.
pub fn parse_when(text: &str, now_ns: u64) -> Result<u64, String> {
    let understood = || {
        format!(
            "cannot read the time {text:?}: write it like 2026-01-31T12:00:00Z, @1700000000, or 10m for ten minutes ago"
        )
    };
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: u64 = seconds.parse().map_err(|_| understood())?;
        return seconds.checked_mul(1_000_000_000).ok_or_else(understood);
    }
    if let Some(ago) = parse_duration_ns(text) {
        return Ok(now_ns.saturating_sub(ago));
    }
    parse_rfc3339(text).ok_or_else(understood)
}

/// Nanoseconds of `90s`, `10m`, `2h`, `1d`.
fn parse_duration_ns(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(seconds)?.checked_mul(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = 1_800_000_000_000_000_000;
        let table = [
            ("@1700000000", Some(1_700_000_000_000_000_000)),
            ("90s", Some(now - 90_000_000_000)),
            ("2h", Some(now - 7_200_000_000_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000_000_000)),
            ("2023-11-14T23:13:20.5+01:00", Some(1_700_000_000_500_000_000)),
            ("yesterday", None),
            ("@99999999999999999999", None),
            ("99999999999999999999d", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_when(text, now).ok(), expected, "{text}");
        }
        assert_eq!(rfc3339(1_700_000_000_000_000_001), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(rfc3339_micros(1_700_000_000_000_001_999), "2023-11-14T22:13:20.000001Z");
        assert!(rfc3339(u64::MAX).starts_with("2554-"));
    }
}
