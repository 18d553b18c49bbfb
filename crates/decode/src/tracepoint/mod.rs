//! Decodes the records of Bitcoin Core's tracepoints, as the tracepoint extractor's ring holds them, to events.

#[macro_use]
mod record;
mod known;
mod layout;
mod per_tracepoint;

use std::borrow::Cow;

use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::block::block_event::Event as BlockArm;
use event::pb::ebpf_extractor::block::{BlockEvent, BlockHeader, BlockReconstructed};
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::connection::{
    ClosedConnection, Connection, ConnectionEvent, EvictedInboundConnection, InboundConnection, MisbehavingConnection,
    OutboundConnection,
};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolArm;
use event::pb::ebpf_extractor::mempool::{Added, MempoolEvent, Rejected, Removed, Replaced};
use event::pb::ebpf_extractor::utxocache::utxo_cache_event::Event as UtxoCacheArm;
use event::pb::ebpf_extractor::utxocache::{Coin, Flush, UtxoCacheEvent};
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationArm;
use event::pb::ebpf_extractor::validation::{BlockConnected, ValidationEvent};
use event::{Body, Described, Direction, Kind};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::message::{Framed, Meta, encode_framed};
use layout::Head;
use record::{Hash, Text};

pub use known::Known;
pub use layout::Tracepoint;
pub use per_tracepoint::PerTracepoint;

impl Tracepoint {
    /// The tracepoint of this name: "net:inbound_message". None if there is no such tracepoint.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tracepoint| tracepoint.name() == name)
    }

    /// Whether no release of the node has it yet: those of Bitcoin Core #35368.
    pub fn is_proposed(self) -> bool {
        matches!(self, Self::BlockHeader | Self::BlockReconstructed)
    }
}

/// Bytes of a record's head.
pub const HEAD: usize = size_of::<Head>();

/// What a node did, as one of its tracepoints shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The tracepoint.
    pub tracepoint: Tracepoint,
    /// Process id of the node.
    pub process: u32,
    /// When it happened, in nanoseconds of the kernel's monotonic clock.
    pub monotonic_ns: u64,
    /// The record after its head.
    rest: &'a [u8],
    /// Bytes of the whole record.
    length: usize,
}

/// The bytes, of which there are so many, are no record: the C program and this one are not of the same build.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a record of {0} bytes is not one of the tracepoint program")]
pub struct NotARecord(pub usize);

/// Where a record comes from, as far as its head shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Process id of the node.
    pub process: u32,
    /// The tracepoint; none if the record names one that this build does not have.
    pub tracepoint: Option<Tracepoint>,
}

/// Where a record comes from, also one that [`decode`] refuses. The bytes must be aligned to 8, as those of the ring are.
///
/// # Errors
/// The bytes are too few to be a record.
pub fn origin_of(record: &[u8]) -> Result<Origin, NotARecord> {
    let (head, _) = take::<Head>(record, record.len())?;
    Ok(Origin { process: head.tgid, tracepoint: tracepoint_of(head) })
}

/// Reads the head of a record of the ring. The bytes must be aligned to 8, as those of the ring are.
///
/// # Errors
/// The bytes are no record.
pub fn read(record: &[u8]) -> Result<Seen<'_>, NotARecord> {
    let length = record.len();
    let (head, rest) = take::<Head>(record, length)?;
    let tracepoint = tracepoint_of(head).ok_or(NotARecord(length))?;
    Ok(Seen { tracepoint, process: head.tgid, monotonic_ns: head.time_ns, rest, length })
}

