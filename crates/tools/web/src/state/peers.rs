//! The peers of a node: connections that are open, and those that ended of late.

use std::collections::VecDeque;

use event::message::Message;
use event::pb::ebpf_extractor::connection::Connection as Traced;
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{DisconnectReason, MisbehavingAction, PeerConnected, PeerDisconnected};
use event::pb::rpc_extractor::PeerInfos;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::messages::Messages;
use super::names;
use super::peer::{End, Peer, push, seconds_ns};
use super::series::SECOND;
use super::text::cut;
use super::types::Types;
use networks::Facts;

/// Open connections that are remembered. A node has some hundred.
const MAX_OPEN: usize = 2_000;
/// Connections that ended.
const MAX_CLOSED: usize = 200;
/// So long after the end of a connection, some source may still tell of it.
const LATE_NS: u64 = 60 * SECOND;
/// A connection of which nobody tells anything for so long is gone (`TIMEOUT_INTERVAL`).
const SILENCE_NS: u64 = 1_260 * SECOND;
/// So long after a poll of getpeerinfo the next one is waited for.
const POLLED_NS: u64 = 120 * SECOND;

/// Connections of a node.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub open: HashMap<u64, Peer, RandomState>,
    /// The last ones, oldest first.
    pub closed: VecDeque<Peer>,
    /// When getpeerinfo was polled last.
    pub polled_ns: u64,
    run: u64,
}

impl Peers {
    /// The peer of a message: also one whose connection ended just before, for debug.log may be faster than tracepoints.
    pub fn of_message(&mut self, message: &Message, time_ns: u64, facts: &Facts) -> Option<&mut Peer> {
        // Twice looked up, for the borrow checker's sake, only where it is not there.
        let same = self.open.get(&message.peer).is_some_and(|peer| peer.addr == message.addr);
        if !same && self.other(message.peer, message.addr, time_ns, facts).is_none() {
            return self.closed.iter_mut().rev().find(|peer| peer.id == message.peer);
        }
        let peer = self.open.get_mut(&message.peer)?;
        if peer.connection_type == names::UNKNOWN {
            peer.set_type(names::of_message(message));
        }
        Some(peer)
    }

    /// Makes room for a peer with this id and address, which is not there as such. None if its connection ended just before.
    fn other(&mut self, id: u64, addr: &str, time_ns: u64, facts: &Facts) -> Option<()> {
        if let Some(known) = self.open.get_mut(&id) {
            if addr.is_empty() || known.addr == cut(addr, 128) {
                return Some(());
            }
            if known.addr.is_empty() {
                known.set_addr(addr, facts);
                return Some(());
            }
            // Its id begins anew: a restart that nobody saw.
            self.end(id, time_ns, "node_restarted");
        } else if self.ended_late(id, addr, time_ns) {
            return None;
        }
        self.make_room(time_ns);
        self.open.insert(id, Peer::new(id, addr, time_ns, facts));
        Some(())
    }

    /// The peer with this id and address; a new one if there is none. None if its connection ended just before.
    fn peer(&mut self, id: u64, addr: &str, time_ns: u64, facts: &Facts) -> Option<&mut Peer> {
        self.other(id, addr, time_ns, facts)?;
        self.open.get_mut(&id)
    }

