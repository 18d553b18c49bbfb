//! What is in a frame, so that those without what is asked for need not be read.

use event::filter::AddrPattern;
use prost::Message;

use super::line::{addresses, peers};
use crate::archive::frame::{SKIPPABLE_HEADER, skippable, skippable_header};
use crate::archive::keys::{Bloom, Keys, of_addr, of_peer};
use crate::archive::{Part, PartKind, ReadAt};

/// How the magic of the skippable frames ends: of one about the frame before it, and of one about all.
pub(super) const ONE: u8 = 0xb;
pub(super) const ALL: u8 = 0xc;
/// What they begin with.
const MAGIC: [u8; 8] = *b"po-lines";
/// Bytes of one that are read at most.
const MAX_BYTES: u64 = 64 << 20;

/// What is in a frame.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    /// Where it begins: bytes from the beginning of the file.
    #[prost(uint64, tag = "1")]
    pub offset: u64,
    /// Its bytes in the file.
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// Bytes of its content.
    #[prost(uint64, tag = "3")]
    pub content: u64,
    /// Its lines.
    #[prost(uint64, tag = "4")]
    pub lines: u64,
    /// The time of the line before it, nanoseconds since the UNIX epoch: that of its first lines if they have none.
    #[prost(uint64, tag = "5")]
    pub before_ns: u64,
    /// The time of the earliest line.
    #[prost(uint64, tag = "6")]
    pub earliest_ns: u64,
    /// The time of the latest line.
    #[prost(uint64, tag = "7")]
    pub latest_ns: u64,
    /// A Bloom filter of the peers and addresses: docs/logs.md says of which keys.
    #[prost(bytes = "vec", tag = "8")]
    pub keys: Vec<u8>,
    /// There were too many keys: `keys` says nothing.
    #[prost(bool, tag = "9")]
    pub keys_full: bool,
    /// Lines before it may be missing: nobody followed the log, and it was not there any more afterwards.
    #[prost(bool, tag = "10")]
    pub gap: bool,
    /// Low half of the content's XXH64.
    #[prost(fixed32, tag = "11")]
    pub checksum: u32,
}

/// Those of a file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Frames {
    #[prost(message, repeated, tag = "1")]
    pub frames: Vec<Frame>,
}

/// What is in a frame while it is written.
#[derive(Default)]
pub(super) struct Facts {
    pub frame: Frame,
    keys: Keys,
}

impl Facts {
    /// Of a frame that comes after a line of this time.
    pub fn after(before_ns: u64, gap: bool) -> Self {
        Self { frame: Frame { before_ns, gap, ..Frame::default() }, keys: Keys::default() }
    }

    /// Adds a line with this time.
    pub fn add(&mut self, line: &[u8], time_ns: u64) {
        let frame = &mut self.frame;
        frame.earliest_ns = if frame.lines == 0 { time_ns } else { frame.earliest_ns.min(time_ns) };
        frame.latest_ns = frame.latest_ns.max(time_ns);
        frame.lines = frame.lines.saturating_add(1);
        frame.content = frame.content.saturating_add(line.len() as u64);
        for peer in peers(line) {
            self.keys.add(of_peer("", peer));
        }
        for address in addresses(line) {
            of_addr(address).into_iter().for_each(|key| _ = self.keys.add(key));
        }
    }

    /// All of it.
    pub fn into_frame(self) -> Frame {
        let Bloom { bits, full } = self.keys.bloom();
        Frame { keys: bits.into_owned(), keys_full: full, ..self.frame }
    }
}

impl Frame {
    /// Whether there may be lines of these peers and addresses, and of these times. An empty list is of all.
    pub(super) fn may_match(
        &self,
        peers: &[u64],
        addrs: &[AddrPattern],
        since_ns: Option<u64>,
        until_ns: Option<u64>,
    ) -> bool {
        let keys = Bloom { bits: self.keys.as_slice().into(), full: self.keys_full };
        since_ns.is_none_or(|since| self.latest_ns >= since)
            && until_ns.is_none_or(|until| self.earliest_ns <= until)
            && (peers.is_empty() || peers.iter().any(|peer| keys.may_have(of_peer("", *peer))))
            && (addrs.is_empty() || addrs.iter().any(|addr| keys.may_match(addr)))
    }
}

/// A message as a skippable frame.
pub(super) fn in_file(kind: u8, message: &impl Message) -> Vec<u8> {
    let content = [MAGIC.as_slice(), &message.encode_to_vec()].concat();
    let mut out = skippable_header(kind, u32::try_from(content.len()).unwrap_or(u32::MAX)).to_vec();
    out.extend_from_slice(&content);
    out
}

/// Reads a message of a kind; none if this part of a file is no such one.
pub(super) fn read<M: Message + Default>(file: &dyn ReadAt, part: &Part, kind: u8) -> std::io::Result<Option<M>> {
    let least = SKIPPABLE_HEADER.saturating_add(MAGIC.len() as u64);
    if part.kind != PartKind::Other || !(least..=MAX_BYTES).contains(&part.size) {
        return Ok(None);
    }
    let mut begin = [0; SKIPPABLE_HEADER as usize + MAGIC.len()];
    file.read_exact_at(&mut begin, part.offset)?;
    let Some((header, magic)) = begin.split_first_chunk::<4>() else { return Ok(None) };
    if skippable(*header) != Some(kind) || !magic.ends_with(&MAGIC) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(part.size.saturating_sub(least)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, part.offset.saturating_add(least))?;
    Ok(M::decode(bytes.as_slice()).ok())
}
