//! Where zstd frames begin and end, by their headers and those of their blocks, without decompression.

use std::io;

use super::place::ReadAt;

/// What a frame begins with.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What skippable frames begin with: from this one on, 16 in all, little endian.
const SKIPPABLE: u32 = 0x184d_2a50;
/// What their magic has after its first byte.
const SKIPPABLE_END: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Bytes of a skippable frame's header.
pub(crate) const SKIPPABLE_HEADER: u64 = 8;
/// Bytes of a frame's header at most: magic, descriptor, window, dictionary, size.
const MAX_HEADER: usize = 18;
/// Bytes of a block's header.
const BLOCK_HEADER: u64 = 3;
/// Bytes that a block has at most.
const MAX_BLOCK: u64 = 128 << 10;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Compressed content, and how much it is if the frame says so.
    Data(Option<u64>),
    /// Something else, with the last four bits of its magic.
    Skippable(u8),
}

/// What is at a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A frame of this many bytes.
    Whole(Kind, u64),
    /// A frame that the file does not have to its end.
    Cut(Kind),
    /// No frame.
    Nothing,
}

/// A block of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// It ends here, and is the last one of its frame or not.
    Whole { end: u64, last: bool },
    /// The file does not have it to its end.
    Cut,
    /// It is none.
    Malformed,
}

/// Looks for frames in a file.
pub(crate) struct Walker<'a> {
    pub file: &'a dyn ReadAt,
    /// Bytes that the file has.
    pub length: u64,
    /// Blocks that may still be looked at: so no file takes forever.
    pub budget: u64,
}

/// A frame's header.
struct FrameHeader {
    length: u64,
    content: Option<u64>,
    has_checksum: bool,
}

impl FrameHeader {
    /// None if it is malformed, or not all there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let descriptor = *bytes.get(4)?;
        if descriptor & 0x08 != 0 {
            return None;
        }
        let single_segment = descriptor & 0x20 != 0;
        let window = usize::from(!single_segment);
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
        let size_bytes = match descriptor >> 6 {
            0 => usize::from(single_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let start = 5 + window + dictionary;
        let field = bytes.get(start..start + size_bytes)?;
        let mut size = [0; 8];
        size.get_mut(..size_bytes)?.copy_from_slice(field);
        let size = u64::from_le_bytes(size).saturating_add(if size_bytes == 2 { 256 } else { 0 });
        Some(Self {
            length: (start + size_bytes) as u64,
            content: (size_bytes > 0).then_some(size),
            has_checksum: descriptor & 0x04 != 0,
        })
    }
}

/// What a skippable frame's magic ends with; none if these bytes are no such magic.
pub(crate) fn skippable(magic: [u8; 4]) -> Option<u8> {
    let magic = u32::from_le_bytes(magic);
    (magic & 0xffff_fff0 == SKIPPABLE).then_some((magic & 15) as u8)
}

/// The header of a skippable frame with this much content.
pub(crate) fn skippable_header(kind: u8, content: u32) -> [u8; 8] {
    let mut header = [0; 8];
    let (magic, size) = header.split_at_mut(4);
    magic.copy_from_slice(&(SKIPPABLE | u32::from(kind & 15)).to_le_bytes());
    size.copy_from_slice(&content.to_le_bytes());
    header
}

impl<'a> Walker<'a> {
    /// Looks at so many blocks of a file of this length as one that is well-formed has.
    pub fn new(file: &'a dyn ReadAt, length: u64) -> Self {
        Self { file, length, budget: (1 << 22) + length / 64 }
    }