impl Seen<'_> {
    /// The kind of event that it is.
    pub fn kind(&self) -> Kind {
        match self.tracepoint {
            Tracepoint::InboundMessage | Tracepoint::OutboundMessage => Kind::Message,
            Tracepoint::InboundConnection => Kind::InboundConnection,
            Tracepoint::OutboundConnection => Kind::OutboundConnection,
            Tracepoint::ClosedConnection => Kind::ClosedConnection,
            Tracepoint::EvictedInboundConnection => Kind::EvictedInboundConnection,
            Tracepoint::MisbehavingConnection => Kind::MisbehavingConnection,
            Tracepoint::MempoolAdded => Kind::MempoolAdded,
            Tracepoint::MempoolRemoved => Kind::MempoolRemoved,
            Tracepoint::MempoolReplaced => Kind::MempoolReplaced,
            Tracepoint::MempoolRejected => Kind::MempoolRejected,
            Tracepoint::BlockConnected => Kind::BlockConnected,
            Tracepoint::BlockHeader => Kind::BlockHeader,
            Tracepoint::BlockReconstructed => Kind::BlockReconstructed,
            Tracepoint::UtxocacheFlush => Kind::UtxocacheFlush,
            Tracepoint::UtxocacheAdd => Kind::UtxocacheAdd,
            Tracepoint::UtxocacheSpent => Kind::UtxocacheSpent,
            Tracepoint::UtxocacheUncache => Kind::UtxocacheUncache,
        }
    }

    /// Appends what happened to `out`, encoded: the arm of `event.Event`. Returns what the envelope needs of it. `known` is from the records
    /// before; it changes how fast this is, and nothing else.
    ///
    /// # Errors
    /// The bytes are no record of the tracepoint. Odd content of a record is no error.
    pub fn encode(&self, known: &mut Known, out: &mut Vec<u8>) -> Result<Described, NotARecord> {
        match self.tracepoint {
            Tracepoint::InboundMessage => self.message(Direction::Inbound, known, out),
            Tracepoint::OutboundMessage => self.message(Direction::Outbound, known, out),
            _ => {
                let ebpf_event = Some(structure(self.tracepoint, self.rest, self.length)?);
                let body = Body::EbpfExtractor(Ebpf { ebpf_event });
                body.encode(out);
                Ok(Described::of(&body))
            }
        }
    }

    fn message(&self, direction: Direction, known: &mut Known, out: &mut Vec<u8>) -> Result<Described, NotARecord> {
        let not_a_record = NotARecord(self.length);
        let (record, rest) = take::<layout::Message>(self.rest, self.length)?;
        let captured = usize::try_from(record.captured).ok().and_then(|captured| rest.get(..captured));
        let payload = captured.ok_or(not_a_record)?;
        let (peer, message_type) = known.of(record).ok_or(not_a_record)?;
        let meta = Meta {
            peer_id: record.peer_id.cast_unsigned(),
            addr: &peer.addr,
            conn_type: peer.conn_type,
            conn_type_name: peer.conn_type_name.as_deref(),
            message_type,
            inbound: direction == Direction::Inbound,
            size: record.size,
        };
        encode_framed(Framed { meta: &meta, connection: Some(peer.fields()) }, payload, out);
        Ok(meta.described_as(message_type.clone()))
    }
}

fn tracepoint_of(head: &Head) -> Option<Tracepoint> {
    Tracepoint::ALL.get(usize::try_from(head.tracepoint).ok()?).copied()
}

/// The structure that `bytes` begin with, and the bytes after it. `length` is the length of the whole record, for the error.
fn take<T: FromBytes + KnownLayout + Immutable>(bytes: &[u8], length: usize) -> Result<(&T, &[u8]), NotARecord> {
    T::ref_from_prefix(bytes).map_err(|_| NotARecord(length))
}

