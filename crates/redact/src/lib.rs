//! Public mode: events without what would show where a node is. `docs/public.md` lists what is hidden, what is kept and what remains a risk.
//!
//! Every structure of the wire format is taken apart by all of its fields and every oneof by all of its arms: a field or kind that is added
//! there does not compile here before its redaction is decided.

mod agent;
mod alerts;
mod before;
mod chain;
mod coarse;
mod connectivity;
mod find;
mod host;
mod log;
mod logged;
mod message;
mod observer;
mod own;
mod p2p;
mod prf;
mod pseudonym;
mod rpc;
mod runs;
mod shape;
mod tracepoint;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;

use self::before::Before;
use self::host::Host;
use self::own::Own;
use self::pseudonym::{Pseudonyms, Role};
use self::runs::Runs;
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
    /// Nodes whose events were seen, and when the first one happened, in nanoseconds since the UNIX epoch.
    nodes: HashMap<Arc<str>, Option<u64>>,
    names: Names,
    runs: Runs,
    before: Before,
    /// Times are rounded down to a multiple of so many nanoseconds.
    grain_ns: u64,
    /// The share of peers whose events are shown, of 2^32.
    sampled: u64,
    /// The peer that sent the message at hand.
    sender: Option<Host>,
    /// The time of the event at hand as it is shown, in seconds since the UNIX epoch: what is made coarse by it must not tell it more exactly.
    now: i64,
}

/// Under which names nodes are shown.
#[derive(Clone, Debug, Default)]
pub enum Names {
    /// All, each under its own.
    #[default]
    Own,
    /// These under the names that they have here, the others not at all. For events of the tool `chain`, networks count as nodes.
    Given(BTreeMap<String, String>),
}

/// All peers are shown.
const ALL: u64 = 1 << 32;

