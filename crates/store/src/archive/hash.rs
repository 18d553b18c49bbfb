//! A hash that is the same on every machine and in every version: archives have it.

/// Where [`stable_hash`] starts, unless it depends on another hash.
pub const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over 64 bits from this start on, and the last step of MurmurHash3, so that each bit depends on each byte.
pub fn stable_hash<'a>(start: u64, bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    let mut hash = start;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}
