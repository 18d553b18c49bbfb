//! What of an archive concerns an incident: a time, nodes and peers.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use alert_state::Incident;
use event::filter::{AddrPattern, ip_of};
use event::pb::alerts::{Alert, SubjectKind};
use ipnet::IpNet;
use networks::special;
use smol_str::SmolStr;

/// What is read before and after an incident: a quarter of its length, within these bounds.
const MARGIN_NS: (u64, u64) = (600 * SECOND_NS, 7_200 * SECOND_NS);
const SECOND_NS: u64 = 1_000_000_000;
/// Subjects that are looked for by their addresses in the index; if there are more, all of the time is read.
const MAX_PATTERNS: usize = 64;
/// Detectors whose subjects are not at fault: peers that were disconnected, or a node that is reached in two ways.
const BLAMELESS: [&str; 5] = ["as_drop", "inbound_drop", "outbound_drop", "peers_stuck", "same_timestamps"];
/// Families whose subjects are those who do what was found.
const OF_DOERS: [&str; 6] = ["addresses", "blocks", "connections", "mempool", "protocol", "spies"];

/// What of an archive concerns an incident.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Nodes at which it was seen.
    pub nodes: Vec<String>,
    /// When it began and was last seen, in nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    pub last_ns: u64,
    /// What is read, which is more.
    pub from_ns: u64,
    pub to_ns: u64,
    /// Those whose doing it is.
    tied: Subjects,
    /// Those of them for which a ban is considered.
    doers: Subjects,
}

/// Peers, by what alerts say of them.
#[derive(Debug, Default)]
struct Subjects {
    ips: HashSet<IpAddr>,
    nets: Vec<IpNet>,
    /// Addresses that are not routed, so that other peers may have them too, by the node and its id of the peer.
    peers: HashMap<(String, u64), SmolStr>,
    /// Other addresses without port: onion services and the like.
    names: HashSet<SmolStr>,
    asns: HashSet<u32>,
    agents: HashSet<SmolStr>,
}

/// A peer, as an event shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub node: &'a str,
    pub id: u64,
    pub addr: &'a str,
    /// Its address if it is routed.
    pub ip: Option<IpAddr>,
    pub asn: Option<u32>,
    pub agent: Option<&'a str>,
}

impl Scope {
    /// That of an incident.
    pub fn of(incident: &Incident) -> Self {
        let mut scope = Self { since_ns: u64::MAX, ..Self::default() };
        for alert in &incident.alerts {
            scope.since_ns = scope.since_ns.min(alert.since_ns);
            scope.last_ns = scope.last_ns.max(alert.last_ns);
            for node in &alert.nodes {
                if !scope.nodes.contains(node) {
                    scope.nodes.push(node.clone());
                }
            }
            scope.tied.add(alert);
            if OF_DOERS.contains(&alert.family.as_str()) && !BLAMELESS.contains(&alert.detector.as_str()) {
                scope.doers.add(alert);
            }
        }
        scope.since_ns = scope.since_ns.min(scope.last_ns);
        let margin = ((scope.last_ns - scope.since_ns) / 4).clamp(MARGIN_NS.0, MARGIN_NS.1);
        // Whole seconds, which people can write.
        scope.from_ns = scope.since_ns.saturating_sub(margin) / SECOND_NS * SECOND_NS;
        scope.to_ns = scope.last_ns.saturating_add(margin).div_ceil(SECOND_NS).saturating_mul(SECOND_NS);
        scope
    }

    /// Whether what a peer does belongs to the incident.
    pub fn ties(&self, seen: &Seen) -> bool {
        self.tied.have(seen)
    }

    /// Whether a ban of a peer may be considered.
    pub fn blames(&self, seen: &Seen) -> bool {
        self.doers.have(seen)
    }

    /// Whether alerts name a peer by itself, and not only a network that it is in.
    pub fn names(&self, ip: IpAddr) -> bool {
        self.doers.ips.contains(&ip)
    }

