//! Transactions without their parents: `src/node/txorphanage.cpp`, `src/node/txdownloadman_impl.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    OrphanAction, OrphanTransaction, OrphansRemoved, OrphansRemovedCause, PackageEvaluated,
};

use super::Rule;
use super::mempool::ids;
use super::scan::Scan;

pub(super) const RULES: &[Rule] = &[
    Rule::new("stored orphan tx ", stored),
    Rule::new("removed orphan tx ", removed),
    Rule::new("   removed orphan tx ", removed),
    Rule::new("   accepted orphan tx ", |mut scan| {
        let orphan = orphan(OrphanAction::Accepted, &mut scan)?;
        finish(scan, orphan)
    }),
    Rule::new("   invalid orphan tx ", invalid),
    Rule::new("ignoring large orphan tx (size: ", too_large),
    Rule::new("not keeping orphan with rejected parents ", |mut scan| {
        let orphan = orphan(OrphanAction::ParentRejected, &mut scan)?;
        finish(scan, orphan)
    }),
    Rule::new("added ", added),
    Rule::new("Erased ", erased),
    Rule::new("orphanage overflow, removed ", overflow),
    Rule::new("peer=", peer_overflow),
    Rule::new("package evaluation for parent ", package),
];

/// `… (wtxid=…)`
fn orphan(action: OrphanAction, scan: &mut Scan) -> Option<OrphanTransaction> {
    let (txid, wtxid) = ids(scan)?;
    Some(OrphanTransaction { action: action.into(), txid: Some(txid), wtxid, ..OrphanTransaction::default() })
}

fn finish(scan: Scan, orphan: OrphanTransaction) -> Option<LogEvent> {
    scan.end()?;
    Some(LogEvent::OrphanTransaction(orphan))
}

/// `… (wtxid=…), weight: 606 (mapsz 1712 outsz 468)`
fn stored(mut scan: Scan) -> Option<LogEvent> {
    let mut orphan = orphan(OrphanAction::Stored, &mut scan)?;
    scan.skip(", weight: ")?;
    orphan.size = Some(scan.number()?);
    scan.skip(" (mapsz ")?;
    orphan.orphans = Some(scan.number()?);
    scan.skip(" outsz ")?;
    scan.number::<u64>()?;
    scan.skip(")")?;
    finish(scan, orphan)
}

/// `… (wtxid=…) (2 announcements)` (from v30 on), `… (wtxid=…) after 5s` (v27 to v29).
///
/// Without either, the message says of a rejected orphan once more what one of these has just said, so it has no type.
fn removed(mut scan: Scan) -> Option<LogEvent> {
    let orphan = orphan(OrphanAction::Removed, &mut scan)?;
    if scan.skips(" after ") {
        scan.number::<u64>()?;
        scan.skip("s")?;
    } else {
        scan.skip(" (")?;
        scan.number::<u64>()?;
        scan.skip(" announcements)")?;
    }
    finish(scan, orphan)
}

/// `… (wtxid=…) from peer=7. why`
fn invalid(mut scan: Scan) -> Option<LogEvent> {
    let mut orphan = orphan(OrphanAction::Invalid, &mut scan)?;
    scan.skip(" from ")?;
    orphan.peer_id = Some(scan.peer()?.id);
    scan.skip(". ")?;
    orphan.reason = Some(scan.rest());
    Some(LogEvent::OrphanTransaction(orphan))
}

/// `400001, txid: …, wtxid: …)`
fn too_large(mut scan: Scan) -> Option<LogEvent> {
    let mut orphan = OrphanTransaction { action: OrphanAction::TooLarge.into(), ..OrphanTransaction::default() };
    orphan.size = Some(scan.number()?);
    scan.skip(", txid: ")?;
    orphan.txid = Some(scan.hash()?);
    scan.skip(", wtxid: ")?;
    orphan.wtxid = Some(scan.hash()?);
    scan.skip(")")?;
    finish(scan, orphan)
}

