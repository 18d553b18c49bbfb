//! Names of hosts in Tor and I2P.

use sha3::{Digest, Sha3_256};

/// What the name of an onion service is the base32 of: key, checksum and version (Tor's rend-spec-v3, 6).
pub fn torv3(key: &[u8; 32]) -> [u8; 35] {
    const VERSION: u8 = 3;
    let checksum = Sha3_256::new().chain_update(b".onion checksum").chain_update(key).chain_update([VERSION]);
    let [a, b, ..] = <[u8; 32]>::from(checksum.finalize());
    let mut name = [0; 35];
    let (start, end) = name.split_at_mut(key.len());
    start.copy_from_slice(key);
    end.copy_from_slice(&[a, b, VERSION]);
    name
}

/// Hands over the characters of some bytes in RFC 4648's base32, in lower case and without padding.
#[inline]
pub fn base32(bytes: &[u8], mut character: impl FnMut(u8)) {
    for chunk in bytes.chunks(5) {
        let mut group = [0; 8];
        group.iter_mut().skip(3).zip(chunk).for_each(|(place, byte)| *place = *byte);
        let bits = u64::from_be_bytes(group);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            let value = (bits >> (35 - 5 * place)) as u8 & 0x1f;
            character(if value < 26 { b'a' + value } else { b'2' + value - 26 });
        }
    }
}
