//! What is fired: the arguments of a probe, prepared beforehand.

use std::ffi::CStr;

use bitcoin::hashes::{Hash, sha256};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::payload::Message;
use super::{Probe, probe};

/// Addresses as Bitcoin Core writes them, with the number of their network: one of each that there is. The one of onion v3 is as long as
/// any.
const ADDRESSES: [(&CStr, u32); 5] = [
    (c"192.0.2.71:8333", 1),
    (c"duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion:54321", 3),
    (c"[2001:db8:1:2:3:4:5:6]:8333", 2),
    (c"ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0", 4),
    (c"[fc00:1:2:3:4:5:6:7]:8333", 5),
];

/// All kinds of connections, as Bitcoin Core names them.
const CONNECTION_TYPES: [&CStr; 7] = [
    c"inbound",
    c"outbound-full-relay",
    c"block-relay-only",
    c"feeler",
    c"addr-fetch",
    c"manual",
    c"private-broadcast",
];

const PING: &CStr = c"ping";
const PONG: &CStr = c"pong";

/// The peer of a thread, and what is different in each of its events.
#[derive(Debug)]
pub struct Actor {
    peer_id: i64,
    addr: &'static CStr,
    conn_type: &'static CStr,
    sequence: u64,
    latency: bool,
    /// The payload of its last ping or pong.
    nonce: [u8; 8],
    /// The hash in its last event about a transaction or block.
    hash: [u8; 32],
    replacement: [u8; 32],
}

impl Actor {
    /// A thread's, which is also its peer's id. With `latency`, the nonce of a ping or pong is the time at which it is fired: CLOCK_REALTIME in
    /// nanoseconds. Otherwise it is the event's number. It always grows.
    pub fn new(thread: u32, latency: bool) -> Self {
        let mut hash = [0x77; 32];
        hash.iter_mut().zip(thread.to_le_bytes()).for_each(|(place, byte)| *place = byte);
        let replacement = hash.map(|byte| !byte);
        let (addr, _) = address_of(thread);
        let conn_type = conn_type_of(thread);
        [addr, conn_type, PING, PONG].iter().for_each(|text| touch(text.to_bytes()));
        Self { peer_id: thread.into(), addr, conn_type, sequence: 0, latency, nonce: [0; 8], hash, replacement }
    }

    #[inline]
    fn next_nonce(&mut self) {
        let mut nonce = self.sequence;
        if self.latency {
            let now = clock_gettime(ClockId::Realtime);
            let now = now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned();
            nonce = now.max(u64::from_le_bytes(self.nonce) + 1);
        }
        self.nonce = nonce.to_le_bytes();
    }

    /// A hash that was not there before: the thread's number, and that of the event.
    #[inline]
    fn next_hash(&mut self) {
        self.hash.iter_mut().skip(4).zip(self.sequence.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    }
}

/// An address and its network, another for each number.
pub(super) fn address_of(number: u32) -> (&'static CStr, u32) {
    ADDRESSES.get(number as usize % ADDRESSES.len()).copied().unwrap_or_default()
}

/// A kind of connection, another for each number.
pub(super) fn conn_type_of(number: u32) -> &'static CStr {
    CONNECTION_TYPES.get(number as usize % CONNECTION_TYPES.len()).copied().unwrap_or_default()
}