/// Nodes whose names are known to be public, at most.
const MAX_NODES: usize = 1_000;

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
        Self {
            own: Own::new(),
            pseudonyms: Pseudonyms::new(&key),
            node: "".into(),
            nodes: HashMap::new(),
            names: Names::Own,
            runs: Runs::new(),
            before: Before::default(),
            grain_ns: 1,
            sampled: ALL,
            sender: None,
            now: 0,
        }
    }

    /// Shows nodes under these names.
    #[must_use]
    pub fn with_names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Rounds times down to multiples of a span.
    #[must_use]
    pub fn with_times(self, grain: Duration) -> Self {
        let grain_ns = u64::try_from(grain.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { grain_ns, ..self }
    }

    /// Shows the events of a share of the peers only (0 to 1), and none about addresses that are no peer's.
    #[must_use]
    pub fn with_sample(self, share: f64) -> Self {
        Self { sampled: (share.clamp(0.0, 1.0) * ALL as f64) as u64, ..self }
    }

    /// Goes on with another key. What is known of own addresses stays; nothing else that is shown from now on can be linked to what was
    /// shown before, but for nodes by their names.
    pub fn change_key(&mut self, key: [u8; 32]) {
        self.pseudonyms = Pseudonyms::new(&key);
        self.begin_anew();
        self.runs = Runs::new();
    }

    /// Events of another time follow, such as those of a recording that jumps: the numbers of runs begin anew.
    pub fn begin_anew(&mut self) {
        self.runs.forget();
        self.before = Before::default();
        self.nodes.values_mut().for_each(|first| *first = None);
    }

    /// Makes the name of a node public of which no event was seen yet.
    pub fn knows_node(&mut self, node: &str) {
        if self.nodes.len() < MAX_NODES && !self.nodes.contains_key(node) {
            self.nodes.insert(node.into(), None);
        }
    }

    /// The id under which a run is shown.
    pub fn run(&mut self, node: &Arc<str>, run: u64) -> u64 {
        self.runs.id(&self.pseudonyms, node, run)
    }

    /// The name under which a node is shown; none if it is not.
    pub fn name(&self, node: &str) -> Option<Arc<str>> {
        match &self.names {
            Names::Own => Some(node.into()),
            Names::Given(names) => names.get(node).map(|name| name.as_str().into()),
        }
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

    /// The event as the public may see it; none if its kind is not known, if there is nothing in it that the public may see, or if its node is
    /// not shown.
    pub fn redact(&mut self, record: &Record) -> Option<Record> {
        let envelope = record.envelope();
        if envelope.kind == Kind::Unknown {
            self.withhold(record);
            return None;
        }
        self.see(record);
        let Some((name, body)) = self.public(record) else {
            self.runs.number(&self.pseudonyms, &envelope.node, envelope.run, envelope.sequence, false);
            return None;
        };
        let sequence = self.runs.number(&self.pseudonyms, &envelope.node, envelope.run, envelope.sequence, true);
        let run = self.run(&envelope.node, envelope.run);
        Some(Record::new(name, run, sequence, self.at(envelope.time_ns), body))
    }

    /// Learns from an event that is not to be made public itself. It leaves no gap in the numbers of its run.
    pub fn withhold(&mut self, record: &Record) {
        self.see(record);
        let envelope = record.envelope();
        if envelope.kind != Kind::Status {
            self.runs.number(&self.pseudonyms, &envelope.node, envelope.run, envelope.sequence, false);
        }
    }

    fn public(&mut self, record: &Record) -> Option<(Arc<str>, Body)> {
        let name = match &self.names {
            Names::Own => Arc::clone(&self.node),
            Names::Given(_) => self.name(&self.node)?,
        };
        if !self.is_sampled(record) {
            return None;
        }
        let body = match record.body()? {
            Body::EbpfExtractor(ebpf) => Body::EbpfExtractor(self.ebpf(ebpf)?),
            Body::RpcExtractor(rpc) => Body::RpcExtractor(self.rpc(rpc)?),
            Body::P2pExtractor(p2p) => Body::P2pExtractor(self.p2p(p2p)?),
            Body::LogExtractor(log) => Body::LogExtractor(self.log(log)?),
            Body::IpcExtractor(ipc) => Body::IpcExtractor(tracepoint::ipc(&self.own, ipc)?),
            Body::Connectivity(connectivity) => Body::Connectivity(self.connectivity(connectivity)?),
            Body::Alerts(alerts) => Body::Alerts(self.alerts(alerts)?),
            Body::Chain(chain) => Body::Chain(self.chain(chain)?),
            Body::Observer(observer) => Body::Observer(self.observer(observer, record.envelope())?),
        };
        Some((name, body))
    }

    /// Whether the events of this one's peer are shown. An event about an address of which it does not say whose it is could be about any peer.
    fn is_sampled(&self, record: &Record) -> bool {
        if self.sampled >= ALL {
            return true;
        }
        match record.envelope().peer {
            Some(peer) => self.is_peer_sampled(peer),
            None => record.addr().is_none(),
        }
    }

    /// Whether the events of a peer of the node at hand are shown.
    fn is_peer_sampled(&self, peer: u64) -> bool {
        self.sampled >= ALL || self.pseudonyms.lot(&self.node, peer) < self.sampled
    }

    /// Learns from an event that is passed over.
    pub fn see(&mut self, record: &Record) {
        let envelope = record.envelope();
        let (false, Some(body)) = (envelope.kind == Kind::Unknown, record.body()) else { return };
        self.node = Arc::clone(&envelope.node);
        self.knows_node(&envelope.node);
        // Alerts come at any time, and say themselves what they are about.
        if !matches!(body, Body::Alerts(_))
            && let Some(first) = self.nodes.get_mut(&self.node).filter(|first| first.is_none())
        {
            *first = Some(envelope.time_ns);
        }
        self.now = i64::try_from(self.at(envelope.time_ns) / 1_000_000_000).unwrap_or_default();
        self.learn_from(body);
        self.update();
    }

    /// A time as it is shown, in nanoseconds.
    fn at(&self, time_ns: u64) -> u64 {
        time_ns - time_ns % self.grain_ns
    }

    /// The same in seconds.
    fn at_seconds(&self, time: u64) -> u64 {
        self.at(time.saturating_mul(1_000_000_000)) / 1_000_000_000
    }

    /// The same; what is not positive stays.
    fn at_s(&self, time: i64) -> i64 {
        u64::try_from(time).map_or(time, |seconds| i64::try_from(self.at_seconds(seconds)).unwrap_or(time))
    }

    /// A time at which something began that may have been there before the first event of the node at hand: then the time of that. 0 stays.
    fn since(&self, time_ns: u64) -> u64 {
        let first = self.nodes.get(&self.node).copied().flatten().unwrap_or_default();
        if time_ns == 0 { 0 } else { self.at(time_ns.max(first)) }
    }

    /// The same in seconds.
    fn since_seconds(&self, time: u64) -> u64 {
        self.since(time.saturating_mul(1_000_000_000)) / 1_000_000_000
    }

    /// The same; what is not positive stays.
    fn since_s(&self, time: i64) -> i64 {
        u64::try_from(time).map_or(time, |seconds| i64::try_from(self.since_seconds(seconds)).unwrap_or(time))
    }

    fn learn_from(&mut self, body: &Body) {
        match body {
            Body::EbpfExtractor(ebpf) => self.learn_from_ebpf(ebpf),
            Body::RpcExtractor(rpc) => self.learn_from_rpc(rpc),
            Body::LogExtractor(log) => self.learn_from_log(log),
            Body::P2pExtractor(p2p) => self.learn_from_p2p(p2p),
            Body::IpcExtractor(_) | Body::Connectivity(_) | Body::Alerts(_) | Body::Chain(_) | Body::Observer(_) => {}
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
