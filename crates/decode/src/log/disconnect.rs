//! Why the node gives up connections: some sixty log calls in `src/net.cpp` and `src/net_processing.cpp`.
//!
//! Since v29 they end alike (`CNode::DisconnectMsg`): `ping timeout: 1200.0s, disconnecting peer=7, peeraddr=…`. Before,
//! each named the peer where it liked: `ping timeout: 1200.0s peer=7`, `peer=7 using obsolete version 1; disconnecting`.
//! Without the words for the peer both say the same, and by these words the reasons are recognised.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{DisconnectReason, PeerDisconnected};
use memchr::memmem;

use super::Rule;
use super::scan::{Peer, Scan, lossy};

/// Messages that, in some version, end a connection without the word "disconnecting"; or have no peer id.
pub(super) const RULES: &[Rule] = &[
    Rule::whole("Disconnecting outbound peer ", implied),
    Rule::whole("Disconnecting: ", implied),
    Rule::whole("Got a PONG ", implied),
    Rule::whole("Header error: Size too large ", implied),
    Rule::whole("Header error: Unable to deserialize", implied),
    Rule::whole("Header error: Wrong MessageStart ", implied),
    Rule::whole("Network not active, ", implied),
    Rule::whole("Resetting socket for ", implied),
    Rule::whole("V2 handshake timeout", implied),
    Rule::whole("V2 transport error: missing ", implied),
    Rule::whole("V2 transport error: packet ", implied),
    Rule::whole("V2 transport error: V1 peer ", nameless),
    Rule::new("connected to self at ", self_connection),
    Rule::whole("disconnecting ", implied),
    Rule::whole("peer ", implied),
    Rule::whole("ping timeout: ", implied),
    Rule::whole("socket ", implied),
    Rule::whole("transaction sent in violation of protocol", implied),
    Rule::whole("version handshake timeout", implied),
];

/// What the words for each reason begin with.
const REASONS: &[(&str, DisconnectReason)] = &[
    ("Block was pruned before it could be read", DisconnectReason::BlockUnavailable),
    ("Cannot load block from disk", DisconnectReason::BlockUnavailable),
    ("Disconnecting outbound peer -- headers chain has insufficient work", DisconnectReason::InsufficientWork),
    ("Disconnecting outbound peer for old chain", DisconnectReason::OldChain),
    ("Disconnecting: ", DisconnectReason::PrivateBroadcast),
    ("Got a PONG", DisconnectReason::PrivateBroadcast),
    ("Header error: ", DisconnectReason::TransportError),
    ("Ignore block request below NODE_NETWORK_LIMITED threshold", DisconnectReason::BlockUnavailable),
    ("Network not active", DisconnectReason::NetworkInactive),
    ("Outbound peer has old chain", DisconnectReason::OldChain),
    ("Peer is stalling block download", DisconnectReason::StallingBlocks),
    ("Resetting socket", DisconnectReason::Closed),
    ("Stopping node", DisconnectReason::Shutdown),
    ("Timeout downloading block ", DisconnectReason::BlockDownloadTimeout),
    ("Timeout downloading headers", DisconnectReason::HeadersDownloadTimeout),
    ("V2 handshake timeout", DisconnectReason::HandshakeTimeout),
    ("V2 transport error: ", DisconnectReason::TransportError),
    // Before v0.17.
    ("block download timeout", DisconnectReason::BlockDownloadTimeout),
    // Knots: it uses other consensus rules, and there are enough of those.
    ("connected to stale outbound peer ", DisconnectReason::ExtraOutbound),
    ("addrfetch connection ", DisconnectReason::AddrFetchDone),
    ("disconnect by ", DisconnectReason::ByOperator),
    ("disconnecting extra ", DisconnectReason::ExtraOutbound),
    ("feature received ", DisconnectReason::ProtocolViolation),
    ("feeler connection completed", DisconnectReason::FeelerDone),
    ("filteradd received despite not offering bloom services", DisconnectReason::BloomNotOffered),
    ("filterclear received despite not offering bloom services", DisconnectReason::BloomNotOffered),
    ("filterload received despite not offering bloom services", DisconnectReason::BloomNotOffered),
    ("getblocks locator size ", DisconnectReason::ProtocolViolation),
    ("getheaders locator size ", DisconnectReason::ProtocolViolation),
    ("historical block serving limit reached", DisconnectReason::UploadLimit),
    ("invalid feature payload", DisconnectReason::ProtocolViolation),
    ("mempool request with bandwidth limit reached", DisconnectReason::UploadLimit),
    ("mempool request with bloom filters disabled", DisconnectReason::MempoolNotOffered),
    ("outbound peer headers chain has insufficient work", DisconnectReason::InsufficientWork),
    ("peer does not offer the expected services", DisconnectReason::MissingServices),
    ("peer requested invalid block hash", DisconnectReason::ProtocolViolation),
    ("peer requested too many cfilters/cfheaders", DisconnectReason::ProtocolViolation),
    ("peer requested unsupported block filter type", DisconnectReason::ProtocolViolation),
    ("peer sent invalid getcfilters/getcfheaders", DisconnectReason::ProtocolViolation),
    ("peer using obsolete version", DisconnectReason::ObsoleteVersion),
    ("peer lacks ", DisconnectReason::MissingServices),
    ("ping timeout: ", DisconnectReason::PingTimeout),
    ("receiving message bytes failed", DisconnectReason::TransportError),
    ("sendaddrv2 received ", DisconnectReason::ProtocolViolation),
    ("sendtxrcncl received ", DisconnectReason::ProtocolViolation),
    ("socket closed", DisconnectReason::SocketClosed),
    ("socket no message in first ", DisconnectReason::Inactivity),
    ("socket receive timeout", DisconnectReason::Inactivity),
    ("socket recv error", DisconnectReason::SocketError),
    ("socket send error", DisconnectReason::SocketError),
    ("socket sending timeout", DisconnectReason::Inactivity),
    ("transaction (", DisconnectReason::ProtocolViolation),
    ("transaction sent in violation of protocol", DisconnectReason::ProtocolViolation),
    ("txreconciliation protocol violation", DisconnectReason::ProtocolViolation),
    ("v1 connection from a clearnet peer not allowed ", DisconnectReason::TransportPolicy),
    ("version handshake timeout", DisconnectReason::HandshakeTimeout),
    ("wtxidrelay received ", DisconnectReason::ProtocolViolation),
];

