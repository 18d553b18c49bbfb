//! What is sent and received: `src/net.cpp`, `src/net_processing.cpp`, `src/node/txdownloadman_impl.cpp`.
//!
//! Most lines of a node with -debug=net are these.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    BlockAnnounced, BlockReceived, BlockTransactionsSent, DataRequested, FeefilterReceived, GetdataReceived,
    HeadersRequestReason, HeadersRequested, InventoryReceived, LocatorReceived, LoggedMessage, LoggedVersion,
    SelfAnnounced,
};
use memchr::memmem;

use super::Rule;
use super::scan::{Peer, Scan, lossy};

/// Bytes of the type of a message at most.
pub(super) const MAX_MESSAGE_TYPE: usize = 12;

/// Bytes of a user agent at most (`MAX_SUBVERSION_LENGTH`).
const MAX_USER_AGENT: usize = 256;

pub(super) const RULES: &[Rule] = &[
    Rule::new("received: ", received).only(),
    Rule::new("got inv: ", inventory),
    Rule::new("sending ", sending),
    Rule::new("Requesting ", requested),
    Rule::new("received getdata ", getdata),
    Rule::new("received block ", block),
    Rule::new("received header ", unconnecting),
    Rule::new("receive version message: ", version_received).only(),
    Rule::new("send version message: ", version_sent),
    Rule::new("timeout of inflight ", timed_out),
    Rule::new("getheaders ", getheaders),
    Rule::new("getblocks ", getblocks),
    Rule::new("initial getheaders (", |scan| headers(scan, HeadersRequestReason::InitialHeaders)),
    Rule::new("more getheaders (", more_headers),
    Rule::new("SendMessages", announced),
    Rule::new("PeerManager::NewPoWValidBlock sending header-and-ids ", compact_block_announced),
    Rule::new("peer=", |mut scan| block_transactions(scan.peer_after_name()?, scan)),
    // Up to v31.
    Rule::new("Peer ", |mut scan| block_transactions(Peer { id: scan.number()?, addr: None }, scan)),
    Rule::new("Advertising address ", self_announced),
];

/// The type of a message, which is whatever the peer chose.
pub(super) fn message_type(name: &[u8]) -> Option<String> {
    (name.len() <= MAX_MESSAGE_TYPE).then(|| lossy(name))
}

/// `inv (37 bytes) peer=7`
fn message(mut scan: Scan) -> Option<LoggedMessage> {
    let peer = scan.peer_at_end()?;
    scan.skip_end(" bytes) ")?;
    let name = scan.0.get(..memchr::memrchr(b'(', scan.0)?)?;
    let size = Scan(scan.0.get(name.len() + 1..)?).whole_number()?;
    Some(LoggedMessage { message_type: message_type(name.strip_suffix(b" ")?)?, size, peer_id: peer.id })
}

fn received(scan: Scan) -> Option<LogEvent> {
    message(scan).map(LogEvent::MessageReceived).or_else(|| feefilter(scan))
}

/// `feefilter of 0.00001000 BTC/kvB from peer=7`
fn feefilter(mut scan: Scan) -> Option<LogEvent> {
    scan.skip("feefilter of ")?;
    let fee_rate = scan.fee_rate()?;
    scan.skip(" from ")?;
    let peer_id = peer_to_end(scan)?;
    Some(LogEvent::FeefilterReceived(FeefilterReceived { peer_id, fee_rate }))
}

