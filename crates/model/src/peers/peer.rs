//! What is known of one peer, whoever reported it.

use std::collections::VecDeque;
use std::net::IpAddr;

use event::message::{Message, Payload, Version};
use event::names;
use event::pb::ebpf_extractor::connection::Connection as TracedConnection;
use event::pb::log_extractor::PeerConnected;
use event::pb::rpc_extractor::PeerInfo;
use networks::{Enrichment, SetMask};
use smol_str::SmolStr;

use super::own::Signs;
use crate::Change;
use crate::bounded::push;
use crate::bounds::{MAX_ADDR, MAX_MISBEHAVIOURS, MAX_TEXT, MAX_USER_AGENT, SAME_MISBEHAVIOUR_NS, SECOND};
use crate::text::cut;

/// One connection of a node with a peer. `P` is what a tool keeps besides.
#[derive(Debug)]
pub struct Peer<P = ()> {
    /// The node's id of it. Ids begin anew when the node is restarted.
    pub id: u64,
    /// Address and port as the node writes them; empty as long as nobody reported them.
    pub addr: SmolStr,
    /// Its IP address, if it has one.
    pub ip: Option<IpAddr>,
    /// The sets of networks that its address is in.
    pub sets: SetMask,
    /// Number of its autonomous system, by the asmap file or else by debug.log.
    pub asn: Option<u32>,
    /// Its network as getpeerinfo names it, or "unknown".
    pub network: &'static str,
    /// Type of the connection as getpeerinfo names it, or "unknown".
    pub connection_type: &'static str,
    /// Whether the peer opened the connection.
    pub inbound: Option<bool>,
    /// Transport protocol, "v1" or "v2"; empty as long as nobody reported it.
    pub transport: SmolStr,
    /// Its user agent.
    pub user_agent: Option<SmolStr>,
    /// Its protocol version.
    pub version: Option<u32>,
    /// Its service flags.
    pub services: Option<u64>,
    /// Whether it wants transactions.
    pub relay: Option<bool>,
    /// The height that it claimed in its version message.
    pub starting_height: Option<i64>,
    /// It is our own P2P connection: no peer of the network.
    pub own: bool,
    /// What may show that.
    pub(super) signs: Signs,

    /// When it was first seen, nanoseconds since the UNIX epoch.
    pub first_seen_ns: u64,
    /// When it connected, nanoseconds since the UNIX epoch.
    pub connected_ns: Option<u64>,
    /// When a tracepoint or debug.log reported that the connection was opened.
    pub opened: Option<Opened>,
    /// When anything was last heard of it, nanoseconds since the UNIX epoch.
    pub seen_ns: u64,
    /// How the connection ended.
    pub end: Option<End>,
    /// The node chose it to be evicted.
    pub evicted: bool,
    /// Answers of getpeerinfo in a row that did not have it any more.
    pub absent: u8,
    /// Whether messages of it were seen.
    pub has_messages: bool,

    /// Its entry in the last answer of getpeerinfo that had it.
    pub polled: Option<Box<Polled>>,
    /// The last ones of what it did wrong, oldest first.
    pub misbehaviours: VecDeque<Misbehaviour>,
    /// How often it misbehaved.
    pub misbehaved: u64,
    /// Fee rate of its last feefilter, sat/kvB.
    pub fee_filter: Option<i64>,
    /// Highest header that it is known to have, by debug.log.
    pub synced_header: Option<u32>,

    /// What the tool keeps.
    pub details: P,
}

/// A report that a connection was opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// Whether a tracepoint reported it.
    pub traced: bool,
}

/// How a connection ended.
#[derive(Clone, Debug)]
pub struct End {
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// "closed", "evicted", "disappeared" or "node_restarted".
    pub how: &'static str,
    /// The reason in debug.log, by its name in the wire format.
    pub reason: Option<&'static str>,
    /// The reason in the node's words.
    pub text: Option<SmolStr>,
}

/// Something that a peer did wrong.
#[derive(Clone, Debug)]
pub struct Misbehaviour {
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// What it did, as the node says it.
    pub message: SmolStr,
    /// What the node did about it.
    pub action: &'static str,
}

/// A peer's entry in an answer of getpeerinfo. Names, units and meanings are Bitcoin Core's.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Polled {
    pub last_send: i64,
    pub last_received: i64,
    pub last_transaction: i64,
    pub last_block: i64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub ping: f64,
    pub min_ping: f64,
    pub ping_wait: f64,
    pub hb_to: bool,
    pub hb_from: bool,
    pub synced_headers: i64,
    pub synced_blocks: i64,
    pub inflight: u32,
    pub addr_relay: bool,
    pub addr_processed: u64,
    pub addr_rate_limited: u64,
    pub permissions: Vec<SmolStr>,
    pub min_fee_filter: f64,
    pub inv_to_send: Option<u64>,
    pub cpu_load: Option<f64>,
    pub time_offset: i64,
    pub mapped_as: u32,
    pub connection_time: i64,
}

