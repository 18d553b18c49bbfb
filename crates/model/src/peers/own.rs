//! Which of the peers is our own P2P connection.
//!
//! It is found by what only our connection can have, never by a user agent: anybody can claim one, and what is taken
//! for ours is left out of counts. Where we listen is known before the node connects, the rest a moment after that.

use std::collections::VecDeque;

use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{ConnectionExpected, ConnectionOpened, Way};
use smol_str::SmolStr;

use super::peer::Peer;
use crate::bounds::{LATE_NS, MAX_ADDR, MAX_OWN, SECOND};
use crate::text::cut;

/// After we reported that versions were exchanged, no other connection can have been the first with our nonce:
/// whoever learns it from our report is later. Clocks of other machines may be off by this.
const NONCE_NS: u64 = 2 * SECOND;

/// The last connections of our own.
#[derive(Debug, Default)]
pub(super) struct Own(VecDeque<Connection>);

/// A connection of our own, as we reported it.
#[derive(Debug, Default)]
struct Connection {
    /// Run of the extractor.
    run: u64,
    /// The node connects to us.
    listening: bool,
    /// Where the node sees us.
    address: SmolStr,
    /// Where we see the node.
    node_address: SmolStr,
    session_id: SmolStr,
    nonce: Option<u64>,
    /// When it was about to be made, nanoseconds since the UNIX epoch.
    since_ns: u64,
    /// When versions were exchanged; none if they were not yet.
    opened_ns: Option<u64>,
    ended: bool,
}

/// What the node reports of a peer that may show that it is our own connection.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// The address on the node's side, by getpeerinfo.
    pub bind: SmolStr,
    /// The session id of transport v2, by getpeerinfo.
    pub session_id: SmolStr,
    /// The nonce of its version message, and when that came, by a tracepoint.
    pub nonce: Option<(u64, u64)>,
}

impl Own {
    /// Notes what we report of our own connection. Whether it may change which peer it is.
    pub fn note(&mut self, event: &P2pEvent, run: u64, time_ns: u64) -> bool {
        match event {
            P2pEvent::ConnectionExpected(expected) => self.expected(expected, run, time_ns),
            P2pEvent::ConnectionOpened(opened) => self.opened(opened, run, time_ns),
            P2pEvent::ConnectionEnded(_) => {
                self.0
                    .iter_mut()
                    .filter(|own| own.run == run && own.opened_ns.is_some())
                    .for_each(|own| own.ended = true);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The connection of a run that is about to be made in this way: one attempt after the other may come to nothing.
    fn next(&mut self, run: u64, listening: bool, time_ns: u64) -> Option<&mut Connection> {
        let is_next = |own: &Connection| own.run == run && own.listening == listening && own.opened_ns.is_none();
        if !self.0.iter().any(is_next) {
            if self.0.len() >= MAX_OWN {
                let ended = self.0.iter().position(|own| own.ended).unwrap_or(0);
                self.0.remove(ended);
            }
            self.0.push_back(Connection { run, listening, since_ns: time_ns, ..Connection::default() });
        }
        self.0.iter_mut().find(|own| is_next(own))
    }

    fn expected(&mut self, expected: &ConnectionExpected, run: u64, time_ns: u64) {
        if let Some(own) = self.next(run, expected.way() == Way::Listening, time_ns) {
            own.address = cut(expected.our_address.as_deref().unwrap_or_default(), MAX_ADDR);
            own.since_ns = time_ns;
        }
    }

    fn opened(&mut self, opened: &ConnectionOpened, run: u64, time_ns: u64) {
        if let Some(own) = self.next(run, opened.way() == Way::Listening, time_ns) {
            if let Some(address) = &opened.our_address {
                own.address = cut(address, MAX_ADDR);
            }
            own.node_address = cut(&opened.node_address, MAX_ADDR);
            own.session_id = cut(opened.session_id.as_deref().unwrap_or_default(), MAX_ADDR);
            own.nonce = Some(opened.our_nonce);
            own.opened_ns = Some(time_ns);
        }
    }

    /// Looks again whether a peer is our own connection.
    pub fn judge<P>(&self, peer: &mut Peer<P>) {
        if !self.0.is_empty() {
            peer.own = self.0.iter().any(|own| own.is(peer));
        }
    }
}

impl Connection {
    /// Whether a peer is this connection.
    fn is<P>(&self, peer: &Peer<P>) -> bool {
        // The node must have opened it if it was to connect to us, and otherwise not.
        if peer.inbound == Some(self.listening) {
            return false;
        }
        let Signs { bind, session_id, nonce } = &peer.signs;
        let both_known = !session_id.is_empty() && !self.session_id.is_empty();
        if both_known && *session_id == self.session_id {
            return true;
        }
        if self.listening && !self.address.is_empty() && peer.addr == self.address {
            // Whatever the node connects to there is our listener.
            return true;
        }
        // The rest are numbers that others may have at another time.
        if both_known || !self.was_made_when(peer) {
            return false;
        }
        let first = |(nonce, at_ns): (u64, u64)| {
            self.nonce == Some(nonce)
                && self.opened_ns.is_some_and(|opened_ns| at_ns <= opened_ns.saturating_add(NONCE_NS))
        };
        let is_bound = !bind.is_empty() && *bind == self.node_address;
        nonce.is_some_and(first)
            || !self.listening && !self.address.is_empty() && peer.inbound.is_some() && peer.addr == self.address
            || self.listening && is_bound && peer.connection_type == "manual"
    }

    /// Whether a peer connected when this connection was made. Clocks differ, and the node may be asked late.
    fn was_made_when<P>(&self, peer: &Peer<P>) -> bool {
        let connected_ns = peer.connected_ns.unwrap_or(peer.first_seen_ns);
        let until_ns = self.opened_ns.unwrap_or(self.since_ns).saturating_add(LATE_NS);
        (self.since_ns.saturating_sub(LATE_NS)..=until_ns).contains(&connected_ns)
    }
}
