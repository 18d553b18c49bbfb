//! Events to fold.

use std::sync::Arc;

use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, ConnType, InventoryItem};
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::connectivity::{Attempt, Connectivity};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::connection::{Connection, ConnectionEvent};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::MempoolEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolArm;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{Inv, MessageEvent, Metadata};
use event::pb::log_extractor::Log;
use event::pb::p2p_extractor::P2p;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos, Rpc};
use event::{Body, Record};
use metrics::{Enrichment, Histogram, Id, Limits, Node, Value};

/// 2026-01-31T12:00:00Z, seconds.
pub const START: u32 = 1_769_860_800;
/// The same in nanoseconds, and some more: times of messages are not whole seconds.
pub const START_NS: u64 = START as u64 * 1_000_000_000 + 700_000_000;

/// Folds events that happen within the same second.
pub struct Feed {
    pub node: Node,
    pub enrichment: Enrichment,
    sequence: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self { node: Node::new(Limits::default()), enrichment: Enrichment::default(), sequence: 0 }
    }
}

impl Feed {
    pub fn fold(&mut self, body: Body) {
        self.sequence += 1;
        let record = Record::new("alice".into(), 1, self.sequence, START_NS + self.sequence, body);
        self.node.fold(&Arc::new(record), &self.enrichment);
    }

    /// The value of a counter or gauge; of a histogram its number of observations. -1 if there is none.
    pub fn get(&self, id: Id, labels: &[&str]) -> f64 {
        self.node.store().get(id, labels).unwrap_or(-1.0)
    }

    pub fn histogram(&self, id: Id, labels: &[&str]) -> Histogram {
        let series = self.node.store().series(id);
        let one = series.iter().find(|one| one.labels.iter().eq(labels)).unwrap();
        let Value::Histogram(histogram) = &one.value else { panic!("no histogram") };
        (**histogram).clone()
    }

    /// Values of the first label of all series.
    pub fn labels(&self, id: Id) -> Vec<String> {
        self.node.store().series(id).iter().map(|one| one.labels[0].to_string()).collect()
    }
}

/// A message to or from an inbound peer.
pub fn message(inbound: bool, addr: &str, command: &str, size: u64, msg: Msg) -> Body {
    let meta = Metadata {
        peer_id: addr.bytes().map(u64::from).sum(),
        addr: addr.to_owned(),
        conn_type: ConnType::Inbound.into(),
        command: command.to_owned(),
        inbound,
        size,
        ..Metadata::default()
    };
    ebpf(EbpfEvent::Message(MessageEvent { meta, msg: Some(msg) }))
}

pub fn inv(inbound: bool, items: impl IntoIterator<Item = Item>) -> Body {
    let items = items.into_iter().map(|item| InventoryItem { item: Some(item) }).collect();
    message(inbound, "203.0.113.7:51234", "inv", 37, Msg::Inv(Inv { items }))
}

pub fn address(timestamp: u32, services: u64, address: Named) -> Address {
    Address { timestamp, services, port: 8333, address: Some(address) }
}

pub fn ebpf(event: EbpfEvent) -> Body {
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(event) })
}

pub fn connection(event: ConnectionArm) -> Body {
    ebpf(EbpfEvent::Connection(ConnectionEvent { event: Some(event) }))
}

pub fn peer(conn_type: ConnType, addr: &str, network: u32) -> Connection {
    Connection { peer_id: 12, addr: addr.to_owned(), conn_type: conn_type.into(), network, conn_type_name: None }
}

pub fn mempool(event: MempoolArm) -> Body {
    ebpf(EbpfEvent::Mempool(MempoolEvent { event: Some(event) }))
}

pub fn rpc(event: RpcEvent) -> Body {
    Body::RpcExtractor(Rpc { rpc_event: Some(event) })
}

pub fn peers(infos: Vec<PeerInfo>) -> Body {
    rpc(RpcEvent::PeerInfos(PeerInfos { infos }))
}

pub fn p2p(event: P2pEvent) -> Body {
    Body::P2pExtractor(P2p { p2p_event: Some(event) })
}

pub fn log(line: Log) -> Body {
    Body::LogExtractor(line)
}

pub fn attempt(attempt: Attempt) -> Body {
    Body::Connectivity(Connectivity { connectivity_event: Some(ConnectivityEvent::Attempt(attempt)) })
}
