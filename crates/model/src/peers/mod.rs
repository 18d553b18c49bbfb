//! The peers of a node: open connections, and those that ended recently, merged from tracepoints, debug.log and RPC.
//!
//! Each source alone is incomplete: tracepoints may be attached late, debug.log may be without category `net`, and getpeerinfo is asked
//! every few seconds. A peer is there as soon as any of them reports it, and goes as soon as one reports its end.

mod endings;
mod own;
mod peer;

use std::collections::VecDeque;

use event::message::{Message, Payload};
use event::names;
use event::pb::ebpf_extractor::connection as traced;
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{DisconnectReason, MisbehavingAction, PeerConnected, PeerDisconnected};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::PeerInfos;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use networks::Enrichment;

use endings::Endings;
use own::Own;
pub use peer::{End, Misbehaviour, Opened, Peer, Polled, network_of_text, seconds_ns};

use crate::bounded::push;
use crate::bounds::{
    ATTACH_NS, CLOSE_AT_ONCE, LATE_NS, MAX_ADDR, MAX_CLOSED, MAX_OPEN, MAX_TEXT, POLLED_NS, SECOND, SILENCE_NS,
};
use crate::requests::Requests;
use crate::text::cut;
use crate::{Change, CloseReason, ClosedConnection};

/// Connections of a node. `P` is what a tool keeps of each peer besides.
#[derive(Debug)]
pub struct Peers<P = ()> {
    /// Open ones, by the node's id.
    open: HashMap<u64, Peer<P>, RandomState>,
    /// The last ones that ended, oldest first.
    closed: VecDeque<Peer<P>>,
    /// When getpeerinfo answered last, and the time before, nanoseconds since the UNIX epoch; 0 if it did not.
    polled_ns: u64,
    polled_before_ns: u64,
    /// When the node was last started, as far as that was noticed, nanoseconds since the UNIX epoch.
    restarted_ns: u64,
    endings: Endings,
    /// Connections of our own.
    own: Own,
    /// Which enrichment the peers were looked up in.
    generation: u64,
}

impl<P> Default for Peers<P> {
    fn default() -> Self {
        Self {
            open: HashMap::default(),
            closed: VecDeque::new(),
            polled_ns: 0,
            polled_before_ns: 0,
            restarted_ns: 0,
            endings: Endings::default(),
            own: Own::default(),
            generation: 0,
        }
    }
}

/// What the methods here change besides the peers, and look up.
pub(crate) struct Effects<'a> {
    pub time_ns: u64,
    pub enrichment: &'a Enrichment,
    pub requests: &'a mut Requests,
    pub changes: &'a mut Vec<Change>,
}

impl<P> Peers<P> {
    /// An open peer.
    pub fn get(&self, id: u64) -> Option<&Peer<P>> {
        self.open.get(&id)
    }

