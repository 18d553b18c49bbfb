//! Records of Bitcoin Core's tracepoints, as the tracepoint extractor's ring holds them, to events.

mod record;

use std::borrow::Cow;

use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
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
use event::record::ENVELOPE_ROOM;
use event::{Body, Content, Direction, Encoded, Kind};
use smol_str::SmolStr;
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::message::{self, Meta};
use record::{Head, Text};

macro_rules! tracepoints {
    ($($name:ident $provider:literal $probe:literal;)+) => {
        /// The tracepoints of Bitcoin Core that are of use, in the order of the C program's `enum tracepoint`.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Tracepoint {
            $($name,)+
        }

        impl Tracepoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Provider (Bitcoin Core: context) in the node's program: "net", "mempool", ...
            pub fn provider(self) -> &'static str {
                match self {
                    $(Self::$name => $provider,)+
                }
            }

            /// Name in the node's program: "inbound_message", ...
            pub fn probe(self) -> &'static str {
                match self {
                    $(Self::$name => $probe,)+
                }
            }

            /// As people write it: "net:inbound_message".
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($provider, ":", $probe),)+
                }
            }
        }
    };
}

tracepoints! {
    InboundMessage "net" "inbound_message";
    OutboundMessage "net" "outbound_message";
    InboundConnection "net" "inbound_connection";
    OutboundConnection "net" "outbound_connection";
    ClosedConnection "net" "closed_connection";
    EvictedInboundConnection "net" "evicted_inbound_connection";
    MisbehavingConnection "net" "misbehaving_connection";
    MempoolAdded "mempool" "added";
    MempoolRemoved "mempool" "removed";
    MempoolReplaced "mempool" "replaced";
    MempoolRejected "mempool" "rejected";
    BlockConnected "validation" "block_connected";
    UtxocacheFlush "utxocache" "flush";
    UtxocacheAdd "utxocache" "add";
    UtxocacheSpent "utxocache" "spent";
    UtxocacheUncache "utxocache" "uncache";
}

impl Tracepoint {
    /// The tracepoint that is written so: "net:inbound_message".
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tracepoint| tracepoint.name() == name)
    }
}

/// Bytes of a record's head.
pub const HEAD: usize = size_of::<Head>();

/// A hit of a tracepoint.
#[derive(Debug)]
pub struct Seen {
    /// The tracepoint.
    pub tracepoint: Tracepoint,
    /// Process id of the node.
    pub process: u32,
    /// When it was hit, in nanoseconds of the kernel's monotonic clock.
    pub monotonic_ns: u64,
    /// The event.
    pub content: Content,
}

/// Bytes that are no record: the C program and this one are not of the same build.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a record of {0} bytes is not one of the tracepoint program")]
pub struct NotARecord(pub usize);

/// The process that a record is of.
///
/// # Errors
/// It is too short to be one.
pub fn process_of(record: &[u8]) -> Result<u32, NotARecord> {
    take::<Head>(record, record.len()).map(|(head, _)| head.tgid)
}

/// Decodes a record of the ring. The bytes must be aligned to 8, as the ring's are.
///
/// # Errors
/// The bytes are no record. Odd content is no error.
pub fn decode(record: &[u8]) -> Result<Seen, NotARecord> {
    let length = record.len();
    let (head, rest) = take::<Head>(record, length)?;
    let tracepoint = usize::try_from(head.tracepoint).ok().and_then(|index| Tracepoint::ALL.get(index));
    let tracepoint = *tracepoint.ok_or(NotARecord(length))?;
    let content = match tracepoint {
        Tracepoint::InboundMessage => message(rest, length, Direction::Inbound)?,
        Tracepoint::OutboundMessage => message(rest, length, Direction::Outbound)?,
        _ => {
            let ebpf_event = Some(structure(tracepoint, rest, length)?);
            Content::Body(Body::EbpfExtractor(Ebpf { ebpf_event }))
        }
    };
    Ok(Seen { tracepoint, process: head.tgid, monotonic_ns: head.time_ns, content })
}

