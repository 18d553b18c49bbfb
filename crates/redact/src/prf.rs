//! The keyed functions that make pseudonyms: HMAC-SHA256, and permutations made of it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Rounds of a permutation; as many as NIST's FF1 has.
const ROUNDS: u8 = 10;

/// The use of a value of the function. Values for equal inputs of different uses are unrelated.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Use {
    Round = 1,
    Ipv6 = 2,
    Onion = 3,
    TorV2 = 4,
    I2p = 5,
    Name = 6,
    Port = 7,
    Other = 8,
    Run = 9,
    Lot = 10,
    Activity = 11,
}

/// HMAC-SHA256 (RFC 2104) with one key.
#[derive(Clone)]
pub(super) struct Prf(Hmac<Sha256>);

impl fmt::Debug for Prf {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Prf") // nothing of the key
    }
}

impl Prf {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // HMAC fills keys that are shorter than a block of the hash function with zeros.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        Self(Hmac::new(&block.into()))
    }

    /// The value for these parts. Each part but the last must be of a length that its use fixes.
    pub(super) fn value(&self, what: Use, parts: &[&[u8]]) -> [u8; 32] {
        let mut hmac = self.0.clone();
        hmac.update(&[what as u8]);
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finalize().into_bytes().into()
    }

    /// A permutation of the numbers of `bits` bits (an even number, at most 32), another one for each tweak: a Feistel network.
    pub(super) fn permute(&self, number: u32, bits: u32, tweak: u32) -> u32 {
        let half = bits / 2;
        let mask = (1u32 << half) - 1;
        let (mut left, mut right) = (number >> half & mask, number & mask);
        for round in 0..ROUNDS {
            let head = [round, half as u8];
            let value = self.value(Use::Round, &[&head, &tweak.to_be_bytes(), &right.to_be_bytes()]);
            let [a, b, c, d, ..] = value;
            (left, right) = (right, left ^ (u32::from_be_bytes([a, b, c, d]) & mask));
        }
        left << half | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC-SHA256 as Python's `hmac` computes it, of "\x06" + "what do ya want for nothing?" under 32 times 0x0b.
    #[test]
    fn hmac() {
        let value = Prf::new(&[0x0b; 32]).value(Use::Name, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex::encode(value), "49982a7d68d452c89b4f001d33e22034683225d0e5b229a44b2817c20021c6dd");
    }

    #[test]
    fn every_number_has_its_own() {
        let prf = Prf::new(&[7; 32]);
        for bits in [8, 16] {
            let mut seen = vec![false; 1 << bits];
            (0..1 << bits).for_each(|number| seen[prf.permute(number, bits, 9) as usize] = true);
            assert!(seen.iter().all(|seen| *seen));
        }
    }
}
