//! The table of frames at the end of a file: zstd's seekable format 0.1.0.

use std::io;

use super::frame::{self, SKIPPABLE_HEADER};
use super::place::ReadAt;

/// How the magic of its frame ends.
pub(crate) const KIND: u8 = 0xe;
/// What a file with a table ends with.
const MAGIC: u32 = 0x8f92_eab1;
/// Bytes of what follows the entries: their number, a descriptor, and the magic.
const FOOTER: u64 = 9;
/// The entries have checksums.
const HAS_CHECKSUMS: u8 = 0x80;
/// Bits of the descriptor that must be 0.
const RESERVED: u8 = 0x7c;
/// Frames that a file has at most, by the format.
const MAX_FRAMES: u32 = 0x0800_0000;
/// The checksum of no content, for frames without any.
pub(crate) const EMPTY_CHECKSUM: u32 = 0x51d8_e999;

/// A frame, as the table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Bytes in the file.
    pub compressed: u32,
    /// Bytes of content.
    pub content: u32,
    /// Low half of the content's XXH64, if the table has them. It is what the frame ends with.
    pub checksum: Option<u32>,
}

impl Entry {
    /// The checksum that bytes of a frame end with, if they are its last.
    pub fn checksum_of(end: &[u8]) -> Option<u32> {
        end.last_chunk::<4>().map(|checksum| u32::from_le_bytes(*checksum))
    }
}

/// The table as it is in a file.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let content = entries.len() as u64 * 12 + FOOTER;
    let mut out = frame::skippable_header(KIND, u32::try_from(content).unwrap_or(u32::MAX)).to_vec();
    for Entry { compressed, content, checksum } in entries {
        for number in [*compressed, *content, checksum.unwrap_or_default()] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    out.push(HAS_CHECKSUMS);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out
}

/// Reads the table of a file of this length. None if it has none, or one that is not of this file.
pub(crate) fn read(file: &dyn ReadAt, length: u64) -> io::Result<Option<Vec<Entry>>> {
    let mut footer = [0; FOOTER as usize];
    let Some(footer_at) = length.checked_sub(FOOTER) else { return Ok(None) };
    file.read_exact_at(&mut footer, footer_at)?;
    let [a, b, c, d, descriptor, magic @ ..] = footer;
    let count = u32::from_le_bytes([a, b, c, d]);
    if u32::from_le_bytes(magic) != MAGIC || descriptor & RESERVED != 0 || count > MAX_FRAMES {
        return Ok(None);
    }
    let entry_bytes = if descriptor & HAS_CHECKSUMS == 0 { 8 } else { 12 };
    let entries_bytes = u64::from(count) * entry_bytes;
    let table_bytes = SKIPPABLE_HEADER + entries_bytes + FOOTER;
    let Some(start) = length.checked_sub(table_bytes) else { return Ok(None) };
    let mut header = [0; SKIPPABLE_HEADER as usize];
    file.read_exact_at(&mut header, start)?;
    if u64::from(u32::MAX) < entries_bytes + FOOTER
        || header != frame::skippable_header(KIND, (entries_bytes + FOOTER) as u32)
    {
        return Ok(None);
    }
    // No more than the file has.
    let mut bytes = vec![0; usize::try_from(entries_bytes).unwrap_or_default()];
    file.read_exact_at(&mut bytes, start + SKIPPABLE_HEADER)?;
    let number = |entry: &[u8], at: usize| {
        entry.get(at..).and_then(|bytes| bytes.first_chunk::<4>()).map(|bytes| u32::from_le_bytes(*bytes))
    };
    let entries = bytes.chunks_exact(entry_bytes as usize).map(|entry| Entry {
        compressed: number(entry, 0).unwrap_or_default(),
        content: number(entry, 4).unwrap_or_default(),
        checksum: number(entry, 8),
    });
    let entries: Vec<Entry> = entries.collect();
    let sum: u64 = entries.iter().map(|entry| u64::from(entry.compressed)).sum();
    Ok((sum == start).then_some(entries))
}
