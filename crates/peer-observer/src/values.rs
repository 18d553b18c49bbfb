//! Values of options that are checked when they are read: wherever they come from, what is wrong with one is reported where it was written.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bus::nats;
use ipnet::IpNet;
use node::{HostPort, Secret};
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

as_text!(Span, Interval, Bytes, ListenAddress, NatsUrl, ProxyAddress, AddressRange, Selected);

/// Makes the flags of one struct those of another type: of a table whose entries are given one by one. Its `lay_over` takes what is given.
macro_rules! args_by_flags {
    ($type:ty, $flags:ty) => {
        impl clap::Args for $type {
            fn augment_args(command: clap::Command) -> clap::Command {
                <$flags as clap::Args>::augment_args(command)
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                <$flags as clap::Args>::augment_args_for_update(command)
            }
        }

        impl clap::FromArgMatches for $type {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                let mut table = Self::default();
                clap::FromArgMatches::update_from_arg_matches(&mut table, matches)?;
                Ok(table)
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                self.lay_over(<$flags as clap::FromArgMatches>::from_arg_matches(matches)?);
                Ok(())
            }
        }
    };
}

pub(crate) use args_by_flags;

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

/// Why a contact of a section may not be in a user agent, where it has at most so many bytes.
pub fn no_contact(section: &str, contact: Option<&str>, most: usize) -> String {
    let contact = contact.unwrap_or_default();
    format!(
        "{section}.contact is {contact:?}: 1 to {most} of letters, digits, spaces and . , ; - _ ? @ are allowed, as in any user agent"
    )
}

/// Where a proxy is: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAddress(pub reach::Endpoint);

impl FromStr for ProxyAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|error: reach::EndpointError| ValueError::new(error.to_string()))
    }
}

impl Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A range of IP addresses, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange(pub IpNet);

impl FromStr for AddressRange {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = "write a range of addresses, such as 10.0.0.0/8 or 2001:db8::/32, or an address";
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range.map(Self).map_err(|_| ValueError::new(usage))
    }
}

impl Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Some events, by a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selected(pub archive::Select);

impl FromStr for Selected {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|error: archive::SelectionError| ValueError(error.to_string()))
    }
}

impl Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address of a NATS server, or those of a cluster. A password in it is not shown, which is why it is not checked when it is read: errors
/// of that show what was read.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(pub String);

impl NatsUrl {
    /// The hosts and ports that it has.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right.
    pub fn servers(&self) -> Result<Vec<HostPort>, ValueError> {
        let usage = "write nats://HOST:PORT, such as nats://127.0.0.1:4222, or tls://HOST:PORT, or several with commas";
        let wrong = |what: String| ValueError(format!("nats = \"{self}\": {what}; {usage}"));
        let server = |one: &str| {
            let (scheme, rest) = one.trim().split_once("://").unwrap_or(("nats", one.trim()));
            if !["nats", "tls"].contains(&scheme) {
                return Err(wrong(format!("{scheme}:// is not how a NATS server is reached")));
            }
            let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
            address.parse().map_err(|error: node::HostPortError| wrong(error.to_string()))
        };
        self.0.split(',').map(server).collect()
    }
}

impl FromStr for NatsUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&nats::Options::new(&self.0).shown_url())
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Reads a secret from an option. Its text is never shown.
///
/// # Errors
/// None.
pub fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// The longest secret in a file, in bytes.
const MAX_SECRET: u64 = 16 * 1024;

/// A secret that is given itself or in a file. `key` is what it is called, with its section; the file has the same key with `_file` behind it.
///
/// # Errors
/// Both are given, or the file cannot be read or is empty.
pub fn secret_of(key: &str, given: Option<&Secret>, file: Option<&PathBuf>) -> anyhow::Result<Option<Secret>> {
    let Some(file) = file else { return Ok(given.cloned()) };
    ensure!(given.is_none(), "{key} and {key}_file are the same secret: give one of them");
    let path = credential(file);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text));
    read.with_context(|| format!("{key}_file: cannot read {}", path.display()))?;
    ensure!(!text.trim().is_empty(), "{key}_file: there is nothing in {}", path.display());
    Ok(Some(Secret::new(text.trim())))
}

/// The file of a credential that the service manager gives, if a path is but a name; else the path itself.
fn credential(path: &Path) -> PathBuf {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(directory) if path.components().count() == 1 && path.is_relative() => Path::new(&directory).join(path),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_may_be_in_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let given = Secret::new("given");
        let wrong = |outcome: anyhow::Result<Option<Secret>>| format!("{:#}", outcome.unwrap_err());
        assert_eq!(secret_of("k", Some(&given), None).unwrap(), Some(given.clone()));
        assert_eq!(secret_of("k", None, None).unwrap(), None);
        assert!(wrong(secret_of("k", None, Some(&path))).starts_with("k_file: there is nothing in /"));
        std::fs::write(&path, "in the file\n").unwrap();
        assert_eq!(secret_of("k", None, Some(&path)).unwrap(), Some(Secret::new("in the file")));
        assert!(wrong(secret_of("k", Some(&given), Some(&path))).contains("the same secret"));
        assert!(wrong(secret_of("k", None, Some(&path.join("none")))).starts_with("k_file: cannot read /"));
    }

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
    fn addresses_of_nats_servers() {
        for text in ["nats://127.0.0.1:4222", "tls://n.example", "h", "h:1", "nats://[::1]:1/", "nats://a:1, tls://b"] {
            assert!(NatsUrl(text.to_owned()).servers().is_ok(), "{text}");
        }
        for text in ["foo://x", "http://h:4222", "ws://h", "", "nats://", "nats://h:port", "nats://not a host", "h,"] {
            let error = NatsUrl(text.to_owned()).servers().unwrap_err().to_string();
            assert!(error.contains("nats://127.0.0.1:4222") && error.contains("tls://"), "{text}: {error}");
        }
        let url: NatsUrl = "nats://me:geheim@h:1".parse().unwrap();
        assert_eq!(format!("{url:?}"), "nats://h:1");
        assert_eq!(serde_json::to_string(&url).unwrap(), "\"nats://h:1\"", "a password is not shown");
        let error = NatsUrl("foo://me:geheim@h".to_owned()).servers().unwrap_err().to_string();
        assert!(!error.contains("geheim"), "{error}");
    }
}
