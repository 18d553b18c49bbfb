//! Who was there: peers by their addresses, with what they did.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use event::Direction;
use networks::HyperLogLog;
use smol_str::SmolStr;

/// Addresses that are counted one by one.
const MAX_HOSTS: usize = 40_000;
/// Connections that are counted one by one at a time.
const MAX_PEERS: usize = 100_000;
/// User agents, types of messages and nodes that are kept of an address.
const MAX_AGENTS: usize = 6;
const MAX_TYPES: usize = 12;
const MAX_NODES: usize = 8;
/// Bytes of a user agent or an address.
const MAX_TEXT: usize = 128;

/// An address, with what those did who have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// How it is shown.
    pub name: SmolStr,
    /// The IP address if it is routed. Without one, the port is in the name: others may have that address, too.
    pub ip: Option<IpAddr>,
    /// It belongs to the incident.
    pub is_tied: bool,
    /// A ban may be considered.
    pub is_blamed: bool,
    /// It must not be banned: the node connected to it, or gives it permissions.
    pub is_protected: bool,
    pub asn: Option<u32>,
    /// The first ones that it named itself by, and whether there were others.
    pub agents: Vec<SmolStr>,
    pub more_agents: bool,
    pub nodes: Vec<Arc<str>>,
    /// Connections of it, of which so many are known to have been opened by it.
    pub connections: u64,
    pub inbound: u64,
    /// Connections that ended, and how many seconds they had taken in all.
    pub closed: u64,
    pub seconds: u64,
    /// By tracepoints, and by debug.log.
    pub traffic: [Traffic; 2],
    /// Transactions and blocks that it delivered.
    pub delivered: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// Messages of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// To the node and from it: messages, and bytes of payloads.
    pub received: u64,
    pub received_bytes: u64,
    pub sent: u64,
    pub sent_bytes: u64,
    /// Messages to the node by type.
    pub types: BTreeMap<SmolStr, u64>,
}

impl Host {
    /// Its messages by the better of the two sources; none if neither shows any.
    pub fn traffic(&self) -> Option<&Traffic> {
        self.traffic.iter().find(|traffic| traffic.received + traffic.sent > 0)
    }

    /// Adds a user agent.
    pub fn learn_agent(&mut self, agent: &str) {
        let agent = head(agent);
        if agent.is_empty() || self.agents.iter().any(|known| known == agent) {
            return;
        }
        if self.agents.len() < MAX_AGENTS { self.agents.push(agent.into()) } else { self.more_agents = true }
    }

    /// Seconds that a connection took on average; none if none ended.
    pub fn mean_seconds(&self) -> Option<u64> {
        self.seconds.checked_div(self.closed)
    }
}

impl Traffic {
    pub fn add(&mut self, direction: Direction, message_type: &str, size: u64) {
        let (messages, bytes) = match direction {
            Direction::Inbound => (&mut self.received, &mut self.received_bytes),
            Direction::Outbound => (&mut self.sent, &mut self.sent_bytes),
        };
        *messages += 1;
        *bytes = bytes.saturating_add(size);
        if direction == Direction::Inbound {
            let has_room = self.types.len() < MAX_TYPES;
            match self.types.get_mut(message_type) {
                Some(count) => *count += 1,
                None if has_room => _ = self.types.insert(message_type.into(), 1),
                None => {}
            }
        }
    }
}

/// A connection, as the node numbers it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub addr: SmolStr,
    /// Its address among the hosts; none if there was no room.
    host: Option<usize>,
    pub is_tied: bool,
    is_inbound: Option<bool>,
    is_closed: bool,
    is_timed: bool,
}

/// All addresses.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    hosts: Vec<Host>,
    by_name: HashMap<SmolStr, usize, foldhash::fast::FixedState>,
    peers: HashMap<(Arc<str>, u64), Peer, foldhash::fast::FixedState>,
    /// Addresses for which there was no room.
    others: HyperLogLog,
    are_full: bool,
    /// So many connections went on at a time that some may count twice.
    pub may_count_twice: bool,
}

fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default()
}

impl Hosts {
    /// The connection of this number at a node, if its address is known.
    pub fn peer(&self, node: &Arc<str>, id: u64) -> Option<&Peer> {
        self.peers.get(&(Arc::clone(node), id))
    }

