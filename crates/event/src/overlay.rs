//! Names of hosts in Tor and I2P.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use sha3::{Digest, Sha3_256};

/// The 35 bytes whose base32 is the name of an onion service: key, checksum and version (Tor's rend-spec-v3, 6).
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

/// Appends some bytes in RFC 4648's base32, in lower case and without padding, as Tor and I2P write them.
pub fn push_base32(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + BASE32_NOPAD.encode_len(bytes.len()), 0);
    if let Some(place) = out.get_mut(start..) {
        BASE32_NOPAD.encode_mut(bytes, place);
        place.make_ascii_lowercase();
    }
}

/// The same as a text of its own.
pub fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// The bytes of a text in base32, in either case; none if it is no such text.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD_NOCASE.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of Tor's rend-spec-v3 and of BIP 155 under their names.
    #[test]
    fn names() {
        let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd";
        let key = *from_base32(onion).unwrap().first_chunk::<32>().unwrap();
        assert_eq!(base32(&torv3(&key)), onion);
        let mut out = b"x".to_vec();
        push_base32(&mut out, &torv3(&key));
        assert_eq!(out, format!("x{onion}").as_bytes());
        assert_eq!(from_base32(&onion.to_uppercase()), from_base32(onion));
        // Every length of a rest.
        for length in 0..=5 {
            let bytes = vec![0xa5; length];
            assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
        for bad in ["a", "ab1", "ab=", "ä"] {
            assert_eq!(from_base32(bad), None, "{bad}");
        }
    }
}