fn sending(scan: Scan) -> Option<LogEvent> {
    let sent = message(scan).filter(|sent| sent.message_type.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    sent.map(LogEvent::MessageSent).or_else(|| chain_work(scan))
}

/// `getheaders to outbound peer=7 to verify chain work (current best known block:…, benchmark blockhash: …)`
fn chain_work(mut scan: Scan) -> Option<LogEvent> {
    scan.skip("getheaders to outbound ")?;
    let peer = scan.peer()?;
    scan.skip(" to verify chain work (current best known block:")?;
    scan.hash_or("<none>")?;
    scan.skip(", benchmark blockhash: ")?;
    let block_hash = Some(scan.hash()?);
    scan.skip(")")?;
    scan.end()?;
    headers_requested(peer.id, HeadersRequestReason::ChainWork, None, block_hash)
}

/// The id of a peer that is all that is left.
fn peer_to_end(mut scan: Scan) -> Option<u64> {
    let peer = scan.peer()?;
    scan.end()?;
    Some(peer.id)
}

/// Names of what is requested and announced, and the flag that some of them carry (`CInv::GetMessageType`).
const INVENTORY_TYPES: [&str; 5] = ["wtx ", "tx ", "block ", "cmpctblock ", "merkleblock "];

/// `wtx …`, `witness-block …`, or `0x00000009 …` of a type that the node does not know
fn inventory_item(scan: &mut Scan) -> Option<(String, String)> {
    let before = scan.0;
    if scan.skips("0x") {
        let (number, rest) = scan.0.split_first_chunk::<8>()?;
        if !number.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        scan.0 = rest;
        scan.skip(" ")?;
    } else {
        scan.skips("witness-");
        if !INVENTORY_TYPES.iter().any(|name| scan.skips(name)) {
            return None;
        }
    }
    let name = before.get(..before.len() - scan.0.len() - 1)?;
    Some((lossy(name), scan.hash()?))
}

/// `wtx … new peer=7`; up to v28 with two spaces
fn inventory(mut scan: Scan) -> Option<LogEvent> {
    let (inventory_type, hash) = inventory_item(&mut scan)?;
    scan.skip(" ")?;
    scan.skips(" ");
    let is_new = scan.skips("new ");
    if !is_new {
        scan.skip("have ")?;
    }
    let peer_id = peer_to_end(scan)?;
    Some(LogEvent::InventoryReceived(InventoryReceived { inventory_type, hash, is_new, peer_id }))
}

/// `wtx … peer=7`, `block … (840000) peer=7`, `block … from peer=7`; up to v29 with two spaces
fn requested(mut scan: Scan) -> Option<LogEvent> {
    let (inventory_type, hash) = inventory_item(&mut scan)?;
    let mut height = None;
    if scan.skips(" (") {
        height = Some(scan.number()?);
        scan.skip(") ")?;
    } else if scan.skips(" from ") {
        scan.skips(" ");
    } else {
        scan.skip(" ")?;
    }
    let peer_id = peer_to_end(scan)?;
    Some(LogEvent::DataRequested(DataRequested { inventory_type, hash, peer_id, height }))
}

/// `wtx … from peer=7`
fn timed_out(mut scan: Scan) -> Option<LogEvent> {
    let (inventory_type, hash) = inventory_item(&mut scan)?;
    scan.skip(" from ")?;
    let peer_id = peer_to_end(scan)?;
    Some(LogEvent::DataRequestTimedOut(DataRequested { inventory_type, hash, peer_id, height: None }))
}

/// `(5 invsz) peer=7`, `for: wtx … peer=7`
fn getdata(mut scan: Scan) -> Option<LogEvent> {
    let mut request = GetdataReceived::default();
    if scan.skips("(") {
        request.entries = Some(scan.number()?);
        scan.skip(" invsz) ")?;
    } else {
        scan.skip("for: ")?;
        let (inventory_type, hash) = inventory_item(&mut scan)?;
        (request.inventory_type, request.hash) = (Some(inventory_type), Some(hash));
        scan.skip(" ")?;
    }
    request.peer_id = peer_to_end(scan)?;
    Some(LogEvent::GetdataReceived(request))
}

/// `… peer=7`
fn block(mut scan: Scan) -> Option<LogEvent> {
    let block_hash = scan.hash()?;
    scan.skip(" ")?;
    Some(LogEvent::BlockReceived(BlockReceived { block_hash, peer_id: peer_to_end(scan)? }))
}

/// `…: missing prev block …, sending getheaders (840000) to end (peer=7)`; up to v27 with a number after the peer
fn unconnecting(mut scan: Scan) -> Option<LogEvent> {
    let block_hash = Some(scan.hash()?);
    scan.skip(": missing prev block ")?;
    scan.hash()?;
    scan.skip(", sending getheaders (")?;
    let height = Some(scan.number()?);
    scan.skip(") to end (peer=")?;
    let peer_id = scan.number()?;
    if scan.skips(", m_num_unconnecting_headers_msgs=") {
        scan.number::<u64>()?;
    }
    scan.skip(")")?;
    scan.end()?;
    headers_requested(peer_id, HeadersRequestReason::UnconnectingHeaders, height, block_hash)
}

fn headers_requested(
    peer_id: u64,
    reason: HeadersRequestReason,
    height: Option<u32>,
    block_hash: Option<String>,
) -> Option<LogEvent> {
    Some(LogEvent::HeadersRequested(HeadersRequested { peer_id, reason: reason.into(), height, block_hash }))
}

/// `840000) to peer=7`, up to v31 also ` (startheight:840000)`
fn headers(mut scan: Scan, reason: HeadersRequestReason) -> Option<LogEvent> {
    let height = Some(scan.number()?);
    scan.skip(")")?;
    if reason == HeadersRequestReason::MoreHeaders {
        scan.skip(" to end")?;
    }
    scan.skip(" to ")?;
    let peer = scan.peer()?;
    if scan.skips(" (startheight:") {
        scan.parse::<i32>()?;
        scan.skip(")")?;
    }
    scan.end()?;
    headers_requested(peer.id, reason, height, None)
}

/// `840000) to end to peer=7`, `from …) to peer=7`
fn more_headers(mut scan: Scan) -> Option<LogEvent> {
    if !scan.skips("from ") {
        return headers(scan, HeadersRequestReason::MoreHeaders);
    }
    let block_hash = Some(scan.hash()?);
    scan.skip(") to ")?;
    headers_requested(peer_to_end(scan)?, HeadersRequestReason::MoreHeaders, None, block_hash)
}

/// Sent: `(840000) … to peer=7`. Received: `-1 to end from peer=7`
fn getheaders(mut scan: Scan) -> Option<LogEvent> {
    if !scan.skips("(") {
        return locator(scan, "getheaders");
    }
    let height = Some(scan.number()?);
    scan.skip(") ")?;
    let block_hash = Some(scan.hash()?);
    scan.skip(" to ")?;
    headers_requested(peer_to_end(scan)?, HeadersRequestReason::BlockInv, height, block_hash)
}

/// `840000 to … limit 500 from peer=7`
fn getblocks(scan: Scan) -> Option<LogEvent> {
    locator(scan, "getblocks")
}

fn locator(mut scan: Scan, message_type: &str) -> Option<LogEvent> {
    let height = if scan.skips("-1") { None } else { Some(scan.number()?) };
    scan.skip(" to ")?;
    let stop_hash = scan.hash_or("end")?;
    let limit = if scan.skips(" limit ") { Some(scan.number()?) } else { None };
    scan.skip(" from ")?;
    let peer_id = peer_to_end(scan)?;
    let message_type = message_type.to_owned();
    Some(LogEvent::LocatorReceived(LocatorReceived { peer_id, message_type, height, stop_hash, limit }))
}

/// `/Satoshi:29.0.0/: version 70016, blocks=840000, us=192.0.2.1:8333, txrelay=1, peer=7, peeraddr=…, mapped_as=64500`
fn version_received(mut scan: Scan) -> Option<LogEvent> {
    // The user agent may contain this text, too.
    let at = memmem::rfind(scan.0, b": version ")?;
    let user_agent = scan.0.get(..at).filter(|agent| agent.len() <= MAX_USER_AGENT)?;
    let user_agent = if user_agent == b"<no user agent>" { String::new() } else { lossy(user_agent) };
    scan.0 = scan.0.get(at..)?;
    scan.skip(": version ")?;
    let mut version = LoggedVersion { user_agent: Some(user_agent), ..LoggedVersion::default() };
    version.version = scan.number()?;
    scan.skip(", blocks=")?;
    version.blocks = scan.parse()?;
    scan.skip(", us=")?;
    version.receiver_addr = Some(scan.addr()?);
    version_end(&mut scan, &mut version)?;
    Some(LogEvent::VersionReceived(version))
}

/// `version=70016, blocks=840000, them=192.0.2.1:8333, txrelay=1, peer=7`; up to v31 `version 70016, …`
fn version_sent(mut scan: Scan) -> Option<LogEvent> {
    if !scan.skips("version=") {
        scan.skip("version ")?;
    }
    let mut version = LoggedVersion { version: scan.number()?, ..LoggedVersion::default() };
    scan.skip(", blocks=")?;
    version.blocks = scan.parse()?;
    if scan.skips(", them=") {
        version.receiver_addr = Some(scan.addr()?);
    }
    version_end(&mut scan, &mut version)?;
    Some(LogEvent::VersionSent(version))
}

/// `, txrelay=1, peer=7, peeraddr=…, mapped_as=64500`; Knots may add more.
fn version_end(scan: &mut Scan, version: &mut LoggedVersion) -> Option<()> {
    scan.skip(", txrelay=")?;
    version.relays_transactions = match scan.number::<u8>()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    scan.skip(", ")?;
    let peer = scan.peer()?;
    (version.peer_id, version.addr) = (peer.id, peer.addr);
    while scan.skips(", ") {
        if scan.skips("mapped_as=") {
            version.mapped_as = Some(scan.number()?);
        } else {
            scan.addr()?;
        }
    }
    scan.end()
}

/// ` sending header-and-ids … to peer=7`, `: sending header … to peer=7`, `: 3 headers, range (…, …), to peer=7`,
/// `: sending inv peer=7 hash=…`
fn announced(mut scan: Scan) -> Option<LogEvent> {
    if scan.skips(" sending header-and-ids ") {
        return compact_block_announced(scan);
    }
    scan.skip(": ")?;
    if scan.skips("sending header ") {
        let block_hash = scan.hash()?;
        scan.skip(" to ")?;
        return block_announced(peer_to_end(scan)?, block_hash, "headers", Some(1));
    }
    if scan.skips("sending inv ") {
        let peer = scan.peer()?;
        scan.skip(" hash=")?;
        let block_hash = scan.hash()?;
        scan.end()?;
        return block_announced(peer.id, block_hash, "inv", None);
    }
    let headers = Some(scan.number()?);
    scan.skip(" headers, range (")?;
    scan.hash()?;
    scan.skip(", ")?;
    let block_hash = scan.hash()?;
    scan.skip("), to ")?;
    block_announced(peer_to_end(scan)?, block_hash, "headers", headers)
}

/// `… to peer=7`
fn compact_block_announced(mut scan: Scan) -> Option<LogEvent> {
    let block_hash = scan.hash()?;
    scan.skip(" to ")?;
    block_announced(peer_to_end(scan)?, block_hash, "cmpctblock", None)
}

fn block_announced(peer_id: u64, block_hash: String, message_type: &str, headers: Option<u32>) -> Option<LogEvent> {
    let message_type = message_type.to_owned();
    Some(LogEvent::BlockAnnounced(BlockAnnounced { block_hash, peer_id, message_type, headers }))
}

/// ` sent us a GETBLOCKTXN for block …, sending a BLOCKTXN with 3 txns. (900 bytes)`; up to v29 without the bytes
fn block_transactions(peer: Peer, mut scan: Scan) -> Option<LogEvent> {
    scan.skip(" sent us a GETBLOCKTXN for block ")?;
    let block_hash = scan.hash()?;
    scan.skip(", sending a BLOCKTXN with ")?;
    let transactions = scan.number()?;
    scan.skip(" txns")?;
    scan.skips(".");
    let mut size = None;
    if scan.skips(" (") {
        size = Some(scan.number()?);
        scan.skip(" bytes)")?;
    }
    scan.end()?;
    let sent = BlockTransactionsSent { peer_id: peer.id, addr: peer.addr, block_hash, transactions, size };
    Some(LogEvent::BlockTransactionsSent(sent))
}

/// `192.0.2.1:8333 to peer=7`
fn self_announced(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.skip(" to ")?;
    Some(LogEvent::SelfAnnounced(SelfAnnounced { addr, peer_id: peer_to_end(scan)? }))
}
