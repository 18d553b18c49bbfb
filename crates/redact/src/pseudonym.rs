//! Pseudonyms of addresses: the same one for the same address in the same role under the same key, of the same network and group, and valid.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{Ipv4Addr, Ipv6Addr};

use event::overlay;
use smol_str::SmolStr;

use super::host::Host;
use super::prf::{Prf, Use};

/// Ports that show no more than the node's network, and 0, which is none.
pub(super) const COMMON_PORTS: [u16; 11] = [0, 8333, 8334, 18333, 18334, 18444, 18445, 38333, 38334, 48333, 48334];
/// Pseudonyms that are remembered; at most twice as many.
const REMEMBERED: usize = 16_384;

/// A map of bounded size that forgets what was not used recently: when `new` is full it becomes `old`, and what is used of that
/// moves to the new `new`.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { new: HashMap::new(), old: HashMap::new(), capacity }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.new.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.new.len() >= self.capacity {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }

    pub(super) fn clear(&mut self) {
        self.new.clear();
        self.old.clear();
    }
}

/// The role in which an address was seen; each has pseudonyms of its own. With shared ones an attacker could gossip all addresses of a group,
/// read their pseudonyms in the public mode, and so learn which peer is behind which pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// Of a peer.
    Peer = 1,
    /// One that a peer or the node gossiped.
    Gossip = 2,
}

/// Makes pseudonyms.
#[derive(Debug)]
pub(super) struct Pseudonyms {
    prf: Prf,
    hosts: Recent<(Role, Host), Host>,
    /// Whole addresses, as they were written.
    written: Recent<SmolStr, SmolStr>,
}

