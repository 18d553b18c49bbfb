//! Host and port, as options, bitcoin.conf and people write them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A host (IP address or name, without brackets) and a port. Port 0 stands for one that was not given: the chain's default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// IP address or host name. IPv6 without brackets.
    pub host: String,
    /// TCP port; 0 if it was not given.
    pub port: u16,
}

/// Text that is no `host` or `host:port`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text:?} is no address: {what}; write host:port, e.g. 127.0.0.1:8332 or [::1]:8332")]
pub struct HostPortError {
    text: String,
    what: &'static str,
}

impl HostPort {
    /// An address of its two parts.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// The same, with `port` where none was given.
    #[must_use]
    pub fn or_port(mut self, port: u16) -> Self {
        if self.port == 0 {
            self.port = port;
        }
        self
    }

    /// Whether it is this machine by its loopback address or the name `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// Whether a server bound here listens on every address of its machine.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// Where on the same machine to reach a server bound here: a wildcard becomes loopback.
    #[must_use]
    pub fn reachable(mut self) -> Self {
        match self.ip() {
            Some(IpAddr::V4(ip)) if ip.is_unspecified() => self.host = "127.0.0.1".to_owned(),
            Some(IpAddr::V6(ip)) if ip.is_unspecified() => self.host = Ipv6Addr::LOCALHOST.to_string(),
            _ => {}
        }
        self
    }

    fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = HostPortError;

    /// Takes `host`, `host:port`, `[v6]`, `[v6]:port`, a bare IPv6 address, each also as `http://.../`.
    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let error = |what| HostPortError { text: text.to_owned(), what };
        if text.starts_with("https://") {
            return Err(error("the node's RPC server speaks http, not https"));
        }
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split(rest).ok_or_else(|| error("a bracket is not closed"))?;
        let port = match port {
            None => 0,
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(error("the port is not a number from 1 to 65535")),
            },
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/@?#[]%\\".contains(c);
        if host.is_empty() || host.len() > 255 || host.contains(odd) {
            return Err(error("the host is empty or has characters that no host has"));
        }
        if host.contains(':') && host.parse::<Ipv6Addr>().is_err() {
            return Err(error("it is no IPv6 address"));
        }
        Ok(Self::new(host, port))
    }
}

/// Host and port of `text`; none if a bracket is not closed.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// Deserializes a string by its `FromStr`.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_form() {
        for (text, host, port) in [
            ("localhost", "localhost", 0),
            ("10.0.0.1:8332", "10.0.0.1", 8332),
            ("http://node.example:80/", "node.example", 80),
            ("[::1]:18443", "::1", 18443),
            ("[::1]", "::1", 0),
            ("::1", "::1", 0),
        ] {
            assert_eq!(text.parse::<HostPort>().unwrap(), HostPort::new(host, port), "{text}");
        }
        for text in ["", ":1", "a:0", "a:65536", "a:b", "[::1", "[::1]x", "https://a", "a/b", "u:p@h", "a b", "1:2:x"] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
        assert_eq!(HostPort::new("::", 1).reachable().to_string(), "[::1]:1");
        assert_eq!(HostPort::new("0.0.0.0", 1).reachable().to_string(), "127.0.0.1:1");
    }
}
