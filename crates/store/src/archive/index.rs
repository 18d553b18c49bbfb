//! What is in each frame of a file, so that those without what is asked for need not be read.

use event::{Direction, Filter, Kind};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::frame;
use super::keys::{self, Bloom};

/// How the magic of its skippable frame ends.
pub(crate) const KIND: u8 = 0xd;
/// What that frame begins with. A zstd frame with the index follows.
const MAGIC: [u8; 8] = *b"po-index";
/// Bytes of an index that are read at most, and of memory that is made of it.
const MAX_INDEX: usize = 64 << 20;
const MAX_MEMORY: usize = 256 << 20;

/// What is in each frame.
#[derive(Clone, PartialEq, Message)]
pub struct Index {
    /// Names of nodes, kinds and message types, which the frames refer to by their positions.
    #[prost(string, repeated, tag = "1")]
    pub names: Vec<String>,
    /// The frames with events, in the order in which they are in the file.
    #[prost(message, repeated, tag = "2")]
    pub frames: Vec<Frame>,
}

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
    /// Its events.
    #[prost(uint64, tag = "4")]
    pub events: u64,
    /// The time of the earliest event, nanoseconds since the UNIX epoch.
    #[prost(uint64, tag = "5")]
    pub earliest_ns: u64,
    /// The time of the latest event.
    #[prost(uint64, tag = "6")]
    pub latest_ns: u64,
    /// Its events by node, kind, type and direction of the message.
    #[prost(message, repeated, tag = "7")]
    pub counts: Vec<Count>,
    /// Sequence numbers by run.
    #[prost(message, repeated, tag = "8")]
    pub runs: Vec<Run>,
    /// A Bloom filter of the peers and addresses: docs/archive.md says of which keys.
    #[prost(bytes = "vec", tag = "9")]
    pub keys: Vec<u8>,
    /// There were too many keys: `keys` says nothing.
    #[prost(bool, tag = "10")]
    pub keys_full: bool,
    /// There were too many groups or runs: some events are counted with others, or not.
    #[prost(bool, tag = "11")]
    pub counts_partial: bool,
}

/// Some events of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Count {
    /// Position of the node's name.
    #[prost(uint32, tag = "1")]
    pub node: u32,
    /// Position of the kind's name.
    #[prost(uint32, tag = "2")]
    pub kind: u32,
    /// Position of the message type, and absent in events that are no P2P message.
    #[prost(uint32, optional, tag = "3")]
    pub message_type: Option<u32>,
    /// The node received the message; absent in events that are no P2P message.
    #[prost(bool, optional, tag = "4")]
    pub inbound: Option<bool>,
    /// How many there are.
    #[prost(uint64, tag = "5")]
    pub events: u64,
    /// Bytes of them, with their lengths, before compression.
    #[prost(uint64, tag = "6")]
    pub bytes: u64,
}

/// The events of a run in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Run {
    /// Position of the node's name.
    #[prost(uint32, tag = "1")]
    pub node: u32,
    /// The run.
    #[prost(fixed64, tag = "2")]
    pub run: u64,
    /// The lowest sequence number; 0 if none of the events has one.
    #[prost(uint64, tag = "3")]
    pub first: u64,
    /// The highest.
    #[prost(uint64, tag = "4")]
    pub last: u64,
    /// Events that have one.
    #[prost(uint64, tag = "5")]
    pub events: u64,
}

impl Index {
    /// The name at a position.
    pub fn name(&self, position: u32) -> &str {
        self.names.get(position as usize).map_or("", String::as_str)
    }

