//! Values of options that are checked when they are read: wherever they come from, what is wrong with one is reported where it was written.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use bus::nats;
use node::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Text that is no such value. The message says how one is written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(String);

impl ValueError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Deserializes a string by its `FromStr`.
///
/// # Errors
/// It is no string, or not one of a value of this type.
pub fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// Types that are strings in the configuration file: read by `FromStr`, written by `Display`.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

as_text!(Span, Interval, Bytes, ListenAddress);

/// A length of time above 0: `500ms`, `10s`, `5min`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = "write a duration like 500ms, 10s, 5min or 1h";
        match humantime::parse_duration(text.trim()) {
            Ok(Duration::ZERO) => Err(ValueError::new("a duration must be longer than 0")),
            Ok(duration) => Ok(Self(duration)),
            Err(error) => Err(ValueError(format!("{usage} ({error})"))),
        }
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// How often something is done: a [`Span`], or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Option<Duration>);

impl FromStr for Interval {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "off" {
            return Ok(Self(None));
        }
        let span: Span = text.parse().map_err(|error| ValueError(format!("{error}, or \"off\"")))?;
        Ok(Self(Some(span.0)))
    }
}

impl Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => Span(duration).fmt(f),
            None => f.write_str("off"),
        }
    }
}

/// A number of bytes of memory: `1000`, `64KiB`, `64MiB`, `1GiB`. `64MB` is the same as `64MiB`, which is why this is not `bytesize`: there it
/// is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub usize);

/// Units and their sizes in bytes, the largest first.
const UNITS: [(&str, &str, usize); 3] = [("GiB", "GB", 1 << 30), ("MiB", "MB", 1 << 20), ("KiB", "KB", 1 << 10)];

impl FromStr for Bytes {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = || ValueError::new("write a size like 64MiB or 1GiB");
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let factor = match unit.trim() {
            "" | "B" => 1,
            unit => UNITS.iter().find(|(binary, plain, _)| unit == *binary || unit == *plain).ok_or_else(usage)?.2,
        };
        let number: usize = number.parse().map_err(|_| usage())?;
        number.checked_mul(factor).map(Self).ok_or_else(|| ValueError::new("that size is too large"))
    }
}

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, _, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        match unit {
            Some((unit, _, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Where a tool listens: an IP address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

impl FromStr for ListenAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = "write an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        text.parse().map(Self).map_err(|_| ValueError::new(usage))
    }
}

impl Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address of a NATS server. A password in it is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct NatsUrl(pub String);

impl FromStr for NatsUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&nats::Options::new(&self.0).shown_url())
    }
}

impl Serialize for NatsUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&nats::Options::new(&self.0).shown_url())
    }
}

/// Reads a secret from an option. Its text is never shown.
///
/// # Errors
/// None.
pub fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("5 min", 300_000), ("5m", 300_000), ("1h", 3_600_000)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span(Duration::from_millis(millis)), "{text}");
            assert_eq!(span.to_string().parse(), Ok(span), "{text}");
        }
        for text in ["", "10", "s", "0s", "-1s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!("off".parse(), Ok(Interval(None)));
        assert_eq!(Interval(None).to_string(), "off");
        for (text, size, shown) in [
            ("1000", 1000, "1000"),
            ("64KiB", 65_536, "64KiB"),
            ("64 MiB", 64 << 20, "64MiB"),
            ("2MB", 2 << 20, "2MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("0", 0, "0"),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(size)), "{text}");
            assert_eq!(Bytes(size).to_string(), shown);
        }
        for text in ["", "MiB", "1TB", "99999999999999999999"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let url: NatsUrl = "nats://me:geheim@h:1".parse().unwrap();
        assert_eq!(format!("{url:?}"), "nats://h:1");
        assert_eq!(serde_json::to_string(&url).unwrap(), "\"nats://h:1\"");
    }
}