impl Pseudonyms {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { prf: Prf::new(key), hosts: Recent::new(REMEMBERED), written: Recent::new(REMEMBERED) }
    }

    /// Forgets all pseudonyms: the own addresses changed.
    pub(super) fn forget(&mut self) {
        self.hosts.clear();
        self.written.clear();
    }

    /// The remembered pseudonym of an address as it is written.
    pub(super) fn remembered(&mut self, text: &str) -> Option<SmolStr> {
        self.written.get(text)
    }

    pub(super) fn remember(&mut self, text: &str, pseudonym: SmolStr) {
        if text.len() <= 128 {
            self.written.insert(text.into(), pseudonym);
        }
    }

    /// The pseudonym of a host, which is never one that is `taken`. A host that is mapped to a taken one is mapped on, to the image of that one;
    /// no other host has that image, because taken hosts are not shown.
    pub(super) fn host(&mut self, role: Role, host: &Host, taken: impl Fn(&Host) -> bool) -> Host {
        let key = (role, host.clone());
        if let Some(known) = self.hosts.get(&key) {
            return known;
        }
        let mut pseudonym = self.image(role, host);
        for _ in 0..64 {
            if !taken(&pseudonym) {
                break;
            }
            pseudonym = self.image(role, &pseudonym);
        }
        self.hosts.insert(key, pseudonym.clone());
        pseudonym
    }

    fn image(&self, role: Role, host: &Host) -> Host {
        match host {
            Host::V4(ip) => Host::V4(self.v4(role, *ip)),
            Host::V6(ip) => Host::V6(self.v6(role, *ip)),
            Host::Onion(key) => Host::Onion(self.key(role, Use::Onion, key)),
            Host::TorV2(key) => {
                let value = self.key(role, Use::TorV2, key);
                Host::TorV2(value.first_chunk().copied().unwrap_or_default())
            }
            Host::I2p(key) => Host::I2p(self.key(role, Use::I2p, key)),
            Host::Name(name) if name.is_empty() => host.clone(),
            Host::Name(name) => {
                let value = self.prf.value(Use::Name, &[&[role as u8], name.as_bytes()]);
                let name = overlay::base32(value.first_chunk::<10>().unwrap_or(&[0; 10]));
                Host::Name(format!("host-{name}.invalid").into())
            }
        }
    }

    fn v4(&self, role: Role, ip: Ipv4Addr) -> Ipv4Addr {
        // Of private addresses only their class is kept: what more of them is kept could be the operator's own network.
        let bits = match ip.octets() {
            [0, 0, 0, 0] => return ip,
            [10 | 127, ..] => 24,
            [172, 16..=31, ..] => 20,
            [100, 64..=127, ..] => 22,
            _ => 16,
        };
        let mask = (1u32 << bits) - 1;
        let network = ip.to_bits() & !mask;
        Ipv4Addr::from_bits(network | self.prf.permute(ip.to_bits() & mask, bits, network | role as u32))
    }

    fn v6(&self, role: Role, ip: Ipv6Addr) -> Ipv6Addr {
        let bits = match ip.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return ip,
            [0xfe80..=0xfebf, ..] => 64, // fe80::/64: others are not used
            [first, ..] if first >> 8 == 0xfd => 120,
            [first, ..] if first >> 8 == 0xfc => 116,
            _ => 96,
        };
        let mask = (1u128 << bits) - 1;
        let value = self.prf.value(Use::Ipv6, &[&[role as u8], &ip.octets()]);
        let random = u128::from_be_bytes(value.first_chunk().copied().unwrap_or_default());
        let kept = if bits == 64 { 0xfe80 << 112 } else { ip.to_bits() & !mask };
        Ipv6Addr::from_bits(kept | random & mask)
    }

    /// Of onion services and I2P, the first four bits are the group.
    fn key(&self, role: Role, what: Use, key: &[u8]) -> [u8; 32] {
        let mut value = self.prf.value(what, &[&[role as u8], key]);
        if let (Some(first), Some(group)) = (value.first_mut(), key.first()) {
            *first = *first & 0x0f | group & 0xf0;
        }
        value
    }

    /// The pseudonym of a port of a host: the port itself if it is common, else one that is not.
    pub(super) fn port(&self, role: Role, host: &Host, port: u16) -> u16 {
        if COMMON_PORTS.contains(&port) {
            return port;
        }
        let value = self.prf.value(Use::Port, &[&[role as u8], &port.to_be_bytes(), host.to_string().as_bytes()]);
        let [a, b, ..] = value;
        let pseudonym = 0x8000 | u16::from_be_bytes([a, b]);
        if COMMON_PORTS.contains(&pseudonym) { pseudonym ^ 0x0400 } else { pseudonym }
    }

    /// The id that stands for that of a run of a node: 53 bits, as other ids of runs, and not 0.
    pub(super) fn run(&self, nonce: &[u8; 16], node: &str, run: u64) -> u64 {
        let value = self.prf.value(Use::Run, &[nonce, &run.to_be_bytes(), node.as_bytes()]);
        (u64::from_be_bytes(value.first_chunk().copied().unwrap_or_default()) >> 11).max(1)
    }

    /// A number of 32 bits that a peer of a node has drawn.
    pub(super) fn lot(&self, node: &str, peer: u64) -> u64 {
        let value = self.prf.value(Use::Lot, &[&peer.to_be_bytes(), node.as_bytes()]);
        u64::from(u32::from_be_bytes(value.first_chunk().copied().unwrap_or_default()))
    }

    /// The number that stands for one of a network's activities: they stay in order, and begin elsewhere.
    pub(super) fn activity(&self, network: &str, id: u64) -> u64 {
        let value = self.prf.value(Use::Activity, &[network.as_bytes()]);
        id.saturating_add(u64::from(u32::from_be_bytes(value.first_chunk().copied().unwrap_or_default())))
    }

    /// 10 bytes that stand for an address of an unknown network.
    pub(super) fn other(&self, network: u32, address: &[u8]) -> Vec<u8> {
        let value = self.prf.value(Use::Other, &[&network.to_be_bytes(), address]);
        value.iter().copied().take(10).collect()
    }
}
