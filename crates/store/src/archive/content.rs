//! The content of an archive: records, each after its length.

use std::ops::Range;

use prost::Message;

/// Bytes that a record has at most. What seems to be larger is damage.
pub const MAX_RECORD: usize = 64 << 20;

/// The first record of an archive (`header.ArchiveHeader` of other programs).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Header {
    /// Seconds since the UNIX epoch when the file was begun.
    #[prost(uint64, required, tag = "1")]
    pub created: u64,
    /// Raw bytes of transactions, and the transactions of blocks, were left out.
    #[prost(bool, optional, tag = "2")]
    pub low_data: Option<bool>,
    /// Which events the archive has, as on the command line of the archiver; absent if all.
    #[prost(string, optional, tag = "100")]
    pub selection: Option<String>,
}

/// The key of the field [`Header::created`]: no event begins with it.
const HEADER_KEY: u8 = 0x08;

impl Header {
    /// The header that a record is; none if it is an event.
    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        if record.first() != Some(&HEADER_KEY) {
            return None;
        }
        Self::decode(record).ok()
    }
}

/// What archives of before 2026 begin with: these two bytes, a version, and the hash of a commit.
pub(crate) const FORMER_MAGIC: &[u8] = b"PA";
/// Bytes of that.
pub(crate) const FORMER_HEADER: usize = 16;

/// Bytes that a length takes at most.
const MAX_LENGTH_BYTES: usize = 10;

/// Appends the first record of an archive, with its length: when it was begun, in seconds since the UNIX epoch, and whether it has less than all of
/// each event.
pub fn put_header(out: &mut Vec<u8>, created: u64, low_data: bool) {
    put_record(out, &Header { created, low_data: low_data.then_some(true), selection: None }.encode_to_vec());
}

/// Appends a record with its length.
pub fn put_record(out: &mut Vec<u8>, record: &[u8]) {
    prost::encoding::encode_varint(record.len() as u64, out);
    out.extend_from_slice(record);
}

/// Content that was read and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub bytes: Vec<u8>,
    position: usize,
}

/// What comes next in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A record, which is there.
    Record(Range<usize>),
    /// Not all of it is there yet.
    Incomplete,
    /// It cannot be a record.
    Malformed,
}

impl Buffer {
    /// Bytes that are not used yet.
    pub fn unused(&self) -> &[u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Makes room by forgetting what was used.
    pub fn compact(&mut self) {
        self.bytes.drain(..self.position.min(self.bytes.len()));
        self.position = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.position = 0;
    }

    /// Moves on by this many bytes.
    pub fn skip(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes).min(self.bytes.len());
    }

    /// Moves on behind the next record.
    pub fn next_record(&mut self) -> Next {
        let unused = self.unused();
        let (mut length, mut length_bytes) = (0u64, None);
        for (index, byte) in unused.iter().take(MAX_LENGTH_BYTES).enumerate() {
            length |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or_default();
            if byte < &0x80 {
                length_bytes = Some(index + 1);
                break;
            }
        }
        let Some(length_bytes) = length_bytes else {
            return if unused.len() < MAX_LENGTH_BYTES { Next::Incomplete } else { Next::Malformed };
        };
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= MAX_RECORD) else {
            return Next::Malformed;
        };
        if unused.len() - length_bytes < length {
            return Next::Incomplete;
        }
        let start = self.position + length_bytes;
        self.position = start + length;
        Next::Record(start..self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_no_event_and_an_event_no_header() {
        let header = Header { created: 1_789_041_600, low_data: Some(true), selection: None };
        assert_eq!(Header::read(&header.encode_to_vec()), Some(header));
        assert_eq!(Header::read(&[0x50, 1]), None);
        assert_eq!(Header::read(b""), None);
    }

    #[test]
    fn records_come_as_their_bytes_do() {
        let mut all = Vec::new();
        for record in [&b"one"[..], b"", &[7; 300]] {
            put_record(&mut all, record);
        }
        let (mut buffer, mut read) = (Buffer::default(), Vec::new());
        for byte in &all {
            buffer.compact();
            buffer.bytes.push(*byte);
            while let Next::Record(range) = buffer.next_record() {
                read.push(buffer.bytes[range].to_vec());
            }
        }
        assert_eq!(read, [b"one".to_vec(), Vec::new(), vec![7; 300]]);
        let mut buffer = Buffer { bytes: vec![0xff; 10], position: 0 };
        assert_eq!(buffer.next_record(), Next::Malformed);
        let mut buffer = Buffer { bytes: vec![0xff; 9], position: 0 };
        assert_eq!(buffer.next_record(), Next::Incomplete);
    }
}
