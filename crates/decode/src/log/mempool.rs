//! Transactions that enter the mempool, leave it or are refused: `src/net_processing.cpp`, `src/validation.cpp`,
//! `src/txmempool.cpp`, `src/node/miner.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    BlockTemplate, LoggedMempoolReplaced, MempoolAccepted, MempoolRejected, MempoolRemovalCause, MempoolRemovals,
    UnbroadcastRemoved,
};

use super::Rule;
use super::scan::Scan;

pub(super) const RULES: &[Rule] = &[
    Rule::new("AcceptToMemoryPool: ", accepted),
    Rule::new("replacing mempool tx ", replaced),
    // Up to v28.
    Rule::new("replacing tx ", replaced_before_v29),
    Rule::new("replaced ", replaced_count),
    Rule::new("Expired ", expired),
    Rule::new("Removed ", removed),
    Rule::new("CreateNewBlock(): ", template),
];

/// `peer=7: accepted … (wtxid=…) (poolsz 5 txn, 12 kB)`
fn accepted(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer()?;
    scan.skip(": accepted ")?;
    let (txid, wtxid) = ids(&mut scan)?;
    scan.skip(" (poolsz ")?;
    let pool_transactions = scan.number()?;
    scan.skip(" txn, ")?;
    let pool_kilobytes = scan.number()?;
    scan.skip(" kB)")?;
    scan.end()?;
    Some(LogEvent::MempoolAccepted(MempoolAccepted {
        txid,
        wtxid,
        peer_id: Some(peer.id),
        addr: peer.addr,
        pool_transactions,
        pool_kilobytes,
    }))
}

/// The category mempoolrej: `… (wtxid=…) from peer=7 was not accepted: reason`
pub(super) fn rejected(mut scan: Scan) -> Option<LogEvent> {
    let (txid, wtxid) = ids(&mut scan)?;
    scan.skip(" from ")?;
    let peer = scan.peer()?;
    scan.skip(" was not accepted: ")?;
    Some(LogEvent::MempoolRejected(MempoolRejected {
        txid,
        wtxid,
        peer_id: Some(peer.id),
        addr: peer.addr,
        reason: scan.rest(),
    }))
}

/// `… (wtxid=…)`
pub(super) fn ids(scan: &mut Scan) -> Option<(String, Option<String>)> {
    let txid = scan.hash()?;
    if !scan.skips(" (wtxid=") {
        return Some((txid, None));
    }
    let wtxid = scan.hash()?;
    scan.skip(")")?;
    Some((txid, Some(wtxid)))
}

/// `…, fees=4500, vsize=225)`
fn fee_and_vsize(scan: &mut Scan, before: &str) -> Option<(i64, u64)> {
    scan.skip(before)?;
    scan.skip("fees=")?;
    let fee = scan.parse()?;
    scan.skip(", vsize=")?;
    Some((fee, scan.number()?))
}

/// `… (wtxid=…, fees=4500, vsize=225). New tx … (wtxid=…, fees=5626, vsize=225)`, or
/// `…. New package … with 2 txs, fees=5626, vsize=225`
fn replaced(mut scan: Scan) -> Option<LogEvent> {
    let mut event = LoggedMempoolReplaced { txid: scan.hash()?, ..LoggedMempoolReplaced::default() };
    scan.skip(" (wtxid=")?;
    event.wtxid = scan.hash()?;
    let (fee, vsize) = fee_and_vsize(&mut scan, ", ")?;
    scan.skip("). New ")?;
    let is_package = scan.skips("package ");
    if !is_package {
        scan.skip("tx ")?;
    }
    event.replacement = scan.hash()?;
    if is_package {
        scan.skip(" with ")?;
        event.replacement_transactions = Some(scan.number()?);
        scan.skip(" txs")?;
    } else {
        scan.skip(" (wtxid=")?;
        scan.hash()?;
    }
    let (replacement_fee, replacement_vsize) = fee_and_vsize(&mut scan, ", ")?;
    if !is_package {
        scan.skip(")")?;
    }
    scan.end()?;
    (event.fee, event.vsize) = (Some(fee), Some(vsize));
    (event.replacement_fee, event.replacement_vsize) = (Some(replacement_fee), Some(replacement_vsize));
    Some(LogEvent::MempoolReplaced(event))
}