fn take<T: FromBytes + KnownLayout + Immutable>(bytes: &[u8], length: usize) -> Result<(&T, &[u8]), NotARecord> {
    T::ref_from_prefix(bytes).map_err(|_| NotARecord(length))
}

fn message(bytes: &[u8], length: usize, direction: Direction) -> Result<Content, NotARecord> {
    let (record, rest) = take::<record::Message>(bytes, length)?;
    let captured = usize::try_from(record.captured).ok().and_then(|captured| rest.get(..captured));
    let payload = captured.ok_or(NotARecord(length))?;
    let command = text(&record.message_type);
    let addr = text(&record.addr);
    let conn_type = text(&record.conn_type);
    let (conn_type, conn_type_name) = type_of_connection(&conn_type);
    let peer_id = record.peer_id.cast_unsigned();
    let inbound = direction == Direction::Inbound;
    let meta = Meta { peer_id, addr: &addr, conn_type, conn_type_name, command: &command, inbound, size: record.size };
    let mut bytes = Vec::with_capacity(payload.len() + payload.len() / 3 + 256 + ENVELOPE_ROOM);
    message::encode(&meta, payload, &mut bytes);
    Ok(Content::Encoded(Encoded {
        kind: Kind::Message,
        peer: Some(peer_id),
        message: Some(SmolStr::new(&command)),
        direction: Some(direction),
        size: Some(record.size),
        bytes,
    }))
}

/// The events that are structures first: they are few, or small.
fn structure(tracepoint: Tracepoint, bytes: &[u8], length: usize) -> Result<EbpfEvent, NotARecord> {
    use Tracepoint as T;
    Ok(match tracepoint {
        T::InboundMessage | T::OutboundMessage => return Err(NotARecord(length)),
        T::InboundConnection | T::OutboundConnection | T::ClosedConnection | T::EvictedInboundConnection => {
            let (record, _) = take::<record::Connection>(bytes, length)?;
            connection(match (tracepoint, connection_of(record), record.value) {
                (T::InboundConnection, conn, existing_connections) => {
                    ConnectionArm::Inbound(InboundConnection { conn, existing_connections })
                }
                (T::OutboundConnection, conn, existing_connections) => {
                    ConnectionArm::Outbound(OutboundConnection { conn, existing_connections })
                }
                (T::ClosedConnection, conn, time_established) => {
                    ConnectionArm::Closed(ClosedConnection { conn, time_established })
                }
                (_, conn, time_established) => {
                    ConnectionArm::InboundEvicted(EvictedInboundConnection { conn, time_established })
                }
            })
        }
        T::MisbehavingConnection => {
            let (record, _) = take::<record::Misbehaving>(bytes, length)?;
            let (id, message) = (record.peer_id.cast_unsigned(), text(&record.reason).into_owned());
            connection(ConnectionArm::Misbehaving(MisbehavingConnection { id, message }))
        }
        T::MempoolAdded => {
            let (record, _) = take::<record::MempoolAdded>(bytes, length)?;
            let (vsize, fee) = (saturate(record.vsize), record.fee);
            mempool(MempoolArm::Added(Added { txid: hash(&record.txid), vsize, fee }))
        }
        T::MempoolRemoved => {
            let (record, _) = take::<record::MempoolRemoved>(bytes, length)?;
            mempool(MempoolArm::Removed(Removed {
                txid: hash(&record.txid),
                reason: text(&record.reason).into_owned(),
                vsize: saturate(record.vsize),
                fee: record.fee,
                entry_time: record.entry_time,
            }))
        }
        T::MempoolReplaced => {
            let (record, _) = take::<record::MempoolReplaced>(bytes, length)?;
            mempool(MempoolArm::Replaced(Replaced {
                replaced_txid: hash(&record.replaced_txid),
                replaced_vsize: saturate(record.replaced_vsize),
                replaced_fee: record.replaced_fee,
                replaced_entry_time: record.replaced_entry_time,
                replacement_id: hash(&record.replacement_id),
                replacement_vsize: saturate(record.replacement_vsize),
                replacement_fee: record.replacement_fee,
                replaced_by_transaction: record.replaced_by_transaction != 0,
            }))
        }
        T::MempoolRejected => {
            let (record, _) = take::<record::MempoolRejected>(bytes, length)?;
            let reason = text(&record.reason).into_owned();
            mempool(MempoolArm::Rejected(Rejected { txid: hash(&record.txid), reason }))
        }
        T::BlockConnected => {
            let (record, _) = take::<record::BlockConnected>(bytes, length)?;
            let event = Some(ValidationArm::BlockConnected(BlockConnected {
                hash: hash(&record.hash),
                height: saturate(record.height),
                transactions: record.transactions,
                inputs: saturate(record.inputs),
                sigops: record.sigops,
                connection_time: record.connection_time_ns.try_into().unwrap_or(0),
            }));
            EbpfEvent::Validation(ValidationEvent { event })
        }
        T::UtxocacheFlush => {
            let (record, _) = take::<record::UtxocacheFlush>(bytes, length)?;
            utxocache(UtxoCacheArm::Flush(Flush {
                duration_us: record.duration_us,
                mode: record.mode.try_into().unwrap_or(u32::MAX),
                coins_count: record.coins_count,
                coins_mem_usage: record.coins_mem_usage,
                for_prune: record.for_prune != 0,
            }))
        }
        T::UtxocacheAdd => utxocache(UtxoCacheArm::Add(coin(bytes, length)?)),
        T::UtxocacheSpent => utxocache(UtxoCacheArm::Spent(coin(bytes, length)?)),
        T::UtxocacheUncache => utxocache(UtxoCacheArm::Uncache(coin(bytes, length)?)),
    })
}

