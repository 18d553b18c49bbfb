//! How blocks come: headers, compact blocks, downloads. `src/net_processing.cpp`, `src/blockencodings.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    BlockDownloadStalled, CompactBlockPrefill, CompactBlockReconstructed, CompactBlockStarted, CompactBlockTxRequired,
    HeaderSeen, MutatedBlock, StallKind, StallingTimeoutChanged,
};

use super::Rule;
use super::scan::{Peer, Scan};

pub(super) const RULES: &[Rule] = &[
    Rule::new("Saw new header hash=", |scan| header_seen(scan, false)),
    Rule::new("Saw new cmpctblock header hash=", |scan| header_seen(scan, true)),
    Rule::new("Successfully reconstructed block ", reconstructed),
    Rule::new("Reconstructed block ", tx_required),
    // From v28 on, "Initializing" is logged as well, before it is known whether that can be done.
    Rule::new("Initialized PartiallyDownloadedBlock for block ", |scan| compact_block(scan, true)),
    Rule::new("Initializing PartiallyDownloadedBlock for block ", |scan| compact_block(scan, false)),
    Rule::new("Received mutated block from ", mutated_block),
    Rule::new("Stall started ", |scan| stalled(scan, StallKind::Started)),
    Rule::new("Timeout downloading headers from noban ", headers_timeout_spared),
    Rule::new("Increased stalling timeout temporarily to ", |scan| stalling_timeout(scan, true)),
    Rule::new("Decreased stalling timeout to ", |scan| stalling_timeout(scan, false)),
];

/// `… height=5 peer=7, peeraddr=…`; up to v29 a header without the peer, a compact block without the height.
fn header_seen(mut scan: Scan, compact_block: bool) -> Option<LogEvent> {
    let block_hash = scan.hash()?;
    let height = if scan.skips(" height=") { Some(scan.number()?) } else { None };
    let peer = if scan.skips(" ") { Some(scan.peer()?) } else { None };
    scan.end()?;
    let (peer_id, addr) = parts(peer);
    Some(LogEvent::HeaderSeen(HeaderSeen { block_hash, compact_block, height, peer_id, addr }))
}

fn parts(peer: Option<Peer>) -> (Option<u64>, Option<String>) {
    peer.map_or((None, None), |peer| (Some(peer.id), peer.addr))
}

/// `… with 1 txn prefilled, 50 txn from mempool (incl at least 2 from extra pool) and 3 txn (1410 bytes) requested`,
/// up to v29 without the bytes; with Bitcoin Core #35724 `… with 1 txn prefilled (261 bytes), 49 txn from mempool
/// (21059 bytes), 0 txn from extrapool (0 bytes), and 3 txn requested (1410 bytes)`.
fn reconstructed(mut scan: Scan) -> Option<LogEvent> {
    let mut block = CompactBlockReconstructed { block_hash: scan.hash()?, ..CompactBlockReconstructed::default() };
    scan.skip(" with ")?;
    block.prefilled = scan.number()?;
    scan.skip(" txn prefilled")?;
    block.prefilled_bytes = bytes(&mut scan);
    scan.skip(", ")?;
    block.from_mempool = scan.number()?;
    scan.skip(" txn from mempool")?;
    block.from_mempool_bytes = bytes(&mut scan);
    if scan.skips(" (incl at least ") {
        block.from_extra_pool = scan.number()?;
        scan.skip(" from extra pool)")?;
    } else {
        scan.skip(", ")?;
        block.from_extra_pool = scan.number()?;
        scan.skip(" txn from extrapool")?;
        block.from_extra_pool_bytes = bytes(&mut scan);
        scan.skip(",")?;
    }
    scan.skip(" and ")?;
    block.requested = scan.number()?;
    scan.skip(" txn")?;
    let before = bytes(&mut scan);
    scan.skip(" requested")?;
    block.requested_bytes = before.or_else(|| bytes(&mut scan));
    scan.end()?;
    Some(LogEvent::CompactBlockReconstructed(block))
}