    /// An open peer.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Peer> {
        self.open.get_mut(&id)
    }

    /// An open peer, or else the last one of this id that is gone.
    pub fn find(&self, id: u64) -> Option<&Peer> {
        self.open.get(&id).or_else(|| self.closed.iter().rev().find(|peer| peer.id == id))
    }

    /// An open peer, or else the last one of this id that is gone.
    pub fn find_mut(&mut self, id: u64) -> Option<&mut Peer> {
        if self.open.contains_key(&id) {
            return self.open.get_mut(&id);
        }
        self.closed.iter_mut().rev().find(|peer| peer.id == id)
    }

    fn ended_late(&self, id: u64, addr: &str, time_ns: u64) -> bool {
        let is_late = |end: &End| end.how != "node_restarted" && time_ns.saturating_sub(end.at_ns) < LATE_NS;
        let same = |peer: &Peer| peer.id == id && (addr.is_empty() || peer.addr.is_empty() || peer.addr == addr);
        self.closed.iter().rev().any(|peer| same(peer) && peer.end.as_ref().is_some_and(is_late))
    }

    fn make_room(&mut self, time_ns: u64) {
        if self.open.len() >= MAX_OPEN {
            let oldest = self.open.values().min_by_key(|peer| peer.seen_ns).map(|peer| peer.id);
            if let Some(id) = oldest {
                self.end(id, time_ns, "disappeared");
            }
        }
    }

    /// A connection ended.
    pub fn end(&mut self, id: u64, at_ns: u64, how: &'static str) {
        if let Some(mut peer) = self.open.remove(&id) {
            let how = if peer.evicted { "evicted" } else { how };
            let before = peer.end.take();
            let (reason, text) = before.map_or((None, None), |end| (end.reason, end.text));
            peer.end = Some(End { at_ns, how, reason, text });
            push(&mut self.closed, peer, MAX_CLOSED);
        }
    }

    /// The node was started: what was open before is not any more.
    pub fn restarted(&mut self, at_ns: u64) {
        let before = self.open.values().filter(|peer| peer.connected_ns.unwrap_or(peer.first_seen_ns) < at_ns);
        let mut ids: Vec<u64> = before.map(|peer| peer.id).collect();
        ids.sort_unstable();
        ids.iter().for_each(|id| self.end(*id, at_ns, "node_restarted"));
    }

    /// A tracepoint told something in this run. In a new one, ids may begin anew, unless getpeerinfo knows better. Whether it is a new one.
    pub fn note_run(&mut self, run: u64, time_ns: u64) -> bool {
        if run == self.run {
            return false;
        }
        let before = std::mem::replace(&mut self.run, run);
        if before != 0 && time_ns.saturating_sub(self.polled_ns) > POLLED_NS {
            self.restarted(time_ns);
        }
        before != 0
    }

    /// A tracepoint told of a connection. Returns the id of the peer that is gone.
    pub fn traced(&mut self, event: &Connection, time_ns: u64, facts: &Facts) -> Option<u64> {
        match event {
            Connection::Inbound(opened) => self.opened(&opened.conn, time_ns, facts),
            Connection::Outbound(opened) => self.opened(&opened.conn, time_ns, facts),
            Connection::InboundEvicted(evicted) => {
                if let Some(peer) = self.find_mut(evicted.conn.peer_id) {
                    peer.evict();
                }
            }
            Connection::Closed(closed) => {
                let id = closed.conn.peer_id;
                if let Some(peer) = self.peer(id, &closed.conn.addr, time_ns, facts) {
                    peer.set_traced(&closed.conn);
                    peer.connected_ns = peer.connected_ns.or(seconds_ns(closed.time_established as i64));
                }
                self.end(id, time_ns, "closed");
                return Some(id);
            }
            Connection::Misbehaving(told) => {
                if let Some(peer) = self.find_mut(told.id) {
                    peer.misbehaved(time_ns, &told.message, "noticed");
                }
            }
        }
        None
    }

    fn opened(&mut self, connection: &Traced, time_ns: u64, facts: &Facts) {
        // Two openings of one id: there was a restart in between that nobody saw.
        let id = connection.peer_id;
        if self.open.get(&id).is_some_and(|peer| peer.connected_ns.is_some_and(|known| known + 2 * SECOND < time_ns)) {
            self.end(id, time_ns, "node_restarted");
        }
        if let Some(peer) = self.peer(id, &connection.addr, time_ns, facts) {
            peer.connected_ns = Some(time_ns);
            peer.set_traced(connection);
        }
    }

    /// debug.log told something of a peer. Returns the id of the peer that is gone.
    pub fn logged(&mut self, entry: &LogEvent, time_ns: u64, facts: &Facts) -> Option<u64> {
        match entry {
            LogEvent::PeerConnected(connected) => self.log_connected(connected, time_ns, facts),
            LogEvent::PeerDisconnected(gone) => return self.log_disconnected(gone, time_ns),
            LogEvent::EvictionSelected(evicted) => {
                if let Some(peer) = self.find_mut(evicted.peer_id) {
                    peer.evict();
                }
            }
            LogEvent::Misbehaving(told) => {
                let action = match told.action() {
                    MisbehavingAction::Noticed => "noticed",
                    MisbehavingAction::Discouraged => "discouraged",
                    MisbehavingAction::SparedNoban => "spared_noban",
                    MisbehavingAction::SparedManual => "spared_manual",
                    MisbehavingAction::DisconnectedLocal => "disconnected_local",
                };
                if let Some(peer) = self.find_mut(told.peer_id) {
                    peer.misbehaved(time_ns, &told.message, action);
                }
            }
            LogEvent::HeaderSeen(seen) => {
                if let (Some(peer), Some(height)) = (seen.peer_id.and_then(|id| self.get_mut(id)), seen.height) {
                    peer.synced_header = peer.synced_header.max(Some(height));
                }
            }
            _ => {}
        }
        None
    }

    fn log_connected(&mut self, connected: &PeerConnected, time_ns: u64, facts: &Facts) {
        let addr = connected.addr.as_deref().unwrap_or_default();
        let Some(peer) = self.peer(connected.peer_id, addr, time_ns, facts) else { return };
        peer.seen_ns = peer.seen_ns.max(time_ns);
        peer.connected_ns.get_or_insert(time_ns);
        if let Some(name) = &connected.connection_type {
            peer.set_type(names::connection_type(name));
        }
        if let Some(transport) = &connected.transport {
            peer.transport = cut(transport, 16);
        }
        if connected.version != 0 {
            peer.version = Some(connected.version);
        }
        peer.starting_height = peer.starting_height.or(connected.blocks.map(i64::from));
        peer.asn = peer.asn.or(connected.mapped_as.filter(|asn| *asn != 0));
    }

    /// The node gives up a connection. Several entries may tell of one; the first that has a reason counts.
    fn log_disconnected(&mut self, gone: &PeerDisconnected, time_ns: u64) -> Option<u64> {
        let id = gone.peer_id?;
        let is_open = self.open.contains_key(&id);
        if is_open {
            self.end(id, time_ns, "closed");
        }
        let peer = self.closed.iter_mut().rev().find(|peer| peer.id == id)?;
        let end = peer.end.as_mut().filter(|end| time_ns.abs_diff(end.at_ns) < LATE_NS)?;
        if gone.reason() != DisconnectReason::Closed && end.reason.is_none() {
            end.reason = Some(gone.reason().as_str_name());
            end.text = Some(cut(&gone.text, 200));
        }
        is_open.then_some(id)
    }

    /// Takes over what getpeerinfo told: also who is not there any more. Returns the ids of those.
    pub fn polled(
        &mut self,
        infos: &PeerInfos,
        time_ns: u64,
        facts: &Facts,
        types: &mut Types,
        bytes: &mut Messages,
    ) -> Vec<u64> {
        let before_ns = std::mem::replace(&mut self.polled_ns, time_ns);
        for peer in self.open.values_mut() {
            peer.absent = peer.absent.saturating_add(1);
        }
        for info in infos.infos.iter().take(MAX_OPEN) {
            let id = u64::from(info.id);
            let connected = info.connection_time;
            // The same id, connected at another time: the node was restarted.
            let is_other = |peer: &Peer| peer.polled.as_ref().is_some_and(|polled| polled.connection_time != connected);
            if self.open.get(&id).is_some_and(is_other) {
                self.end(id, time_ns, "node_restarted");
            }
            let Some(peer) = self.peer(id, &info.address, time_ns, facts) else { continue };
            let is_new = peer.polled.is_none();
            let grown = peer.poll(info, time_ns, types);
            // What a peer sent before we looked for the first time is no news.
            if is_new && (before_ns == 0 || seconds_ns(connected).is_none_or(|since_ns| since_ns + SECOND < before_ns))
            {
                continue;
            }
            for (kind, sent, received) in grown {
                if sent > 0 {
                    bytes.add(kind, false, 0, sent, time_ns);
                }
                if received > 0 {
                    bytes.add(kind, true, 0, received, time_ns);
                }
            }
        }
        bytes.known.note(time_ns);
        // One poll may have begun before a connection did.
        let mut gone: Vec<u64> = self.open.values().filter(|peer| peer.absent >= 2).map(|peer| peer.id).collect();
        gone.sort_unstable();
        gone.iter().for_each(|id| self.end(*id, time_ns, "disappeared"));
        gone
    }

    /// Lets time pass. Returns the ids of peers that are taken for gone.
    pub fn tick(&mut self, now_ns: u64) -> Vec<u64> {
        let silent = self.open.values().filter(|peer| peer.seen_ns.saturating_add(SILENCE_NS) < now_ns);
        let mut ids: Vec<u64> = silent.map(|peer| peer.id).collect();
        ids.sort_unstable();
        ids.iter().for_each(|id| self.end(*id, now_ns, "disappeared"));
        ids
    }
}

impl Peer {
    fn set_traced(&mut self, connection: &Traced) {
        match names::network_of_number(connection.network) {
            names::UNKNOWN => {}
            network => self.network = network,
        }
        self.set_type(names::of_connection(connection));
    }

    fn evict(&mut self) {
        self.evicted = true;
        if let Some(end) = &mut self.end {
            end.how = "evicted";
        }
    }
}
