//! Untrusted text, cut to what is kept of it, and hashes in their two forms.

use event::message::short;
use smol_str::SmolStr;

/// A hash of 32 bytes, in the order in which Bitcoin serializes it.
pub type Hash = [u8; 32];

/// The beginning of a text: as many whole characters as fit into this number of bytes.
pub fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

/// The beginning of a text, to keep it.
pub fn cut(text: &str, bytes: usize) -> SmolStr {
    SmolStr::new(head(text, bytes))
}

/// A hash from its bytes; None if there are not 32.
#[inline]
pub fn hash(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok()
}

/// A hash from the 64 hexadecimal digits with which the node and explorers write it, last byte first. None of anything else.
pub fn hash_of_text(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().rev().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// The first bytes of a hash as a number, like [`short`].
pub fn short_of(hash: &Hash) -> u64 {
    short(hash).unwrap_or_default()
}

/// The first bytes of a hash as a number, like [`short`], from the digits with which the node writes it.
pub fn short_of_text(hash: &str) -> Option<u64> {
    if hash.len() != 64 {
        return None;
    }
    u64::from_str_radix(hash.get(48..)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use event::HashText;

    use super::*;

    #[test]
    fn a_hash_is_the_same_in_both_forms() {
        let bytes: Vec<u8> = (0..32).map(|byte| byte * 7 + 1).collect();
        let text = HashText(&bytes).to_string();
        assert_eq!(hash_of_text(&text), hash(&bytes));
        assert_eq!(short_of_text(&text), short(&bytes));
        assert_eq!(hash(&bytes).map(|hash| short_of(&hash)), short(&bytes));
        assert!(short(&bytes).is_some());
        assert_eq!(short(&bytes[..31]), None);
        for text in ["", "é", &"é".repeat(32), &"g".repeat(64), &"0".repeat(63)] {
            assert_eq!((short_of_text(text), hash_of_text(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!((head("aéb", 2), head("aéb", 3), head("ab", 9)), ("a", "aé", "ab"));
    }
}
