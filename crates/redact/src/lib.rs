//! Public mode: events without what would show where a node is. `docs/public.md` lists what is hidden, what is kept and what remains a risk.
//!
//! Every structure of the wire format is taken apart by all of its fields and every oneof by all of its arms: a field or kind that is added
//! there does not compile here before its redaction is decided.

mod agent;
mod coarse;
mod find;
mod host;
mod log;
mod logged;
mod message;
mod observer;
mod own;
mod prf;
mod pseudonym;
mod rpc;
mod shape;
mod tracepoint;
mod words;

use std::net::Ipv6Addr;
use std::sync::Arc;

use smol_str::SmolStr;
use thiserror::Error;

use self::host::Host;
use self::own::Own;
use self::pseudonym::{Pseudonyms, Role};
use event::pb::bitcoin_primitives::address::Address as Name;
use event::pb::bitcoin_primitives::{Address, UnknownAddress};
use event::{Body, Kind, Record};

/// A structure in which nothing has to be hidden, field by field.
macro_rules! same {
    ($value:expr => $name:ident { $($field:ident),* $(,)? }) => {{
        let $name { $($field),* } = $value;
        $name { $($field: ToOwned::to_owned($field)),* }
    }};
}
use same;

/// Bytes of an address of an unknown network at most (BIP 155).
const MAX_UNKNOWN_ADDRESS: usize = 512;

