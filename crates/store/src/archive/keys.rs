//! Which peers and addresses occur in a frame: a Bloom filter, which never says no of one that does.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use event::filter::{AddrPattern, ip_of};
use foldhash::fast::FixedState;

use super::hash::{HASH_START, stable_hash};

/// Bits for each key: with seven hashes, one of 120 frames is read in vain.
const BITS_PER_KEY: usize = 10;
const HASHES: u64 = 7;
/// Keys that are distinguished in a frame. If there are more, the filter says yes more often.
const MAX_KEYS: usize = 1 << 20;

fn hash(kind: u8, parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    stable_hash(HASH_START, std::iter::once(&kind).chain(bytes))
}

/// The key of a node's peer.
pub(crate) fn of_peer(node: &str, peer: u64) -> u64 {
    hash(b'p', &[node.as_bytes(), &[0], &peer.to_le_bytes()])
}

/// An address as it is given, for those that occurred already.
pub(crate) fn of_text(addr: &str) -> u64 {
    hash(b't', &[addr.as_bytes()])
}

fn of_name(name: &str) -> u64 {
    hash(b'n', &[name.as_bytes()])
}

fn of_network(ip: IpAddr, prefix: u8) -> u64 {
    let octets: &[u8] = match ip {
        IpAddr::V4(ip) => &ip.octets(),
        IpAddr::V6(ip) => &ip.octets(),
    };
    hash(b'i', &[&[prefix], octets.get(..usize::from(prefix / 8)).unwrap_or_default()])
}

/// The lengths of the networks that addresses are found by, the shortest first.
fn prefixes(ip: IpAddr) -> [u8; 3] {
    match ip {
        IpAddr::V4(_) => [16, 24, 32],
        IpAddr::V6(_) => [32, 64, 128],
    }
}

/// The keys of an address as the node writes it.
pub(crate) fn of_addr(addr: &str) -> Vec<u64> {
    match ip_of(addr) {
        Some(ip) => prefixes(ip).into_iter().map(|prefix| of_network(ip, prefix)).collect(),
        None => {
            // With and without port: patterns may have one or not.
            let without_port = addr.rsplit_once(':').map(|(name, _)| of_name(name));
            std::iter::once(of_name(addr)).chain(without_port).collect()
        }
    }
}

/// The key that all addresses have which match a pattern; none if they have none in common.
fn of_pattern(pattern: &AddrPattern) -> Option<u64> {
    match pattern {
        AddrPattern::Socket(socket) => {
            let ip = socket.ip().to_canonical();
            prefixes(ip).last().map(|prefix| of_network(ip, *prefix))
        }
        AddrPattern::Net(net) => {
            // A network of IPv4 within IPv6 matches in another way.
            let prefix = prefixes(net.addr()).into_iter().rev().find(|prefix| *prefix <= net.prefix_len())?;
            (net.addr() == net.addr().to_canonical()).then(|| of_network(net.addr(), prefix))
        }
        AddrPattern::Name(name) => Some(of_name(name)),
    }
}

/// The keys of a frame while it is written.
#[derive(Default)]
pub(crate) struct Keys(HashSet<u64, FixedState>);

impl Keys {
    /// Adds one. Returns whether it is new.
    pub fn add(&mut self, key: u64) -> bool {
        self.0.len() < MAX_KEYS && self.0.insert(key)
    }

    /// The filter of all of them.
    pub fn bloom(&self) -> Bloom<'static> {
        let bytes = (self.0.len() * BITS_PER_KEY).div_ceil(8).next_multiple_of(8);
        let mut bits = vec![0; bytes];
        for position in self.0.iter().flat_map(|key| positions(*key, bytes)) {
            if let Some(byte) = bits.get_mut(position / 8) {
                *byte |= 1 << (position % 8);
            }
        }
        Bloom { bits: bits.into(), full: self.0.len() >= MAX_KEYS }
    }
}

fn positions(key: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let (first, step) = (key & 0xffff_ffff, key >> 32 | 1);
    let bits = (bytes as u64 * 8).max(1);
    (0..HASHES).map(move |index| ((first + index * step) % bits) as usize)
}

/// What is known of the keys of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bloom<'a> {
    pub bits: Cow<'a, [u8]>,
    /// There were too many keys.
    pub full: bool,
}

impl Bloom<'_> {
    /// Whether a key may be among them.
    pub fn may_have(&self, key: u64) -> bool {
        let bit = |position: usize| self.bits.get(position / 8).is_some_and(|byte| byte >> (position % 8) & 1 == 1);
        self.full || (!self.bits.is_empty() && positions(key, self.bits.len()).all(bit))
    }

    /// Whether an address that matches the pattern may be among them.
    pub fn may_match(&self, pattern: &AddrPattern) -> bool {
        of_pattern(pattern).is_none_or(|key| self.may_have(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_pattern_matches_is_found() {
        let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";
        let addrs =
            ["1.2.3.4:8333", "[2001:db8::1]:8333", "[::ffff:1.2.3.4]:8333", onion, "node.example", "2001:db8::1"];
        let patterns = [
            "1.2.3.4",
            "1.2.3.4:8333",
            "1.2.0.0/16",
            "1.2.3.0/25",
            "0.0.0.0/0",
            "1.0.0.0/8",
            "2001:db8::/32",
            "2001:db8::/33",
            "[2001:db8::1]:8333",
            "::ffff:1.2.3.4",
            "::ffff:0:0/96",
            onion,
            "node.example",
            "[::ffff:1.2.3.4]:8333",
            "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
        ];
        for addr in addrs {
            let mut keys = Keys::default();
            of_addr(addr).into_iter().for_each(|key| _ = keys.add(key));
            let bloom = keys.bloom();
            for pattern in patterns {
                let pattern: AddrPattern = pattern.parse().unwrap();
                assert!(!pattern.matches(addr) || bloom.may_match(&pattern), "{pattern} {addr}");
            }
        }
    }

    #[test]
    fn few_that_are_not_there_seem_to_be() {
        let mut keys = Keys::default();
        (0..1000).for_each(|peer| _ = keys.add(of_peer("alice", peer)));
        let bloom = keys.bloom();
        assert!((0..1000).all(|peer| bloom.may_have(of_peer("alice", peer))));
        let wrong = (1000..101_000).filter(|peer| bloom.may_have(of_peer("alice", *peer))).count();
        assert!(wrong < 1500, "{wrong} of 100,000");
        assert!(!Keys::default().bloom().may_have(of_peer("alice", 1)));
    }
}