/// The events that become a structure first, since they are few, or small.
fn structure(tracepoint: Tracepoint, bytes: &[u8], length: usize) -> Result<EbpfEvent, NotARecord> {
    use Tracepoint as T;
    match tracepoint {
        T::InboundMessage | T::OutboundMessage => Err(NotARecord(length)),
        T::InboundConnection | T::OutboundConnection | T::ClosedConnection | T::EvictedInboundConnection => {
            let (record, _) = take::<layout::Connection>(bytes, length)?;
            Ok(connection(connection_arm(tracepoint, record)))
        }
        T::MisbehavingConnection => {
            let (record, _) = take::<layout::Misbehaving>(bytes, length)?;
            let (id, message) = (record.peer_id.cast_unsigned(), text(&record.reason).into_owned());
            Ok(connection(ConnectionArm::Misbehaving(MisbehavingConnection { id, message })))
        }
        T::MempoolAdded | T::MempoolRemoved | T::MempoolReplaced | T::MempoolRejected => {
            let event = Some(mempool_arm(tracepoint, bytes, length)?);
            Ok(EbpfEvent::Mempool(MempoolEvent { event }))
        }
        T::BlockConnected => {
            let (record, _) = take::<layout::BlockConnected>(bytes, length)?;
            let event = Some(ValidationArm::BlockConnected(block_connected(record)));
            Ok(EbpfEvent::Validation(ValidationEvent { event }))
        }
        T::BlockHeader => {
            let (record, _) = take::<layout::BlockHeader>(bytes, length)?;
            let header = BlockArm::Header(block_header(record));
            Ok(EbpfEvent::Block(BlockEvent { event: Some(header) }))
        }
        T::BlockReconstructed => {
            let (record, _) = take::<layout::BlockReconstructed>(bytes, length)?;
            let block = BlockArm::Reconstructed(block_reconstructed(record));
            Ok(EbpfEvent::Block(BlockEvent { event: Some(block) }))
        }
        T::UtxocacheFlush => {
            let (record, _) = take::<layout::UtxocacheFlush>(bytes, length)?;
            Ok(utxocache(UtxoCacheArm::Flush(flush(record))))
        }
        T::UtxocacheAdd => Ok(utxocache(UtxoCacheArm::Add(coin(bytes, length)?))),
        T::UtxocacheSpent => Ok(utxocache(UtxoCacheArm::Spent(coin(bytes, length)?))),
        T::UtxocacheUncache => Ok(utxocache(UtxoCacheArm::Uncache(coin(bytes, length)?))),
    }
}

/// `tracepoint` is one of the four with this record.
fn connection_arm(tracepoint: Tracepoint, record: &layout::Connection) -> ConnectionArm {
    let (conn, value) = (connection_of(record), record.value);
    match tracepoint {
        Tracepoint::InboundConnection => {
            ConnectionArm::Inbound(InboundConnection { conn, existing_connections: value })
        }
        Tracepoint::OutboundConnection => {
            ConnectionArm::Outbound(OutboundConnection { conn, existing_connections: value })
        }
        Tracepoint::ClosedConnection => ConnectionArm::Closed(ClosedConnection { conn, time_established: value }),
        _ => ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established: value }),
    }
}

/// `tracepoint` is one of the four of the mempool.
fn mempool_arm(tracepoint: Tracepoint, bytes: &[u8], length: usize) -> Result<MempoolArm, NotARecord> {
    Ok(match tracepoint {
        Tracepoint::MempoolAdded => {
            let (record, _) = take::<layout::MempoolAdded>(bytes, length)?;
            let (vsize, fee) = (saturate(record.vsize), record.fee);
            MempoolArm::Added(Added { txid: hash(&record.txid), vsize, fee })
        }
        Tracepoint::MempoolRemoved => {
            let (record, _) = take::<layout::MempoolRemoved>(bytes, length)?;
            MempoolArm::Removed(Removed {
                txid: hash(&record.txid),
                reason: text(&record.reason).into_owned(),
                vsize: saturate(record.vsize),
                fee: record.fee,
                entry_time: record.entry_time,
            })
        }
        Tracepoint::MempoolReplaced => {
            let (record, _) = take::<layout::MempoolReplaced>(bytes, length)?;
            MempoolArm::Replaced(Replaced {
                replaced_txid: hash(&record.replaced_txid),
                replaced_vsize: saturate(record.replaced_vsize),
                replaced_fee: record.replaced_fee,
                replaced_entry_time: record.replaced_entry_time,
                replacement_id: hash(&record.replacement_id),
                replacement_vsize: saturate(record.replacement_vsize),
                replacement_fee: record.replacement_fee,
                replaced_by_transaction: record.replaced_by_transaction != 0,
            })
        }
        _ => {
            let (record, _) = take::<layout::MempoolRejected>(bytes, length)?;
            let reason = text(&record.reason).into_owned();
            MempoolArm::Rejected(Rejected { txid: hash(&record.txid), reason })
        }
    })
}