impl<P: Default> Peer<P> {
    /// A peer that is seen for the first time.
    pub(super) fn new(id: u64, addr: &str, time_ns: u64, enrichment: &Enrichment) -> Self {
        let mut peer = Self {
            id,
            addr: SmolStr::default(),
            ip: None,
            sets: SetMask::default(),
            asn: None,
            network: names::UNKNOWN,
            connection_type: names::UNKNOWN,
            inbound: None,
            transport: SmolStr::default(),
            user_agent: None,
            version: None,
            services: None,
            relay: None,
            starting_height: None,
            own: false,
            signs: Signs::default(),
            first_seen_ns: time_ns,
            connected_ns: None,
            opened: None,
            seen_ns: time_ns,
            end: None,
            evicted: false,
            absent: 0,
            has_messages: false,
            polled: None,
            misbehaviours: VecDeque::new(),
            misbehaved: 0,
            fee_filter: None,
            synced_header: None,
            details: P::default(),
        };
        peer.set_addr(addr, enrichment);
        peer
    }
}

impl<P> Peer<P> {
    /// Sets the address, and what follows from it.
    pub(super) fn set_addr(&mut self, addr: &str, enrichment: &Enrichment) {
        self.addr = cut(addr, MAX_ADDR);
        if self.network == names::UNKNOWN {
            self.network = network_of_text(&self.addr);
        }
        self.enrich(enrichment);
    }

    /// Sets the network that the node reports, which counts more than what the address looks like: inbound peers through Tor have the
    /// address of the proxy on the node's side.
    fn set_network(&mut self, network: &'static str) {
        if network == names::UNKNOWN {
            return;
        }
        self.network = network;
        if !names::is_ip(network) {
            (self.ip, self.sets, self.asn) = (None, SetMask::default(), None);
        }
    }

    /// Looks up to whom the address belongs.
    pub(super) fn enrich(&mut self, enrichment: &Enrichment) {
        self.ip = event::filter::ip_of_peer(&self.addr, self.network);
        self.sets = self.ip.map(|ip| enrichment.sets_of(ip)).unwrap_or_default();
        self.asn = self.ip.and_then(|ip| enrichment.asn_of(ip)).filter(|asn| *asn != 0);
    }

    /// Sets the type of the connection, if it is a known one.
    pub(super) fn set_type(&mut self, connection_type: &'static str) {
        if connection_type != names::UNKNOWN {
            self.connection_type = connection_type;
            self.inbound = Some(connection_type == "inbound");
        }
    }

    /// Takes over what a tracepoint of the connection reported.
    pub(super) fn set_traced(&mut self, connection: &TracedConnection) {
        self.set_network(names::network_of_number(connection.network));
        self.set_type(names::connection_type_of_connection(connection));
    }

    /// Takes over what debug.log reported when the handshake was done.
    pub(super) fn set_logged(&mut self, connected: &PeerConnected, time_ns: u64) {
        self.seen_ns = self.seen_ns.max(time_ns);
        self.connected_ns.get_or_insert(time_ns);
        if let Some(name) = &connected.connection_type {
            self.set_type(names::connection_type(name));
        }
        if let Some(transport) = &connected.transport {
            self.transport = cut(transport, 16);
        }
        if connected.version != 0 {
            self.version = Some(connected.version);
        }
        self.starting_height = self.starting_height.or(connected.blocks.map(i64::from));
        self.asn = self.asn.or(connected.mapped_as.filter(|asn| *asn != 0));
    }

    /// Takes over what a message of it shows.
    #[inline]
    pub(super) fn message(&mut self, message: &Message, time_ns: u64, changes: &mut Vec<Change>) {
        self.seen_ns = self.seen_ns.max(time_ns);
        self.has_messages = true;
        if self.connection_type == names::UNKNOWN {
            self.set_type(names::connection_type_of_message(message));
        }
        match message.payload {
            Payload::Version(version) if message.inbound => {
                self.introduced(&version);
                // What the public may read has none.
                self.signs.nonce = (version.nonce != 0).then_some((version.nonce, time_ns));
                changes.push(Change::PeerIntroduced { id: self.id });
            }
            Payload::FeeFilter(fee) if message.inbound => self.fee_filter = Some(fee),
            _ => {}
        }
    }

