//! What a node and its machine report, for the tests of several families.

use serde_json::{Value, json};

use super::play::{Event, NOON, Play, message, up};

/// Time passes at alice: her extractors, and she herself, are there.
pub trait Quiet {
    /// From one second to another.
    fn quiet(&mut self, from: u32, to: u32) -> &mut Self;
}

impl Quiet for Play {
    fn quiet(&mut self, from: u32, to: u32) -> &mut Self {
        for second in (from..to).step_by(2) {
            self.at(second.into(), up("rpc"));
            if second % 60 < 2 {
                self.at(second.into(), ("utxocache_flush", json!({ "coins": 5 }))).at(second.into(), text("something"));
            }
        }
        self
    }
}

/// The hash of a block of the tests. It is the same in both byte orders.
pub fn hash(number: u32) -> String {
    let [.., high, low] = number.to_be_bytes();
    format!("{low:02x}{high:02x}{}{high:02x}{low:02x}", "00".repeat(28))
}

/// Seconds since the UNIX epoch, so many seconds after noon.
pub fn unix(seconds: f64) -> u64 {
    event::time::parse_rfc3339(NOON).unwrap() / 1_000_000_000 + seconds as u64
}

/// An entry of debug.log: its kind, the name of its arm, and what it has.
pub fn line(kind: &'static str, arm: &str, body: Value) -> Event {
    let mut line = json!({ "log_timestamp": 1 });
    line[arm] = body;
    (kind, line)
}

/// An entry of debug.log of which nothing but its text is known.
pub fn text(text: &str) -> Event {
    line("unknown_log_message", "unknown_log_message", json!({ "raw_message": text }))
}

/// The node gives up a peer.
pub fn given_up(peer: u64, reason: &str) -> Event {
    line("peer_disconnected", "peer_disconnected", json!({ "peer_id": peer, "reason": reason, "text": "why" }))
}

/// The node has caught up with the chain of main, up to a height.
pub fn synced(height: u32) -> Event {
    chain(height, height, false)
}

/// getblockchaininfo.
pub fn chain(height: u32, headers: u32, initial: bool) -> Event {
    let hash = hash(height);
    let body = json!({
        "chain": "main", "blocks": height, "headers": headers, "bestblockhash": hash, "initialblockdownload": initial,
    });
    ("blockchain_info", body)
}

/// debug.log has a new tip, with the block `number`, whose own time is the present or so.
pub fn tip(seconds: f64, height: u32, number: u32) -> Event {
    let date = event::time::rfc3339(unix(seconds) * 1_000_000_000);
    line("update_tip", "update_tip", json!({ "block_hash": hash(number), "height": height, "date": date }))
}

/// getnetworkinfo of a version.
pub fn version(version: u32, more: &Value) -> Event {
    let mut body = json!({ "version": version, "subversion": format!("/Satoshi:{}.0.0/", version / 10_000) });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    ("network_info", body)
}

/// getpeerinfo: each peer has an id, an address, a connection type, and more.
pub fn peers(peers: impl IntoIterator<Item = (u64, String, &'static str, Value)>) -> Event {
    let info = |(id, addr, kind, more): (u64, String, &str, Value)| {
        let inbound = kind == "inbound";
        let mut info = json!({ "id": id, "address": addr, "connection_type": kind, "inbound": inbound });
        for (name, value) in more.as_object().unwrap() {
            info[name] = value.clone();
        }
        info
    };
    ("peer_infos", json!({ "infos": peers.into_iter().map(info).collect::<Vec<_>>() }))
}

/// getmempoolinfo.
pub fn mempool(transactions: u64, megabytes: u64) -> Event {
    let body =
        json!({ "loaded": true, "size": transactions, "usage": megabytes * 1_000_000, "max_mempool": 300_000_000 });
    ("mempool_info", body)
}

/// The message thread has used so many seconds of the processor.
pub fn process(seconds: f64) -> Event {
    let thread = json!({ "name": "b-msghand", "count": 1, "cpu_user_seconds": seconds, "cpu_system_seconds": 0.0 });
    ("node_process", json!({ "pid": 1, "started_ns": 5, "threads": [thread] }))
}

/// A headers message with so many headers from a block on.
pub fn headers(peer: u64, addr: &str, seconds: f64, first: u32, count: u32) -> Event {
    let header = |number: u32| json!({ "hash": hash(number), "prev_blockhash": hash(number - 1), "merkle_root": hash(0), "time": unix(seconds) });
    message(peer, addr, true, "headers", json!({ "headers": (first..first + count).map(header).collect::<Vec<_>>() }))
}

/// A connection of any type opens.
pub fn opens(peer: u64, addr: &str, conn_type: &str, network: u32) -> Event {
    let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": conn_type, "network": network });
    let kind = if conn_type == "Inbound" { "inbound_connection" } else { "outbound_connection" };
    (kind, json!({ "conn": conn, "existing_connections": 3 }))
}

/// One ends that was opened at a time.
pub fn ends(peer: u64, addr: &str, conn_type: &str, opened: f64) -> Event {
    let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": conn_type, "network": 1 });
    ("closed_connection", json!({ "conn": conn, "time_established": unix(opened) }))
}

/// One is evicted.
pub fn evicted(peer: u64, addr: &str, opened: f64) -> Event {
    let (_, body) = ends(peer, addr, "Inbound", opened);
    ("evicted_inbound_connection", body)
}

/// An address of its own for each peer, each in another /16.
pub fn addr(peer: u64) -> String {
    format!("{}.{}.7.9:8333", 20 + peer % 60, peer / 60 % 250)
}

/// The detectors of the families here that reported something, in the order in which they did. Tests leave times out in which no extractor
/// reports, so that one of them falls silent is left out.
pub fn found(play: &Play) -> Vec<&str> {
    const OTHERS: [&str; 3] = ["addresses", "protocol", "spies"];
    let mut names: Vec<&str> = vec!["source_silent"];
    for alert in play.alerts().into_iter().filter(|alert| !OTHERS.contains(&alert.family.as_str())) {
        if !names.contains(&alert.detector.as_str()) {
            names.push(&alert.detector);
        }
    }
    names.split_off(1)
}

/// Seconds from a time of the play to the beginning of the first alert of a detector, and to when that was published.
pub fn seconds_to(play: &Play, detector: &str, from: f64) -> f64 {
    let first = play.changes.iter().find(|alert| alert.detector == detector);
    let first = first.unwrap_or_else(|| panic!("{detector} found nothing: {:?}", play.summary()));
    (first.last_ns as f64 - play.ns(from) as f64) / 1e9
}
