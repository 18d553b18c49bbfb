//! Connections that are opened and that end, told by tracepoints, by debug.log, or by both: each counts once.

use event::Record;
use event::names;
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::ebpf_extractor::connection::{ClosedConnection, Connection as Traced};
use event::pb::log_extractor::PeerConnected;
use event::pb::log_extractor::log::LogEvent;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use networks::group16;

use super::lifetimes::{Closing, Lifetimes};
use super::recent::Recent;
use super::{Run, SECOND, connection, log_entry};
use crate::fold::{Part, Peer, Scope};
use crate::ids;
use crate::store::Store;

/// Open connections that are remembered. A node has some hundred.
const MAX_OPEN: usize = 4_096;

/// So long after its start was logged, a node's tracepoints may only be found.
const START_NS: u64 = 120 * SECOND;

/// An open connection.
#[derive(Clone, Copy, Debug)]
struct Open {
    since_ns: u64,
    /// A tracepoint told of it, not debug.log.
    traced: bool,
    network: &'static str,
    connection_type: &'static str,
}

/// Connections of a node.
#[derive(Debug)]
pub(super) struct Connections {
    run: Run,
    /// When debug.log told that the node started.
    started_ns: u64,
    open: HashMap<u64, Open, FixedState>,
    /// When those that ended lately did.
    gone: Recent<u64>,
    /// When peers were chosen to be evicted.
    evicted: Recent<u64>,
    lifetimes: Lifetimes,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            run: Run::default(),
            started_ns: 0,
            open: HashMap::default(),
            gone: Recent::new(2_048, 600 * SECOND),
            evicted: Recent::new(2_048, 600 * SECOND),
            lifetimes: Lifetimes::default(),
        }
    }
}

impl Connections {
    /// The node started, or a new run of tracepoints begins: peer ids may begin anew.
    fn forget(&mut self, before_ns: u64, store: &mut Store) {
        self.lifetimes.settle(u64::MAX, &self.evicted, store);
        self.open.retain(|_, open| open.since_ns >= before_ns);
        self.gone.retain(|_, time_ns| *time_ns >= before_ns);
        self.evicted.retain(|_, time_ns| *time_ns >= before_ns);
        self.lifetimes.forget(before_ns);
    }

    /// A run of tracepoints begins. What debug.log told of a node that has just started stays.
    fn forget_run(&mut self, scope: &mut Scope) {
        let is_start = scope.time_ns.saturating_sub(self.started_ns) < START_NS;
        self.forget(if is_start { self.started_ns } else { scope.time_ns }, scope.store);
    }

    fn opened(&mut self, id: u64, addr: Option<&str>, open: Open, scope: &mut Scope) {
        if let Some(known) = self.open.get_mut(&id) {
            // The same connection from the other source. Two tracepoints tell of two, with a restart between them that nobody saw.
            if !(known.traced && open.traced) {
                known.traced |= open.traced;
                return;
            }
        } else if self.gone.has(id) && !open.traced {
            return; // its handshake was logged after its end
        }
        if self.open.len() >= MAX_OPEN {
            self.forget_older_half();
        }
        self.open.insert(id, open);
        let direction = names::direction(open.connection_type == "inbound");
        scope.store.inc(ids::CONNECTIONS_OPENED, &[direction, open.connection_type, open.network]);
        let Some(addr) = addr else { return };
        let peer = scope.peers.look(id, addr, scope.time_ns, scope.facts);
        for name in scope.facts.names(peer.sets) {
            scope.store.inc(ids::SET_CONNECTIONS, &[name, direction]);
        }
        if let (Some(ip), "inbound") = (peer.ip, direction) {
            scope.store.inc(ids::GROUP_CONNECTIONS_OPENED, &[&group16(ip).to_string()]);
            if scope.facts.has_asmap() {
                scope.store.inc(ids::AS_CONNECTIONS_OPENED, &[&peer.asn.to_string()]);
            }
        }
    }

    fn traced(&mut self, connection: &Traced, scope: &mut Scope) {
        let open = Open {
            since_ns: scope.time_ns,
            traced: true,
            network: names::network_of_number(connection.network),
            connection_type: names::of_connection(connection),
        };
        self.opened(connection.peer_id, Some(&connection.addr), open, scope);
    }

    fn logged(&mut self, peer: &PeerConnected, scope: &mut Scope) {
        let open = Open {
            since_ns: scope.time_ns,
            traced: false,
            network: peer.addr.as_deref().map_or(names::UNKNOWN, names::network_of_text),
            connection_type: peer.connection_type.as_deref().map_or(names::UNKNOWN, names::connection_type),
        };
        self.opened(peer.peer_id, peer.addr.as_deref(), open, scope);
    }