    /// Whether it is about peers at all.
    pub fn has_peers(&self) -> bool {
        !self.tied.is_empty()
    }

    /// The networks (/24 or /64) and addresses of all peers that belong to it; none if they cannot be found by addresses.
    pub fn patterns(&self) -> Option<Vec<AddrPattern>> {
        let Subjects { ips, nets, peers, names, asns, agents } = &self.tied;
        if self.tied.is_empty() || !asns.is_empty() || !agents.is_empty() {
            return None;
        }
        let mut around: Vec<IpNet> = ips.iter().map(|ip| neighbourhood(*ip)).chain(nets.iter().copied()).collect();
        around.sort_unstable();
        around.dedup();
        let named = names.iter().map(|name| AddrPattern::Name(name.to_string()));
        let peers = peers.values().filter_map(|addr| addr.parse().ok());
        let patterns: Vec<_> = around.into_iter().map(AddrPattern::Net).chain(named).chain(peers).collect();
        (patterns.len() <= MAX_PATTERNS).then_some(patterns)
    }
}

impl Subjects {
    fn add(&mut self, alert: &Alert) {
        let subject = &alert.subject;
        let text = subject.text.as_str();
        match subject.kind() {
            SubjectKind::Peer => match (routed(text), &subject.node, subject.peer_id) {
                (Some(ip), ..) => _ = self.ips.insert(ip),
                (None, Some(node), Some(id)) => _ = self.peers.insert((node.clone(), id), text.into()),
                (None, ..) if ip_of(text).is_none() && !text.is_empty() => _ = self.names.insert(host(text).into()),
                (None, ..) => {}
            },
            SubjectKind::Subnet => self.nets.extend(text.parse::<IpNet>()),
            SubjectKind::As => self.asns.extend(text.trim_start_matches("AS").parse::<u32>()),
            SubjectKind::Agent => _ = self.agents.insert(text.into()),
            SubjectKind::Network | SubjectKind::Node | SubjectKind::Block | SubjectKind::Part | SubjectKind::Series => {
            }
        }
    }

    fn is_empty(&self) -> bool {
        let Self { ips, nets, peers, names, asns, agents } = self;
        ips.is_empty()
            && nets.is_empty()
            && peers.is_empty()
            && names.is_empty()
            && asns.is_empty()
            && agents.is_empty()
    }

    fn have(&self, seen: &Seen) -> bool {
        if self.is_empty() {
            return false;
        }
        let by_ip = |ip: IpAddr| self.ips.contains(&ip) || self.nets.iter().any(|net| net.contains(&ip));
        let is_own_peer = || {
            let known = self.peers.get(&(seen.node.to_owned(), seen.id));
            known.is_some_and(|addr| *addr == seen.addr)
        };
        seen.ip.or_else(|| ip_of(seen.addr)).is_some_and(by_ip)
            || (!self.peers.is_empty() && is_own_peer())
            || (!self.names.is_empty() && self.names.contains(host(seen.addr)))
            || seen.asn.is_some_and(|asn| self.asns.contains(&asn))
            || seen.agent.is_some_and(|agent| self.agents.contains(agent))
    }
}

/// The IP address of a peer, if it is routed on the internet: others may have other addresses, too.
pub(crate) fn routed(addr: &str) -> Option<IpAddr> {
    ip_of(addr).filter(|ip| special(*ip).is_none())
}

/// An address without its port, if it has one.
pub(crate) fn host(addr: &str) -> &str {
    match addr.rsplit_once(':') {
        Some((host, port)) if ip_of(addr).is_none() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => addr,
    }
}

/// The /24 or /64 that an address is in.
pub(crate) fn neighbourhood(ip: IpAddr) -> IpNet {
    let bits = if ip.is_ipv4() { 24 } else { 64 };
    IpNet::new(ip, bits).unwrap_or_else(|_| ip.into()).trunc()
}
