//! Messages of peers that the node does not use: `src/net.cpp`, `src/net_processing.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{IgnoredReason, MessageIgnored};
use memchr::memmem;

use super::messages::message_type;
use super::scan::{Scan, lossy};
use super::{MAX_TEXT_BYTES, Rule};

pub(super) const RULES: &[Rule] = &[
    // What the node does not know has the peer's own words in it.
    Rule::whole("Unknown message type \"", |text| quoted(text, "\" from ", IgnoredReason::UnknownMessageType)).only(),
    // Up to v31.
    Rule::whole("Unknown command \"", |text| quoted(text, "\" from ", IgnoredReason::UnknownMessageType)).only(),
    Rule::whole("Unsupported message \"", |text| {
        quoted(text, "\" prior to verack from ", IgnoredReason::BeforeHandshake)
    })
    .only(),
    Rule::whole("non-version message before version handshake. Message \"", |text| {
        quoted(text, "\" from ", IgnoredReason::BeforeHandshake)
    })
    .only(),
    Rule::whole("Unknown inv type \"", |text| {
        at_end(text, "\" received from ", IgnoredReason::UnknownInventoryType, "inv")
    }),
    Rule::whole("redundant version message from ", |text| at_end(text, " from ", IgnoredReason::Redundant, "version")),
    Rule::whole("ignoring redundant verack message from ", |text| {
        at_end(text, " from ", IgnoredReason::Redundant, "verack")
    }),
    Rule::whole("ignoring duplicate wtxidrelay from ", |text| {
        at_end(text, " from ", IgnoredReason::Redundant, "wtxidrelay")
    }),
    Rule::whole("ignoring wtxidrelay due to old common version=", |text| {
        at_end(text, " from ", IgnoredReason::IgnoredOther, "wtxidrelay")
    }),
    Rule::whole("ignoring ", of_connection),
    Rule::whole("Ignoring \"getaddr\" from ", |text| {
        at_end(text, " connection. ", IgnoredReason::IgnoredOther, "getaddr")
    }),
    Rule::whole("Ignoring repeated \"getaddr\". ", |text| at_end(text, ". ", IgnoredReason::Redundant, "getaddr")),
    Rule::whole("Ignore unexpected txreconciliation signal from ", |text| {
        at_end(text, " from ", IgnoredReason::Unexpected, "sendtxrcncl")
    }),
    Rule::whole("Ignoring getheaders from ", getheaders),
    Rule::whole("Ignoring low-work compact block from peer ", |text| {
        numbered(text, IgnoredReason::LowWork, "cmpctblock")
    }),
    Rule::whole("Unexpected blocktxn message received from peer ", |text| {
        numbered(text, IgnoredReason::Unexpected, "blocktxn")
    }),
    Rule::whole("Unexpected headers message received from peer ", |text| {
        numbered(text, IgnoredReason::Unexpected, "headers")
    }),
    Rule::whole("Unexpected block message received from peer ", |text| {
        numbered(text, IgnoredReason::Unexpected, "block")
    }),
    Rule::whole("Peer ", of_peer),
    Rule::whole("pong peer=", pong),
    Rule::whole("Header error: Wrong checksum (", malformed),
    Rule::whole("Header error: Invalid message type (", malformed),
    Rule::whole("V2 transport error: invalid message type (", |text| {
        let (text, peer) = before_peer(text, ", ")?;
        event(peer, None, IgnoredReason::Malformed, text)
    }),
    Rule::whole("ProcessMessages(", exception).only(),
];

fn event(peer_id: Option<u64>, name: Option<&[u8]>, reason: IgnoredReason, text: &[u8]) -> Option<LogEvent> {
    let message_type = match name {
        Some(name) => Some(message_type(name)?),
        None => None,
    };
    // The words are Bitcoin Core's; the name is as long as it can be.
    (text.len() < MAX_TEXT_BYTES).then(|| {
        LogEvent::MessageIgnored(MessageIgnored { peer_id, message_type, reason: reason.into(), text: lossy(text) })
    })
}

/// What stands before a peer at the end and the words that attach it.
fn before_peer<'a>(text: &'a [u8], attached: &str) -> Option<(&'a [u8], Option<u64>)> {
    let mut scan = Scan(text);
    let peer = scan.peer_at_end()?;
    let words = attached.trim_end_matches([' ', ',']).trim_end_matches(" from");
    scan.skip_end(attached)?;
    Some((text.get(..scan.0.len() + words.len())?, Some(peer.id)))
}

/// `… "reject" … from peer=7`: the message, up to the words after its name.
fn quoted(text: &[u8], end: &str, reason: IgnoredReason) -> Option<LogEvent> {
    let (words, peer) = before_peer(text, end)?;
    let mut scan = Scan(text);
    scan.until("\"")?;
    scan.peer_at_end()?;
    scan.skip_end(end)?;
    event(peer, Some(scan.0), reason, words)
}

