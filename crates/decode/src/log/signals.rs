//! What validation tells the rest of the node: `src/validationinterface.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    LoggedMempoolAdded, LoggedMempoolRemoved, MempoolRemovalCause, MempoolRemovals, ValidationSignal,
    ValidationSignalName as Name,
};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("Enqueuing ", queued),
    Rule::new("TransactionAddedToMempool: ", |scan| {
        let (txid, wtxid, rest) = ids(scan)?;
        rest.end()?;
        Some(LogEvent::MempoolAdded(LoggedMempoolAdded { txid, wtxid }))
    }),
    Rule::new("TransactionRemovedFromMempool: ", |scan| {
        let (txid, wtxid, reason) = removed(scan)?;
        Some(LogEvent::MempoolRemoved(LoggedMempoolRemoved { txid, wtxid, reason }))
    }),
    Rule::new("MempoolTransactionsRemovedForBlock: ", |scan| {
        let (height, transactions) = removed_for_block(scan)?;
        Some(LogEvent::MempoolRemovals(MempoolRemovals {
            cause: MempoolRemovalCause::RemovedForBlock.into(),
            transactions,
            block_height: Some(height),
            minimum_fee_rate: None,
        }))
    }),
    Rule::new("UpdatedBlockTip: ", |scan| updated_tip(scan).map(LogEvent::ValidationSignal)),
    Rule::new("ActiveTipChange: new ", |scan| block(scan, Name::ActiveTipChange).map(LogEvent::ValidationSignal)),
    Rule::new("NewPoWValidBlock: ", |scan| block(scan, Name::NewPowValidBlock).map(LogEvent::ValidationSignal)),
    Rule::new("ChainStateFlushed: ", |scan| block(scan, Name::ChainStateFlushed).map(LogEvent::ValidationSignal)),
    Rule::new("NewBlockTemplate", |scan| template(scan).map(LogEvent::ValidationSignal)),
];

fn signal(signal: Name) -> ValidationSignal {
    ValidationSignal { signal: signal.into(), ..ValidationSignal::default() }
}

/// The same messages before the scheduler's thread logs them again.
fn queued(mut scan: Scan) -> Option<LogEvent> {
    if scan.0 == b"NewBlockTemplate" {
        return Some(LogEvent::ValidationSignal(ValidationSignal { queued: true, ..template(Scan(b""))? }));
    }
    let found = match scan.until(": ")? {
        b"TransactionAddedToMempool" => {
            let (txid, _, rest) = ids(scan)?;
            rest.end()?;
            ValidationSignal { txid: Some(txid), ..signal(Name::TransactionAddedToMempool) }
        }
        b"TransactionRemovedFromMempool" => {
            let (txid, ..) = removed(scan)?;
            ValidationSignal { txid: Some(txid), ..signal(Name::TransactionRemovedFromMempool) }
        }
        b"MempoolTransactionsRemovedForBlock" => {
            let (height, _) = removed_for_block(scan)?;
            ValidationSignal { height: Some(height), ..signal(Name::MempoolTransactionsRemovedForBlock) }
        }
        b"BlockConnected" => block(scan, Name::BlockConnected)?,
        b"BlockDisconnected" => block(scan, Name::BlockDisconnected)?,
        b"ChainStateFlushed" => block(scan, Name::ChainStateFlushed)?,
        b"UpdatedBlockTip" => updated_tip(scan)?,
        _ => return None,
    };
    Some(LogEvent::ValidationSignal(ValidationSignal { queued: true, ..found }))
}

/// `txid=… wtxid=…`
fn ids(mut scan: Scan) -> Option<(String, String, Scan)> {
    scan.skip("txid=")?;
    let txid = scan.hash()?;
    scan.skip(" wtxid=")?;
    Some((txid, scan.hash()?, scan))
}

/// Why a transaction leaves the mempool (`RemovalReasonToString`).
const REMOVAL_REASONS: [&[u8]; 6] = [b"expiry", b"sizelimit", b"reorg", b"block", b"conflict", b"replaced"];

/// `txid=… wtxid=… reason=replaced`
fn removed(scan: Scan) -> Option<(String, String, String)> {
    let (txid, wtxid, mut rest) = ids(scan)?;
    rest.skip(" reason=")?;
    REMOVAL_REASONS.contains(&rest.0).then(|| (txid, wtxid, lossy(rest.0)))
}

/// `block height=840000 txs removed=17`
fn removed_for_block(mut scan: Scan) -> Option<(u32, u32)> {
    scan.skip("block height=")?;
    let height = scan.number()?;
    scan.skip(" txs removed=")?;
    Some((height, scan.whole_number()?))
}

/// `block hash=…` or `block hash=… block height=840000`; after a flush without a block `block hash=null`
fn block(mut scan: Scan, name: Name) -> Option<ValidationSignal> {
    scan.skip("block hash=")?;
    let block_hash = if name == Name::ChainStateFlushed { scan.hash_or("null")? } else { Some(scan.hash()?) };
    let height = if scan.skips(" block height=") { Some(scan.number()?) } else { None };
    scan.end()?;
    Some(ValidationSignal { block_hash, height, ..signal(name) })
}

/// `new block hash=… fork block hash=… (in IBD=false)`
fn updated_tip(mut scan: Scan) -> Option<ValidationSignal> {
    scan.skip("new block hash=")?;
    let block_hash = Some(scan.hash()?);
    scan.skip(" fork block hash=")?;
    let fork_hash = scan.hash_or("null")?;
    if !matches!(scan.0, b" (in IBD=false)" | b" (in IBD=true)" | b" (in IBD=0)" | b" (in IBD=1)") {
        return None;
    }
    Some(ValidationSignal { block_hash, fork_hash, ..signal(Name::UpdatedBlockTip) })
}

fn template(scan: Scan) -> Option<ValidationSignal> {
    scan.end()?;
    Some(signal(Name::NewBlockTemplate))
}
