//! What is known of one block.

use smol_str::SmolStr;

use crate::bounds::{MAX_ANNOUNCERS, NEW_SECONDS, SECOND};
use crate::text::Hash;

/// What happens to a new block, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its header arrived, or its hash was announced.
    Header,
    /// It arrived as a compact block.
    CompactBlock,
    /// It arrived whole.
    Block,
    /// It was put together from a compact block.
    Reconstructed,
    /// It was connected to the active chain.
    Connected,
    /// It became the tip.
    Tip,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Header, Self::CompactBlock, Self::Block, Self::Reconstructed, Self::Connected, Self::Tip];

    /// Its name, as metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::CompactBlock => "compact_block",
            Self::Block => "block",
            Self::Reconstructed => "reconstructed",
            Self::Connected => "connected",
            Self::Tip => "tip",
        }
    }
}

/// Who reports a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A tracepoint, with the time of the kernel.
    Tracepoint,
    /// debug.log, which may have whole seconds only.
    Log,
}

/// A block, as one node saw it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its hash.
    pub hash: Hash,
    /// Its height.
    pub height: Option<u32>,
    /// The time in its header, seconds since the UNIX epoch.
    pub time: Option<u32>,
    /// When anything of it was first seen, nanoseconds since the UNIX epoch.
    pub first_ns: u64,
    /// The node reported it itself: it is not only a peer's claim.
    pub confirmed: bool,
    /// The peers that announced it first.
    pub announced_by: Vec<Announcement>,
    /// Message and connection type of the first announcement, by tracepoints.
    pub first_announcement: Option<(&'static str, &'static str)>,
    /// What it was put together from.
    pub reconstruction: Option<Reconstruction>,
    /// Transactions of it that the node had to ask for, one by one.
    pub required: u32,
    /// How long it took to connect it, in seconds.
    pub connect_seconds: Option<f64>,
    /// Number of its transactions.
    pub transactions: Option<i64>,
    /// Number of its inputs.
    pub inputs: Option<i32>,
    /// Cost of its signature operations.
    pub sigops: Option<i64>,
    /// Its size in bytes, if it arrived whole.
    pub size: Option<u64>,
    /// When each stage came, by tracepoints and by debug.log, nanoseconds since the UNIX epoch; 0 if it did not.
    traced_ns: [u64; Stage::ALL.len()],
    logged_ns: [u64; Stage::ALL.len()],
    /// The peer by whose announcement it became known.
    pub(super) peer: Option<u64>,
    /// It was announced before it was connected: its stages are of interest.
    pub(super) is_followed: bool,
    /// When nothing more is expected of its stages, nanoseconds since the UNIX epoch.
    pub(super) due_ns: Option<u64>,
}

/// A peer's announcement of a block.
#[derive(Clone, Copy, Debug)]
pub struct Announcement {
    /// The node's id of the peer.
    pub peer: u64,
    /// Type of the message.
    pub message_type: &'static str,
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
}

/// What a compact block was put together from: numbers of transactions.
#[derive(Clone, Copy, Debug)]
pub struct Reconstruction {
    /// Those that came with it.
    pub prefilled: u32,
    /// Those that were in the mempool.
    pub from_mempool: u32,
    /// Those that were kept besides, like conflicting ones.
    pub from_extra_pool: u32,
    /// Those that had to be asked for.
    pub requested: u32,
    /// Bytes of those that had to be asked for.
    pub requested_bytes: Option<u64>,
}

/// Something that happened to the chain.
#[derive(Clone, Debug)]
pub struct ChainEvent {
    /// Hash of the block, if it was reported.
    pub hash: Option<Hash>,
    /// Height of the block, if it was reported.
    pub height: Option<u32>,
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// What the node says of it; empty if it says nothing.
    pub text: SmolStr,
}

impl Block {
    pub(super) fn new(hash: Hash, first_ns: u64, peer: Option<u64>) -> Self {
        Self {
            hash,
            height: None,
            time: None,
            first_ns,
            confirmed: false,
            announced_by: Vec::new(),
            first_announcement: None,
            reconstruction: None,
            required: 0,
            connect_seconds: None,
            transactions: None,
            inputs: None,
            sigops: None,
            size: None,
            traced_ns: [0; Stage::ALL.len()],
            logged_ns: [0; Stage::ALL.len()],
            peer,
            is_followed: false,
            due_ns: None,
        }
    }

    /// When a stage came, nanoseconds since the UNIX epoch. Tracepoints know better than debug.log, which may have whole seconds only.
    pub fn at(&self, stage: Stage) -> Option<u64> {
        let at = |times: &[u64; Stage::ALL.len()]| times.get(stage as usize).copied().filter(|time_ns| *time_ns > 0);
        at(&self.traced_ns).or_else(|| at(&self.logged_ns))
    }

    /// Notes when a stage came, by a source. Whether it is the first time.
    pub(super) fn reach(&mut self, stage: Stage, source: Source, at_ns: u64) -> bool {
        let times = match source {
            Source::Tracepoint => &mut self.traced_ns,
            Source::Log => &mut self.logged_ns,
        };
        match times.get_mut(stage as usize) {
            Some(time_ns) if *time_ns == 0 => {
                *time_ns = at_ns;
                true
            }
            _ => false,
        }
    }

    pub(super) fn announced(&mut self, peer: u64, message_type: &'static str, at_ns: u64) {
        let is_known = self.announced_by.iter().any(|one| one.peer == peer);
        if !is_known && self.announced_by.len() < MAX_ANNOUNCERS {
            self.announced_by.push(Announcement { peer, message_type, at_ns });
        }
    }

    /// Whether its stages are those of a block that is new: not of one that the node catches up with.
    pub(super) fn is_new(&self, now_ns: u64) -> bool {
        let first_ns = self.at(Stage::Header).unwrap_or(now_ns);
        self.time.is_some_and(|time| is_new(time, first_ns))
    }
}

/// Whether a block with this time, in seconds, is new at another time, in nanoseconds.
pub(super) fn is_new(time: u32, now_ns: u64) -> bool {
    u64::from(time).saturating_add(NEW_SECONDS) >= now_ns / SECOND
}
