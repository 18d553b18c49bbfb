//! Finds own addresses as bytes inside of what looks like a hash: a peer chooses its 32 bytes, which have room for them.

use super::host::Host;

/// Finds addresses in bytes, forwards and backwards.
#[derive(Debug)]
pub(super) struct Finder {
    patterns: Vec<Vec<u8>>,
    /// A bit for each pair of bytes that a pattern begins with.
    beginnings: Vec<u64>,
}

impl Finder {
    /// For places of own addresses. Those that are not global are left out: they would be found everywhere.
    pub(super) fn new<'a>(places: impl Iterator<Item = &'a Host>) -> Self {
        let forward = places.filter(|place| place.is_global()).filter_map(bytes_of);
        let patterns: Vec<Vec<u8>> = forward.flat_map(|bytes| [bytes.iter().rev().copied().collect(), bytes]).collect();
        let mut beginnings = vec![0u64; 1024];
        for beginning in patterns.iter().filter_map(|pattern| pattern.first_chunk()) {
            let (word, bit) = place_of(*beginning);
            if let Some(word) = beginnings.get_mut(word) {
                *word |= bit;
            }
        }
        Self { patterns, beginnings }
    }

    pub(super) fn finds(&self, bytes: &[u8]) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        bytes.windows(2).enumerate().any(|(at, beginning)| {
            let (word, bit) = <[u8; 2]>::try_from(beginning).map_or((0, 0), place_of);
            self.beginnings.get(word).is_some_and(|word| word & bit != 0)
                && bytes.get(at..).is_some_and(|rest| self.patterns.iter().any(|pattern| rest.starts_with(pattern)))
        })
    }
}

fn place_of(beginning: [u8; 2]) -> (usize, u64) {
    let number = u16::from_be_bytes(beginning);
    (usize::from(number >> 6), 1 << (number & 63))
}

/// The bytes that all addresses of a place have in common.
fn bytes_of(place: &Host) -> Option<Vec<u8>> {
    match place {
        Host::V4(ip) => Some(ip.octets().to_vec()),
        Host::V6(ip) => {
            let octets = ip.octets();
            let length = if octets.first() == Some(&0xfc) { 16 } else { 8 };
            octets.get(..length).map(<[u8]>::to_vec)
        }
        Host::Onion(key) | Host::I2p(key) => Some(key.to_vec()),
        Host::TorV2(key) => Some(key.to_vec()),
        Host::Name(_) => None,
    }
}
