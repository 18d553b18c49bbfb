//! The addresses that an event gossips, and by whom.

use std::net::IpAddr;
use std::sync::Arc;

use event::Record;
use event::message::{self, AddressNetwork, Message, Payload};
use event::pb::bitcoin_primitives::Address;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::p2p_extractor::P2p;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Kind};
use reach::{Endpoint, Host};

/// Who gossiped addresses.
#[derive(Clone, Debug)]
pub struct Gossiper {
    /// The node that heard it.
    pub node: Arc<str>,
    /// The node's id of the peer. None is the node itself, to our own connection.
    pub peer: Option<u64>,
    /// Address of the peer, as the node writes it.
    pub addr: Option<Box<str>>,
    /// In addrv2 (BIP155), not in addr.
    pub addrv2: bool,
    /// Nanoseconds since the UNIX epoch.
    pub heard_ns: u64,
    /// The peer is a Tor exit. None where that is not known.
    pub tor_exit: Option<bool>,
}

/// Who has a share of the attempts of its own: a peer by its IP address, so that it gets no more by connecting often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Share {
    /// The node itself.
    Node(u16),
    /// Peers with an IP address of their own.
    Ip(u16, IpAddr),
    /// A peer without, as those that come in through Tor.
    Peer(u16, u64),
}

impl Gossiper {
    /// Whose share its addresses take, where `node` is the number of the node.
    pub fn share(&self, node: u16) -> Share {
        let Some(peer) = self.peer else { return Share::Node(node) };
        match self.ip().filter(|ip| networks::special(*ip).is_none()) {
            Some(ip) => Share::Ip(node, ip),
            None => Share::Peer(node, peer),
        }
    }

    /// The IP address of the peer.
    pub fn ip(&self) -> Option<IpAddr> {
        event::filter::ip_of(self.addr.as_deref()?)
    }
}

/// An address that was gossiped.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The address.
    pub endpoint: Endpoint,
    /// When it was last seen, as claimed; seconds since the UNIX epoch.
    pub timestamp: u32,
    /// Services that were claimed.
    pub services: u64,
    /// Who gossiped it.
    pub by: Arc<Gossiper>,
}

impl Heard {
    /// As it was gossiped.
    pub fn address(&self) -> Address {
        let text = self.endpoint.host.to_string();
        let address = match self.endpoint.host {
            Host::Ipv4(_) => Some(Named::Ipv4(text)),
            Host::Ipv6(_) => Some(Named::Ipv6(text)),
            Host::Cjdns(_) => Some(Named::Cjdns(text)),
            Host::Onion(_) => Some(Named::Torv3(text)),
            Host::I2p(_) => Some(Named::I2p(text)),
            Host::Name(_) => None,
        };
        Address { timestamp: self.timestamp, services: self.services, port: self.endpoint.port.into(), address }
    }
}

/// Takes the addresses that an event gossips. `each` gets each that is of a network that can be tried, and None for the
/// others. `tor_exit` says whether an IP address is that of a Tor exit.
pub fn addresses(record: &Record, tor_exit: impl Fn(IpAddr) -> Option<bool>, each: impl FnMut(Option<Heard>)) {
    match record.envelope().kind {
        Kind::Message => of_message(record, tor_exit, each),
        Kind::AddressAnnouncement => of_announcement(record, each),
        _ => {}
    }
}

/// Whether an event may gossip addresses, by what is known without decoding it.
pub fn may_gossip(record: &Record) -> bool {
    let envelope = record.envelope();
    match envelope.kind {
        Kind::Message => {
            envelope.direction == Some(event::Direction::Inbound)
                && matches!(envelope.message_type.as_deref(), Some("addr" | "addrv2"))
        }
        Kind::AddressAnnouncement => true,
        _ => false,
    }
}

fn of_message(record: &Record, tor_exit: impl Fn(IpAddr) -> Option<bool>, mut each: impl FnMut(Option<Heard>)) {
    let Some(message) = Message::of(record) else { return };
    let (addresses, addrv2) = match message.payload {
        Payload::Addr(addresses) => (addresses, false),
        Payload::AddrV2(addresses) => (addresses, true),
        _ => return,
    };
    let by = Arc::new(Gossiper {
        node: Arc::clone(&record.envelope().node),
        peer: Some(message.peer),
        addr: Some(message.addr.into()),
        addrv2,
        heard_ns: record.envelope().time_ns,
        tor_exit: event::filter::ip_of(message.addr).and_then(tor_exit),
    });
    for address in addresses {
        let message::Address { timestamp, services, port, .. } = address;
        let heard = |host| Heard { endpoint: Endpoint { host, port }, timestamp, services, by: Arc::clone(&by) };
        each(host(address.network, address.text()).map(heard));
    }
}

fn of_announcement(record: &Record, mut each: impl FnMut(Option<Heard>)) {
    let Some(Body::P2pExtractor(P2p { p2p_event: Some(P2pEvent::AddressAnnouncement(announcement)) })) = record.body()
    else {
        return;
    };
    let by = Arc::new(Gossiper {
        node: Arc::clone(&record.envelope().node),
        peer: None,
        addr: None,
        // Our connection asks for it.
        addrv2: true,
        heard_ns: record.envelope().time_ns,
        tor_exit: None,
    });
    for address in &announcement.addresses {
        let Address { timestamp, services, .. } = *address;
        let endpoint = endpoint_of(address);
        each(endpoint.map(|endpoint| Heard { endpoint, timestamp, services, by: Arc::clone(&by) }));
    }
}

/// The endpoint of a decoded address. None if it is of a network that cannot be tried.
pub fn endpoint_of(address: &Address) -> Option<Endpoint> {
    Some(Endpoint { host: host(address.network(), address.text()?)?, port: u16::try_from(address.port).ok()? })
}

fn host(network: AddressNetwork, text: &str) -> Option<Host> {
    match network {
        AddressNetwork::Ipv4 => text.parse().ok().map(Host::Ipv4),
        AddressNetwork::Ipv6 => text.parse().ok().map(Host::Ipv6),
        AddressNetwork::Cjdns => text.parse().ok().map(Host::Cjdns),
        AddressNetwork::TorV3 => Host::of_onion(text),
        AddressNetwork::I2p => Host::of_i2p(text),
        AddressNetwork::TorV2 | AddressNetwork::Unknown => None,
    }
}