/// ` (261 bytes)`
fn bytes(scan: &mut Scan) -> Option<u64> {
    let mut ahead = *scan;
    ahead.skip(" (")?;
    let bytes = ahead.number()?;
    ahead.skip(" bytes)")?;
    *scan = ahead;
    Some(bytes)
}

/// `… using a cmpctblock of 21000 bytes`; Knots and Core up to v29 `… of size 21000`
fn compact_block(mut scan: Scan, initialized: bool) -> Option<LogEvent> {
    let block_hash = scan.hash()?;
    scan.skip(" using a cmpctblock of ")?;
    let old = scan.skips("size ");
    let size = scan.number()?;
    if !old {
        scan.skip(" bytes")?;
    }
    scan.end()?;
    Some(LogEvent::CompactBlockStarted(CompactBlockStarted { block_hash, size, initialized }))
}

/// `1 txn (200 bytes) of the prefill were redundant, 2 txn (400 bytes) were present in the mempool, 0 txn (0 bytes) were
/// present in the extrapool` (Bitcoin Core #35724)
fn prefill(mut scan: Scan) -> Option<LogEvent> {
    let (redundant, redundant_bytes) = transactions(&mut scan)?;
    scan.skip(" of the prefill were redundant, ")?;
    let (in_mempool, in_mempool_bytes) = transactions(&mut scan)?;
    scan.skip(" were present in the mempool, ")?;
    let (in_extra_pool, in_extra_pool_bytes) = transactions(&mut scan)?;
    scan.skip(" were present in the extrapool")?;
    scan.end()?;
    Some(LogEvent::CompactBlockPrefill(CompactBlockPrefill {
        redundant,
        redundant_bytes,
        in_mempool,
        in_mempool_bytes,
        in_extra_pool,
        in_extra_pool_bytes,
    }))
}

/// `1 txn (200 bytes)`
fn transactions(scan: &mut Scan) -> Option<(u32, u64)> {
    let number = scan.number()?;
    scan.skip(" txn")?;
    Some((number, bytes(scan)?))
}

/// Without a beginning of its own: its first word is a number.
pub(super) fn numbered(message: &[u8]) -> Option<LogEvent> {
    prefill(Scan(message))
}

fn tx_required(mut scan: Scan) -> Option<LogEvent> {
    let block_hash = scan.hash()?;
    scan.skip(" required tx ")?;
    let txid = scan.hash()?;
    scan.end()?;
    Some(LogEvent::CompactBlockTxRequired(CompactBlockTxRequired { block_hash, txid }))
}

fn mutated_block(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer()?;
    scan.end()?;
    Some(LogEvent::MutatedBlock(MutatedBlock { peer_id: Some(peer.id), addr: peer.addr, state: String::new() }))
}

fn stalled(mut scan: Scan, kind: StallKind) -> Option<LogEvent> {
    let peer = scan.peer()?;
    scan.end()?;
    let event = BlockDownloadStalled { kind: kind.into(), peer_id: Some(peer.id), addr: peer.addr };
    Some(LogEvent::BlockDownloadStalled(event))
}

/// `peer, not disconnecting peer=7`; up to v28 `peer=7, not disconnecting`.
fn headers_timeout_spared(scan: Scan) -> Option<LogEvent> {
    let peer = match scan.0.strip_prefix(b"peer, not disconnecting ") {
        Some(peer) => peer,
        None => scan.0.strip_suffix(b", not disconnecting")?,
    };
    stalled(Scan(peer), StallKind::HeadersTimeoutSpared)
}

/// `4 seconds`
fn stalling_timeout(mut scan: Scan, increased: bool) -> Option<LogEvent> {
    let seconds = scan.number()?;
    scan.skip(" seconds")?;
    scan.end()?;
    Some(LogEvent::StallingTimeoutChanged(StallingTimeoutChanged { seconds, increased }))
}
