//! Blocks and chains: `src/validation.cpp`, `src/validationinterface.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    BlockCheckedLog, BlockConnectedLog, BlockDisconnectedLog, InvalidChainFound, MutatedBlock, StaleTip, UpdateTip,
};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("BlockConnected: ", block_connected),
    Rule::new("BlockDisconnected: ", block_disconnected),
    Rule::new("BlockChecked: ", block_checked),
    Rule::new("UpdateTip: ", |scan| update_tip(scan, false)),
    Rule::new("[background validation] UpdateTip: ", |scan| update_tip(scan, true)),
    Rule::new("Block mutated: ", block_mutated),
    Rule::new("InvalidChainFound: ", invalid_chain),
    Rule::new("Found invalid chain more than 6 blocks longer", |_| much_longer()),
    // Up to v30.
    Rule::new("CheckForkWarningConditions: Warning: Found invalid chain", |_| much_longer()),
    Rule::new("Potential stale tip detected", stale_tip),
];

fn hash_and_height(mut scan: Scan) -> Option<(String, u32)> {
    scan.skip("block hash=")?;
    let hash = scan.hash()?;
    scan.skip(" block height=")?;
    let height = scan.number()?;
    scan.end()?;
    Some((hash, height))
}

fn block_connected(scan: Scan) -> Option<LogEvent> {
    let (block_hash, block_height) = hash_and_height(scan)?;
    Some(LogEvent::BlockConnectedLog(BlockConnectedLog { block_hash, block_height }))
}

fn block_disconnected(scan: Scan) -> Option<LogEvent> {
    let (block_hash, block_height) = hash_and_height(scan)?;
    Some(LogEvent::BlockDisconnectedLog(BlockDisconnectedLog { block_hash, block_height }))
}

/// `block hash=… state=Valid`, or the reason and after a comma more of it (`ValidationState::ToString`).
fn block_checked(mut scan: Scan) -> Option<LogEvent> {
    scan.skip("block hash=")?;
    let block_hash = scan.hash()?;
    scan.skip(" state=")?;
    let (state, debug_message) = match scan.until(", ") {
        Some(state) => (lossy(state), scan.rest()),
        None => (scan.rest(), String::new()),
    };
    Some(LogEvent::BlockCheckedLog(BlockCheckedLog { block_hash, state, debug_message }))
}

/// `new best=… height=… version=0x20000000 log2_work=… tx=… date='…' progress=… cache=0.3MiB(2txo) warning='…'`
fn update_tip(mut scan: Scan, background: bool) -> Option<LogEvent> {
    scan.skip("new best=")?;
    let block_hash = scan.hash()?;
    scan.skip(" height=")?;
    let height = scan.number()?;
    scan.skip(" version=0x")?;
    let version = u32::from_str_radix(std::str::from_utf8(scan.until(" log2_work=")?).ok()?, 16).ok()?;
    let log2_work = scan.parse()?;
    scan.skip(" tx=")?;
    let transactions = scan.number()?;
    scan.skip(" date='")?;
    let date = lossy(scan.until("' progress=")?);
    let progress = scan.parse()?;
    scan.skip(" cache=")?;
    let cache_mib = std::str::from_utf8(scan.until("MiB(")?).ok()?.parse().ok()?;
    let cache_coins = scan.number()?;
    scan.skip("txo)")?;
    let warning = if scan.skips(" warning='") { Some(lossy(scan.0.strip_suffix(b"'")?)) } else { None };
    if warning.is_none() {
        scan.end()?;
    }
    Some(LogEvent::UpdateTip(UpdateTip {
        block_hash,
        height,
        version,
        log2_work,
        transactions,
        date,
        progress,
        cache_mib,
        cache_coins,
        background,
        warning,
    }))
}

fn block_mutated(scan: Scan) -> Option<LogEvent> {
    Some(LogEvent::MutatedBlock(MutatedBlock { state: scan.rest(), ..MutatedBlock::default() }))
}

/// `invalid block=… height=… log2_work=… date=…` or ` current best=…`; two spaces between the fields up to v31.
fn invalid_chain(mut scan: Scan) -> Option<LogEvent> {
    scan.skips(" ");
    let current_best = scan.skips("current best=");
    if !current_best {
        scan.skip("invalid block=")?;
    }
    let block_hash = scan.hash()?;
    field(&mut scan, "height=")?;
    let height = scan.number()?;
    field(&mut scan, "log2_work=")?;
    let log2_work = scan.parse()?;
    field(&mut scan, "date=")?;
    let date = lossy(scan.word()?);
    scan.end()?;
    Some(LogEvent::InvalidChainFound(InvalidChainFound {
        block_hash: Some(block_hash),
        height: Some(height),
        log2_work: Some(log2_work),
        date: Some(date),
        current_best,
        much_longer: false,
    }))
}

fn field(scan: &mut Scan, name: &str) -> Option<()> {
    while scan.skips(" ") {}
    scan.skip(name)
}

fn much_longer() -> Option<LogEvent> {
    Some(LogEvent::InvalidChainFound(InvalidChainFound { much_longer: true, ..InvalidChainFound::default() }))
}

/// `, will try using extra outbound peer (last tip update: 1800 seconds ago)`
fn stale_tip(mut scan: Scan) -> Option<LogEvent> {
    scan.until("(last tip update: ")?;
    let seconds_since_update = scan.number()?;
    scan.skip(" seconds ago)")?;
    scan.end()?;
    Some(LogEvent::StaleTip(StaleTip { seconds_since_update }))
}
