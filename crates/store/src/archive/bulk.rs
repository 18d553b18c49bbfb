//! Writes an archive file of frames that several threads make at the same time. Nothing is durable before the file is complete: this is for
//! what can be had again.

use std::io;
use std::path::Path;

use event::Envelope;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use zstd::bulk::Compressor;

use super::compress::compressor;
use super::content;
use super::error::ArchiveError;
use super::index::Index;
use super::output::Output;
use super::seek_table::Entry;
use super::summary::Summary;
use super::writer::Options;

/// Bytes of content that a frame seldom exceeds: half a megabyte of a log makes less than one.
const FRAME_BYTES: usize = 2 << 20;

/// Makes frames, one after another.
pub struct Packer {
    /// None if there is no compression.
    compressor: Option<Compressor<'static>>,
    content: Vec<u8>,
    /// Of the event that is added last.
    envelope: Vec<u8>,
    summary: Summary,
    /// Time of the first event.
    first_ns: Option<u64>,
}

/// A frame that is ready to be written.
pub struct Packed {
    bytes: Vec<u8>,
    content: u32,
    index: Index,
    first_ns: Option<u64>,
}

impl Packer {
    /// A maker of frames, compressed at this level, or not for level 0.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(level: i32) -> io::Result<Self> {
        let compressor = (level != 0).then(|| compressor(level, FRAME_BYTES)).transpose()?;
        Ok(Self { compressor, content: Vec::new(), envelope: Vec::new(), summary: Summary::default(), first_ns: None })
    }

    /// Adds an event: the message that its body is, in its encoded form, the number of the field of `event.Event` which that is in, and its
    /// envelope, which is put behind it. `addr` is the address of the peer that it concerns.
    pub fn add(&mut self, field: u32, body: &[u8], envelope: &Envelope, addr: Option<&str>) {
        self.envelope.clear();
        envelope.encode(&mut self.envelope);
        let before = self.content.len();
        let head = key_len(field) + encoded_len_varint(body.len() as u64);
        encode_varint((head + body.len() + self.envelope.len()) as u64, &mut self.content);
        encode_key(field, WireType::LengthDelimited, &mut self.content);
        encode_varint(body.len() as u64, &mut self.content);
        self.content.extend_from_slice(body);
        self.content.extend_from_slice(&self.envelope);
        self.first_ns.get_or_insert(envelope.time_ns);
        self.summary.note(envelope, addr, (self.content.len() - before) as u64);
    }

    /// Adds an event as it is encoded.
    pub fn add_record(&mut self, record: &event::Record) {
        let before = self.content.len();
        content::put_record(&mut self.content, record.bytes());
        self.first_ns.get_or_insert(record.envelope().time_ns);
        self.summary.add(record, (self.content.len() - before) as u64);
    }

    /// Events in the frame that is being made.
    pub fn events(&self) -> u64 {
        self.summary.pending()
    }

    /// Completes the frame.
    ///
    /// # Errors
    /// There is no memory.
    pub fn pack(&mut self) -> io::Result<Packed> {
        let bytes = match &mut self.compressor {
            Some(compressor) => compressor.compress(&self.content)?,
            None => self.content.clone(),
        };
        let mut summary = std::mem::take(&mut self.summary);
        summary.end_frame(0, bytes.len() as u64, self.content.len() as u64);
        let content = self.content.len() as u32;
        self.content.clear();
        Ok(Packed { bytes, content, index: summary.into_index(), first_ns: self.first_ns.take() })
    }
}

impl Packed {
    /// Its events.
    pub fn events(&self) -> u64 {
        self.index.frames.iter().map(|frame| frame.events).sum()
    }

    /// Time of its first event, in nanoseconds since the UNIX epoch; none if it has none.
    pub fn first_ns(&self) -> Option<u64> {
        self.first_ns
    }

    /// Times of its earliest and latest events, in nanoseconds since the UNIX epoch; none if it has none.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.index.frames.first().map(|frame| (frame.earliest_ns, frame.latest_ns))
    }
}

/// A file that is being written. Dropping it leaves it as a crash would: [`super::finish()`] completes it.
pub struct BulkWriter {
    output: Output,
    compresses: bool,
    summary: Summary,
}

impl BulkWriter {
    /// Begins a file, named by this time (nanoseconds since the UNIX epoch), that nobody but its owner can read. Of the options, those for
    /// frames do not count.
    ///
    /// # Errors
    /// It cannot be created or written.
    pub fn create(options: &Options, begun_ns: u64) -> Result<Self, ArchiveError> {
        let output = Output::create(options, begun_ns)?;
        let mut writer = Self { output, compresses: options.level != 0, summary: Summary::default() };
        let written = Packer::new(options.level).and_then(|mut packer| {
            content::put_record(&mut packer.content, &options.header(begun_ns).encode_to_vec());
            packer.pack()
        });
        let written = written.map_err(ArchiveError::io("compress", writer.path()));
        if let Err(error) = written.and_then(|frame| writer.append(frame)) {
            // Without a header it would be of no use.
            let _ = std::fs::remove_file(writer.path());
            return Err(error);
        }
        Ok(writer)
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// It cannot be written. The file is as it was before.
    pub fn append(&mut self, frame: Packed) -> Result<(), ArchiveError> {
        let Packed { bytes, content, index, .. } = frame;
        let offset = self.output.size();
        self.output.append(&bytes, false)?;
        let checksum = Entry::checksum_of(&bytes);
        self.output.end_frame(Entry { compressed: bytes.len() as u32, content, checksum });
        self.summary.append(index, offset);
        Ok(())
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.output.path()
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.output.size()
    }

    /// Completes the file, and waits until the disk has it. Returns its size in bytes.
    ///
    /// # Errors
    /// Something cannot be written. [`super::finish()`] can complete the file later.
    pub fn finish(self) -> Result<u64, ArchiveError> {
        if self.compresses { self.output.finish(self.summary.index()) } else { self.output.finish_raw() }
    }
}