/// `peer=7 as announcer of orphan tx … (wtxid=…)`; up to v29 only the wtxid
/// `peer=7 as a candidate for resolving orphan …`
/// `… (wtxid=…) to peer 7 workset`
fn added(mut scan: Scan) -> Option<LogEvent> {
    if !scan.0.starts_with(b"peer=") {
        let mut orphan = orphan(OrphanAction::Reconsidered, &mut scan)?;
        scan.skip(" to peer ")?;
        orphan.peer_id = Some(scan.number()?);
        scan.skip(" workset")?;
        return finish(scan, orphan);
    }
    let mut orphan = OrphanTransaction { action: OrphanAction::AnnouncerAdded.into(), ..OrphanTransaction::default() };
    orphan.peer_id = Some(scan.peer()?.id);
    if scan.skips(" as announcer of orphan tx ") {
        let first = scan.hash()?;
        if scan.skips(" (wtxid=") {
            (orphan.txid, orphan.wtxid) = (Some(first), Some(scan.hash()?));
            scan.skip(")")?;
        } else {
            orphan.wtxid = Some(first);
        }
    } else {
        scan.skip(" as a candidate for resolving orphan ")?;
        orphan.wtxid = Some(scan.hash()?);
    }
    finish(scan, orphan)
}

fn several(cause: OrphansRemovedCause, transactions: u32, peer_id: Option<u64>) -> Option<LogEvent> {
    Some(LogEvent::OrphansRemoved(OrphansRemoved { cause: cause.into(), transactions, peer_id }))
}

/// `3 orphan transaction(s) from peer=7`, `3 orphan transaction(s) included or conflicted by block`,
/// `3 orphan tx due to expiration`
fn erased(mut scan: Scan) -> Option<LogEvent> {
    let number = scan.number()?;
    match scan.0 {
        b" orphan transaction(s) included or conflicted by block" => {
            several(OrphansRemovedCause::InBlock, number, None)
        }
        b" orphan tx due to expiration" => several(OrphansRemovedCause::Expired, number, None),
        _ => {
            scan.skip(" orphan transaction(s) from ")?;
            let peer = scan.peer()?;
            scan.end()?;
            several(OrphansRemovedCause::PeerGone, number, Some(peer.id))
        }
    }
}

/// `3 tx`, `3 tx (4 announcements)`
fn overflow(mut scan: Scan) -> Option<LogEvent> {
    let number = scan.number()?;
    scan.skip(" tx")?;
    if scan.skips(" (") {
        scan.number::<u64>()?;
        scan.skip(" announcements)")?;
    }
    scan.end()?;
    several(OrphansRemovedCause::Overflow, number, None)
}

/// `7 orphanage overflow, removed 3 of 9 announcements`
fn peer_overflow(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer_after_name()?;
    scan.skip(" orphanage overflow, removed ")?;
    let number = scan.number()?;
    scan.skip(" of ")?;
    scan.number::<u64>()?;
    scan.skip(" announcements")?;
    scan.end()?;
    several(OrphansRemovedCause::Overflow, number, Some(peer.id))
}

/// `… (wtxid=…, sender=7) + child … (wtxid=…, sender=7): package accepted`
fn package(mut scan: Scan) -> Option<LogEvent> {
    let parent = member(&mut scan)?;
    scan.skip(" + child ")?;
    let child = member(&mut scan)?;
    let accepted = match scan.0 {
        b": package accepted" => true,
        b": package rejected" => false,
        _ => return None,
    };
    let (parent_txid, child_txid) = (Some(parent), Some(child));
    Some(LogEvent::PackageEvaluated(PackageEvaluated { accepted, parent_txid, child_txid }))
}

/// `… (wtxid=…, sender=7)`
fn member(scan: &mut Scan) -> Option<String> {
    let txid = scan.hash()?;
    scan.skip(" (wtxid=")?;
    scan.hash()?;
    scan.skip(", sender=")?;
    scan.parse::<i64>()?;
    scan.skip(")")?;
    Some(txid)
}
