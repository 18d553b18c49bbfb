//! Transactions that enter the mempool or are refused: `src/net_processing.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MempoolAccepted, MempoolRejected};

use super::Rule;
use super::scan::Scan;

pub(super) const RULES: &[Rule] = &[Rule::new("AcceptToMemoryPool: ", accepted)];

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
fn ids(scan: &mut Scan) -> Option<(String, Option<String>)> {
    let txid = scan.hash()?;
    if !scan.skips(" (wtxid=") {
        return Some((txid, None));
    }
    let wtxid = scan.hash()?;
    scan.skip(")")?;
    Some((txid, Some(wtxid)))
}