    /// Takes over what its version message says.
    fn introduced(&mut self, version: &Version) {
        self.user_agent = Some(cut(version.user_agent, MAX_USER_AGENT));
        self.version = Some(version.version);
        self.services = Some(version.services);
        self.relay = Some(version.relay);
        self.starting_height = Some(i64::from(version.start_height));
    }

    /// Takes over its entry in an answer of getpeerinfo.
    pub(super) fn poll(&mut self, info: &PeerInfo, at_ns: u64) {
        self.absent = 0;
        self.seen_ns = self.seen_ns.max(at_ns);
        self.set_network(names::network(&info.network));
        self.set_type(names::connection_type(&info.connection_type));
        self.inbound = Some(info.inbound);
        self.transport = cut(&info.transport_protocol_type, 16);
        if info.version != 0 {
            self.user_agent = Some(cut(&info.subversion, MAX_USER_AGENT));
            self.version = Some(info.version);
            self.relay = Some(info.relay_transactions);
        }
        if let Ok(services) = u64::from_str_radix(&info.services, 16) {
            self.services = Some(services);
        }
        self.starting_height = info.reported_starting_height().or(self.starting_height);
        if self.connected_ns.is_none() {
            self.connected_ns = seconds_ns(info.connection_time);
        }
        self.signs.bind = cut(&info.address_bind, MAX_ADDR);
        self.signs.session_id = cut(info.session_id.as_deref().unwrap_or_default(), MAX_ADDR);
        self.polled = Some(Box::new(Polled::read(info)));
    }

    /// Notes that it was chosen to be evicted.
    pub(super) fn evict(&mut self) {
        self.evicted = true;
        if let Some(end) = &mut self.end {
            end.how = "evicted";
        }
    }

    /// Notes misbehaviour. Whether it is not one that another source reported already.
    pub(super) fn misbehaved(&mut self, at_ns: u64, message: &str, action: &'static str) -> bool {
        let is_same = |known: &Misbehaviour| {
            known.at_ns.abs_diff(at_ns) < SAME_MISBEHAVIOUR_NS && begins_alike(&known.message, message)
        };
        if let Some(known) = self.misbehaviours.iter_mut().rev().find(|known| is_same(known)) {
            if known.action == "noticed" {
                known.action = action;
            }
            return false;
        }
        self.misbehaved += 1;
        let message = cut(message, MAX_TEXT);
        push(&mut self.misbehaviours, Misbehaviour { at_ns, message, action }, MAX_MISBEHAVIOURS);
        true
    }
}

impl Polled {
    fn read(info: &PeerInfo) -> Self {
        Self {
            last_send: info.last_send,
            last_received: info.last_received,
            last_transaction: info.last_transaction,
            last_block: info.last_block,
            bytes_sent: info.bytes_sent,
            bytes_received: info.bytes_received,
            ping: info.ping_time,
            min_ping: info.minimum_ping,
            ping_wait: info.ping_wait,
            hb_to: info.bip152_hb_to,
            hb_from: info.bip152_hb_from,
            synced_headers: info.synced_headers,
            synced_blocks: info.synced_blocks,
            inflight: info.inflight.len() as u32,
            addr_relay: info.addr_relay_enabled,
            addr_processed: info.addr_processed,
            addr_rate_limited: info.addr_rate_limited,
            permissions: info.permissions.iter().take(16).map(|permission| cut(permission, 32)).collect(),
            min_fee_filter: info.minfeefilter,
            inv_to_send: info.reported_inv_to_send(),
            cpu_load: info.reported_cpu_load(),
            time_offset: info.time_offset,
            mapped_as: info.mapped_as,
            connection_time: info.connection_time,
        }
    }
}

/// The network of an address and port as the node writes them, as far as they show it. Addresses that Bitcoin Core does not route have
/// none, as in its tracepoints and in getpeerinfo.
pub fn network_of_text(addr: &str) -> &'static str {
    match event::filter::ip_of(addr) {
        Some(ip) if networks::special(ip).is_some() => "not_publicly_routable",
        _ => names::network_of_text(addr),
    }
}

/// Nanoseconds since the UNIX epoch from seconds; None of 0, which stands for unknown.
pub fn seconds_ns(seconds: i64) -> Option<u64> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| seconds.saturating_mul(SECOND))
}

fn begins_alike(known: &str, message: &str) -> bool {
    known.is_empty() || message.is_empty() || message.starts_with(known) || known.starts_with(message)
}
