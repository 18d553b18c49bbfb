//! Walks through the fields of an encoded protobuf message where they stand, without structures.

use crate::record::WireError;

/// The fields of an encoded message that have not been read yet. As an iterator it ends at what is malformed;
/// [`Fields::read_next`] reports that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// A varint, or 4 or 8 bytes.
    Number(u64),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// A group. No message of the wire format has one; it is passed over.
    Group,
}

/// The key, of one byte, that bytes begin with: for field numbers up to 15.
pub(crate) const fn key_of_bytes(number: u32) -> u8 {
    assert!(number < 16);
    (number as u8) << 3 | 2
}

/// How deep groups may be nested, as in prost.
const MAX_DEPTH: u32 = 100;

impl<'a> Fields<'a> {
    /// The next field; none at the end of the message.
    ///
    /// # Errors
    /// What follows is no field, or one that is longer than the message.
    pub fn read_next(&mut self) -> Result<Option<(u32, Field<'a>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        self.read().map(Some).ok_or(WireError::Field)
    }

    /// The bytes of the first field of this number.
    ///
    /// # Errors
    /// What comes before it is malformed.
    pub fn read_bytes_of(mut self, wanted: u32) -> Result<Option<&'a [u8]>, WireError> {
        while let Some((number, field)) = self.read_next()? {
            if let Field::Bytes(bytes) = field
                && number == wanted
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Moves on behind the next field of this number and gives its bytes.
    // A loop, for `find_map` would be a call of its own for each entry of a list.
    #[inline(always)]
    pub fn find_bytes(&mut self, wanted: u32) -> Option<&'a [u8]> {
        for (number, field) in self.by_ref() {
            if let Field::Bytes(bytes) = field
                && number == wanted
            {
                return Some(bytes);
            }
        }
        None
    }

    /// The bytes of the first field of this number.
    pub fn bytes_of(mut self, wanted: u32) -> Option<&'a [u8]> {
        self.find_bytes(wanted)
    }

    /// The first field of this number, if it is one.
    pub fn number_of(self, wanted: u32) -> Option<u64> {
        for (number, field) in self {
            if let Field::Number(value) = field
                && number == wanted
            {
                return Some(value);
            }
        }
        None
    }

    /// Moves on behind all fields that begin with this key and this length, and counts them. Both take one byte.
    pub fn skip_alike(&mut self, key: u8, length: u8) -> usize {
        let alike = |field: &&[u8]| matches!(field, [first, second, ..] if *first == key && *second == length);
        let count = self.0.chunks_exact(usize::from(length) + 2).take_while(alike).count();
        self.0 = self.0.get(count * (usize::from(length) + 2)..).unwrap_or_default();
        count
    }

    #[inline(always)]
    fn varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        if first < 0x80 {
            self.0 = rest;
            return Some(first.into());
        }
        let mut value = u64::from(first & 0x7f);
        let mut rest = rest.iter();
        for shift in (7..64).step_by(7) {
            let byte = *rest.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.0 = rest.as_slice();
                // The tenth byte holds one bit.
                return (shift < 63 || byte < 2).then_some(value);
            }
        }
        None
    }

    #[inline(always)]
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// The number of the next field, which is not 0, and its wire type.
    #[inline(always)]
    fn key(&mut self) -> Option<(u32, u32)> {
        let key = u32::try_from(self.varint()?).ok()?;
        (key >= 8).then_some((key >> 3, key & 7))
    }

    /// The value of a field of this wire type, unless that is a group.
    #[inline(always)]
    fn value(&mut self, wire_type: u32) -> Option<Field<'a>> {
        Some(match wire_type {
            0 => Field::Number(self.varint()?),
            1 => Field::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        })
    }

    #[inline(always)]
    fn read(&mut self) -> Option<(u32, Field<'a>)> {
        let (number, wire_type) = self.key()?;
        let field = if wire_type == 3 { self.skip_group(number, MAX_DEPTH)? } else { self.value(wire_type)? };
        Some((number, field))
    }

    /// Moves on behind the end of a group of this number.
    #[cold]
    fn skip_group(&mut self, number: u32, depth: u32) -> Option<Field<'a>> {
        loop {
            match self.key()? {
                (end, 4) => return (end == number).then_some(Field::Group),
                (inner, 3) => self.skip_group(inner, depth.checked_sub(1)?)?,
                (_, wire_type) => self.value(wire_type)?,
            };
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Field<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::DecodeError;
    use prost::bytes::Buf;
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};

    use super::*;

    /// The fields as prost reads them.
    fn by_prost(mut bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, DecodeError> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let (number, wire_type) = decode_key(&mut bytes)?;
            let before = bytes;
            skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
            let mut value = &before[..before.len() - bytes.len()];
            let field = match wire_type {
                WireType::Varint => Field::Number(decode_varint(&mut value)?),
                WireType::SixtyFourBit => Field::Number(value.get_u64_le()),
                WireType::ThirtyTwoBit => Field::Number(value.get_u32_le().into()),
                WireType::LengthDelimited => {
                    decode_varint(&mut value)?;
                    Field::Bytes(value)
                }
                WireType::StartGroup | WireType::EndGroup => Field::Group,
            };
            fields.push((number, field));
        }
        Ok(fields)
    }

    fn check(bytes: &[u8]) {
        let mut fields = Fields(bytes);
        let mut read = Vec::new();
        let result = loop {
            match fields.read_next() {
                Ok(Some(field)) => read.push(field),
                Ok(None) => break Ok(&read),
                Err(_) => break Err(()),
            }
        };
        assert_eq!(result, by_prost(bytes).as_ref().map_err(|_| ()), "{bytes:?}");
        assert_eq!(Fields(bytes).collect::<Vec<_>>(), read, "{bytes:?}");
    }

    /// Encoded fields, groups among them, some of them cut short.
    fn fields() -> impl Strategy<Value = Vec<u8>> {
        let field = (1..40u32, 0..5u8, any::<u64>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(
            |(number, kind, value, content)| {
                let mut out = Vec::new();
                match kind {
                    0 => {
                        encode_key(number, WireType::Varint, &mut out);
                        encode_varint(value >> (value % 64), &mut out);
                    }
                    1 => {
                        encode_key(number, WireType::SixtyFourBit, &mut out);
                        out.extend(value.to_le_bytes());
                    }
                    2 => {
                        encode_key(number, WireType::LengthDelimited, &mut out);
                        encode_varint(content.len() as u64, &mut out);
                        out.extend(content);
                    }
                    3 => {
                        encode_key(number, WireType::ThirtyTwoBit, &mut out);
                        out.extend((value as u32).to_le_bytes());
                    }
                    _ => {
                        encode_key(number, WireType::StartGroup, &mut out);
                        encode_key(7, WireType::Varint, &mut out);
                        encode_varint(value, &mut out);
                        encode_key(number, WireType::EndGroup, &mut out);
                    }
                }
                out
            },
        );
        (prop::collection::vec(field, 0..8), any::<prop::sample::Index>(), any::<bool>()).prop_map(
            |(fields, end, cut)| {
                let mut bytes = fields.concat();
                if cut {
                    bytes.truncate(end.index(bytes.len() + 1));
                }
                bytes
            },
        )
    }

    proptest! {
        #[test]
        fn fields_are_read_as_prost_reads_them(bytes in fields()) {
            check(&bytes);
        }

        #[test]
        fn any_bytes_are_read_as_prost_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            check(&bytes);
        }
    }
}
