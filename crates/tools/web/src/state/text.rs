//! Text of strangers, cut to what is kept of it.

pub(crate) use event::message::short;
use smol_str::SmolStr;

/// As much of a text as fits into so many bytes.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

/// The same, to keep.
pub(crate) fn cut(text: &str, bytes: usize) -> SmolStr {
    SmolStr::new(head(text, bytes))
}

/// A hash of 32 bytes as it is kept.
pub(crate) type Hash = [u8; 32];

/// A hash from its bytes; none of a malformed one.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok()
}

/// A hash from its text as explorers show it.
pub(crate) fn hash_of_text(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().rev().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}
