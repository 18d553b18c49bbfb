//! Hosts, whichever way their addresses are written.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smol_str::SmolStr;

use event::overlay;

/// Characters of a name that are read at most.
const MAX_NAME: usize = 255;

/// A host. IPv6 addresses that only carry an IPv4 address are that address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// The key of an onion service of version 3.
    Onion([u8; 32]),
    /// The key of an onion service of version 2.
    TorV2([u8; 10]),
    I2p([u8; 32]),
    /// A name, in lower case.
    Name(SmolStr),
}

impl Host {
    /// Reads `host`, `host:port`, `[host]`, `[host]:port`, in upper and lower case. A malformed port becomes 0.
    pub(super) fn parse(text: &str) -> (Self, Option<u16>) {
        let text = text.trim();
        if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            return (Self::of(host), rest.strip_prefix(':').map(|port| port.parse().unwrap_or_default()));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (Self::of(host), Some(port.parse().unwrap_or_default())),
            _ => (Self::of(text), None),
        }
    }

    /// Reads a host without port.
    pub(super) fn of(text: &str) -> Self {
        let bare = text.split_once('%').map_or(text, |(bare, _)| bare); // the name of an interface
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return ip.into();
        }
        let name: String = text.trim_end_matches('.').chars().take(MAX_NAME).collect::<String>().to_lowercase();
        Self::overlay(&name).unwrap_or_else(|| Self::Name(name.into()))
    }

    /// An onion service or I2P destination, also as part of a longer name.
    fn overlay(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_suffix(".b32.i2p") {
            return Some(Self::I2p(base32(last_label(rest))?.try_into().ok()?));
        }
        let key = base32(last_label(name.strip_suffix(".onion")?))?;
        match key.first_chunk::<32>() {
            Some(v3) if key.len() == 35 => Some(Self::Onion(*v3)),
            _ => Some(Self::TorV2(key.try_into().ok()?)),
        }
    }

    /// Whether it shows where a host is: not a loopback, private, link-local or unspecified address, and no name.
    pub(super) fn is_global(&self) -> bool {
        match self {
            Self::V4(ip) => {
                let shared = matches!(ip.octets(), [100, 64..=127, ..]);
                !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared)
            }
            Self::V6(ip) => {
                let [first, ..] = ip.octets();
                !(ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local() || first == 0xfd)
            }
            Self::Onion(_) | Self::TorV2(_) | Self::I2p(_) => true,
            Self::Name(_) => false,
        }
    }

    /// What all addresses of one place have in common: the /64 of IPv6 addresses (not of CJDNS), the IPv4 address inside of others.
    pub(super) fn place(&self) -> Self {
        let Self::V6(ip) = self else {
            return self.clone();
        };
        match ip.segments() {
            [0x2002, high, low, ..] => Self::V4(v4(high, low)),
            [first, ..] if first >> 8 == 0xfc => self.clone(),
            _ => Self::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        }
    }

    /// What Bitcoin Core takes for one network group: an attacker has few of them.
    pub(super) fn group(&self) -> Self {
        match self {
            Self::V4(ip) => Self::V4(Ipv4Addr::from_bits(ip.to_bits() & 0xffff_0000)),
            Self::V6(ip) => Self::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 96))),
            // They cost nothing: all together are one.
            Self::Onion(_) | Self::TorV2(_) => Self::Name(SmolStr::new_static("onion")),
            Self::I2p(_) => Self::Name(SmolStr::new_static("i2p")),
            Self::Name(_) => Self::Name(SmolStr::new_static("name")),
        }
    }

    /// As an address with a port, the way Bitcoin Core writes it.
    pub(super) fn with_port(&self, port: Option<u16>) -> String {
        match (self, port) {
            (Self::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_string(),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        let v6 = match ip {
            IpAddr::V4(ip) => return Self::V4(ip),
            IpAddr::V6(ip) => ip,
        };
        match v6.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Self::V6(v6),
            // Mapped, compatible, translated (RFC 4291, 6052, 7915).
            [0, 0, 0, 0, 0, 0xffff | 0, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Self::V4(v4(high, low)),
            _ => Self::V6(v6),
        }
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => ip.fmt(f),
            Self::Onion(key) => write!(f, "{}.onion", overlay::base32(&overlay::torv3(key))),
            Self::TorV2(key) => write!(f, "{}.onion", overlay::base32(key)),
            Self::I2p(key) => write!(f, "{}.b32.i2p", overlay::base32(key)),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn last_label(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// The bytes of a text in base32; none when it is no such text or longer than any name of a host.
fn base32(text: &str) -> Option<Vec<u8>> {
    (text.len() <= 64).then(|| overlay::from_base32(text))?
}