fn connection(arm: ConnectionArm) -> EbpfEvent {
    EbpfEvent::Connection(ConnectionEvent { event: Some(arm) })
}

fn mempool(arm: MempoolArm) -> EbpfEvent {
    EbpfEvent::Mempool(MempoolEvent { event: Some(arm) })
}

fn utxocache(arm: UtxoCacheArm) -> EbpfEvent {
    EbpfEvent::Utxocache(UtxoCacheEvent { event: Some(arm) })
}

fn coin(bytes: &[u8], length: usize) -> Result<Coin, NotARecord> {
    let (record, _) = take::<record::UtxocacheCoin>(bytes, length)?;
    Ok(Coin {
        txid: hash(&record.txid),
        index: record.index.try_into().unwrap_or(u32::MAX),
        height: record.height.try_into().unwrap_or(u32::MAX),
        value: record.value,
        is_coinbase: record.is_coinbase != 0,
    })
}

fn connection_of(record: &record::Connection) -> Connection {
    let conn_type = text(&record.conn_type);
    let (conn_type, conn_type_name) = type_of_connection(&conn_type);
    Connection {
        peer_id: record.peer_id.cast_unsigned(),
        addr: text(&record.addr).into_owned(),
        conn_type: conn_type.into(),
        network: record.network.try_into().unwrap_or(u32::MAX),
        conn_type_name: conn_type_name.map(str::to_owned),
    }
}

/// Bitcoin Core's `ConnectionTypeAsString`: the value of the enum, and the name where the enum has none.
fn type_of_connection(name: &str) -> (ConnType, Option<&str>) {
    match name {
        "inbound" => (ConnType::Inbound, None),
        "outbound-full-relay" => (ConnType::OutboundFullRelay, None),
        "block-relay-only" => (ConnType::BlockRelayOnly, None),
        "feeler" => (ConnType::Feeler, None),
        other => (ConnType::Unknown, Some(other)),
    }
}

/// A string; one that did not fit ends with an ellipsis.
fn text<const SIZE: usize>(text: &Text<SIZE>) -> Cow<'_, str> {
    let (bytes, cut) = text.bytes();
    let shown = String::from_utf8_lossy(bytes);
    if cut { Cow::Owned(format!("{shown}…")) } else { shown }
}

fn hash(hash: &record::Hash) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(hash)
}

fn saturate(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
