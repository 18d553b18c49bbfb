//! Which addresses may be tried: none that is not of the internet, and none of our own.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use reach::{Endpoint, Host};

/// Blocks of IANA's registry of special-purpose IPv6 addresses within 2000::/3, which are not those of single hosts on
/// the internet, or have an IPv4 address in them, which may be a private one. Outside 2000::/3 nothing is allocated for
/// the internet (RFC 4291).
const SPECIAL_V6: [(u128, u32); 5] = [
    // IETF protocol assignments with Teredo, benchmarking and ORCHID in them (RFC 2928).
    (0x2001 << 112, 23),
    // 6to4 (RFC 3056).
    (0x2002 << 112, 16),
    // Documentation (RFC 3849, RFC 9637).
    (0x2001_0db8 << 96, 32),
    (0x3fff << 112, 20),
    // Direct delegation AS112 service (RFC 7534).
    (0x2620_004f_8000 << 80, 48),
];

/// Blocks of the registry for IPv4 besides those of [`networks::special`]: anycast addresses of AS112 and AMT (RFC
/// 7535, RFC 7450, RFC 7534).
const SPECIAL_V4: [[u8; 3]; 3] = [[192, 31, 196], [192, 52, 193], [192, 175, 48]];

/// Ports of services that want a login, which whoever runs them may take for an attack: Bitcoin Core avoids them, too
/// (doc/p2p-bad-ports.md). Without this, a peer could have us knock at anybody's door.
const BAD_PORTS: [u16; 80] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 5060, 5061, 6000,
    6566, 6665, 6666, 6667, 6668, 6669, 6697, 10080,
];

/// Why an address may not be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is in a range that is private or has a special purpose.
    Special,
    /// It is configured never to be tried.
    Never,
    /// Its port is 0 (in I2P, another one than 0), or that of a service that is certainly something else.
    Port,
}

/// The ranges that are configured.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    /// Tried although they are special: for tests, and networks of one's own.
    pub allow: Vec<IpNet>,
    /// Never tried.
    pub never: Vec<IpNet>,
}

impl Ranges {
    /// Whether an address may be tried.
    ///
    /// # Errors
    /// It may not.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), Forbidden> {
        let is_i2p = matches!(endpoint.host, Host::I2p(_));
        if is_i2p != (endpoint.port == 0) {
            return Err(Forbidden::Port);
        }
        let special = match &endpoint.host {
            Host::Ipv4(ip) => {
                networks::special((*ip).into()).is_some()
                    || SPECIAL_V4.iter().any(|start| ip.octets().starts_with(start))
            }
            Host::Ipv6(ip) => is_special_v6(*ip),
            Host::Cjdns(ip) => !ip.octets().starts_with(&[0xfc]),
            Host::Onion(_) | Host::I2p(_) => false,
            // Nobody gossips names.
            Host::Name(_) => true,
        };
        let Some(ip) = endpoint.host.ip() else {
            return if special { Err(Forbidden::Special) } else { Ok(()) };
        };
        if self.never.iter().any(|net| net.contains(&ip)) {
            return Err(Forbidden::Never);
        }
        match self.allows(ip) {
            true => Ok(()),
            false if special => Err(Forbidden::Special),
            false if BAD_PORTS.binary_search(&endpoint.port).is_ok() => Err(Forbidden::Port),
            false => Ok(()),
        }
    }

    /// Whether an address is in a range that is tried although it is special.
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&ip))
    }
}

fn is_special_v6(ip: Ipv6Addr) -> bool {
    let bits = ip.to_bits();
    let is_in = |net: u128, length: u32| (bits ^ net) >> (128 - length) == 0;
    !is_in(0x2000 << 112, 3) || SPECIAL_V6.iter().any(|(net, length)| is_in(*net, *length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranges: &Ranges, text: &str) -> Result<(), Forbidden> {
        ranges.check(&text.parse().unwrap())
    }

    #[test]
    fn nothing_but_the_internet_is_tried() {
        let ranges = Ranges::default();
        for text in [
            "8.8.8.8:8333",
            "192.31.195.1:80",
            "[2a01::1]:8333",
            "[2400:cb00::1]:2",
            "[2001:200::1]:2",
            "[fc00::1]:8333",
        ] {
            assert_eq!(check(&ranges, text), Ok(()), "{text}");
        }
        for text in [
            "0.1.2.3:1",
            "10.0.0.1:8333",
            "100.64.0.1:1",
            "127.0.0.1:8333",
            "169.254.0.1:1",
            "172.16.0.1:1",
            "192.0.0.9:1",
            "192.0.2.1:1",
            "192.31.196.1:1",
            "192.52.193.1:1",
            "192.88.99.1:1",
            "192.168.1.1:1",
            "192.175.48.1:1",
            "198.18.0.1:1",
            "198.51.100.1:1",
            "203.0.113.1:1",
            "224.0.0.1:1",
            "240.0.0.1:1",
            "255.255.255.255:1",
            "[::]:1",
            "[::1]:1",
            "[::ffff:10.0.0.1]:1",
            "[::10.0.0.1]:1",
            "[64:ff9b::10.0.0.1]:1",
            "[64:ff9b:1::1]:1",
            "[100::1]:1",
            "[2001::1]:1",
            "[2001:2::1]:1",
            "[2001:10::1]:1",
            "[2001:20::1]:1",
            "[2001:db8::1]:1",
            "[2002:a00:1::1]:1",
            "[2620:4f:8000::1]:1",
            "[3fff::1]:1",
            "[4000::1]:1",
            "[5f00::1]:1",
            "[fd00::1]:1",
            "[fe80::1]:1",
            "[fec0::1]:1",
            "[ff02::1]:1",
            "localhost:1",
        ] {
            assert_eq!(check(&ranges, text), Err(Forbidden::Special), "{text}");
        }
        // An address of fc00::/8 that was gossiped as one of IPv6.
        let endpoint = Endpoint { host: Host::Ipv6("fc00::1".parse().unwrap()), port: 1 };
        assert_eq!(ranges.check(&endpoint), Err(Forbidden::Special));
        let zero = Endpoint { host: Host::Ipv4([8, 8, 8, 8].into()), port: 0 };
        assert_eq!(ranges.check(&zero), Err(Forbidden::Port));
        for port in [1, 22, 25, 10_080] {
            assert_eq!(check(&ranges, &format!("8.8.8.8:{port}")), Err(Forbidden::Port), "{port}");
        }
        assert!(BAD_PORTS.is_sorted());
        let i2p = |port| Endpoint { host: Host::I2p([7; 32]), port };
        assert_eq!((ranges.check(&i2p(0)), ranges.check(&i2p(8333))), (Ok(()), Err(Forbidden::Port)));
    }

    #[test]
    fn what_is_configured() {
        let net = |text: &str| vec![text.parse().unwrap()];
        let ranges = Ranges { allow: net("127.0.0.0/8"), never: net("8.8.0.0/16") };
        assert_eq!(check(&ranges, "127.1.2.3:1"), Ok(()));
        assert_eq!(check(&ranges, "10.1.2.3:1"), Err(Forbidden::Special));
        assert_eq!(check(&ranges, "8.8.8.8:1"), Err(Forbidden::Never));
        assert_eq!(check(&ranges, "8.9.8.8:2"), Ok(()));
    }
}