    /// An open peer, to change what the tool keeps of it.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Peer<P>> {
        self.open.get_mut(&id)
    }

    /// An open peer, or else the last one with this id that is closed.
    pub fn find(&self, id: u64) -> Option<&Peer<P>> {
        self.open.get(&id).or_else(|| self.closed.iter().rev().find(|peer| peer.id == id))
    }

    /// An open peer, or else the last one with this id that is closed.
    pub fn find_mut(&mut self, id: u64) -> Option<&mut Peer<P>> {
        let Self { open, closed, .. } = self;
        open.get_mut(&id).or_else(|| closed.iter_mut().rev().find(|peer| peer.id == id))
    }

    /// All open peers, in no order.
    pub fn open(&self) -> impl ExactSizeIterator<Item = &Peer<P>> {
        self.open.values()
    }

    /// Peers whose connections ended recently, oldest first.
    pub fn closed(&self) -> impl DoubleEndedIterator<Item = &Peer<P>> + ExactSizeIterator {
        self.closed.iter()
    }

    /// When getpeerinfo answered last, nanoseconds since the UNIX epoch; 0 if it did not.
    pub fn polled_ns(&self) -> u64 {
        self.polled_ns
    }

    /// When getpeerinfo answered the time before, nanoseconds since the UNIX epoch; 0 if it did not.
    pub fn polled_before_ns(&self) -> u64 {
        self.polled_before_ns
    }

    /// Whether a connection with this id and address ended just before, so that what is reported now comes late.
    fn ended_just_now(&self, id: u64, addr: &str, time_ns: u64) -> bool {
        // The first connections of a node that was started again may have the same ids and addresses.
        let is_of_before = |end: &End| end.at_ns < self.restarted_ns && self.restarted_ns <= time_ns;
        let is_late = |end: &End| {
            end.how != "node_restarted" && time_ns.saturating_sub(end.at_ns) < LATE_NS && !is_of_before(end)
        };
        let is_same = |peer: &Peer<P>| peer.id == id && (addr.is_empty() || peer.addr.is_empty() || peer.addr == addr);
        self.closed.iter().rev().any(|peer| is_same(peer) && peer.end.as_ref().is_some_and(is_late))
    }

    /// Whether the last connection with this id ended before this time: so it is another one that is reported.
    fn ended_before(&self, id: u64, at_ns: u64) -> bool {
        let last = self.closed.iter().rev().find(|peer| peer.id == id).and_then(|peer| peer.end.as_ref());
        last.is_some_and(|end| end.at_ns < at_ns)
    }

    /// Moves a connection to those that ended.
    fn end(&mut self, id: u64, how: &'static str, effects: &mut Effects) {
        if let Some(mut peer) = self.open.remove(&id) {
            let how = if peer.evicted && how != "node_restarted" { "evicted" } else { how };
            peer.end = Some(End { at_ns: effects.time_ns, how, reason: None, text: None });
            push(&mut self.closed, peer, MAX_CLOSED);
            effects.requests.closed(id, effects.changes);
        }
    }

    /// The same for one whose end nobody reported.
    fn vanish(&mut self, id: u64, how: &'static str, effects: &mut Effects) {
        let Some(peer) = self.open.get(&id) else { return };
        let connection = ClosedConnection {
            id,
            opened_ns: peer.opened.map(|opened| opened.at_ns),
            closed_ns: effects.time_ns,
            network: peer.network,
            connection_type: peer.connection_type,
        };
        let why = match how {
            "node_restarted" => CloseReason::NodeRestarted,
            _ if peer.evicted => CloseReason::Evicted,
            _ => CloseReason::Disappeared,
        };
        self.end(id, how, effects);
        effects.changes.push(Change::PeerClosed { connection, why });
    }

    /// The same for all of which this is true, in the order of their ids.
    fn vanish_all(&mut self, how: &'static str, effects: &mut Effects, is: impl Fn(&Peer<P>) -> bool) {
        let mut ids: Vec<u64> = self.open.values().filter(|peer| is(peer)).map(|peer| peer.id).collect();
        ids.sort_unstable();
        ids.iter().for_each(|id| self.vanish(*id, how, effects));
    }

    /// Makes room for one more open connection: those of which nothing was heard for longest are taken to be gone.
    fn make_room(&mut self, effects: &mut Effects) {
        if self.open.len() < MAX_OPEN {
            return;
        }
        let mut seen: Vec<(u64, u64)> = self.open.values().map(|peer| (peer.seen_ns, peer.id)).collect();
        let (oldest, ..) = seen.select_nth_unstable(CLOSE_AT_ONCE);
        oldest.iter().for_each(|(_, id)| self.vanish(*id, "disappeared", effects));
    }

    /// The node was started at this time: connections from before are gone, and ids begin anew.
    pub(crate) fn restarted(&mut self, at_ns: u64, effects: &mut Effects) {
        self.restarted_ns = at_ns;
        self.endings.restarted(at_ns, effects.changes);
        let now_ns = std::mem::replace(&mut effects.time_ns, at_ns);
        self.vanish_all("node_restarted", effects, |peer| peer.connected_ns.unwrap_or(peer.first_seen_ns) < at_ns);
        effects.time_ns = now_ns;
    }

    /// Tracepoints began a new run. Ids may begin anew, unless it is known better: the start of the node was logged just before, or
    /// getpeerinfo shows which connections are open.
    pub(crate) fn new_run(&mut self, started_ns: u64, effects: &mut Effects) {
        let now_ns = effects.time_ns;
        if now_ns.saturating_sub(started_ns) < ATTACH_NS {
            self.restarted(started_ns, effects);
        } else if now_ns.saturating_sub(self.polled_ns) > POLLED_NS {
            self.restarted(now_ns, effects);
        }
    }

    /// Looks all addresses up anew if what is known of networks has changed.
    #[inline]
    pub(crate) fn enrich(&mut self, enrichment: &Enrichment) {
        if self.generation != enrichment.generation() {
            self.generation = enrichment.generation();
            self.open.values_mut().for_each(|peer| peer.enrich(enrichment));
        }
    }

    /// Our own connection reported something: it may be one of the peers.
    pub(crate) fn own(&mut self, event: &P2pEvent, run: u64, time_ns: u64) {
        let Self { open, closed, own, .. } = self;
        if own.note(event, run, time_ns) {
            open.values_mut().chain(closed).for_each(|peer| own.judge(peer));
        }
    }

    /// Looks again whether a peer is our own connection.
    fn judge(&mut self, id: u64) {
        if let Some(peer) = self.open.get_mut(&id) {
            self.own.judge(peer);
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, effects: &mut Effects) {
        let now_ns = effects.time_ns;
        self.endings.tick(now_ns, effects.changes);
        // Only who was heard all the time can fall silent: debug.log alone reports nothing of a peer as long as all is well.
        self.vanish_all("disappeared", effects, |peer| {
            (peer.has_messages || peer.polled.is_some()) && peer.seen_ns.saturating_add(SILENCE_NS) < now_ns
        });
        self.open.shrink_to(self.open.len() * 2);
    }

    /// Reports ends whose reason will not become known any more.
    #[inline]
    pub(crate) fn settle(&mut self, time_ns: u64, changes: &mut Vec<Change>) {
        self.endings.settle(time_ns, changes);
    }
}