    /// Reads what there is of these bytes.
    fn read<'b>(&self, buffer: &'b mut [u8], offset: u64) -> io::Result<&'b [u8]> {
        let there = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..there).unwrap_or_default();
        self.file.read_exact_at(buffer, offset)?;
        Ok(buffer)
    }

    /// What is at this place of the file.
    pub fn at(&mut self, offset: u64) -> io::Result<Found> {
        let mut header = [0; MAX_HEADER];
        let bytes = self.read(&mut header, offset)?;
        let Some(magic) = bytes.first_chunk::<4>() else {
            // Too little to be sure.
            let skippable = bytes.first().is_some_and(|first| first >> 4 == 5);
            return Ok(Found::Cut(if skippable { Kind::Skippable(0) } else { Kind::Data(None) }));
        };
        if let Some(kind) = skippable(*magic) {
            let kind = Kind::Skippable(kind);
            let Some(size) = bytes.get(4..8).and_then(|size| size.first_chunk::<4>()) else {
                return Ok(Found::Cut(kind));
            };
            let whole = SKIPPABLE_HEADER + u64::from(u32::from_le_bytes(*size));
            let fits = offset.saturating_add(whole) <= self.length;
            return Ok(if fits { Found::Whole(kind, whole) } else { Found::Cut(kind) });
        }
        if *magic != MAGIC {
            return Ok(Found::Nothing);
        }
        let Some(FrameHeader { length, content, has_checksum }) = FrameHeader::read(bytes) else {
            let cut = bytes.len() < MAX_HEADER && offset.saturating_add(MAX_HEADER as u64) > self.length;
            return Ok(if cut { Found::Cut(Kind::Data(None)) } else { Found::Nothing });
        };
        self.blocks(offset, offset.saturating_add(length), Kind::Data(content), has_checksum)
    }

    /// Where the blocks of the frame at this place begin, if it has a checksum.
    pub fn content_of(&self, offset: u64) -> io::Result<Option<u64>> {
        let header = self.header(offset)?.filter(|header| header.has_checksum);
        Ok(header.map(|header| offset + header.length))
    }

    /// Where the blocks of the frame at this place begin.
    pub fn blocks_at(&self, offset: u64) -> io::Result<Option<u64>> {
        Ok(self.header(offset)?.map(|header| offset + header.length))
    }

    fn header(&self, offset: u64) -> io::Result<Option<FrameHeader>> {
        let mut header = [0; MAX_HEADER];
        let bytes = self.read(&mut header, offset)?;
        Ok(if bytes.starts_with(&MAGIC) { FrameHeader::read(bytes) } else { None })
    }

    /// Whether the frame at this place is cut between two of its blocks, at this end.
    pub fn is_between_blocks(&mut self, offset: u64, end: u64) -> io::Result<bool> {
        let Some(mut position) = self.content_of(offset)? else { return Ok(false) };
        while position < end {
            let Block::Whole { end, last: false } = self.block(position)? else { return Ok(false) };
            position = end;
        }
        Ok(position == end)
    }

    /// The block at this place.
    pub fn block(&mut self, position: u64) -> io::Result<Block> {
        let Some(budget) = self.budget.checked_sub(1) else { return Ok(Block::Malformed) };
        self.budget = budget;
        let mut header = [0; BLOCK_HEADER as usize];
        let &[first, second, third] = self.read(&mut header, position)? else { return Ok(Block::Cut) };
        let header = u32::from_le_bytes([first, second, third, 0]);
        let (last, block_type, size) = (header & 1 == 1, header >> 1 & 3, u64::from(header >> 3));
        if block_type == 3 || (size > MAX_BLOCK) {
            return Ok(Block::Malformed);
        }
        let end = position + BLOCK_HEADER + if block_type == 1 { 1 } else { size };
        Ok(if end <= self.length { Block::Whole { end, last } } else { Block::Cut })
    }

    fn blocks(&mut self, offset: u64, mut position: u64, kind: Kind, has_checksum: bool) -> io::Result<Found> {
        loop {
            match self.block(position)? {
                Block::Whole { end, last } => {
                    position = end;
                    if last {
                        break;
                    }
                }
                Block::Cut => return Ok(Found::Cut(kind)),
                Block::Malformed => return Ok(Found::Nothing),
            }
        }
        position += if has_checksum { 4 } else { 0 };
        let whole = position - offset;
        Ok(if position <= self.length { Found::Whole(kind, whole) } else { Found::Cut(kind) })
    }

    /// The next place from this one on where a frame is that another one, or the end of the file, follows.
    pub fn search(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        let mut chunk = vec![0; self.length.min(1 << 20) as usize];
        while offset < self.length && self.budget > 0 {
            let bytes = self.read(&mut chunk, offset)?;
            let read = bytes.len();
            let frames = memchr::memmem::find_iter(bytes, &MAGIC);
            // The first byte of a skippable frame varies.
            let skippables = memchr::memmem::find_iter(bytes, &SKIPPABLE_END).filter_map(|at| at.checked_sub(1));
            let mut places: Vec<usize> = frames.chain(skippables).collect();
            places.sort_unstable();
            for at in places {
                let place = offset + at as u64;
                if self.is_followed(place)? {
                    return Ok(Some(place));
                }
            }
            let overlap = 3;
            if read <= overlap || offset + read as u64 >= self.length {
                return Ok(None);
            }
            offset += (read - overlap) as u64;
        }
        Ok(None)
    }

    /// Whether there is a whole frame at this place, and behind it another one, or the beginning of one, or the end of the file.
    pub fn is_followed(&mut self, place: u64) -> io::Result<bool> {
        let Found::Whole(_, size) = self.at(place)? else { return Ok(false) };
        let mut magic = [0; 4];
        Ok(match self.read(&mut magic, place + size)? {
            [] => true,
            [a, b, c, d] => [*a, *b, *c, *d] == MAGIC || skippable([*a, *b, *c, *d]).is_some(),
            beginning => MAGIC.starts_with(beginning) || beginning.first().is_some_and(|first| first >> 4 == 5),
        })
    }
}