    /// The connection of this number and address, which is counted if it is new. `key` tells the address from others: an IP address, or
    /// an address with its port.
    /// `shown` is how the address is shown.
    pub fn meet(&mut self, node: &Arc<str>, id: u64, addr: &str, (key, shown): (&str, &str), time_ns: u64) {
        if self.peer(node, id).is_some_and(|peer| peer.addr == addr) {
            return;
        }
        if self.peers.len() >= MAX_PEERS {
            self.make_room();
        }
        let host = self.host_of(key, shown);
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.connections += 1;
            host.first_ns = if host.first_ns == 0 { time_ns } else { host.first_ns.min(time_ns) };
            if !host.nodes.contains(node) && host.nodes.len() < MAX_NODES {
                host.nodes.push(Arc::clone(node));
            }
        }
        let peer =
            Peer { addr: addr.into(), host, is_tied: false, is_inbound: None, is_closed: false, is_timed: false };
        self.peers.insert((Arc::clone(node), id), peer);
    }

    /// Shows nodes under other names.
    pub fn rename(&mut self, name: impl Fn(&str) -> Option<Arc<str>>) {
        for host in &mut self.hosts {
            host.nodes = host.nodes.iter().filter_map(|node| name(node)).collect();
        }
    }

    /// Forgets connections that ended; if none did, all: they may count twice then.
    fn make_room(&mut self) {
        self.peers.retain(|_, peer| !peer.is_closed);
        if self.peers.len() >= MAX_PEERS {
            self.peers.clear();
            self.may_count_twice = true;
        }
    }

    fn host_of(&mut self, key: &str, shown: &str) -> Option<usize> {
        let key = head(key);
        if let Some(known) = self.by_name.get(key) {
            return Some(*known);
        }
        if self.hosts.len() >= MAX_HOSTS {
            self.are_full = true;
            self.others.add(key);
            return None;
        }
        self.hosts.push(Host { name: head(shown).into(), ..Host::default() });
        self.by_name.insert(key.into(), self.hosts.len() - 1);
        Some(self.hosts.len() - 1)
    }

    /// The address of a connection.
    pub fn host_mut(&mut self, node: &Arc<str>, id: u64) -> Option<&mut Host> {
        let host = self.peer(node, id)?.host?;
        self.hosts.get_mut(host)
    }

    /// A connection belongs to the incident; a ban of its address may be considered or not.
    pub fn tie(&mut self, node: &Arc<str>, id: u64, is_blamed: bool) {
        let Some(peer) = self.peers.get_mut(&(Arc::clone(node), id)) else { return };
        peer.is_tied = true;
        let host = peer.host;
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.is_tied = true;
            host.is_blamed |= is_blamed;
        }
    }

    /// Notes who opened a connection.
    pub fn learn_direction(&mut self, node: &Arc<str>, id: u64, is_inbound: bool) {
        let Some(peer) = self.peers.get_mut(&(Arc::clone(node), id)) else { return };
        if peer.is_inbound.replace(is_inbound).is_some() {
            return;
        }
        let host = peer.host;
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            if is_inbound { host.inbound += 1 } else { host.is_protected = true }
        }
    }

    /// Notes that a connection ended. Tracepoints say after how many seconds, debug.log does not.
    pub fn close(&mut self, node: &Arc<str>, id: u64, seconds: Option<u64>) {
        let Some(peer) = self.peers.get_mut(&(Arc::clone(node), id)) else { return };
        peer.is_closed = true;
        let Some(seconds) = seconds else { return };
        if std::mem::replace(&mut peer.is_timed, true) {
            return;
        }
        let host = peer.host;
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(host)) {
            host.closed += 1;
            host.seconds = host.seconds.saturating_add(seconds);
        }
    }

    /// All that were counted one by one.
    pub fn all(&self) -> &[Host] {
        &self.hosts
    }

    /// Those that belong to the incident, the ones with most connections and messages first.
    pub fn tied(&self) -> Vec<&Host> {
        let mut tied: Vec<_> = self.hosts.iter().filter(|host| host.is_tied).collect();
        let messages = |host: &Host| host.traffic().map_or(0, |traffic| traffic.received);
        tied.sort_by_key(|host| (std::cmp::Reverse((host.connections, messages(host))), host.name.clone()));
        tied
    }

    /// About how many addresses there was no room for.
    pub fn left_out(&self) -> u64 {
        if self.are_full { self.others.estimate().round() as u64 } else { 0 }
    }
}