/// A probe with its arguments, besides those that the [`Actor`] has.
#[expect(missing_docs, reason = "the fields are the arguments of the probe's function")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message of any type.
    Message { inbound: bool, message: Message },
    /// A `ping`, or a `pong`, with the actor's nonce.
    Ping { inbound: bool, pong: bool },
    /// One of the four probes about a connection. `value` is the number of connections, or the time.
    Connection { probe: Probe, addr: &'static CStr, conn_type: &'static CStr, network: u32, value: u32 },
    /// `net:misbehaving_connection`
    Misbehaving { reason: &'static CStr },
    /// `mempool:added`
    Added { vsize: i32, fee: i64 },
    /// `mempool:removed`
    Removed { reason: &'static CStr, vsize: i32, fee: i64, entry_time: u64 },
    /// `mempool:replaced`
    Replaced { vsize: i32, fee: i64, entry_time: u64, new_vsize: i32, new_fee: i64, by_transaction: bool },
    /// `mempool:rejected`
    Rejected { reason: &'static CStr },
    /// `validation:block_connected`
    BlockConnected { height: i32, transactions: u64, inputs: i32, sigops: i64, duration_ns: i64 },
    /// `net:block_header`
    BlockHeader { height: i32, compact_block: bool },
    /// `net:compact_block_reconstructed`
    BlockReconstructed { prefilled: u64, from_mempool: u64, from_extra_pool: u64, requested: u64, requested_bytes: u64 },
    /// `utxocache:flush`
    Flush { duration_us: i64, mode: u32, coins: u64, bytes: u64, for_prune: bool },
    /// One of the three probes about a coin.
    Coin { probe: Probe, index: u32, height: u32, value: i64, is_coinbase: bool },
}

impl Event {
    /// The probe that it fires.
    #[inline]
    pub fn probe(&self) -> Probe {
        match self {
            Self::Message { inbound: true, .. } | Self::Ping { inbound: true, .. } => Probe::InboundMessage,
            Self::Message { .. } | Self::Ping { .. } => Probe::OutboundMessage,
            Self::Connection { probe, .. } | Self::Coin { probe, .. } => *probe,
            Self::Misbehaving { .. } => Probe::MisbehavingConnection,
            Self::Added { .. } => Probe::MempoolAdded,
            Self::Removed { .. } => Probe::MempoolRemoved,
            Self::Replaced { .. } => Probe::MempoolReplaced,
            Self::Rejected { .. } => Probe::MempoolRejected,
            Self::BlockConnected { .. } => Probe::BlockConnected,
            Self::BlockHeader { .. } => Probe::BlockHeader,
            Self::BlockReconstructed { .. } => Probe::BlockReconstructed,
            Self::Flush { .. } => Probe::UtxocacheFlush,
        }
    }

    /// Bytes of its payload.
    #[inline]
    pub fn size(&self) -> usize {
        match self {
            Self::Message { message, .. } => message.payload.len(),
            Self::Ping { .. } => 8,
            _ => 0,
        }
    }

    /// Reads all that it points to: a tracer can't read a page that is not in memory.
    pub(super) fn touch(&self) {
        match self {
            Self::Message { message, .. } => {
                touch(message.message_type.to_bytes());
                touch(&message.payload);
            }
            Self::Connection { addr, conn_type, .. } => {
                [*addr, *conn_type].iter().for_each(|text| touch(text.to_bytes()));
            }
            Self::Misbehaving { reason } | Self::Removed { reason, .. } | Self::Rejected { reason } => {
                touch(reason.to_bytes());
            }
            _ => {}
        }
    }

    /// Fires its probe.
    ///
    /// Like the probes it is inlined into the program that calls it, and only that has their notes.
    #[inline]
    pub fn fire(&self, actor: &mut Actor) {
        actor.sequence += 1;
        let peer_id = actor.peer_id;
        match *self {
            Self::Message { inbound, ref message } => {
                fire_message(actor, inbound, &message.message_type, &message.payload);
            }
            Self::Ping { inbound, pong } => {
                actor.next_nonce();
                fire_message(actor, inbound, if pong { PONG } else { PING }, &actor.nonce);
            }
            Self::Connection { probe, addr, conn_type, network, value } => match probe {
                Probe::InboundConnection => probe::inbound_connection(peer_id, addr, conn_type, network, value.into()),
                Probe::OutboundConnection => {
                    probe::outbound_connection(peer_id, addr, conn_type, network, value.into());
                }
                Probe::ClosedConnection => probe::closed_connection(peer_id, addr, conn_type, network, value.into()),
                _ => probe::evicted_inbound_connection(peer_id, addr, conn_type, network, value.into()),
            },
            Self::Misbehaving { reason } => probe::misbehaving_connection(peer_id, reason),
            _ => {
                actor.next_hash();
                self.fire_with_hash(actor);
            }
        }
    }

    /// The probes about transactions, blocks and coins.
    #[inline]
    fn fire_with_hash(&self, actor: &Actor) {
        let hash = &actor.hash;
        match *self {
            Self::Added { vsize, fee } => probe::mempool_added(hash, vsize, fee),
            Self::Removed { reason, vsize, fee, entry_time } => {
                probe::mempool_removed(hash, reason, vsize, fee, entry_time);
            }
            Self::Replaced { vsize, fee, entry_time, new_vsize, new_fee, by_transaction } => probe::mempool_replaced(
                hash,
                vsize,
                fee,
                entry_time,
                &actor.replacement,
                new_vsize,
                new_fee,
                by_transaction,
            ),
            Self::Rejected { reason } => probe::mempool_rejected(hash, reason),
            Self::BlockConnected { height, transactions, inputs, sigops, duration_ns } => {
                probe::block_connected(hash, height, transactions, inputs, sigops, duration_ns);
            }
            Self::BlockHeader { height, compact_block } => {
                probe::block_header(height, actor.peer_id, compact_block, hash);
            }
            Self::BlockReconstructed { prefilled, from_mempool, from_extra_pool, requested, requested_bytes } => {
                let counts = [prefilled, from_mempool, from_extra_pool, requested, requested_bytes];
                probe::compact_block_reconstructed(actor.peer_id, counts, hash);
            }
            Self::Flush { duration_us, mode, coins, bytes, for_prune } => {
                probe::utxocache_flush(duration_us, mode, coins, bytes, for_prune);
            }
            Self::Coin { probe, index, height, value, is_coinbase } => match probe {
                Probe::UtxocacheAdd => probe::utxocache_add(hash, index, height, value, is_coinbase),
                Probe::UtxocacheSpent => probe::utxocache_spent(hash, index, height, value, is_coinbase),
                _ => probe::utxocache_uncache(hash, index, height, value, is_coinbase),
            },
            _ => {}
        }
    }

    /// What was fired last, if it was this: `sequence` (from 1, for each peer), `tracepoint`, `peer_id`, and the arguments by their name.
    /// Hashes are as they are displayed; of a payload there is `size` and `sha256`.
    pub fn journal(&self, actor: &Actor) -> Value {
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        let message = |inbound: bool, message_type: &CStr, payload: &[u8]| {
            json!({
                "addr": text(actor.addr), "conn_type": text(actor.conn_type), "type": text(message_type), "inbound": inbound,
                "size": payload.len(), "sha256": sha256::Hash::hash(payload).to_string(),
            })
        };
        let hash = |hash: [u8; 32]| bitcoin::Txid::from_byte_array(hash).to_string();
        let mut arguments = match *self {
            Self::Message { inbound, message: ref m } => message(inbound, &m.message_type, &m.payload),
            Self::Ping { inbound, pong } => message(inbound, if pong { PONG } else { PING }, &actor.nonce),
            Self::Connection { addr, conn_type, network, value, .. } => {
                json!({ "addr": text(addr), "conn_type": text(conn_type), "network": network, "value": value })
            }
            Self::Misbehaving { reason } => json!({ "reason": text(reason) }),
            Self::Added { vsize, fee } => json!({ "hash": hash(actor.hash), "vsize": vsize, "fee": fee }),
            Self::Removed { reason, vsize, fee, entry_time } => json!({
                "hash": hash(actor.hash), "reason": text(reason), "vsize": vsize, "fee": fee, "entry_time": entry_time,
            }),
            Self::Replaced { vsize, fee, entry_time, new_vsize, new_fee, by_transaction } => json!({
                "hash": hash(actor.hash), "vsize": vsize, "fee": fee, "entry_time": entry_time,
                "replacement": hash(actor.replacement), "replacement_vsize": new_vsize, "replacement_fee": new_fee,
                "by_transaction": by_transaction,
            }),
            Self::Rejected { reason } => json!({ "hash": hash(actor.hash), "reason": text(reason) }),
            Self::BlockConnected { height, transactions, inputs, sigops, duration_ns } => json!({
                "hash": hash(actor.hash), "height": height, "transactions": transactions, "inputs": inputs, "sigops": sigops,
                "duration_ns": duration_ns,
            }),
            Self::BlockHeader { height, compact_block } => {
                json!({ "hash": hash(actor.hash), "height": height, "compact_block": compact_block })
            }
            Self::BlockReconstructed { prefilled, from_mempool, from_extra_pool, requested, requested_bytes } => {
                json!({
                    "hash": hash(actor.hash), "prefilled": prefilled, "from_mempool": from_mempool,
                    "from_extra_pool": from_extra_pool, "requested": requested, "requested_bytes": requested_bytes,
                })
            }
            Self::Flush { duration_us, mode, coins, bytes, for_prune } => json!({
                "duration_us": duration_us, "mode": mode, "coins": coins, "bytes": bytes, "for_prune": for_prune,
            }),
            Self::Coin { index, height, value, is_coinbase, .. } => json!({
                "hash": hash(actor.hash), "index": index, "height": height, "value": value, "is_coinbase": is_coinbase,
            }),
        };
        if let Value::Object(fields) = &mut arguments {
            fields.insert("tracepoint".to_owned(), self.probe().name().into());
            fields.insert("peer_id".to_owned(), actor.peer_id.into());
            fields.insert("sequence".to_owned(), actor.sequence.into());
        }
        arguments
    }
}

#[inline]
fn fire_message(actor: &Actor, inbound: bool, message_type: &CStr, payload: &[u8]) {
    if inbound {
        probe::inbound_message(actor.peer_id, actor.addr, actor.conn_type, message_type, payload);
    } else {
        probe::outbound_message(actor.peer_id, actor.addr, actor.conn_type, message_type, payload);
    }
}

fn touch(bytes: &[u8]) {
    std::hint::black_box(bytes.iter().fold(0, |sum, byte| sum ^ byte));
}
