//! Reads Bitcoin's serialization out of untrusted bytes.

/// The bytes that are left. Every read is `None` where they do not suffice; then they may be partly consumed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    #[inline]
    pub(super) fn array<const LENGTH: usize>(&mut self) -> Option<&'a [u8; LENGTH]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| *byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// A compact size, in its shortest form as nodes demand.
    #[inline]
    pub(super) fn compact_size(&mut self) -> Option<u64> {
        let (value, least) = match self.u8()? {
            0xfd => (self.u16()?.into(), 0xfd),
            0xfe => (self.u32()?.into(), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
            byte => return Some(byte.into()),
        };
        (value >= least).then_some(value)
    }

    /// How many elements follow. No more than the bytes that are left can hold, at `least` bytes each.
    #[inline]
    pub(super) fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.compact_size()?).ok()?;
        (count <= self.len() / least).then_some(count)
    }

    /// Bytes with their number before them.
    #[inline]
    pub(super) fn var_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count(1)?;
        self.bytes(length)
    }

    /// Elements of a fixed size with their number before them.
    pub(super) fn var_arrays<const LENGTH: usize>(&mut self) -> Option<&'a [[u8; LENGTH]]> {
        let count = self.count(LENGTH)?;
        self.bytes(count.checked_mul(LENGTH)?).map(|bytes| bytes.as_chunks().0)
    }
}