    fn evicted(&mut self, id: u64, network: Option<&'static str>, scope: &mut Scope) {
        if self.evicted.touch(id, scope.time_ns, || scope.time_ns).1 {
            let known = self.open.get(&id).map(|open| open.network);
            scope.store.inc(ids::EVICTIONS, &[network.or(known).unwrap_or(names::UNKNOWN)]);
        }
        self.lifetimes.ended(id, "evicted", scope.store);
    }

    /// A tracepoint told of the end.
    fn closed(&mut self, closed: &ClosedConnection, scope: &mut Scope) {
        let id = closed.conn.peer_id;
        let held = self.lifetimes.held_since(id);
        if self.gone.has(id) && held.is_none() || closed.time_established == 0 {
            return;
        }
        // The node tells seconds. The handshake, which is what debug.log tells, may be much later.
        let known = self.open.remove(&id).map(|open| open.since_ns).or(held);
        let known = known.filter(|since_ns| since_ns / SECOND == closed.time_established);
        let since_ns = known.unwrap_or(closed.time_established.saturating_mul(SECOND));
        self.gone.put(id, scope.time_ns, scope.time_ns);
        let closing = Closing {
            since_ns,
            at_ns: scope.time_ns,
            network: names::network_of_number(closed.conn.network),
            connection_type: names::of_connection(&closed.conn),
        };
        self.lifetimes.hold(id, closing, &self.evicted, scope.store);
        if self.evicted.has(id) {
            self.lifetimes.ended(id, "evicted", scope.store);
        } else {
            self.lifetimes.ended_by_reason(id, scope.store);
        }
    }

    /// debug.log told of the end, or of what leads to it: a tracepoint may tell more.
    fn disconnected(&mut self, id: u64, scope: &mut Scope) {
        let Some(open) = self.open.remove(&id) else {
            if self.gone.has(id) {
                self.lifetimes.ended_by_reason(id, scope.store);
            }
            return;
        };
        self.gone.put(id, scope.time_ns, scope.time_ns);
        let Open { since_ns, network, connection_type, .. } = open;
        let closing = Closing { since_ns, at_ns: scope.time_ns, network, connection_type };
        self.lifetimes.hold(id, closing, &self.evicted, scope.store);
    }

    fn forget_older_half(&mut self) {
        let mut since: Vec<u64> = self.open.values().map(|open| open.since_ns).collect();
        let middle = since.len() / 2;
        let (_, median, _) = since.select_nth_unstable(middle);
        let median = *median;
        self.open.retain(|_, open| open.since_ns > median);
    }

    fn log(&mut self, entry: &LogEvent, scope: &mut Scope) {
        match entry {
            LogEvent::PeerConnected(peer) => self.logged(peer, scope),
            LogEvent::PeerDisconnected(peer) => {
                self.lifetimes.reason(peer.peer_id, peer.reason(), scope.time_ns, scope.store);
                if let Some(id) = peer.peer_id {
                    self.disconnected(id, scope);
                }
            }
            LogEvent::EvictionSelected(peer) => {
                self.evicted(peer.peer_id, peer.addr.as_deref().map(names::network_of_text), scope);
            }
            LogEvent::NodeStarted(_) => {
                self.started_ns = scope.time_ns;
                self.forget(scope.time_ns, scope.store);
            }
            _ => {}
        }
    }
}

impl Part for Connections {
    fn begin(&mut self, store: &mut Store) {
        for network in ["ipv4", "ipv6", "onion", "i2p", "cjdns"] {
            store.add(ids::EVICTIONS, &[network], 0.0);
        }
        self.lifetimes.begin(store);
    }

    fn message(&mut self, _: &event::message::Message, _: &Peer, scope: &mut Scope) {
        if self.run.is_new(scope.run) {
            self.forget_run(scope);
        }
    }

    fn event(&mut self, record: &Record, scope: &mut Scope) {
        if self.run.is_new_at(record) {
            self.forget_run(scope);
        }
        self.lifetimes.settle(scope.time_ns, &self.evicted, scope.store);
        match connection(record) {
            Some(Connection::Inbound(opened)) => self.traced(&opened.conn, scope),
            Some(Connection::Outbound(opened)) => self.traced(&opened.conn, scope),
            Some(Connection::Closed(closed)) => self.closed(closed, scope),
            Some(Connection::InboundEvicted(evicted)) => {
                let network = names::network_of_number(evicted.conn.network);
                self.evicted(evicted.conn.peer_id, Some(network), scope);
            }
            _ => {}
        }
        if let Some(entry) = log_entry(record) {
            self.log(entry, scope);
        }
    }

    fn tick(&mut self, now_ns: u64, scope: &mut Scope) {
        self.lifetimes.settle(now_ns, &self.evicted, scope.store);
        self.lifetimes.turn(now_ns);
        self.gone.turn(now_ns);
        self.evicted.turn(now_ns);
        self.open.shrink_to(self.open.len() * 2);
    }
}