/// Where a peer is that an event is about.
enum Place {
    Open,
    /// The last one with its id among those that ended.
    Closed,
}

impl<P: Default> Peers<P> {
    /// Notes a message of a peer. [`Peers::find_mut`] has the peer afterwards. It is a closed one if its connection ended just before:
    /// debug.log may be faster than tracepoints.
    #[inline]
    pub(crate) fn message(&mut self, message: &Message, effects: &mut Effects) {
        match self.open.get_mut(&message.peer) {
            Some(peer) if peer.addr == message.addr => {
                let is_news = !peer.has_messages || matches!(message.payload, Payload::Version(_));
                peer.message(message, effects.time_ns, effects.changes);
                if is_news {
                    self.own.judge(peer);
                }
            }
            _ => {
                self.place(message.peer, message.addr, effects);
                if let Some(peer) = self.find_mut(message.peer) {
                    peer.message(message, effects.time_ns, effects.changes);
                }
                self.judge(message.peer);
            }
        }
    }

    /// Where the peer with this id and address is. One that is not known is made, unless its connection ended just before.
    fn place(&mut self, id: u64, addr: &str, effects: &mut Effects) -> Place {
        if let Some(known) = self.open.get_mut(&id) {
            if addr.is_empty() || known.addr == cut(addr, MAX_ADDR) {
                return Place::Open;
            }
            if known.addr.is_empty() {
                known.set_addr(addr, effects.enrichment);
                return Place::Open;
            }
            // Its id begins anew: a restart that nobody reported.
            self.vanish(id, "node_restarted", effects);
        } else if self.ended_just_now(id, addr, effects.time_ns) {
            return Place::Closed;
        }
        self.insert(id, addr, effects);
        Place::Open
    }

    fn insert(&mut self, id: u64, addr: &str, effects: &mut Effects) {
        self.make_room(effects);
        self.open.insert(id, Peer::new(id, addr, effects.time_ns, effects.enrichment));
        effects.changes.push(Change::PeerSeen { id });
    }

    /// The open peer with this id and address; a new one if there is none. None if its connection ended just before.
    fn touch(&mut self, id: u64, addr: &str, effects: &mut Effects) -> Option<&mut Peer<P>> {
        match self.place(id, addr, effects) {
            Place::Open => self.open.get_mut(&id),
            Place::Closed => None,
        }
    }

    /// A tracepoint reported something of a connection.
    pub(crate) fn traced(&mut self, event: &Connection, effects: &mut Effects) {
        match event {
            Connection::Inbound(opened) => self.traced_opening(&opened.conn, effects),
            Connection::Outbound(opened) => self.traced_opening(&opened.conn, effects),
            Connection::InboundEvicted(evicted) => {
                let network = names::network_of_number(evicted.conn.network);
                self.evicted(evicted.conn.peer_id, network, effects);
            }
            Connection::Closed(closed) => self.traced_end(closed, effects),
            Connection::Misbehaving(peer) => self.misbehaved(peer.id, &peer.message, "noticed", effects),
        }
    }

