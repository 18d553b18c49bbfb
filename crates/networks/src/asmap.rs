//! Maps of addresses to autonomous systems, in the binary form that Bitcoin Core's `-asmap` reads.
//!
//! Such a file is a program for a small machine, one instruction after the other, in bits. It reads the bits of an address from the front
//! and ends with a number: RETURN ends; JUMP goes on elsewhere if the next bit is 1; MATCH goes on if the next bits are the given ones, or
//! else ends with the default; DEFAULT sets that. Numbers are in classes: so many 1 bits, a 0, and as many bits as the class has.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ranges::{is_cjdns, linked_v4, special};

/// The largest file, in bytes. Maps of the whole internet have some 2 MB.
const MAX_BYTES: u64 = 64 << 20;

/// Bits of an address: IPv4 addresses stand in ::ffff:0:0/96.
const ADDRESS_BITS: u32 = 128;

/// Bits of the classes of each kind of number, and its least value.
const OPCODE: (u32, &[u32]) = (0, &[0, 0, 1]);
const ASN: (u32, &[u32]) = (1, &[15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
const PATTERN: (u32, &[u32]) = (2, &[1, 2, 3, 4, 5, 6, 7, 8]);
const DISTANCE: (u32, &[u32]) =
    (17, &[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);

const RETURN: u32 = 0;
const JUMP: u32 = 1;
const MATCH: u32 = 2;
const DEFAULT: u32 = 3;

/// A map that cannot be used.
#[derive(Debug, Error)]
pub enum AsmapError {
    /// It cannot be read.
    #[error("cannot read the asmap file {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// It is larger than any real map.
    #[error("the asmap file {} has more than the {MAX_BYTES} B that are read: is it the right file?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not in the form that Bitcoin Core reads.
    #[error("{} is no asmap file in the binary form that bitcoind -asmap takes: is it complete?", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// A map that was checked: each lookup ends, and never leaves the map.
#[derive(Clone)]
pub struct Asmap(Vec<u8>);

impl std::fmt::Debug for Asmap {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Asmap({} B)", self.0.len())
    }
}

impl Asmap {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no map; names the file.
    pub fn load(path: &Path) -> Result<Self, AsmapError> {
        let io = |cause| AsmapError::Io { path: path.to_owned(), cause };
        let bytes = crate::file::read(path, MAX_BYTES).map_err(io)?;
        let bytes = bytes.ok_or_else(|| AsmapError::TooLarge { path: path.to_owned() })?;
        Self::parse(bytes).ok_or_else(|| AsmapError::Malformed { path: path.to_owned() })
    }

    /// Checks a map as Bitcoin Core does: each path through it ends, nothing is left over, and no other bytes mean the same.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        check(&bytes)?.then_some(Self(bytes))
    }

    /// The autonomous system of an address; none if it is unmapped. As in Bitcoin Core, an IPv4 address that is embedded in an IPv6
    /// address is looked up as such, and neither CJDNS nor what is not routed is mapped.
    pub fn lookup(&self, ip: IpAddr) -> Option<u32> {
        if special(ip).is_some() || is_cjdns(ip) {
            return None;
        }
        let address = match ip.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => linked_v4(v6).map_or(v6, |v4| v4.to_ipv6_mapped()),
        };
        let address = address.to_bits();
        self.interpret(address).filter(|asn| *asn != 0)
    }

    fn interpret(&self, address: u128) -> Option<u32> {
        let mut bits = Bits { bytes: &self.0, position: 0 };
        // The next bit of the address is the highest one of what is left.
        let (mut rest, mut left, mut default) = (address, ADDRESS_BITS, 0);
        loop {
            match bits.number(OPCODE)? {
                RETURN => return bits.number(ASN),
                JUMP => {
                    let distance = bits.number(DISTANCE)?;
                    left = left.checked_sub(1)?;
                    if rest >> 127 == 1 {
                        bits.position = bits.position.checked_add(distance as usize)?;
                    }
                    rest <<= 1;
                }
                MATCH => {
                    let pattern = bits.number(PATTERN)?;
                    let length = pattern.ilog2();
                    left = left.checked_sub(length)?;
                    if (rest >> (128 - length)) as u32 != pattern & !(1 << length) {
                        return Some(default);
                    }
                    rest <<= length;
                }
                _ => default = bits.number(ASN)?,
            }
        }
    }
}

/// Goes along all paths through a map. None and false are both refusals.
fn check(bytes: &[u8]) -> Option<bool> {
    let mut bits = Bits { bytes, position: 0 };
    let end = bytes.len() * 8;
    let mut left = ADDRESS_BITS;
    let mut previous = JUMP;
    let mut short_match = false;
    // Where the other branches of jumps begin, and how many bits of the address are left there.
    let mut branches: Vec<(usize, u32)> = Vec::new();
    while bits.position < end {
        if branches.last().is_some_and(|(begin, _)| bits.position >= *begin) {
            return None;
        }
        let opcode = bits.number(OPCODE)?;
        match opcode {
            RETURN => {
                if previous == DEFAULT {
                    return None;
                }
                bits.number(ASN)?;
                let Some((begin, bits_left)) = branches.pop() else {
                    // Only what fills the last byte may follow.
                    return Some(end - bits.position <= 7 && (bits.position..end).all(|_| bits.bit() == Some(0)));
                };
                if bits.position != begin {
                    return None;
                }
                left = bits_left;
                previous = JUMP;
                continue;
            }
            JUMP => {
                let distance = bits.number(DISTANCE)? as usize;
                if distance > end - bits.position {
                    return None;
                }
                left = left.checked_sub(1)?;
                let target = bits.position + distance;
                if branches.last().is_some_and(|(begin, _)| target >= *begin) {
                    return None;
                }
                branches.push((target, left));
            }
            MATCH => {
                let length = bits.number(PATTERN)?.ilog2();
                if previous != MATCH {
                    short_match = false;
                }
                if length < 8 && short_match {
                    return None;
                }
                short_match = length < 8;
                left = left.checked_sub(length)?;
            }
            _ => {
                if previous == DEFAULT {
                    return None;
                }
                bits.number(ASN)?;
            }
        }
        previous = opcode;
    }
    None
}

/// A position in the bits of a map; of each byte the lowest comes first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = *self.bytes.get(self.position >> 3)?;
        let bit = byte >> (self.position & 7) & 1;
        self.position += 1;
        Some(bit.into())
    }

    fn number(&mut self, (least, classes): (u32, &[u32])) -> Option<u32> {
        let mut value = least;
        let (last, others) = classes.split_last()?;
        for class in others {
            if self.bit()? == 0 {
                return Some(value + self.plain(*class)?);
            }
            value += 1 << class;
        }
        Some(value + self.plain(*last)?)
    }

    fn plain(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    /// Writes a map: the trie of prefixes as jumps, returns and defaults.
    #[derive(Default)]
    struct Encoder(Vec<bool>);

    impl Encoder {
        fn number(&mut self, value: u32, (least, classes): (u32, &[u32])) {
            let mut value = value - least;
            for (index, class) in classes.iter().enumerate() {
                let last = index + 1 == classes.len();
                if value >> class == 0 || last {
                    if !last {
                        self.0.push(false);
                    }
                    (0..*class).rev().for_each(|bit| self.0.push(value >> bit & 1 == 1));
                    return;
                }
                self.0.push(true);
                value -= 1 << class;
            }
        }

        /// The code for all addresses that begin with `prefix` (`depth` bits). Unmapped ends as a failed match under default 0 would: with
        /// none, by a match whose result does not matter; here every leaf has a number.
        fn tree(nets: &[(u128, u32, u32)], prefix: u128, depth: u32, inherited: u32) -> Self {
            let own =
                nets.iter().find(|(net, length, _)| *length == depth && *net == prefix).map_or(inherited, |net| net.2);
            let inside = |(net, length, _): &&(u128, u32, u32)| {
                *length > depth && (depth == 0 || net >> (128 - depth) == prefix >> (128 - depth))
            };
            let mut code = Self::default();
            if !nets.iter().any(|net| inside(&net)) {
                code.number(RETURN, OPCODE);
                code.number(own, ASN);
                return code;
            }
            let zero = Self::tree(nets, prefix, depth + 1, own);
            let one = Self::tree(nets, prefix | 1 << (127 - depth), depth + 1, own);
            code.number(JUMP, OPCODE);
            code.number(zero.0.len() as u32, DISTANCE);
            code.0.extend(zero.0);
            code.0.extend(one.0);
            code
        }

        fn bytes(&self) -> Vec<u8> {
            self.0.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
        }
    }

    fn encode(nets: &[(IpNet, u32)]) -> Vec<u8> {
        let plain = |(net, asn): &(IpNet, u32)| match net {
            IpNet::V4(v4) => (v4.network().to_ipv6_mapped().to_bits(), 96 + u32::from(v4.prefix_len()), *asn),
            IpNet::V6(v6) => (v6.network().to_bits(), v6.prefix_len().into(), *asn),
        };
        Encoder::tree(&nets.iter().map(plain).collect::<Vec<_>>(), 0, 0, 64_512).bytes()
    }

    #[test]
    fn matches_defaults_and_truncations() {
        // DEFAULT 7, MATCH 1 (the first bit), RETURN 9.
        let mut code = Encoder::default();
        code.number(DEFAULT, OPCODE);
        code.number(7, ASN);
        code.number(MATCH, OPCODE);
        code.number(0b11, PATTERN);
        code.number(RETURN, OPCODE);
        code.number(9, ASN);
        let bytes = code.bytes();
        let map = Asmap::parse(bytes.clone()).unwrap();
        let table = [
            ("8000::1", Some(9)),
            ("1.2.3.4", Some(7)),
            ("2002:102:304::1", Some(7)),
            ("10.1.1.1", None),
            ("fc00::1", None),
        ];
        for (ip, asn) in table {
            assert_eq!(map.lookup(ip.parse().unwrap()), asn, "{ip}");
        }
        for length in 0..bytes.len() {
            assert!(Asmap::parse(bytes[..length].to_vec()).is_none(), "{length}");
        }
        assert!(Asmap::parse([bytes, vec![0]].concat()).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_found(
            nets in prop::collection::vec((any::<u32>(), 8u8..=28, 1u32..4_000_000), 1..12),
            addresses in prop::collection::vec(any::<u32>(), 20),
        ) {
            let mut nets: Vec<(IpNet, u32)> = nets.into_iter()
                .map(|(ip, length, asn)| (IpNet::new(IpAddr::from(ip.to_be_bytes()), length).unwrap().trunc(), asn)).collect();
            nets.sort();
            nets.dedup_by_key(|(net, _)| *net);
            let map = Asmap::parse(encode(&nets)).unwrap();
            let inside = nets.iter().map(|(net, _)| net.network());
            for ip in addresses.into_iter().map(|ip| IpAddr::from(ip.to_be_bytes())).chain(inside) {
                let longest = nets.iter().filter(|(net, _)| net.contains(&ip)).max_by_key(|(net, _)| net.prefix_len());
                let expected = special(ip).is_none().then(|| longest.map_or(64_512, |(_, asn)| *asn));
                prop_assert_eq!(map.lookup(ip), expected, "{}", ip);
            }
        }

        #[test]
        fn anything_else_is_refused_or_harmless(bytes in prop::collection::vec(any::<u8>(), 0..64), ip: u128) {
            if let Some(map) = Asmap::parse(bytes) {
                map.lookup(std::net::Ipv6Addr::from_bits(ip).into());
            }
        }
    }
}
