//! Ranges of addresses: those that are not routed on the internet, and the groups in which Bitcoin Core sorts peers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// A kind of range that is not routed on the internet, so that honest peers do not gossip its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Special {
    /// 0.0.0.0/8 and :: (RFC 791, RFC 4291).
    ThisNetwork,
    /// 10/8, 172.16/12, 192.168/16 (RFC 1918).
    Private,
    /// 100.64/10 (RFC 6598).
    Shared,
    /// 127/8 and ::1 (RFC 1122, RFC 4291).
    Loopback,
    /// 169.254/16 and fe80::/10 (RFC 3927, RFC 4291).
    LinkLocal,
    /// 192.0.2/24, 198.51.100/24, 203.0.113/24, 2001:db8::/32, 3fff::/20 (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// 198.18/15 (RFC 2544).
    Benchmarking,
    /// 224/4 and ff00::/8 (RFC 5771, RFC 4291).
    Multicast,
    /// 240/4, 192.0.0/24, 192.88.99/24 (RFC 1112, RFC 6890, RFC 7526).
    Reserved,
    /// fc00::/7 (RFC 4193), but fc00::/8, which is CJDNS to Bitcoin Core.
    UniqueLocal,
    /// 2001:10::/28 and 2001:20::/28: hashes, no addresses (RFC 4843, RFC 7343).
    Orchid,
}

impl Special {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThisNetwork => "this_network",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::UniqueLocal => "unique_local",
            Self::Orchid => "orchid",
        }
    }
}

/// The kind of range that an address is in; none if it is routed on the internet.
pub fn special(ip: IpAddr) -> Option<Special> {
    match ip.to_canonical() {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

/// The first addresses of the ranges that are not routed.
const SPECIAL_STARTS: [&str; 22] = [
    "0.0.0.0",
    "10.0.0.0",
    "172.16.0.0",
    "192.168.0.0",
    "100.64.0.0",
    "127.0.0.0",
    "169.254.0.0",
    "192.0.2.0",
    "198.51.100.0",
    "203.0.113.0",
    "198.18.0.0",
    "224.0.0.0",
    "240.0.0.0",
    "192.0.0.0",
    "::",
    "fe80::",
    "ff00::",
    "fd00::",
    "2001:db8::",
    "3fff::",
    "2001:10::",
    "2001:20::",
];

/// The kind of range that is not routed on the internet and has an address in common with a network; none if there is no
/// such range.
pub fn special_within(network: IpNet) -> Option<Special> {
    let starts = SPECIAL_STARTS.iter().filter_map(|start| start.parse::<IpAddr>().ok());
    special(network.network()).or_else(|| starts.filter(|start| network.contains(start)).find_map(special))
}

fn special_v4(ip: Ipv4Addr) -> Option<Special> {
    Some(match ip.octets() {
        [0, ..] => Special::ThisNetwork,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Special::Private,
        [100, 64..=127, ..] => Special::Shared,
        [127, ..] => Special::Loopback,
        [169, 254, ..] => Special::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Special::Documentation,
        [198, 18 | 19, ..] => Special::Benchmarking,
        [224..=239, ..] => Special::Multicast,
        [240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Special::Reserved,
        _ => return None,
    })
}

fn special_v6(ip: Ipv6Addr) -> Option<Special> {
    if ip.is_unspecified() {
        return Some(Special::ThisNetwork);
    }
    if ip.is_loopback() {
        return Some(Special::Loopback);
    }
    Some(match ip.segments() {
        [0xfe80..=0xfebf, ..] => Special::LinkLocal,
        [0xff00..=0xffff, ..] => Special::Multicast,
        [0xfd00..=0xfdff, ..] => Special::UniqueLocal,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Special::Documentation,
        [0x2001, 0x0010..=0x002f, ..] => Special::Orchid,
        _ => return None,
    })
}

/// The IPv4 address that is embedded in an IPv6 address: 6to4 (RFC 3964), Teredo (RFC 4380), NAT64 (RFC 6052), SIIT (RFC 6145).
pub(crate) fn linked_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(v4(!high, !low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => Some(v4(high, low)),
        _ => None,
    }
}

/// A network group (netgroup) of Bitcoin Core: addresses that it treats as one neighbourhood when it has no map of autonomous systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    network: IpAddr,
    length: u8,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

/// Whether it is an address of CJDNS, by its range: fc00::/8.
pub(crate) fn is_cjdns(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.octets().starts_with(&[0xfc]))
}

/// The group of an address: /16 of IPv4, also if it is embedded in an IPv6 address; /36 in 2001:470::/32 (Hurricane Electric), /32 of other
/// IPv6; /12 of CJDNS.
pub fn group16(ip: IpAddr) -> Group {
    let v6 = match ip.to_canonical() {
        IpAddr::V4(v4) => return group_v4(v4),
        IpAddr::V6(v6) => v6,
    };
    if let Some(v4) = linked_v4(v6) {
        return group_v4(v4);
    }
    let length = match v6.segments() {
        [0x2001, 0x0470, ..] => 36,
        _ if is_cjdns(ip) => 12,
        _ => 32,
    };
    Group { network: Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - length))).into(), length }
}