/// A message about a peer.
pub(super) struct Named {
    pub(super) peer: Peer,
    /// The message without the words for the peer and for its disconnection.
    words: Vec<u8>,
    /// Whether the message reports that the peer is disconnected.
    announced: bool,
}

impl Named {
    /// Finds the peer in a message.
    pub(super) fn find(message: &[u8]) -> Option<Self> {
        Self::find_with(message, b"eer=").or_else(|| Self::find_with(message, b"eer "))
    }

    /// Finds the peer whose name ends in this.
    fn find_with(message: &[u8], name: &[u8]) -> Option<Self> {
        memmem::find_iter(message, name).find_map(|at| Self::at(message, at.checked_sub(1)?))
    }

    /// The peer that is named at `at`.
    fn at(message: &[u8], at: usize) -> Option<Self> {
        let (before, rest) = message.split_at_checked(at)?;
        let (name, rest) = rest.split_at_checked("peer=".len())?;
        let name = name.get(..4).filter(|name| name.eq_ignore_ascii_case(b"peer"))?;
        let mut scan = Scan(rest);
        let peer = scan.peer_after_name()?;

        let (before, announced_before) = strip(before, &["disconnecting ", "disconnect ", "dropping "]);
        let (before, attached) = strip(before, &[" from ", " for "]);
        let (after, announced_after) = strip(scan.0, &["; disconnecting", ", disconnecting"]);
        let mut words = trim(before).to_vec();
        match after {
            [] => {}
            [b':', ..] => words.extend(after),
            _ => {
                if !words.is_empty() {
                    words.push(b' ');
                }
                if !attached {
                    words.extend(name);
                    words.push(b' ');
                }
                words.extend(trim(after));
            }
        }
        let announced = announced_before || announced_after;
        // "…, not disconnecting peer=7"
        Some(Self { peer, words, announced: announced && !before.ends_with(b" not ") })
    }

    fn reason(&self) -> Option<DisconnectReason> {
        // Up to v28: "disconnecting peer=7" when the socket is closed.
        if self.words.is_empty() {
            return Some(DisconnectReason::Closed);
        }
        REASONS.iter().find(|(start, _)| self.words.starts_with(start.as_bytes())).map(|(_, reason)| *reason)
    }

    fn event(self, reason: DisconnectReason) -> LogEvent {
        let words: &[u8] = if self.words.is_empty() { b"disconnecting" } else { &self.words };
        LogEvent::PeerDisconnected(PeerDisconnected {
            peer_id: Some(self.peer.id),
            addr: self.peer.addr,
            reason: reason.into(),
            text: lossy(words),
            block_hash: block_hash(Scan(words)),
        })
    }
}

/// Without the first of these endings that is there, and whether one was.
fn strip<'a>(text: &'a [u8], endings: &[&str]) -> (&'a [u8], bool) {
    let stripped = endings.iter().find_map(|ending| text.strip_suffix(ending.as_bytes()));
    (stripped.unwrap_or(text), stripped.is_some())
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' ' | b',' | b';'] = text {
        text = rest;
    }
    text
}

fn block_hash(mut words: Scan) -> Option<String> {
    if !words.skips("Timeout downloading block ") {
        words.until("best known block = ")?;
    }
    words.hash()
}

/// A message that announces a disconnection, for a known reason or another one.
///
/// Only a peer that is named with `=` counts: the node drops this character from what it prints of a peer's text
/// (`SanitizeString`), so that none can write such a message into its user agent or the features that it advertises. Types
/// of messages, which are not always filtered, are too short for it.
pub(super) fn announced(message: &[u8]) -> Option<LogEvent> {
    memmem::find(message, b"disconnect")?;
    let named = Named::find_with(message, b"eer=").filter(|named| named.announced)?;
    let reason = named.reason().unwrap_or(DisconnectReason::DisconnectOther);
    Some(named.event(reason))
}

/// A message that, if its words are those of a known reason, means a disconnection.
fn implied(message: &[u8]) -> Option<LogEvent> {
    let named = Named::find(message)?;
    let reason = named.reason()?;
    Some(named.event(reason))
}

/// A message about the only peer that can be meant, without its name.
fn nameless(message: &[u8]) -> Option<LogEvent> {
    Some(LogEvent::PeerDisconnected(PeerDisconnected {
        reason: DisconnectReason::TransportError.into(),
        text: lossy(message),
        ..PeerDisconnected::default()
    }))
}

/// `192.0.2.1:8333, disconnecting`
fn self_connection(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    scan.skip(", disconnecting")?;
    scan.end()?;
    Some(LogEvent::PeerDisconnected(PeerDisconnected {
        addr: Some(addr),
        reason: DisconnectReason::SelfConnection.into(),
        text: "connected to self".to_owned(),
        ..PeerDisconnected::default()
    }))
}
