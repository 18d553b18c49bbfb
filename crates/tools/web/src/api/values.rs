//! Types of values in the JSON of answers.

use std::borrow::Cow;
use std::fmt::Write;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::state::series::{SECOND, Window};

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub u64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// RFC 3339 in UTC with microseconds. Optimised, because one answer may have thousands of times.
fn rfc3339(time_ns: u64) -> String {
    let seconds = time_ns / SECOND;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 in eras of 400 years: leap days are at the end of a year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let micros = time_ns % SECOND / 1_000;
    let mut text = String::with_capacity(27);
    // Writing to memory does not fail.
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
    text
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "A point in time: RFC 3339 in UTC." })
    }
}

/// A time, unless it is 0.
pub(crate) fn nonzero_time(time_ns: u64) -> Option<Time> {
    (time_ns > 0).then_some(Time(time_ns))
}

/// A time from seconds since the UNIX epoch, unless it is 0.
pub(crate) fn of_seconds(seconds: impl Into<i64>) -> Option<Time> {
    model::peers::seconds_ns(seconds.into()).map(Time)
}

/// Seconds from one time to another.
pub(crate) fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    let micros = to_ns.saturating_sub(from_ns) / 1_000;
    micros as f64 / 1e6
}

/// A value of a time series: written without a fraction if it is a whole number, and as null if it is unknown (NaN).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step(pub f64);

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value) = *self;
        if value.fract() == 0.0 && value.abs() < 9e15 {
            serializer.serialize_i64(value as i64)
        } else if value.is_finite() {
            serializer.serialize_f64(value)
        } else {
            serializer.serialize_none()
        }
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "null"], "description": "The value in one step of a time series. Null if it is unknown." })
    }
}

/// The values of a time series, one for each step.
pub(crate) type Steps = Vec<Step>;

/// The values of a time series in a window: unknown, unless `fill` sets them.
pub(crate) fn steps(window: &Window, fill: impl FnOnce(&mut [f64])) -> Steps {
    let mut values = window.unknown();
    fill(&mut values);
    values.into_iter().map(Step).collect()
}

/// A hash as block explorers write it.
pub(crate) fn hash(bytes: &[u8]) -> String {
    event::HashText(bytes).to_string()
}

/// A number rounded to so many digits after the point. 0 if it is not finite.
pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    let rounded = (value * factor).round() / factor;
    if rounded.is_finite() { rounded } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        // Leap days, centuries, the last time that there is.
        let mut times: Vec<u64> = (0..50_000).map(|n| n * 28_080 * SECOND + n * 1_001).collect();
        times.extend([0, 1, 951_782_400 * SECOND, 951_868_800 * SECOND - 1, 4_107_542_400 * SECOND, u64::MAX]);
        for time_ns in times {
            assert_eq!(rfc3339(time_ns), event::time::rfc3339_micros(time_ns));
        }
    }

    #[test]
    fn steps_are_whole_numbers_where_possible() {
        let steps = [0.0, 3.0, -2.0, 0.5, f64::NAN, f64::INFINITY, 1e300].map(Step);
        assert_eq!(serde_json::to_string(&steps).unwrap(), "[0,3,-2,0.5,null,null,1e+300]");
    }
}