/// `… (wtxid=…) with … (wtxid=…) for 0.00001 additional fees, 5 delta bytes`
fn replaced_before_v29(mut scan: Scan) -> Option<LogEvent> {
    let (txid, wtxid) = ids(&mut scan)?;
    scan.skip(" with ")?;
    let (replacement, _) = ids(&mut scan)?;
    additional(scan)?;
    let wtxid = wtxid?;
    Some(LogEvent::MempoolReplaced(LoggedMempoolReplaced {
        txid,
        wtxid,
        replacement,
        ..LoggedMempoolReplaced::default()
    }))
}

/// ` for 0.00001 additional fees, 5 delta bytes`
fn additional(mut scan: Scan) -> Option<()> {
    scan.skip(" for ")?;
    scan.parse::<f64>()?;
    scan.skip(" additional fees, ")?;
    scan.parse::<i64>()?;
    scan.skip(" delta bytes")?;
    scan.end()
}

fn removals(cause: MempoolRemovalCause, transactions: u32, minimum_fee_rate: Option<u64>) -> Option<LogEvent> {
    let cause = cause.into();
    Some(LogEvent::MempoolRemovals(MempoolRemovals { cause, transactions, block_height: None, minimum_fee_rate }))
}

/// `3 mempool transactions with 1 new transaction for 1126 additional fees, 0 delta bytes`, or `… with 2 new one(s) for …`
fn replaced_count(mut scan: Scan) -> Option<LogEvent> {
    let number = scan.number()?;
    scan.skip(" mempool transactions with ")?;
    scan.number::<u32>()?;
    if !scan.skips(" new transaction") {
        scan.skip(" new one(s)")?;
    }
    additional(scan)?;
    removals(MempoolRemovalCause::RemovedReplaced, number, None)
}

/// `3 transactions from the memory pool`
fn expired(mut scan: Scan) -> Option<LogEvent> {
    scan.skip_end(" transactions from the memory pool")?;
    removals(MempoolRemovalCause::RemovedExpired, scan.whole_number()?, None)
}

/// `3 txn, rolling minimum fee bumped to 0.00001100 BTC/kvB`, `… from set of unbroadcast txns`
fn removed(mut scan: Scan) -> Option<LogEvent> {
    if let Some(txid) = scan.hash() {
        let unchecked = match scan.0 {
            b" from set of unbroadcast txns" => false,
            b" from set of unbroadcast txns before confirmation that txn was sent out" => true,
            _ => return None,
        };
        return Some(LogEvent::UnbroadcastRemoved(UnbroadcastRemoved { txid, unchecked }));
    }
    let number = scan.number()?;
    scan.skip(" txn, rolling minimum fee bumped to ")?;
    let fee_rate = scan.fee_rate()?;
    scan.end()?;
    removals(MempoolRemovalCause::RemovedSizeLimit, number, Some(fee_rate))
}

/// `block weight: 3993000 txs: 4000 fees: 1234567 sigops 12000`; Knots writes
/// `total size: …` before it.
fn template(mut scan: Scan) -> Option<LogEvent> {
    if scan.skips("total size: ") {
        scan.number::<u64>()?;
        scan.skip(" ")?;
    }
    scan.skip("block weight: ")?;
    let weight = scan.number()?;
    scan.skip(" txs: ")?;
    let transactions = scan.number()?;
    scan.skip(" fees: ")?;
    let fees = scan.parse()?;
    scan.skip(" sigops ")?;
    let sigops = scan.whole_number()?;
    Some(LogEvent::BlockTemplate(BlockTemplate { weight, transactions, fees, sigops }))
}
