//! Connections, and what peers send: `src/net.cpp` and `src/net_processing.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    AddrProcessed, ConnectionAccepted, ConnectionRefused, EvictionSelected, Misbehaving, MisbehavingAction,
    PeerConnected, PeerStateChange, PeerStateChanged, RefusedReason, TimeOffsetAdded,
};

use super::scan::{Peer, Scan, lossy};
use super::{Rule, disconnect};

pub(super) const RULES: &[Rule] = &[
    Rule::new("New ", peer_connected),
    Rule::new("connection from ", connection),
    Rule::new("failed to find an eviction candidate - connection dropped (full)", full),
    Rule::new("selected ", eviction),
    Rule::new("Received addr: ", addr_processed),
    Rule::new("Misbehaving: ", misbehaving),
    Rule::new("Disconnecting and discouraging peer ", |scan| action(scan, MisbehavingAction::Discouraged)),
    Rule::new("Not punishing noban peer ", |scan| action(scan, MisbehavingAction::SparedNoban)),
    Rule::new("Not punishing manually connected peer ", |scan| action(scan, MisbehavingAction::SparedManual)),
    // Up to v30.
    Rule::new("Warning: not punishing noban peer ", |scan| action(scan, MisbehavingAction::SparedNoban)),
    Rule::new("Warning: not punishing manually connected peer ", |scan| action(scan, MisbehavingAction::SparedManual)),
    Rule::new("Warning: disconnecting but not discouraging ", disconnected_local),
    // Knots.
    Rule::new("peer=", dos_score),
    Rule::new("Cleared nodestate for ", |scan| state(scan, PeerStateChange::Cleared)),
    Rule::new("Protecting outbound ", protected),
    Rule::new("keeping ", kept),
    Rule::new("Added time offset ", time_offset),
];

/// The fields and their separators differ between versions, and new ones may come:
/// `New inbound v2 peer connected: version: 70016, blocks=5, peer=7, peeraddr=…, mapped_as=…` (v26 to v30)
/// `New inbound peer connected: transport: v2, version: 70016, blocks=5 peer=7 peeraddr=…` (v31)
/// `New inbound peer connected: transport: v2, version: 70016, peer=7, peeraddr=…` (v32)
fn peer_connected(mut scan: Scan) -> Option<LogEvent> {
    let mut head = Scan(scan.until(" peer connected:")?);
    let mut peer = PeerConnected { connection_type: Some(lossy(head.word()?)), ..PeerConnected::default() };
    if head.skips(" ") {
        peer.transport = Some(lossy(head.word()?));
    }
    let (mut id, mut version) = (None, None);
    while scan.skips(" ") || scan.skips(", ") {
        if scan.skips("transport: ") {
            peer.transport = Some(scan.addr()?);
        } else if scan.skips("version: ") {
            version = Some(scan.number()?);
        } else if scan.skips("blocks=") {
            peer.blocks = Some(scan.parse()?);
        } else if scan.0.starts_with(b"peer=") {
            let named = scan.peer()?;
            id = Some(named.id);
            peer.addr = named.addr;
        } else if scan.skips("mapped_as=") {
            peer.mapped_as = Some(scan.number()?);
        } else {
            scan.addr()?;
        }
    }
    scan.end()?;
    peer.peer_id = id?;
    peer.version = version?;
    Some(LogEvent::PeerConnected(peer))
}

fn connection(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    let reason = match scan.0 {
        b" accepted" => return Some(LogEvent::ConnectionAccepted(ConnectionAccepted { addr })),
        b" dropped (banned)" => RefusedReason::Banned,
        b" dropped (discouraged)" => RefusedReason::DiscouragedAddress,
        b" dropped: not accepting new connections" => RefusedReason::NotAccepting,
        rest if rest.starts_with(b" dropped") => RefusedReason::RefusedOther,
        _ => return None,
    };
    Some(LogEvent::ConnectionRefused(ConnectionRefused { addr: Some(addr), reason: reason.into() }))
}

fn full(scan: Scan) -> Option<LogEvent> {
    scan.end()?;
    Some(LogEvent::ConnectionRefused(ConnectionRefused { addr: None, reason: RefusedReason::Full.into() }))
}

