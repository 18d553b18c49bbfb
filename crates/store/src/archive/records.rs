//! The events of a file, in its order.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use event::{Filter, NodeNames, Record};
use zstd::bulk::Decompressor;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::content::{Buffer, FORMER_HEADER, FORMER_MAGIC, Header, Next};
use super::damage::{Damage, Fault};
use super::frame::Walker;
use super::layout::{Form, Part, PartKind};
use super::read::{Archive, Beginning};

/// Frames with more content than this, or an unknown amount of it, are read piece by piece: what is damaged in such a one is seen late.
const MAX_WHOLE: u64 = 24 << 20;
/// Bytes of a piece.
const PIECE: usize = 128 << 10;
/// Records of a part that are no events, after which the rest of it is not read.
const MAX_NO_EVENTS: u32 = 16;

/// The events of a file that a filter lets pass, in the order of the file, and what of the file cannot be read: after that it goes on.
pub struct Records {
    archive: Archive,
    filter: Filter,
    takes_all: bool,
    next_part: usize,
    /// Parts from this one on are not read.
    end_part: usize,
    /// The part that is being read.
    part: Option<Part>,
    stream: Option<Stream>,
    buffer: Buffer,
    compressed: Vec<u8>,
    decompressor: Option<Decompressor<'static>>,
    names: NodeNames,
    beginning: Beginning,
    /// Nothing of the content was read yet.
    at_start: bool,
    /// Events that were read of the part, whether or not they pass.
    events: u64,
    no_events: u32,
    frames_read: u64,
    /// Bytes of content that were read.
    content: u64,
}

/// What could be read.
enum Filled {
    More,
    End,
    Damage(Damage),
}

impl Records {
    pub(crate) fn new(archive: &Archive, filter: Filter) -> Self {
        Self {
            archive: archive.clone(),
            takes_all: filter.is_empty(),
            filter,
            next_part: 0,
            end_part: usize::MAX,
            part: None,
            stream: None,
            buffer: Buffer::default(),
            compressed: Vec::new(),
            decompressor: None,
            names: NodeNames::default(),
            beginning: Beginning::default(),
            at_start: true,
            events: 0,
            no_events: 0,
            frames_read: 0,
            content: 0,
        }
    }

    /// The events of the parts that begin in this range of the file.
    pub(crate) fn of_range(archive: &Archive, range: &Range<u64>, filter: Filter) -> Self {
        let at = |offset| archive.parts().partition_point(|part| part.offset < offset);
        Self { next_part: at(range.start), end_part: at(range.end), ..Self::new(archive, filter) }
    }

    /// Bytes of content that were read so far, with lengths and headers.
    pub fn content_read(&self) -> u64 {
        self.content
    }

    /// Frames that were read so far, and not passed over by the index.
    pub fn frames_read(&self) -> u64 {
        self.frames_read
    }

    /// Reads the header, if there is one that can be read.
    pub(crate) fn read_beginning(mut self) -> Beginning {
        loop {
            match self.next_bytes() {
                Some(Ok(_)) | None => return self.beginning,
                Some(Err(_)) if self.at_start => return self.beginning,
                Some(Err(_)) => {}
            }
            if self.beginning.header.is_some() || self.next_part > 1 {
                return self.beginning;
            }
        }
    }

    /// The next record that is no header, without its length.
    fn next_bytes(&mut self) -> Option<Result<Range<usize>, Damage>> {
        loop {
            if self.at_start && self.buffer.unused().len() >= FORMER_MAGIC.len() {
                self.at_start = false;
                if self.buffer.unused().starts_with(FORMER_MAGIC) {
                    self.beginning.is_former = true;
                    while self.buffer.unused().len() < FORMER_HEADER && matches!(self.fill(), Filled::More) {}
                    self.buffer.skip(FORMER_HEADER);
                }
            }
            match self.buffer.next_record() {
                Next::Record(range) => {
                    let record = self.buffer.bytes.get(range.clone()).unwrap_or_default();
                    if let Some(header) = Header::read(record) {
                        // Another one than the first comes where files were put one behind the other.
                        self.beginning.header.get_or_insert(header);
                        continue;
                    }
                    return Some(Ok(range));
                }
                Next::Malformed => return Some(Err(self.give_up(Fault::TooLong))),
                Next::Incomplete => match self.fill() {
                    Filled::More => {}
                    Filled::End => return None,
                    Filled::Damage(damage) => return Some(Err(damage)),
                },
            }
        }
    }

