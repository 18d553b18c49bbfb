//! Fields of a protobuf message, one after the other, where they stand.

/// The fields of an encoded message that have not been read yet. What is malformed ends them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    /// A varint, or 4 or 8 bytes.
    Number(u64),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// Moves on behind the next field of this number and gives its bytes.
    #[inline(always)]
    pub fn find_bytes(&mut self, wanted: u32) -> Option<&'a [u8]> {
        self.find_map(|(number, field)| match field {
            Field::Bytes(bytes) if number == wanted => Some(bytes),
            _ => None,
        })
    }

    /// The bytes of the first field of this number.
    pub fn bytes_of(mut self, wanted: u32) -> Option<&'a [u8]> {
        self.find_bytes(wanted)
    }

    /// The first field of this number, if it is one.
    pub fn number_of(mut self, wanted: u32) -> Option<u64> {
        self.find_map(|(number, field)| match field {
            Field::Number(value) if number == wanted => Some(value),
            _ => None,
        })
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
                return Some(value);
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

    #[inline(always)]
    fn read(&mut self) -> Option<(u32, Field<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        };
        Some((number, field))
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