/// `… from peer=7`
fn at_end(text: &[u8], attached: &str, reason: IgnoredReason, name: &str) -> Option<LogEvent> {
    let (words, peer) = before_peer(text, attached)?;
    event(peer, Some(name.as_bytes()), reason, words)
}

/// `… from peer 7`
fn numbered(text: &[u8], reason: IgnoredReason, name: &str) -> Option<LogEvent> {
    let at = memmem::rfind(text, b" from peer ")?;
    let peer = Scan(text.get(at + " from peer ".len()..)?).whole_number()?;
    event(Some(peer), Some(name.as_bytes()), reason, text.get(..at)?)
}

/// `ignoring addr message from block-relay-only peer=7`
fn of_connection(text: &[u8]) -> Option<LogEvent> {
    let (words, peer) = before_peer(text, " ")?;
    let mut scan = Scan(words);
    scan.skip("ignoring ")?;
    let name = scan.until(" message from ")?;
    if scan.0.is_empty() || scan.0.contains(&b' ') {
        return None;
    }
    event(peer, Some(name), IgnoredReason::IgnoredOther, words)
}

/// `Ignoring getheaders from peer=7 while importing/reindexing`, or `… because active chain has too little work; …`
fn getheaders(text: &[u8]) -> Option<LogEvent> {
    let mut scan = Scan(text);
    scan.skip("Ignoring getheaders from ")?;
    let peer = scan.peer()?;
    let reason = match scan.0 {
        b" while importing/reindexing" => IgnoredReason::IgnoredOther,
        b" because active chain has too little work; sending empty response" => IgnoredReason::LowWork,
        _ => return None,
    };
    let words = [&b"Ignoring getheaders"[..], scan.0].concat();
    event(Some(peer.id), Some(b"getheaders"), reason, &words)
}

/// Messages that fit no request: what follows `Peer 7 `.
const OF_PEER: [(&str, IgnoredReason, &str); 5] = [
    ("sent us block transactions for block we weren't expecting", IgnoredReason::Unexpected, "blocktxn"),
    ("sent compact block transactions multiple times", IgnoredReason::Redundant, "blocktxn"),
    (
        "sent us a compact block but it failed to reconstruct, waiting on first download to complete",
        IgnoredReason::IgnoredOther,
        "cmpctblock",
    ),
    ("sent us a getblocktxn for a block we don't have", IgnoredReason::IgnoredOther, "getblocktxn"),
    ("sent us a getblocktxn for a block > 10 deep", IgnoredReason::IgnoredOther, "getblocktxn"),
];

fn of_peer(text: &[u8]) -> Option<LogEvent> {
    let mut scan = Scan(text);
    scan.skip("Peer ")?;
    let peer = scan.number()?;
    scan.skip(" ")?;
    let (_, reason, name) = OF_PEER.iter().find(|(words, ..)| scan.0 == words.as_bytes())?;
    event(Some(peer), Some(name.as_bytes()), *reason, scan.0)
}

/// `pong peer=7: Nonce mismatch, 1234 expected, 5678 received, 8 bytes`
fn pong(text: &[u8]) -> Option<LogEvent> {
    let mut scan = Scan(text);
    scan.skip("pong ")?;
    let peer = scan.peer()?;
    scan.skip(": ")?;
    let words = scan.0;
    let mut end = scan;
    end.until(", ")?;
    end.until(" expected, ")?;
    end.until(" received, ")?;
    end.number::<u64>()?;
    end.skip(" bytes")?;
    end.end()?;
    event(Some(peer.id), Some(b"pong"), IgnoredReason::WrongPong, words)
}

/// `Header error: Wrong checksum (inv, 37 bytes), expected 01020304 was 05060708, peer=7`
/// `Header error: Invalid message type (inv, 37 bytes), peer=7`
fn malformed(text: &[u8]) -> Option<LogEvent> {
    let (words, peer) = before_peer(text, ", ")?;
    let mut scan = Scan(words);
    scan.until("(")?;
    match memmem::rfind(scan.0, b" bytes), expected ") {
        Some(at) => scan.0 = scan.0.get(..at)?,
        None => scan.skip_end(" bytes)")?,
    }
    event(peer, Some(name_before_size(scan)?), IgnoredReason::Malformed, words)
}

/// `inv, 37`
fn name_before_size(scan: Scan<'_>) -> Option<&[u8]> {
    let at = memmem::rfind(scan.0, b", ")?;
    Scan(scan.0.get(at + 2..)?).whole_number::<u64>()?;
    scan.0.get(..at)
}

/// `ProcessMessages(inv, 37 bytes): Exception '…' (…) caught`
fn exception(text: &[u8]) -> Option<LogEvent> {
    let mut scan = Scan(text);
    scan.skip("ProcessMessages(")?;
    scan.skip_end(" caught")?;
    // The text of the exception may be anything, the name may not contain this.
    let name = name_before_size(Scan(scan.until(" bytes): ")?))?;
    event(None, Some(name), IgnoredReason::Malformed, text)
}
