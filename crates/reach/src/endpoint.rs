//! Where a node is: a host of any network that Bitcoin uses, and a port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use event::overlay;

/// A network, by Bitcoin Core's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// IPv4.
    Ipv4,
    /// IPv6, but not CJDNS.
    Ipv6,
    /// Tor.
    Onion,
    /// I2P.
    I2p,
    /// CJDNS.
    Cjdns,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ipv4, Self::Ipv6, Self::Onion, Self::I2p, Self::Cjdns];

    /// As Bitcoin Core names it (`GetNetworkName`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Onion => "onion",
            Self::I2p => "i2p",
            Self::Cjdns => "cjdns",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// An address of CJDNS, in fc00::/8.
    Cjdns(Ipv6Addr),
    /// The key of an onion service, version 3.
    Onion([u8; 32]),
    /// The hash of an I2P destination.
    I2p([u8; 32]),
    /// A name that must be resolved.
    Name(Box<str>),
}

impl Host {
    /// Its network. None for a name.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        Some(match self {
            Self::Ipv4(_) => Network::Ipv4,
            Self::Ipv6(_) => Network::Ipv6,
            Self::Cjdns(_) => Network::Cjdns,
            Self::Onion(_) => Network::Onion,
            Self::I2p(_) => Network::I2p,
            Self::Name(_) => return None,
        })
    }

    /// Whether it is reached through others, which takes long: an onion service, or an I2P destination.
    #[must_use]
    pub fn is_overlay(&self) -> bool {
        matches!(self, Self::Onion(_) | Self::I2p(_))
    }

    /// Its IP address, of CJDNS too. None for the rest.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ipv4(ip) => Some((*ip).into()),
            Self::Ipv6(ip) | Self::Cjdns(ip) => Some((*ip).into()),
            Self::Onion(_) | Self::I2p(_) | Self::Name(_) => None,
        }
    }

    /// The host of an IP address. What is in fc00::/8 is CJDNS.
    #[must_use]
    pub fn of_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::Ipv4(ip),
            IpAddr::V6(ip) if ip.octets().starts_with(&[0xfc]) => Self::Cjdns(ip),
            IpAddr::V6(ip) => Self::Ipv6(ip),
        }
    }

    /// The host of a `.onion` name. None if the name is not one of version 3, or its checksum is wrong.
    #[must_use]
    pub fn of_onion(name: &str) -> Option<Self> {
        let bytes = overlay::from_base32(strip_suffix(name, ".onion")?)?;
        let key = *bytes.first_chunk()?;
        (overlay::torv3(&key) == *bytes).then_some(Self::Onion(key))
    }

    /// The host of a `.b32.i2p` name. None if the name is not one of a hash.
    #[must_use]
    pub fn of_i2p(name: &str) -> Option<Self> {
        let hash = overlay::from_base32(strip_suffix(name, ".b32.i2p")?)?;
        Some(Self::I2p(hash.try_into().ok()?))
    }
}

/// A host name without this end, in either case.
fn strip_suffix<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let (start, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(start)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(ip) => ip.fmt(f),
            Self::Ipv6(ip) | Self::Cjdns(ip) => ip.fmt(f),
            Self::Onion(key) => write!(f, "{}.onion", overlay::base32(&overlay::torv3(key))),
            Self::I2p(hash) => write!(f, "{}.b32.i2p", overlay::base32(hash)),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The TCP port. I2P, as Bitcoin uses it (SAM 3.1), has port 0 only.
    pub port: u16,
}

/// Text that is no address and port.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{text:?} is no address with a port: {what}; write HOST:PORT, such as 127.0.0.1:9050, [::1]:8333, \
     node.example:8333, or a .onion name and a port, or a .b32.i2p name"
)]
pub struct EndpointError {
    text: String,
    what: &'static str,
}

impl Endpoint {
    /// The endpoint of a host as it is written (an IP address without brackets, or a name) and a port.
    ///
    /// # Errors
    /// It is no host.
    pub fn new(host: &str, port: u16) -> Result<Self, EndpointError> {
        let error = |what| EndpointError { text: host.to_owned(), what };
        let is_odd = |c: char| !c.is_ascii_alphanumeric() && !"-._".contains(c);
        let host = if let Ok(ip) = host.parse() {
            Host::of_ip(ip)
        } else if strip_suffix(host, ".onion").is_some() {
            Host::of_onion(host).ok_or_else(|| error("this is no onion service of version 3"))?
        } else if strip_suffix(host, ".i2p").is_some() {
            Host::of_i2p(host).ok_or_else(|| error("this is no hash of an I2P destination"))?
        } else if host.is_empty() || host.len() > 253 || host.contains(is_odd) {
            return Err(error("the host is empty or has characters that no host has"));
        } else {
            Host::Name(host.into())
        };
        Ok(Self { host, port })
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let error = |what| EndpointError { text: text.to_owned(), what };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:").ok_or_else(|| error("a port is missing after the bracket"))?,
            None if strip_suffix(text, ".i2p").is_some() => (text, "0"),
            None => text.rsplit_once(':').ok_or_else(|| error("the port is missing"))?,
        };
        if host.contains(':') && !text.starts_with('[') {
            return Err(error("an IPv6 address stands in brackets"));
        }
        let port = port.parse().map_err(|_| error("the port is no number up to 65535"))?;
        let endpoint = Self::new(host, port).map_err(|EndpointError { what, .. }| error(what))?;
        if endpoint.port == 0 && endpoint.host.network() != Some(Network::I2p) {
            return Err(error("the port is 0"));
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ipv6(ip) | Host::Cjdns(ip) => write!(f, "[{ip}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
        let i2p = format!("{}.b32.i2p", "a".repeat(52));
        for (text, network, shown) in [
            ("1.2.3.4:8333", Some(Network::Ipv4), None),
            ("[2001:db8::1]:8333", Some(Network::Ipv6), None),
            ("[::ffff:1.2.3.4]:1", Some(Network::Ipv4), Some("1.2.3.4:1")),
            ("[fc00::1]:8333", Some(Network::Cjdns), None),
            (&format!("{onion}:8333"), Some(Network::Onion), None),
            (&format!("{}:8333", onion.to_uppercase()), Some(Network::Onion), Some(&*format!("{onion}:8333"))),
            (&i2p, Some(Network::I2p), Some(&*format!("{i2p}:0"))),
            (&format!("{i2p}:0"), Some(Network::I2p), None),
            ("tor:9050", None, None),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.host.network(), network, "{text}");
            assert_eq!(endpoint.to_string(), shown.unwrap_or(text));
            assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
        let wrong_checksum = format!("{}.onion:1", onion.replace("pg6", "pg7").trim_end_matches(".onion"));
        for text in [
            "",
            "a",
            ":1",
            "a:",
            "a:0",
            "a:65536",
            "::1",
            "::1:1",
            "[::1]",
            "[::1",
            "a b:1",
            "a.onion:1",
            &wrong_checksum,
            "x.i2p",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
