//! Which parts of a node's interfaces have reported: what none of them reports is not known, and is shown as absent, never as 0.

use event::pb::log_extractor::{LogDebugCategory, LogLevel};
use event::{Body, Kind, Record, Source};

/// A part of an interface of a node that reports by itself, or not at all: a group of tracepoints, an RPC, a category of debug.log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// The tracepoints of P2P messages.
    Messages,
    /// The tracepoints of connections.
    Connections,
    /// The tracepoints of the mempool.
    Mempool,
    /// The tracepoint of connected blocks.
    Validation,
    /// debug.log, whatever its categories.
    Log,
    /// Its category `net`.
    LogNet,
    /// Its category `validation`.
    LogValidation,
    /// Its category `cmpctblock`.
    LogCompactBlocks,
    /// Its category `mempool`.
    LogMempool,
    /// Its category `mempoolrej`.
    LogRejections,
    /// Its category `addrman`.
    LogAddrman,
    /// The RPC `getpeerinfo`.
    PeerInfos,
    /// The RPC `getorphantxs`.
    OrphanTxs,
    /// The RPC `getrawaddrman`.
    Addrman,
    /// The RPC `uptime`.
    Uptime,
    /// A P2P connection of our own.
    P2p,
    /// The same, by an extractor that reports more than the original: how the connection is, and each message.
    OwnConnection,
    /// The connectivity check.
    Connectivity,
    /// The operating system: the node's process.
    Process,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Messages,
        Self::Connections,
        Self::Mempool,
        Self::Validation,
        Self::Log,
        Self::LogNet,
        Self::LogValidation,
        Self::LogCompactBlocks,
        Self::LogMempool,
        Self::LogRejections,
        Self::LogAddrman,
        Self::PeerInfos,
        Self::OrphanTxs,
        Self::Addrman,
        Self::Uptime,
        Self::P2p,
        Self::OwnConnection,
        Self::Connectivity,
        Self::Process,
    ];
}

/// A set of origins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origins(u32);

impl Origins {
    /// Whether an origin is among them.
    #[inline]
    pub fn has(self, origin: Origin) -> bool {
        self.0 & bit(origin) != 0
    }

    /// Whether one of these origins is among them.
    pub fn has_any<const N: usize>(self, origins: [Origin; N]) -> bool {
        origins.into_iter().any(|origin| self.has(origin))
    }

    /// Adds the origins of an event. Returns those that were not there.
    #[inline]
    pub(crate) fn note(&mut self, record: &Record) -> Self {
        if record.envelope().kind == Kind::Message && self.has(Origin::Messages) {
            return Self::default();
        }
        let new = Self(of(record).0 & !self.0);
        self.0 |= new.0;
        new
    }

    /// All of them.
    pub(crate) fn iter(self) -> impl Iterator<Item = Origin> {
        Origin::ALL.into_iter().filter(move |origin| self.has(*origin))
    }
}

const fn bit(origin: Origin) -> u32 {
    1 << origin as u8
}

/// The origins of an event.
fn of(record: &Record) -> Origins {
    let kind = record.envelope().kind;
    let one = match kind {
        Kind::Message => Origin::Messages,
        Kind::InboundConnection
        | Kind::OutboundConnection
        | Kind::ClosedConnection
        | Kind::EvictedInboundConnection
        | Kind::MisbehavingConnection => Origin::Connections,
        Kind::MempoolAdded | Kind::MempoolRemoved | Kind::MempoolReplaced | Kind::MempoolRejected => Origin::Mempool,
        Kind::BlockConnected | Kind::BlockHeader | Kind::BlockReconstructed => Origin::Validation,
        Kind::PeerInfos => Origin::PeerInfos,
        Kind::OrphanTxs => Origin::OrphanTxs,
        Kind::Addrman => Origin::Addrman,
        Kind::Uptime => Origin::Uptime,
        Kind::NodeProcess => Origin::Process,
        Kind::Attempt => Origin::Connectivity,
        Kind::PingDuration | Kind::AddressAnnouncement | Kind::InventoryAnnouncement | Kind::FeefilterAnnouncement => {
            Origin::P2p
        }
        _ if kind.source() == Some(Source::P2p) => return Origins(bit(Origin::P2p) | bit(Origin::OwnConnection)),
        _ if kind.source() == Some(Source::Log) => {
            return Origins(bit(Origin::Log) | category(record).map_or(0, bit));
        }
        _ => return Origins::default(),
    };
    Origins(bit(one))
}

/// The category of debug.log that is on, as an entry shows: what is no debug entry is written whether its category is on or not.
fn category(record: &Record) -> Option<Origin> {
    let Some(Body::LogExtractor(line)) = record.body() else { return None };
    if !matches!(line.log_level(), LogLevel::Debug | LogLevel::Trace) {
        return None;
    }
    match line.category() {
        LogDebugCategory::Net => Some(Origin::LogNet),
        LogDebugCategory::Validation => Some(Origin::LogValidation),
        LogDebugCategory::Cmpctblock => Some(Origin::LogCompactBlocks),
        LogDebugCategory::Mempool => Some(Origin::LogMempool),
        LogDebugCategory::Mempoolrej => Some(Origin::LogRejections),
        LogDebugCategory::Addrman => Some(Origin::LogAddrman),
        _ => None,
    }
}
