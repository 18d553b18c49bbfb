//! An event as the tables see it, with what earlier events of the file say of its peer.

use std::sync::Arc;

use event::message::{Message, Payload};
use event::pb::ebpf_extractor::connection::Connection;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionEvent;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Direction, Kind, Record, names};
use foldhash::HashMap;
use smol_str::SmolStr;

/// Peers that are remembered at most. Then all are forgotten: getpeerinfo names them again within seconds.
const MAX_PEERS: usize = 1 << 16;
/// Characters of a user agent, as Bitcoin Core takes them.
const MAX_USER_AGENT: usize = 256;

/// An event.
pub(crate) struct Seen<'a> {
    pub record: &'a Record,
    /// The P2P message, if it is one that the node received or sent.
    pub message: Option<Message<'a>>,
    peer: Option<&'a Peer>,
}

/// What is known of a peer.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    network: Option<&'static str>,
    user_agent: Option<SmolStr>,
}

/// The peers of the nodes in a file.
#[derive(Debug, Default)]
pub(crate) struct Peers(HashMap<(Arc<str>, u64), Peer>);

impl<'a> Seen<'a> {
    /// An event, whose peer is looked up.
    pub fn new(record: &'a Record, message: Option<Message<'a>>, peers: &'a Peers) -> Self {
        let envelope = record.envelope();
        let peer = envelope.peer.and_then(|peer| peers.0.get(&(Arc::clone(&envelope.node), peer)));
        Self { record, message, peer }
    }

    /// The structure of the event. Not of messages: they are large, and read without it.
    pub fn body(&self) -> Option<&'a Body> {
        if self.record.envelope().kind == Kind::Message { None } else { self.record.body() }
    }

    /// The interface that it came from.
    pub fn source(&self) -> &'static str {
        self.record.envelope().kind.source().map_or(names::UNKNOWN, event::Source::name)
    }

    /// Address and port of the peer.
    pub fn addr(&self) -> Option<&'a str> {
        match &self.message {
            Some(message) => Some(message.addr),
            None => self.body().and_then(|_| self.record.addr()),
        }
    }

    /// The network by which its peer is connected.
    pub fn network(&self) -> Option<&'static str> {
        self.peer.and_then(|peer| peer.network).or_else(|| network_of(self.addr()?))
    }

    /// User agent of its peer.
    pub fn user_agent(&self) -> Option<&'a str> {
        self.peer?.user_agent.as_deref()
    }

    /// Direction of the message.
    pub fn direction(&self) -> Option<&'static str> {
        self.record.envelope().direction.map(Direction::name)
    }
}

/// The network of an address, where it shows it. That of a proxy says nothing: a peer that comes through Tor or I2P
/// has one on the node's machine or beside it.
pub(crate) fn network_of(addr: &str) -> Option<&'static str> {
    use std::net::IpAddr;
    let local = match event::filter::ip_of(addr) {
        Some(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() && !ip.octets().starts_with(&[0xfc]),
        None => false,
    };
    let network = names::network_of_text(addr);
    (!local && network != names::UNKNOWN).then_some(network)
}

/// The network that an address belongs to: the /24 of an IPv4 address, the /64 of an IPv6 address.
pub(crate) fn prefix_of(addr: &str, network: Option<&str>) -> Option<String> {
    let ip = event::filter::ip_of_peer(addr, network?)?;
    let prefix = ipnet::IpNet::new(ip, if ip.is_ipv4() { 24 } else { 64 }).ok()?;
    Some(prefix.trunc().to_string())
}

impl Peers {
    /// Takes notice of what an event says of peers. Returns the message that it is.
    pub fn learn<'a>(&mut self, record: &'a Record) -> Option<Message<'a>> {
        let envelope = record.envelope();
        if envelope.kind == Kind::Message {
            let message = Message::of(record)?;
            if let (Payload::Version(version), true) = (message.payload, message.inbound) {
                self.peer(record, message.peer).user_agent = Some(user_agent(version.user_agent));
            }
            return Some(message);
        }
        match record.body()? {
            Body::EbpfExtractor(ebpf) => {
                if let Some(EbpfEvent::Connection(connection)) = &ebpf.ebpf_event {
                    self.learn_connection(record, connection.event.as_ref()?);
                }
            }
            Body::RpcExtractor(rpc) => {
                if let Some(RpcEvent::PeerInfos(infos)) = &rpc.rpc_event {
                    for info in &infos.infos {
                        let network = known(names::network(&info.network));
                        let peer = self.peer(record, info.id.into());
                        peer.network = network.or(peer.network);
                        if !info.subversion.is_empty() {
                            peer.user_agent = Some(user_agent(&info.subversion));
                        }
                    }
                }
            }
            Body::LogExtractor(log) => {
                if let Some(LogEvent::VersionReceived(version)) = &log.log_event
                    && let Some(name) = &version.user_agent
                {
                    self.peer(record, version.peer_id).user_agent = Some(user_agent(name));
                }
            }
            _ => {}
        }
        None
    }

    fn learn_connection(&mut self, record: &Record, event: &ConnectionEvent) {
        let mut learn = |connection: &Connection, is_new: bool| {
            let network = known(names::network_of_number(connection.network));
            let peer = self.peer(record, connection.peer_id);
            if is_new {
                *peer = Peer::default(); // a node that was restarted uses its ids again
            }
            peer.network = network;
        };
        match event {
            ConnectionEvent::Inbound(inbound) => learn(&inbound.conn, true),
            ConnectionEvent::Outbound(outbound) => learn(&outbound.conn, true),
            ConnectionEvent::Closed(closed) => learn(&closed.conn, false),
            ConnectionEvent::InboundEvicted(evicted) => learn(&evicted.conn, false),
            ConnectionEvent::Misbehaving(_) => {}
        }
    }

    fn peer(&mut self, record: &Record, peer: u64) -> &mut Peer {
        if self.0.len() >= MAX_PEERS {
            self.0.clear();
        }
        self.0.entry((Arc::clone(&record.envelope().node), peer)).or_default()
    }
}

fn known(name: &'static str) -> Option<&'static str> {
    (name != names::UNKNOWN).then_some(name)
}

fn user_agent(text: &str) -> SmolStr {
    text.chars().take(MAX_USER_AGENT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        let prefix = |addr, network| prefix_of(addr, Some(network));
        assert_eq!(prefix("198.51.100.7:8333", "ipv4").unwrap(), "198.51.100.0/24");
        assert_eq!(prefix("[2001:db8:1:2:3::4]:8333", "ipv6").unwrap(), "2001:db8:1:2::/64");
        assert_eq!((prefix("127.0.0.1:1", "onion"), prefix_of("198.51.100.7:1", None)), (None, None));
    }

    #[test]
    fn the_address_of_a_proxy_shows_no_network() {
        for (addr, network) in [
            ("127.0.0.1:4000", None),
            ("172.18.0.3:1", None),
            ("203.0.113.7:8333", Some("ipv4")),
            ("[2001:db8::1]:8333", Some("ipv6")),
            ("[fc00::1]:8333", Some("cjdns")),
            ("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333", Some("onion")),
            ("node.example:8333", None),
        ] {
            assert_eq!(network_of(addr), network, "{addr}");
        }
    }
}