    /// Leaves the rest of the part that is being read.
    fn give_up(&mut self, fault: Fault) -> Damage {
        let lost = self.part.map(|part| self.damage(part, fault));
        self.stream = None;
        self.buffer.clear();
        lost.unwrap_or(Damage { offset: self.archive.size(), bytes: 0, events: None, fault })
    }

    fn damage(&self, part: Part, fault: Fault) -> Damage {
        let events = self.archive.frame_of(&part).map(|(_, frame)| frame.events.saturating_sub(self.events));
        Damage { offset: part.offset, bytes: part.size, events, fault }
    }

    /// Reads more content.
    fn fill(&mut self) -> Filled {
        self.buffer.compact();
        if let Some(stream) = &mut self.stream {
            match stream.read(&self.archive, &mut self.buffer.bytes) {
                Ok(0) => self.stream = None,
                Ok(read) => {
                    self.content += read as u64;
                    return Filled::More;
                }
                Err(fault) => return Filled::Damage(self.give_up(fault)),
            }
        }
        let part = self.archive.parts().get(self.next_part).filter(|_| self.next_part < self.end_part).copied();
        let Some(part) = part else { return self.end() };
        self.next_part += 1;
        match part.kind {
            PartKind::Other | PartKind::OtherCut => return Filled::More,
            PartKind::Foreign => {
                self.begin(part);
                return Filled::Damage(self.give_up(Fault::Foreign));
            }
            PartKind::Frame if self.is_passed_over(&part) => return Filled::More,
            PartKind::Frame | PartKind::Cut | PartKind::Raw => {}
        }
        self.begin(part);
        self.frames_read += 1;
        let filled = if part.kind == PartKind::Frame { self.read_whole(part) } else { Ok(false) };
        match filled {
            Ok(true) => {}
            Ok(false) => self.stream = Some(Stream::new(part)),
            Err(fault) => return Filled::Damage(self.give_up(fault)),
        }
        Filled::More
    }

    fn begin(&mut self, part: Part) {
        (self.part, self.events, self.no_events) = (Some(part), 0, 0);
    }

    /// All parts are read.
    fn end(&mut self) -> Filled {
        let rest = self.buffer.unused().len() as u64;
        if rest == 0 {
            return Filled::End;
        }
        let mut damage = self.give_up(Fault::Cut);
        if self.archive.form() == Form::Raw {
            (damage.offset, damage.bytes) = (self.archive.size().saturating_sub(rest), rest);
        }
        Filled::Damage(damage)
    }

    fn is_passed_over(&self, part: &Part) -> bool {
        if self.takes_all || !self.buffer.unused().is_empty() {
            return false;
        }
        let frame = self.archive.frame_of(part);
        frame.is_some_and(|(index, frame)| !index.may_match(frame, &self.filter))
    }