/// `selected inbound connection for eviction, disconnecting peer=7` (`… peer=7; disconnecting` up to v28).
fn eviction(mut scan: Scan) -> Option<LogEvent> {
    let connection_type = lossy(scan.until(" connection for eviction")?);
    let named = disconnect::Named::find(scan.0)?;
    Some(LogEvent::EvictionSelected(EvictionSelected {
        peer_id: named.peer.id,
        connection_type: Some(connection_type),
        addr: named.peer.addr,
    }))
}

/// `5 addresses (3 processed, 2 rate-limited) from peer=7`
fn addr_processed(mut scan: Scan) -> Option<LogEvent> {
    let total = scan.number()?;
    scan.skip(" addresses (")?;
    let processed = scan.number()?;
    scan.skip(" processed, ")?;
    let rate_limited = scan.number()?;
    scan.skip(" rate-limited) from ")?;
    let peer = scan.peer()?;
    scan.end()?;
    let event = AddrProcessed { peer_id: peer.id, total, processed, rate_limited, addr: peer.addr };
    Some(LogEvent::AddrProcessed(event))
}

/// `peer=7: reason`; up to v27 `peer=7 (80 -> 100) DISCOURAGE THRESHOLD EXCEEDED: reason`.
fn misbehaving(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer()?;
    let mut score = None;
    if scan.skips(" (") {
        scan.until(" -> ")?;
        score = scan.parse::<i32>()?.try_into().ok();
        scan.skip(")")?;
    }
    scan.skips(" DISCOURAGE THRESHOLD EXCEEDED");
    if !scan.skips(": ") {
        scan.end()?;
    }
    Some(noticed(peer, score, scan))
}

/// The node noticed a misbehaviour; what it was is the rest of the message.
fn noticed(peer: Peer, score: Option<u32>, scan: Scan) -> LogEvent {
    LogEvent::Misbehaving(Misbehaving {
        peer_id: peer.id,
        addr: peer.addr,
        message: scan.rest(),
        action: MisbehavingAction::Noticed.into(),
        score,
    })
}

/// `7!`
fn action(mut scan: Scan, action: MisbehavingAction) -> Option<LogEvent> {
    let peer_id = scan.number()?;
    scan.skip("!")?;
    scan.end()?;
    Some(LogEvent::Misbehaving(Misbehaving { peer_id, action: action.into(), ..Misbehaving::default() }))
}

/// `local peer 7!`, `inbound onion peer 7!`
fn disconnected_local(mut scan: Scan) -> Option<LogEvent> {
    scan.until(" peer ")?;
    action(scan, MisbehavingAction::DisconnectedLocal)
}

/// `10 got DoS score 100 on invalid block`
fn dos_score(mut scan: Scan) -> Option<LogEvent> {
    let peer = scan.peer_after_name()?;
    scan.skip(" got DoS score ")?;
    let score = scan.parse::<i32>()?.try_into().ok();
    scan.skip(" on ")?;
    Some(noticed(peer, score, scan))
}

fn state(mut scan: Scan, change: PeerStateChange) -> Option<LogEvent> {
    let peer = scan.peer()?;
    scan.end()?;
    Some(LogEvent::PeerStateChanged(PeerStateChanged { peer_id: peer.id, change: change.into() }))
}

/// `peer=7 from eviction`
fn protected(mut scan: Scan) -> Option<LogEvent> {
    scan.skip_end(" from eviction")?;
    state(scan, PeerStateChange::Protected)
}

/// `outbound peer=7 chosen for eviction (connect time: 5, blocks_in_flight: 1)`, `block-relay-only peer=7 …`
fn kept(mut scan: Scan) -> Option<LogEvent> {
    if !scan.skips("outbound ") {
        scan.skip("block-relay-only ")?;
    }
    let peer = scan.until(" chosen for eviction (connect time: ")?;
    scan.skip_end(")")?;
    state(Scan(peer), PeerStateChange::Kept)
}

/// `-2s, total samples 5`
fn time_offset(mut scan: Scan) -> Option<LogEvent> {
    let mut seconds = Scan(scan.until("s, total samples ")?);
    let offset = seconds.parse()?;
    seconds.end()?;
    let samples = scan.whole_number()?;
    Some(LogEvent::TimeOffsetAdded(TimeOffsetAdded { seconds: offset, samples }))
}