    /// Whether there are events of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        let counts = self.frames.iter().flat_map(|frame| &frame.counts);
        self.names.iter().any(|name| name == kind.name())
            && counts.map(|count| self.name(count.kind)).any(|name| name == kind.name())
    }

    /// Whether there may be events in a frame that a filter lets pass.
    pub fn may_match(&self, frame: &Frame, filter: &Filter) -> bool {
        let in_time = filter.since_ns.is_none_or(|since| frame.latest_ns >= since)
            && filter.until_ns.is_none_or(|until| frame.earliest_ns <= until);
        in_time && (frame.counts_partial || self.counts_match(frame, filter)) && self.keys_match(frame, filter)
    }

    fn counts_match(&self, frame: &Frame, filter: &Filter) -> bool {
        let any = |empty: bool, matches: bool| empty || matches;
        frame.counts.iter().any(|count| {
            let direction = count.inbound.map(|inbound| if inbound { Direction::Inbound } else { Direction::Outbound });
            // A kind that was not known when the file was written is read as what it is now.
            let kind = Kind::from_name(self.name(count.kind));
            let message_type = count.message_type.map(|position| self.name(position));
            any(filter.nodes.is_empty(), filter.nodes.iter().any(|node| node == self.name(count.node)))
                && any(filter.kinds.is_empty(), kind.is_none_or(|kind| filter.kinds.iter().any(|k| k.contain(kind))))
                && any(filter.messages.is_empty(), message_type.is_some_and(|m| filter.messages.iter().any(|f| f == m)))
                && any(filter.direction.is_none(), filter.direction == direction)
        })
    }

    fn keys_match(&self, frame: &Frame, filter: &Filter) -> bool {
        if filter.peers.is_empty() && filter.addrs.is_empty() {
            return true;
        }
        let bloom = Bloom { bits: frame.keys.as_slice().into(), full: frame.keys_full };
        let nodes = || {
            let mut nodes: Vec<u32> = frame.counts.iter().map(|count| count.node).collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes.into_iter().map(|node| self.name(node))
        };
        let peers = filter.peers.is_empty()
            || nodes().any(|node| filter.peers.iter().any(|peer| bloom.may_have(keys::of_peer(node, *peer))));
        peers && (filter.addrs.is_empty() || filter.addrs.iter().any(|pattern| bloom.may_match(pattern)))
    }

    /// The index as it is in a file: a skippable frame.
    pub(crate) fn in_file(&self) -> std::io::Result<Vec<u8>> {
        let mut compressor = zstd::bulk::Compressor::new(3)?;
        compressor.include_checksum(true)?;
        let compressed = compressor.compress(&self.encode_to_vec())?;
        let content = MAGIC.len() + compressed.len();
        let content = u32::try_from(content).map_err(|_| std::io::Error::other("the index is too large"))?;
        let mut out = frame::skippable_header(KIND, content).to_vec();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&compressed);
        Ok(out)
    }

    /// Reads the content of a skippable frame; none if that is no index, or a damaged one.
    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        let compressed = content.strip_prefix(&MAGIC)?;
        let size = zstd::zstd_safe::get_frame_content_size(compressed).ok()??;
        let size = usize::try_from(size).ok().filter(|size| *size <= MAX_INDEX)?;
        let bytes = zstd::bulk::decompress(compressed, size).ok()?;
        // What takes two bytes here may take a hundred as a structure.
        (memory(&bytes)? <= MAX_MEMORY).then(|| Self::decode(bytes.as_slice()).ok())?
    }
}

/// Bytes of memory that an index takes, or more, by its encoded form; none if that is malformed.
fn memory(mut index: &[u8]) -> Option<usize> {
    let mut sum: usize = 0;
    while let Some((field, content)) = next_field(&mut index)? {
        sum += match field {
            1 => size_of::<String>() + content.len(),
            2 => size_of::<Frame>() + memory_of_frame(content)?,
            _ => 0,
        };
    }
    Some(sum)
}

fn memory_of_frame(mut frame: &[u8]) -> Option<usize> {
    let mut sum = 0;
    while let Some((field, content)) = next_field(&mut frame)? {
        sum += match field {
            7 => size_of::<Count>(),
            8 => size_of::<Run>(),
            _ => content.len(),
        };
    }
    Some(sum)
}

/// The number of the next field and its content, if it is a message or text; none within at the end, and none if it is malformed.
#[allow(clippy::option_option)]
fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<Option<(u32, &'a [u8])>> {
    if bytes.is_empty() {
        return Some(None);
    }
    let (field, wire_type) = decode_key(bytes).ok()?;
    if wire_type != WireType::LengthDelimited {
        skip_field(wire_type, field, bytes, DecodeContext::default()).ok()?;
        return Some(Some((field, &[])));
    }
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    let (content, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Some((field, content)))
}