    /// Reads a frame at once, if it is small enough for that. So nothing of it is used before its checksum is right. A frame that was written
    /// piece by piece does not say how much it holds; the index does.
    fn read_whole(&mut self, part: Part) -> Result<bool, Fault> {
        if !self.buffer.unused().is_empty() || part.size > MAX_WHOLE {
            return Ok(false);
        }
        self.compressed.resize(part.size as usize, 0);
        self.archive.file().read_exact_at(&mut self.compressed, part.offset).map_err(|_| Fault::Unreadable)?;
        let first = zstd::zstd_safe::find_frame_compressed_size(&self.compressed).map_err(|_| Fault::Damaged)?;
        let size = zstd::zstd_safe::get_frame_content_size(&self.compressed);
        let size = size.map_err(|_| Fault::Damaged)?;
        let indexed = || self.archive.frame_of(&part).map(|(_, frame)| frame.content);
        let Some(size) = size.or_else(indexed) else { return Ok(false) };
        if size > MAX_WHOLE || first != self.compressed.len() {
            return Ok(false);
        }
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            empty => empty.insert(Decompressor::new().map_err(|_| Fault::Unreadable)?),
        };
        self.buffer.clear();
        self.buffer.bytes.reserve(size as usize);
        match decompressor.decompress_to_buffer(&self.compressed, &mut self.buffer.bytes) {
            Ok(read) if read as u64 == size => {
                self.content += size;
                Ok(true)
            }
            _ => Err(Fault::Damaged),
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let range = match self.next_bytes()? {
                Ok(range) => range,
                Err(damage) => return Some(Err(damage)),
            };
            let bytes = self.buffer.bytes.get(range).unwrap_or_default();
            self.events += 1;
            let Ok(record) = Record::from_bytes(Bytes::copy_from_slice(bytes), &mut self.names) else {
                let length = bytes.len() as u64;
                self.no_events += 1;
                if self.no_events >= MAX_NO_EVENTS {
                    return Some(Err(self.give_up(Fault::NoEvent)));
                }
                let offset = self.part.map_or(0, |part| part.offset);
                return Some(Err(Damage { offset, bytes: length, events: Some(1), fault: Fault::NoEvent }));
            };
            if self.takes_all || self.filter.matches(&record) {
                return Some(Ok(record));
            }
        }
    }
}

/// Content that is read piece by piece.
struct Stream {
    part: Part,
    /// Bytes of the part that were read.
    read: u64,
    /// None if the content is not compressed.
    decoder: Option<Decoder<'static>>,
    input: Vec<u8>,
    used: usize,
    /// The decoder is at the end of a frame.
    at_end: bool,
    has_content: bool,
    failed: bool,
}

impl Stream {
    fn new(part: Part) -> Self {
        let decoder = (part.kind != PartKind::Raw).then(Decoder::new).transpose();
        let failed = decoder.is_err();
        let decoder = decoder.unwrap_or_default();
        Self { part, read: 0, decoder, input: Vec::new(), used: 0, at_end: false, has_content: false, failed }
    }

    /// Appends a piece of content. Returns its size; 0 at the end.
    fn read(&mut self, archive: &Archive, out: &mut Vec<u8>) -> Result<usize, Fault> {
        if self.failed {
            return Err(Fault::Unreadable);
        }
        let before = out.len();
        loop {
            let is_last = self.used >= self.input.len() && !self.refill(archive)?;
            let input = self.input.get(self.used..).unwrap_or_default();
            let Some(decoder) = &mut self.decoder else {
                out.extend_from_slice(input);
                self.used = self.input.len();
                return Ok(out.len() - before);
            };
            if !(is_last && self.at_end) {
                out.reserve(PIECE);
                let mut source = InBuffer::around(input);
                let mut piece = OutBuffer::around_pos(out, before);
                let hint = decoder.run(&mut source, &mut piece).map_err(|error| fault_of(&error))?;
                self.used += source.pos();
                self.at_end = hint == 0;
            }
            if out.len() > before {
                self.has_content = true;
                return Ok(out.len() - before);
            }
            if is_last {
                return match self.part.kind {
                    // A writer that is at work, or was killed, leaves its frame so: nothing of it is missing.
                    PartKind::Cut if self.has_content && self.is_between_blocks(archive) => Ok(0),
                    PartKind::Cut => Err(Fault::Cut),
                    _ if !self.at_end => Err(Fault::Damaged),
                    _ => Ok(0),
                };
            }
        }
    }

    fn is_between_blocks(&self, archive: &Archive) -> bool {
        let Part { offset, size, .. } = self.part;
        let mut walker = Walker::new(archive.file(), archive.size());
        walker.is_between_blocks(offset, offset + size).unwrap_or_default()
    }

    fn refill(&mut self, archive: &Archive) -> Result<bool, Fault> {
        let size = (self.part.size - self.read).min(PIECE as u64);
        self.input.resize(size as usize, 0);
        archive.file().read_exact_at(&mut self.input, self.part.offset + self.read).map_err(|_| Fault::Unreadable)?;
        self.read += size;
        self.used = 0;
        Ok(size > 0)
    }
}

fn fault_of(error: &io::Error) -> Fault {
    if error.to_string().contains("too much memory") { Fault::Window } else { Fault::Damaged }
}