fn block_connected(record: &layout::BlockConnected) -> BlockConnected {
    BlockConnected {
        hash: hash(&record.hash),
        height: saturate(record.height),
        transactions: record.transactions,
        inputs: saturate(record.inputs),
        sigops: record.sigops,
        connection_time: record.connection_time_ns.try_into().unwrap_or(0),
    }
}

fn block_header(record: &layout::BlockHeader) -> BlockHeader {
    BlockHeader {
        hash: hash(&record.hash),
        height: saturate(record.height),
        peer_id: record.peer_id.cast_unsigned(),
        compact_block: record.compact_block != 0,
    }
}

fn block_reconstructed(record: &layout::BlockReconstructed) -> BlockReconstructed {
    BlockReconstructed {
        hash: hash(&record.hash),
        peer_id: record.peer_id.cast_unsigned(),
        prefilled: record.prefilled,
        from_mempool: record.from_mempool,
        from_extra_pool: record.from_extra_pool,
        requested: record.requested,
        requested_bytes: record.requested_bytes,
    }
}

fn flush(record: &layout::UtxocacheFlush) -> Flush {
    Flush {
        duration_us: record.duration_us,
        mode: record.mode.try_into().unwrap_or(u32::MAX),
        coins_count: record.coins_count,
        coins_mem_usage: record.coins_mem_usage,
        for_prune: record.for_prune != 0,
    }
}

fn connection(arm: ConnectionArm) -> EbpfEvent {
    EbpfEvent::Connection(ConnectionEvent { event: Some(arm) })
}

fn utxocache(arm: UtxoCacheArm) -> EbpfEvent {
    EbpfEvent::Utxocache(UtxoCacheEvent { event: Some(arm) })
}

fn coin(bytes: &[u8], length: usize) -> Result<Coin, NotARecord> {
    let (record, _) = take::<layout::UtxocacheCoin>(bytes, length)?;
    Ok(Coin {
        txid: hash(&record.txid),
        index: record.index.try_into().unwrap_or(u32::MAX),
        height: record.height.try_into().unwrap_or(u32::MAX),
        value: record.value,
        is_coinbase: record.is_coinbase != 0,
    })
}

fn connection_of(record: &layout::Connection) -> Connection {
    let conn_type = text(&record.conn_type);
    let (conn_type, conn_type_name) = connection_type(&conn_type);
    Connection {
        peer_id: record.peer_id.cast_unsigned(),
        addr: text(&record.addr).into_owned(),
        conn_type: conn_type.into(),
        network: record.network.try_into().unwrap_or(u32::MAX),
        conn_type_name: conn_type_name.map(str::to_owned),
    }
}

/// The value of the enum for a name of Bitcoin Core's `ConnectionTypeAsString`, and the name itself where the enum has none for it.
fn connection_type(name: &str) -> (ConnType, Option<&str>) {
    match name {
        "inbound" => (ConnType::Inbound, None),
        "outbound-full-relay" => (ConnType::OutboundFullRelay, None),
        "block-relay-only" => (ConnType::BlockRelayOnly, None),
        "feeler" => (ConnType::Feeler, None),
        other => (ConnType::Unknown, Some(other)),
    }
}

/// A string as text. Bytes that are no UTF-8 are replaced; a string that did not fit ends with an ellipsis.
fn text<const SIZE: usize>(text: &Text<SIZE>) -> Cow<'_, str> {
    let (bytes, cut) = text.bytes();
    // Nearly always it is valid, which shows faster so.
    let shown = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    if cut { Cow::Owned(format!("{shown}…")) } else { shown }
}

/// A hash as the wire format has it.
fn hash(hash: &Hash) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(hash)
}

/// The nearest value that fits, since the wire format has 32 bits.
fn saturate(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