    fn traced_opening(&mut self, connection: &traced::Connection, effects: &mut Effects) {
        let (id, time_ns) = (connection.peer_id, effects.time_ns);
        // Two openings of one id: there was a restart in between that nobody reported. What debug.log and getpeerinfo report of the same
        // opening is not later than this, but for whole seconds.
        let is_other = |peer: &Peer<P>| {
            peer.opened.is_some_and(|opened| opened.traced)
                || peer.connected_ns.is_some_and(|known_ns| known_ns.saturating_add(2 * SECOND) < time_ns)
        };
        match self.open.get(&id).map(is_other) {
            Some(false) => {}
            Some(true) => {
                self.vanish(id, "node_restarted", effects);
                self.insert(id, &connection.addr, effects);
            }
            None if self.traced_late(connection, effects) => return,
            None => {
                self.endings.reopened(id, time_ns, effects.changes);
                self.insert(id, &connection.addr, effects);
            }
        }
        let Some(peer) = self.touch(id, &connection.addr, effects) else { return };
        peer.connected_ns = Some(time_ns);
        peer.set_traced(connection);
        self.judge(id);
        self.opened(id, true, effects);
    }

    /// Whether an opening is that of a connection whose end debug.log reported already, faster than the tracepoint. If there was a
    /// tracepoint before, ids begin anew.
    fn traced_late(&mut self, connection: &traced::Connection, effects: &mut Effects) -> bool {
        let (id, time_ns) = (connection.peer_id, effects.time_ns);
        // debug.log may have whole seconds only.
        if !self.ended_just_now(id, &connection.addr, time_ns) || self.ended_before(id, time_ns.saturating_sub(SECOND))
        {
            return false;
        }
        let Some(peer) = self.closed.iter_mut().rev().find(|peer| peer.id == id) else { return false };
        if peer.opened.is_some_and(|opened| opened.traced) {
            return false;
        }
        peer.set_traced(connection);
        if peer.opened.is_none() {
            effects.changes.push(Change::PeerOpened { id });
        }
        peer.opened.get_or_insert(Opened { at_ns: time_ns, traced: true }).traced = true;
        true
    }

    /// Notes that a connection was opened. It counts once, by whichever source was first.
    fn opened(&mut self, id: u64, traced: bool, effects: &mut Effects) {
        let Some(peer) = self.open.get_mut(&id) else { return };
        match &mut peer.opened {
            Some(opened) => opened.traced |= traced,
            None => {
                peer.opened = Some(Opened { at_ns: effects.time_ns, traced });
                effects.changes.push(Change::PeerOpened { id });
            }
        }
    }

    fn traced_end(&mut self, closed: &traced::ClosedConnection, effects: &mut Effects) {
        let (id, time_ns) = (closed.conn.peer_id, effects.time_ns);
        let mut opened_ns = None;
        if let Some(peer) = self.touch(id, &closed.conn.addr, effects) {
            peer.set_traced(&closed.conn);
            peer.connected_ns = peer.connected_ns.or(seconds_ns(closed.time_established as i64));
            opened_ns = peer.opened.map(|opened| opened.at_ns);
        }
        self.end(id, "closed", effects);
        effects.requests.closed(id, effects.changes); // also what came after debug.log reported the end
        let waiting = self.endings.waiting(id);
        if self.endings.is_closed(id) && waiting.is_none() || closed.time_established == 0 {
            return;
        }
        // The node reports seconds. The handshake, which is what debug.log reports, may be much later than the connection.
        let known = opened_ns.or(waiting.flatten()).filter(|at_ns| at_ns / SECOND == closed.time_established);
        let connection = ClosedConnection {
            id,
            opened_ns: known.or(Some(closed.time_established.saturating_mul(SECOND))),
            closed_ns: time_ns,
            network: names::network_of_number(closed.conn.network),
            connection_type: names::connection_type_of_connection(&closed.conn),
        };
        self.endings.closed(connection, effects.changes);
        self.endings.report_if_known(id, effects.changes);
    }

    fn evicted(&mut self, id: u64, network: &'static str, effects: &mut Effects) {
        let mut known = names::UNKNOWN;
        if let Some(peer) = self.find_mut(id) {
            peer.evict();
            known = peer.network;
        }
        if self.endings.evicted(id, effects.time_ns, effects.changes) {
            let network = if network == names::UNKNOWN { known } else { network };
            effects.changes.push(Change::PeerEvicted { id, network });
        }
    }

    fn misbehaved(&mut self, id: u64, message: &str, action: &'static str, effects: &mut Effects) {
        if let Some(peer) = self.find_mut(id)
            && peer.misbehaved(effects.time_ns, message, action)
        {
            effects.changes.push(Change::PeerMisbehaved { id, message: cut(message, MAX_TEXT) });
        }
    }