fn group_v4(ip: Ipv4Addr) -> Group {
    Group { network: Ipv4Addr::from_bits(ip.to_bits() & 0xffff_0000).into(), length: 16 }
}

/// The first address of the /24 network of an IPv4 address, or of the /64 network of an IPv6 address.
pub fn subnet(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => Ipv4Net::new(v4, 24).map_or(v4, |net| net.network()).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_ranges() {
        let table = [
            ("0.1.2.3", Some("this_network")),
            ("10.1.1.71", Some("private")),
            ("172.15.0.1", None),
            ("172.31.0.1", Some("private")),
            ("100.64.0.1", Some("shared")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("169.254.9.9", Some("link_local")),
            ("203.0.113.7", Some("documentation")),
            ("198.19.0.1", Some("benchmarking")),
            ("239.0.0.1", Some("multicast")),
            ("255.255.255.255", Some("reserved")),
            ("8.8.8.8", None),
            ("fc12::1", None),
            ("fd12::1", Some("unique_local")),
            ("2001:db8::1", Some("documentation")),
            ("2001:20::1", Some("orchid")),
            ("fe80::1", Some("link_local")),
            ("::", Some("this_network")),
            ("2a01::1", None),
        ];
        for (ip, expected) in table {
            assert_eq!(special(ip.parse().unwrap()).map(Special::name), expected, "{ip}");
        }
    }

    #[test]
    fn special_ranges_within_networks() {
        let table = [
            ("8.0.0.0/7", None),
            ("8.0.0.0/6", Some("private")),
            ("0.0.0.0/0", Some("this_network")),
            ("192.0.0.0/8", Some("reserved")),
            ("198.51.100.7/32", Some("documentation")),
            ("2001::/16", Some("documentation")),
            ("2604:d500:4:1::/64", None),
            ("f000::/4", Some("link_local")),
        ];
        for (network, expected) in table {
            assert_eq!(special_within(network.parse().unwrap()).map(Special::name), expected, "{network}");
        }
    }

    #[test]
    fn groups_and_subnets() {
        let table = [
            ("1.2.3.4", "1.2.0.0/16", "1.2.3.0"),
            ("::ffff:1.2.3.4", "1.2.0.0/16", "1.2.3.0"),
            ("2002:102:304::1", "1.2.0.0/16", "2002:102:304::"),
            ("2001:0:9::fefd:fcfb", "1.2.0.0/16", "2001:0:9::"),
            ("64:ff9b::1.2.3.4", "1.2.0.0/16", "64:ff9b::"),
            ("2001:470:abcd:1::1", "2001:470:a000::/36", "2001:470:abcd:1::"),
            ("2a01:4f8:1:2:3::", "2a01:4f8::/32", "2a01:4f8:1:2::"),
            ("fc1f:2::1", "fc10::/12", "fc1f:2::"),
        ];
        for (ip, group, net) in table {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(group16(ip).to_string(), group, "{ip}");
            assert_eq!(subnet(ip).to_string(), net, "{ip}");
        }
    }
}
