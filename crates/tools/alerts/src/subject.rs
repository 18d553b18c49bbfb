//! What an alert is about.

use std::net::IpAddr;
use std::sync::Arc;

use event::pb::alerts::{Subject as Named, SubjectKind};
use ipnet::IpNet;
use model::Peer;
use model::text::head;
use networks::Enrichment;
use smol_str::{SmolStr, format_smolstr};

use crate::noted::routed_ip;

/// Bytes of a name at most.
const MAX_NAME: usize = 256;

/// What an alert is about. Peers that have an address which is routed, subnets, autonomous systems, blocks, user agents and what is
/// watched are the same whichever node sees them: their alerts list all of those nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// All that is observed.
    Network,
    /// The node at hand.
    Node,
    /// A peer.
    Peer {
        /// The node's id of it.
        id: u64,
        /// Its address and port.
        addr: SmolStr,
        /// Its address, if it is routed: then it is the same peer for all nodes.
        ip: Option<IpAddr>,
    },
    /// Addresses with a common beginning.
    Subnet(IpNet),
    /// An autonomous system.
    As(u32),
    /// A block, by its hash as explorers show it.
    Block(SmolStr),
    /// Peers with a user agent.
    Agent(SmolStr),
    /// An extractor of the node at hand, or another part of peer-observer.
    Part(SmolStr),
    /// Something that is watched for a change, by its name.
    Series(SmolStr),
}

impl Subject {
    /// A peer.
    pub fn peer<P>(peer: &Peer<P>) -> Self {
        Self::Peer { id: peer.id, addr: peer.addr.clone(), ip: routed_ip(peer) }
    }

    /// The /24 or /64 that an address is in.
    pub fn subnet(ip: IpAddr) -> Self {
        let bits = if ip.is_ipv4() { 24 } else { 64 };
        Self::Subnet(IpNet::new(ip, bits).unwrap_or_else(|_| IpNet::from(ip)).trunc())
    }

    /// A block, by its hash as the node sends it.
    pub fn block(hash: &[u8]) -> Self {
        Self::Block(format_smolstr!("{}", event::HashText(hash)))
    }

    /// What tells it from others, at a node.
    pub(crate) fn key(&self, node: &str) -> SmolStr {
        match self {
            Self::Network => "network".into(),
            Self::Node => format_smolstr!("node {node}"),
            Self::Peer { ip: Some(ip), .. } => format_smolstr!("peer {ip}"),
            Self::Peer { id, .. } => format_smolstr!("peer {id} of {node}"),
            Self::Subnet(net) => format_smolstr!("subnet {net}"),
            Self::As(asn) => format_smolstr!("AS{asn}"),
            Self::Block(hash) => format_smolstr!("block {hash}"),
            Self::Agent(agent) => format_smolstr!("agent {agent}"),
            Self::Part(part) => format_smolstr!("part {part} of {node}"),
            Self::Series(name) => format_smolstr!("series {name}"),
        }
    }

    /// As events have it.
    pub(crate) fn named(&self, node: &Arc<str>) -> Named {
        let of_node = || Some(node.to_string());
        let (kind, text, node, peer_id) = match self {
            Self::Network => (SubjectKind::Network, String::new(), None, None),
            Self::Node => (SubjectKind::Node, node.to_string(), None, None),
            Self::Peer { id, addr, ip } => {
                let node = ip.is_none().then(of_node).flatten();
                (SubjectKind::Peer, addr.to_string(), node, Some(*id))
            }
            Self::Subnet(net) => (SubjectKind::Subnet, net.to_string(), None, None),
            Self::As(asn) => (SubjectKind::As, format!("AS{asn}"), None, None),
            Self::Block(hash) => (SubjectKind::Block, cut(hash), None, None),
            Self::Agent(agent) => (SubjectKind::Agent, cut(agent), None, None),
            Self::Part(part) => (SubjectKind::Part, cut(part), of_node(), None),
            Self::Series(name) => (SubjectKind::Series, cut(name), None, None),
        };
        Named { kind: kind.into(), text, node, peer_id }
    }
}

fn cut(text: &str) -> String {
    head(text, MAX_NAME).to_owned()
}

/// Whether two subjects at the same node may have one cause: one is a part of the other.
pub(crate) fn touch(one: &Named, other: &Named) -> bool {
    let is_all =
        |subject: &Named| matches!(subject.kind(), SubjectKind::Network | SubjectKind::Node | SubjectKind::Series);
    if is_all(one) || is_all(other) {
        return true;
    }
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one.contains(&other) || other.contains(&one),
        _ => one.kind() == other.kind() && one.text == other.text,
    }
}

/// The autonomous system of a peer or a subnet, or the one that it is about.
pub(crate) fn asn_of(subject: &Named, enrichment: &Enrichment) -> Option<u32> {
    match subject.kind() {
        SubjectKind::As => subject.text.strip_prefix("AS")?.parse().ok(),
        _ => enrichment.asn_of(place(subject)?.addr()).filter(|asn| *asn != 0),
    }
}

/// Where a peer or a subnet is.
fn place(subject: &Named) -> Option<IpNet> {
    match subject.kind() {
        SubjectKind::Peer => event::filter::ip_of(&subject.text).map(IpNet::from),
        SubjectKind::Subnet => subject.text.parse().ok(),
        _ => None,
    }
}
