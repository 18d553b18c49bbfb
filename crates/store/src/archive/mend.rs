//! Ends the frame that a writer was killed in.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use event::{NodeNames, Record};
use twox_hash::XxHash64;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::content::{Buffer, Next};
use super::frame::{Block, Walker};

/// The last block of a frame, without content.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];
/// Bytes of a block's content at most.
const MAX_BLOCK: usize = 128 << 10;

/// A place where a frame can be ended.
struct End {
    offset: u64,
    checksum: u32,
}

/// Ends the frame at this place of a file behind the last event that was written whole: what a writer has made safe stays, and what comes after it
/// is removed. Returns where that began; none if there is no such event, and then the file is as it was.
pub(crate) fn end_frame(file: &mut File, offset: u64) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let Some(End { offset, checksum }) = find_end(file, offset, length)? else { return Ok(None) };
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(&[LAST_BLOCK.as_slice(), &checksum.to_le_bytes()].concat())?;
    file.sync_data()?;
    Ok(Some(offset))
}

fn find_end(file: &File, offset: u64, length: u64) -> io::Result<Option<End>> {
    let mut walker = Walker::new(file, length);
    let Some(mut position) = walker.content_of(offset)? else { return Ok(None) };
    let mut content = Content {
        decoder: Decoder::new()?,
        bytes: Buffer::default(),
        hasher: XxHash64::with_seed(0),
        names: NodeNames::default(),
    };
    let (mut begin, mut found) = (offset, None);
    while let Block::Whole { end, last: false } = walker.block(position)? {
        let mut block = vec![0; (end - begin) as usize];
        file.read_exact_at(&mut block, begin)?;
        match content.add(&block) {
            // Only where an event ends was it made safe.
            Ok(Added::Whole) => found = Some(End { offset: end, checksum: content.hasher.finish() as u32 }),
            Ok(Added::Part | Added::Nothing) => {}
            Err(_) => break,
        }
        (begin, position) = (end, end);
    }
    Ok(found)
}

/// The content of a frame, block by block.
struct Content {
    decoder: Decoder<'static>,
    bytes: Buffer,
    hasher: XxHash64,
    names: NodeNames,
}

/// What a block ends with.
enum Added {
    /// The end of an event.
    Whole,
    /// A part of one.
    Part,
    /// It has no content.
    Nothing,
}

impl Content {
    fn add(&mut self, block: &[u8]) -> io::Result<Added> {
        let mut input = InBuffer::around(block);
        let mut added = 0;
        loop {
            let (before, taken) = (self.bytes.bytes.len(), input.pos());
            self.bytes.bytes.reserve(MAX_BLOCK);
            let mut output = OutBuffer::around_pos(&mut self.bytes.bytes, before);
            self.decoder.run(&mut input, &mut output)?;
            let new = self.bytes.bytes.get(before..).unwrap_or_default();
            self.hasher.write(new);
            added += new.len();
            if new.is_empty() && input.pos() == taken {
                break;
            }
        }
        loop {
            match self.bytes.next_record() {
                // Behind what was safe, the disk may have anything, such as zeros: events without a time.
                Next::Record(range) => {
                    let record = Bytes::copy_from_slice(self.bytes.bytes.get(range).unwrap_or_default());
                    let record = Record::from_bytes(record, &mut self.names).map_err(io::Error::other)?;
                    if record.envelope().time_ns == 0 {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                Next::Incomplete => break,
                Next::Malformed => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        self.bytes.compact();
        Ok(match self.bytes.unused() {
            _ if added == 0 => Added::Nothing,
            [] => Added::Whole,
            _ => Added::Part,
        })
    }
}