/// The system gives no randomness, so that there is no secret key for pseudonyms.
#[derive(Clone, Debug, Error)]
#[error(
    "the system gives no randomness for the key of the pseudonyms ({0}); set one of your own: PEER_OBSERVER_PUBLIC_KEY, or public_key under [web]"
)]
pub struct NoRandomness(#[from] getrandom::Error);

/// Makes events public. It learns the own addresses of the nodes from the events, so it must get all of them, in order.
#[derive(Debug)]
pub struct Redactor {
    own: Own,
    pseudonyms: Pseudonyms,
    /// The node of the event at hand.
    node: Arc<str>,
    /// The peer that sent the message at hand.
    sender: Option<Host>,
    /// Seconds since the UNIX epoch.
    now: i64,
}

/// Which way gossiped addresses went.
#[derive(Clone, Copy, Debug)]
enum Gossip {
    /// From a peer to the node.
    FromPeer(u64),
    /// From the node to a peer.
    ToPeer(u64),
    /// From the node to ourselves.
    ToUs,
}

impl Redactor {
    /// One whose pseudonyms stay the same as long as the key does. Who has the key can resolve the pseudonyms.
    pub fn new(key: [u8; 32]) -> Self {
        Self { own: Own::new(), pseudonyms: Pseudonyms::new(&key), node: "".into(), sender: None, now: 0 }
    }

    /// One with a random key: no one can resolve its pseudonyms, and they change with each start.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random() -> Result<Self, NoRandomness> {
        Self::with_key_from(getrandom::fill)
    }

    /// One whose key is filled by `fill`.
    fn with_key_from(fill: impl FnOnce(&mut [u8]) -> Result<(), getrandom::Error>) -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        fill(&mut key)?;
        Ok(Self::new(key))
    }

    /// Adds an own address or host name, as address, address and port, or name: it is removed wherever it occurs.
    pub fn learn(&mut self, own: &str) {
        self.own.learn(own);
        self.update();
    }

    /// The event as the public may see it; none if its kind is not known.
    pub fn redact(&mut self, record: &Record) -> Option<Record> {
        let envelope = record.envelope();
        if envelope.kind == Kind::Unknown {
            return None;
        }
        let body = record.body()?;
        self.node = Arc::clone(&envelope.node);
        self.now = i64::try_from(envelope.time_ns / 1_000_000_000).unwrap_or_default();
        self.learn_from(body);
        self.update();
        let body = match body {
            Body::EbpfExtractor(ebpf) => Body::EbpfExtractor(self.ebpf(ebpf)?),
            Body::RpcExtractor(rpc) => Body::RpcExtractor(self.rpc(rpc)?),
            Body::P2pExtractor(p2p) => Body::P2pExtractor(self.p2p(p2p)?),
            Body::LogExtractor(log) => Body::LogExtractor(self.log(log)?),
            Body::IpcExtractor(ipc) => Body::IpcExtractor(tracepoint::ipc(&self.own, ipc)?),
            Body::Observer(observer) => Body::Observer(self.observer(observer)?),
        };
        Some(Record::new(Arc::clone(&self.node), envelope.run, envelope.sequence, envelope.time_ns, body))
    }

    fn learn_from(&mut self, body: &Body) {
        match body {
            Body::EbpfExtractor(ebpf) => self.learn_from_ebpf(ebpf),
            Body::RpcExtractor(rpc) => self.learn_from_rpc(rpc),
            Body::LogExtractor(log) => self.learn_from_log(log),
            Body::P2pExtractor(_) | Body::IpcExtractor(_) | Body::Observer(_) => {}
        }
    }

    /// Forgets the pseudonyms when the own addresses have changed.
    fn update(&mut self) {
        if self.own.has_changed() {
            self.pseudonyms.forget();
        }
    }

    /// The text; "other" if one of the names of the node or its operator is in it.
    fn scrubbed(&self, text: &str) -> String {
        if self.own.in_text(text) { "other".to_owned() } else { text.to_owned() }
    }

    /// Free text, reduced to known words.
    fn text(&self, text: &str) -> String {
        self.scrubbed(&words::text(text))
    }

    /// The pseudonym of a host; none of an own one.
    fn host(&mut self, role: Role, host: &Host) -> Option<Host> {
        let own = &self.own;
        (!own.has(host)).then(|| self.pseudonyms.host(role, host, |host| own.has(host)))
    }

    /// The pseudonym of a peer's address, written as the address is. "" stays; an own address becomes the unspecified one.
    fn addr(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(known) = self.pseudonyms.remembered(text) {
            return known.into();
        }
        let pseudonym = self.written(Role::Peer, text);
        self.pseudonyms.remember(text, SmolStr::new(&pseudonym));
        pseudonym
    }

    /// The same in another role.
    fn written(&mut self, role: Role, text: &str) -> String {
        let (host, port) = Host::parse(text);
        match self.host(role, &host) {
            Some(pseudonym) => pseudonym.with_port(port.map(|port| self.pseudonyms.port(role, &host, port))),
            None => Host::V6(Ipv6Addr::UNSPECIFIED).with_port(port.map(|_| 0)),
        }
    }

    fn optional_addr(&mut self, text: &Option<String>) -> Option<String> {
        text.as_deref().map(|text| self.addr(text))
    }

    /// Addresses that were gossiped, without own ones. Those that the node sent are left out as long as its own address is not known.
    fn addresses(&mut self, addresses: &[Address], gossip: Gossip) -> Vec<Address> {
        let node = Arc::clone(&self.node);
        let called = match gossip {
            Gossip::FromPeer(peer) => self.own.called_by(&node, peer).flatten(),
            Gossip::ToPeer(peer) => match self.own.called_by(&node, peer) {
                Some(called) if self.own.knows(&node) => called,
                _ => return Vec::new(),
            },
            Gossip::ToUs if self.own.knows(&node) => None,
            Gossip::ToUs => return Vec::new(),
        };
        addresses.iter().filter_map(|address| self.address(address, called.as_ref())).collect()
    }

    /// The pseudonym of a gossiped address; none of an own one, of `called`, and of one whose text is not of its network.
    fn address(&mut self, address: &Address, called: Option<&Host>) -> Option<Address> {
        let Address { timestamp, address: name, services, port } = address;
        let text = match name.as_ref()? {
            Name::Ipv4(text)
            | Name::Ipv6(text)
            | Name::Torv2(text)
            | Name::Torv3(text)
            | Name::I2p(text)
            | Name::Cjdns(text) => text,
            Name::Unknown(UnknownAddress { id, address }) => {
                if address.len() > MAX_UNKNOWN_ADDRESS {
                    return None;
                }
                let address = self.pseudonyms.other(*id, address).into();
                let id = (*id).min(u32::from(u8::MAX));
                return Some(Address {
                    timestamp: coarse::seen(*timestamp, self.now),
                    address: Some(Name::Unknown(UnknownAddress { id, address })),
                    services: coarse::services(*services),
                    port: coarse::common_port(*port),
                });
            }
        };
        let host = Host::of(text);
        if called.is_some_and(|called| *called == host.place()) {
            return None;
        }
        // A peer that gossips its own address is recognized.
        let role = if self.sender.as_ref() == Some(&host) { Role::Peer } else { Role::Gossip };
        let pseudonym = self.host(role, &host)?;
        let name = match (name.as_ref()?, pseudonym) {
            (Name::Ipv4(_), Host::V4(ip)) => Name::Ipv4(ip.to_string()),
            (Name::Ipv6(_), Host::V4(ip)) => Name::Ipv6(ip.to_ipv6_mapped().to_string()),
            (Name::Ipv6(_), Host::V6(ip)) => Name::Ipv6(ip.to_string()),
            (Name::Cjdns(_), Host::V6(ip)) => Name::Cjdns(ip.to_string()),
            (Name::Torv2(_), host @ Host::TorV2(_)) => Name::Torv2(host.to_string()),
            (Name::Torv3(_), host @ Host::Onion(_)) => Name::Torv3(host.to_string()),
            (Name::I2p(_), host @ Host::I2p(_)) => Name::I2p(host.to_string()),
            _ => return None,
        };
        let port = u16::try_from(*port).map_or(0, |port| self.pseudonyms.port(role, &host, port));
        Some(Address {
            timestamp: coarse::seen(*timestamp, self.now),
            address: Some(name),
            services: coarse::services(*services),
            port: port.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_randomness_there_is_no_redactor() {
        let error = Redactor::with_key_from(|_| Err(getrandom::Error::UNSUPPORTED)).unwrap_err();
        assert!(error.to_string().contains("PEER_OBSERVER_PUBLIC_KEY"), "{error}");
        Redactor::random().unwrap();
    }
}