    /// debug.log reported something of a peer.
    pub(crate) fn logged(&mut self, entry: &LogEvent, effects: &mut Effects) {
        match entry {
            LogEvent::ConnectionAdded(added) => {
                self.touch(added.peer_id, added.addr.as_deref().unwrap_or_default(), effects);
            }
            LogEvent::PeerConnected(connected) => self.log_connected(connected, effects),
            LogEvent::PeerDisconnected(gone) => self.log_disconnected(gone, effects),
            LogEvent::EvictionSelected(evicted) => {
                let known =
                    self.find(evicted.peer_id).map(|peer| peer.network).filter(|known| *known != names::UNKNOWN);
                let by_addr = || evicted.addr.as_deref().map_or(names::UNKNOWN, network_of_text);
                let network = known.unwrap_or_else(by_addr);
                self.evicted(evicted.peer_id, network, effects);
            }
            LogEvent::Misbehaving(logged) => {
                let action = match logged.action() {
                    MisbehavingAction::Noticed => "noticed",
                    MisbehavingAction::Discouraged => "discouraged",
                    MisbehavingAction::SparedNoban => "spared_noban",
                    MisbehavingAction::SparedManual => "spared_manual",
                    MisbehavingAction::DisconnectedLocal => "disconnected_local",
                };
                self.misbehaved(logged.peer_id, &logged.message, action, effects);
            }
            LogEvent::HeaderSeen(seen) => {
                if let (Some(peer), Some(height)) = (seen.peer_id.and_then(|id| self.get_mut(id)), seen.height) {
                    peer.synced_header = peer.synced_header.max(Some(height));
                }
            }
            _ => {}
        }
    }

    fn log_connected(&mut self, connected: &PeerConnected, effects: &mut Effects) {
        let (id, time_ns) = (connected.peer_id, effects.time_ns);
        if self.endings.is_closed(id) && !self.open.contains_key(&id) {
            return; // its handshake was logged after its end
        }
        let addr = connected.addr.as_deref().unwrap_or_default();
        let Some(peer) = self.touch(id, addr, effects) else { return };
        peer.set_logged(connected, time_ns);
        self.judge(id);
        self.opened(id, false, effects);
    }

    /// The node gives up a connection. Several entries may be about the same one; the first that has a reason counts.
    fn log_disconnected(&mut self, gone: &PeerDisconnected, effects: &mut Effects) {
        let (time_ns, reason) = (effects.time_ns, gone.reason());
        self.endings.reason(gone.peer_id, reason, time_ns, effects.changes);
        let Some(id) = gone.peer_id else { return };
        let open = self.open.get(&id).map(|peer| (peer.opened, peer.network, peer.connection_type));
        self.end(id, "closed", effects);
        let end = self.closed.iter_mut().rev().find(|peer| peer.id == id).and_then(|peer| peer.end.as_mut());
        if let Some(end) = end.filter(|end| time_ns.abs_diff(end.at_ns) < LATE_NS)
            && reason != DisconnectReason::Closed
            && end.reason.is_none()
        {
            end.reason = Some(reason.as_str_name());
            end.text = Some(cut(&gone.text, MAX_TEXT));
        }
        if let Some((opened, network, connection_type)) = open {
            // A tracepoint may still report more.
            let opened_ns = opened.map(|opened| opened.at_ns);
            let connection = ClosedConnection { id, opened_ns, closed_ns: time_ns, network, connection_type };
            self.endings.closed(connection, effects.changes);
        } else if self.endings.is_closed(id) {
            self.endings.report_if_logged(id, effects.changes);
        }
    }

    /// getpeerinfo answered: takes over what it has, and notes who is not there any more.
    pub(crate) fn polled(&mut self, infos: &PeerInfos, effects: &mut Effects) {
        let time_ns = effects.time_ns;
        self.polled_before_ns = std::mem::replace(&mut self.polled_ns, time_ns);
        for peer in self.open.values_mut() {
            peer.absent = peer.absent.saturating_add(1);
        }
        for info in infos.infos.iter().take(MAX_OPEN) {
            let id = u64::from(info.id);
            // The same id, connected at another time: the node was restarted.
            let is_other = |peer: &Peer<P>| {
                peer.polled.as_ref().is_some_and(|polled| polled.connection_time != info.connection_time)
            };
            if self.open.get(&id).is_some_and(is_other) {
                self.vanish(id, "node_restarted", effects);
            }
            let connected_ns = seconds_ns(info.connection_time);
            if !self.open.contains_key(&id) && connected_ns.is_some_and(|at_ns| self.ended_before(id, at_ns)) {
                self.insert(id, &info.address, effects);
            }
            if let Some(peer) = self.touch(id, &info.address, effects) {
                peer.poll(info, time_ns);
            }
            self.judge(id);
        }
        // One answer may have been made before a connection was opened.
        self.vanish_all("disappeared", effects, |peer| peer.absent >= 2);
    }
}
