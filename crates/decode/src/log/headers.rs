//! Headers: their synchronization and those that are refused. `src/headerssync.cpp`, `src/validation.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{HeaderRejected, HeadersSync, HeadersSyncPhase, HeadersSyncStep, IbdLeft};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("Initial headers sync ", sync),
    Rule::new("Ignoring low-work chain (height=", low_work),
    Rule::new("Pre-synchronizing blockheaders, height: ", |scan| progress(scan, HeadersSyncPhase::Presync)),
    Rule::new("Synchronizing blockheaders, height: ", |scan| progress(scan, HeadersSyncPhase::Sync)),
    Rule::new("Leaving InitialBlockDownload (latching to false)", |scan| {
        scan.end()?;
        Some(LogEvent::IbdLeft(IbdLeft {}))
    }),
    Rule::new("AcceptBlockHeader: ", rejected),
    Rule::new("header ", previous),
    // Up to v27.
    Rule::new("ERROR: AcceptBlockHeader: ", rejected),
];

fn event(step: HeadersSyncStep, peer_id: u64, height: u32, phase: Option<HeadersSyncPhase>) -> HeadersSync {
    HeadersSync {
        step: step.into(),
        peer_id: Some(peer_id),
        height: Some(height),
        phase: phase.map(Into::into),
        ..HeadersSync::default()
    }
}

/// `started with peer=7: height=0, max_commitments=…, min_work=…`
/// `transition with peer=7: reached sufficient work at height=…, redownloading from height=…`
/// `complete with peer=7: releasing all at height=… (redownload phase)`
/// `aborted with peer=7: why at height=… (presync phase)`
fn sync(mut scan: Scan) -> Option<LogEvent> {
    let step = scan.until(" with peer=")?;
    let peer = scan.number()?;
    scan.skip(": ")?;
    let sync = match step {
        b"started" => {
            scan.skip("height=")?;
            let height = scan.number()?;
            scan.skip(", max_commitments=")?;
            scan.number::<u64>()?;
            scan.skip(", min_work=")?;
            scan.hash()?;
            scan.end()?;
            event(HeadersSyncStep::SyncStarted, peer, height, Some(HeadersSyncPhase::Presync))
        }
        b"transition" => {
            scan.skip("reached sufficient work at height=")?;
            let height = scan.number()?;
            scan.skip(", redownloading from height=")?;
            scan.whole_number::<u32>()?;
            event(HeadersSyncStep::SyncRedownload, peer, height, Some(HeadersSyncPhase::Presync))
        }
        b"complete" => {
            scan.skip("releasing all at height=")?;
            let height = scan.number()?;
            scan.skip(" (redownload phase)")?;
            scan.end()?;
            event(HeadersSyncStep::SyncCompleted, peer, height, Some(HeadersSyncPhase::Redownload))
        }
        b"aborted" => {
            let reason = lossy(scan.until(" at height=")?);
            let height = scan.number()?;
            let phase = match scan.0 {
                b" (presync phase)" => HeadersSyncPhase::Presync,
                b" (redownload phase)" => HeadersSyncPhase::Redownload,
                _ => return None,
            };
            HeadersSync { reason: Some(reason), ..event(HeadersSyncStep::SyncAborted, peer, height, Some(phase)) }
        }
        _ => return None,
    };
    Some(LogEvent::HeadersSync(sync))
}

/// `2000) from peer=7`
fn low_work(mut scan: Scan) -> Option<LogEvent> {
    let height = scan.number()?;
    scan.skip(") from ")?;
    let peer = scan.peer()?;
    scan.end()?;
    Some(LogEvent::HeadersSync(event(HeadersSyncStep::SyncLowWork, peer.id, height, None)))
}

/// `929858 (~96.03%)`
fn progress(mut scan: Scan, phase: HeadersSyncPhase) -> Option<LogEvent> {
    let height = scan.number()?;
    scan.skip(" (~")?;
    let percent: f64 = scan.parse().filter(|percent: &f64| percent.is_finite())?;
    scan.skip("%)")?;
    scan.end()?;
    Some(LogEvent::HeadersSync(HeadersSync {
        step: HeadersSyncStep::SyncProgress.into(),
        height: Some(height),
        phase: Some(phase.into()),
        progress: Some(percent / 100.0),
        ..HeadersSync::default()
    }))
}

fn header_rejected(block_hash: Option<String>, reason: &[u8]) -> Option<LogEvent> {
    Some(LogEvent::HeaderRejected(HeaderRejected { block_hash, reason: lossy(reason) }))
}

/// `block … is marked invalid`, `Consensus::CheckBlockHeader: …, why`, `Consensus::ContextualCheckBlockHeader: …, why`,
/// `not adding new block header …, missing anti-dos proof-of-work validation`
fn rejected(mut scan: Scan) -> Option<LogEvent> {
    if scan.0 == b"prev block invalid" || scan.0 == b"prev block not found" {
        return header_rejected(None, scan.0);
    }
    if scan.skips("block ") {
        let hash = scan.hash()?;
        let reason = scan.0.strip_prefix(b" is ")?;
        return (reason == b"marked invalid").then(|| header_rejected(Some(hash), reason)).flatten();
    }
    let starts =
        ["Consensus::CheckBlockHeader: ", "Consensus::ContextualCheckBlockHeader: ", "not adding new block header "];
    if !starts.iter().any(|start| scan.skips(start)) {
        return None;
    }
    let hash = scan.hash()?;
    scan.skip(", ")?;
    (!scan.0.is_empty()).then(|| header_rejected(Some(hash), scan.0)).flatten()
}

/// `… has prev block invalid: …`, `… has prev block not found: …`
fn previous(mut scan: Scan) -> Option<LogEvent> {
    let hash = scan.hash()?;
    scan.skip(" has ")?;
    let reason = scan.until(": ")?;
    scan.hash()?;
    scan.end()?;
    matches!(reason, b"prev block invalid" | b"prev block not found")
        .then(|| header_rejected(Some(hash), reason))
        .flatten()
}
