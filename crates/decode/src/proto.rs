//! Protobuf's encoding, written as prost writes it. Keys are given as bytes: `number << 3 | wire type`.

/// The key of a number, for field numbers up to 15.
pub(crate) const fn number(field: u32) -> u8 {
    debug_assert!(field < 16);
    (field as u8) << 3
}

/// The key of a number of type fixed64, for field numbers up to 15.
pub(crate) const fn fixed(field: u32) -> u8 {
    number(field) | 1
}

/// The key of bytes, a string or a message, for field numbers up to 15.
pub(crate) const fn delimited(field: u32) -> u8 {
    number(field) | 2
}

#[inline]
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a varint.
#[inline]
pub(crate) const fn varint_length(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Bytes of a delimited field with a key of one byte.
#[inline]
pub(crate) const fn delimited_length(content: usize) -> usize {
    1 + varint_length(content as u64) + content
}

#[inline]
pub(crate) fn put_number(out: &mut Vec<u8>, key: u8, value: u64) {
    if value < 0x80 {
        out.extend_from_slice(&[key, value as u8]);
    } else {
        out.push(key);
        varint(out, value);
    }
}

/// A number of type sint32 or sint64.
#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, key: u8, value: i64) {
    put_number(out, key, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    put_number(out, key, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline]
pub(crate) fn put_hash(out: &mut Vec<u8>, key: u8, hash: &[u8; 32]) {
    out.extend_from_slice(&[key, 32]);
    out.extend_from_slice(hash);
}

/// A delimited field whose length shows when its content is written; as a rule it is less than 128.
#[inline]
pub(crate) fn put_nested(out: &mut Vec<u8>, key: u8, content: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
    out.extend_from_slice(&[key, 0]);
    let start = out.len();
    content(out)?;
    let mut length = out.len() - start;
    let mut at = start - 1;
    while length >= 0x80 {
        *out.get_mut(at)? = length as u8 | 0x80;
        at += 1;
        out.insert(at, 0);
        length >>= 7;
    }
    *out.get_mut(at)? = length as u8;
    Some(())
}
