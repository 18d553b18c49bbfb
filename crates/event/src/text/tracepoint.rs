//! Events of the tracepoints other than P2P messages: connections, mempool changes, blocks, the UTXO cache.

use std::fmt::{self, Formatter};
use std::time::Duration;

use super::message::conn_type;
use super::{CYAN, Look, RED, YELLOW};
use crate::names::network_of_number;
use crate::pb::ebpf_extractor::block::BlockEvent;
use crate::pb::ebpf_extractor::block::block_event::Event as Arrived;
use crate::pb::ebpf_extractor::connection::connection_event::Event as Connected;
use crate::pb::ebpf_extractor::connection::{Connection, ConnectionEvent};
use crate::pb::ebpf_extractor::mempool::MempoolEvent;
use crate::pb::ebpf_extractor::mempool::mempool_event::Event as Changed;
use crate::pb::ebpf_extractor::utxocache::utxo_cache_event::Event as Cached;
use crate::pb::ebpf_extractor::utxocache::{Coin, UtxoCacheEvent};
use crate::pb::ebpf_extractor::validation::ValidationEvent;
use crate::pb::ebpf_extractor::validation::validation_event::Event as Validated;
use crate::quote::{HashText, Plain, Quoted};
use crate::time;

pub(super) fn connection(f: &mut Formatter, look: Look, event: &ConnectionEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(YELLOW, "#"))?;
    match &event.event {
        Some(Connected::Inbound(inbound)) => {
            peer(f, &inbound.conn)?;
            write!(f, "inbound connection, {} now", inbound.existing_connections)
        }
        Some(Connected::Outbound(outbound)) => {
            peer(f, &outbound.conn)?;
            write!(f, "outbound connection, {} now", outbound.existing_connections)
        }
        Some(Connected::Closed(closed)) => {
            peer(f, &closed.conn)?;
            write!(f, "closed, was open since {}", since(closed.time_established))
        }
        Some(Connected::InboundEvicted(evicted)) => {
            peer(f, &evicted.conn)?;
            write!(f, "evicted, was open since {}", since(evicted.time_established))
        }
        Some(Connected::Misbehaving(misbehaving)) => {
            write!(f, "peer={:<5} {}: {}", misbehaving.id, look.paint(RED, "misbehaving"), Quoted(&misbehaving.message))
        }
        None => f.write_str("something that this version does not know"),
    }
}

fn peer(f: &mut Formatter, conn: &Connection) -> fmt::Result {
    let addr = Plain(&conn.addr).to_string();
    let conn_type = conn_type(conn.conn_type, conn.conn_type_name.as_deref());
    write!(f, "peer={:<5} {addr:<21} {conn_type:<7} {:<10} ", conn.peer_id, network_of_number(conn.network))
}

fn since(seconds: u64) -> String {
    let text = time::rfc3339(seconds.saturating_mul(1_000_000_000));
    text.replace(".000000000Z", "Z")
}

pub(super) fn mempool(f: &mut Formatter, look: Look, event: &MempoolEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(CYAN, "pool"))?;
    match &event.event {
        Some(Changed::Added(added)) => {
            write!(f, "added    {} {} vB, {} sat", HashText(&added.txid), added.vsize, added.fee)
        }
        Some(Changed::Removed(removed)) => {
            let (txid, reason) = (HashText(&removed.txid), Quoted(&removed.reason));
            write!(f, "removed  {txid} {} vB, {} sat, {reason}", removed.vsize, removed.fee)
        }
        Some(Changed::Replaced(replaced)) => {
            let (old, new) = (HashText(&replaced.replaced_txid), HashText(&replaced.replacement_id));
            let by = if replaced.replaced_by_transaction { "" } else { "package " };
            let (old_fee, new_fee) = (replaced.replaced_fee, replaced.replacement_fee);
            write!(f, "replaced {old} {} vB, {old_fee} sat, by ", replaced.replaced_vsize)?;
            write!(f, "{by}{new} {} vB, {new_fee} sat", replaced.replacement_vsize)
        }
        Some(Changed::Rejected(rejected)) => {
            write!(f, "rejected {} {}", HashText(&rejected.txid), Quoted(&rejected.reason))
        }
        None => f.write_str("something that this version does not know"),
    }
}

pub(super) fn validation(f: &mut Formatter, look: Look, event: &ValidationEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(CYAN, "blk"))?;
    match &event.event {
        Some(Validated::BlockConnected(block)) => {
            let (hash, took) = (HashText(&block.hash), Duration::from_nanos(block.connection_time));
            write!(f, "connected {hash} height={} {} transactions, ", block.height, block.transactions)?;
            write!(f, "{} inputs, sigop cost {}, {:.3} ms", block.inputs, block.sigops, took.as_secs_f64() * 1000.0)
        }
        None => f.write_str("something that this version does not know"),
    }
}

pub(super) fn block(f: &mut Formatter, look: Look, event: &BlockEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(CYAN, "blk"))?;
    match &event.event {
        Some(Arrived::Header(header)) => {
            let what = if header.compact_block { "compact block" } else { "header" };
            let (hash, height) = (HashText(&header.hash), header.height);
            write!(f, "peer={:<5} new {what} {hash} height={height}", header.peer_id)
        }
        Some(Arrived::Reconstructed(block)) => {
            write!(f, "peer={:<5} reconstructed {}: ", block.peer_id, HashText(&block.hash))?;
            write!(f, "{} prefilled, {} from the mempool, ", block.prefilled, block.from_mempool)?;
            write!(f, "{} from the extra pool, ", block.from_extra_pool)?;
            write!(f, "{} requested ({} B)", block.requested, block.requested_bytes)
        }
        None => f.write_str("something that this version does not know"),
    }
}

pub(super) fn utxocache(f: &mut Formatter, look: Look, event: &UtxoCacheEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(CYAN, "utxo"))?;
    match &event.event {
        Some(Cached::Flush(flush)) => {
            let took = Duration::from_micros(flush.duration_us.try_into().unwrap_or_default());
            write!(f, "flushed {} coins, {} B, mode {}", flush.coins_count, flush.coins_mem_usage, flush.mode)?;
            write!(f, "{}", if flush.for_prune { ", for pruning" } else { "" })?;
            write!(f, ", {:.3} ms", took.as_secs_f64() * 1000.0)
        }
        Some(Cached::Add(added)) => coin(f, "added   ", added),
        Some(Cached::Spent(spent)) => coin(f, "spent   ", spent),
        Some(Cached::Uncache(uncached)) => coin(f, "uncached", uncached),
        None => f.write_str("something that this version does not know"),
    }
}

fn coin(f: &mut Formatter, what: &str, coin: &Coin) -> fmt::Result {
    let coinbase = if coin.is_coinbase { ", coinbase" } else { "" };
    write!(f, "{what} {}:{} {} sat, height={}{coinbase}", HashText(&coin.txid), coin.index, coin.value, coin.height)
}
