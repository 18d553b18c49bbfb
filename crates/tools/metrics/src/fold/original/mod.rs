//! The series that the original tool has, by the same names and with the same meanings.

mod addr;
mod addrman;
mod blocks;
mod connections;
mod connectivity;
mod inv;
mod log;
mod mempool;
mod messages;
mod orphans;
mod p2p_extractor;
mod peer_infos;
mod pings;
mod rpc;
mod statements;

pub(super) use log::MUTATED;

use event::message::{AddressNetwork, ItemType};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};

use crate::enrichment::{Enrichment, Sets};
use crate::store::Store;
use crate::table::Id;

model::observers! {
    /// All families of the original tool.
    #[derive(Default)]
    pub(super) struct Families: Observer<Store, ()> {
        messages: messages::Messages,
        addr: addr::Addr,
        invs: inv::Invs,
        pings: pings::Pings,
        statements: statements::Statements,
        connections: connections::Connections,
        mempool: mempool::Mempool,
        blocks: blocks::Blocks,
        peer_infos: peer_infos::PeerInfos,
        rpc: rpc::Rpc,
        orphans: orphans::Orphans,
        addrman: addrman::Addrman,
        p2p_extractor: p2p_extractor::P2pExtractor,
        connectivity: connectivity::Connectivity,
        log: log::Log,
    }
}

/// Both values of the label `direction`.
const DIRECTIONS: [&str; 2] = ["inbound", "outbound"];

/// The value of the label `direction`.
fn direction(inbound: bool) -> &'static str {
    if inbound { "inbound" } else { "outbound" }
}

/// Types of inventory entries, in the order of their numbers.
const ITEM_TYPES: [ItemType; 8] = [
    ItemType::Tx,
    ItemType::Block,
    ItemType::WTx,
    ItemType::WitnessTx,
    ItemType::WitnessBlock,
    ItemType::CompactBlock,
    ItemType::Unknown,
    ItemType::Error,
];

/// How many inventory entries there are of each type.
#[derive(Default)]
struct ItemCounts([u64; ITEM_TYPES.len()]);

impl ItemCounts {
    fn add(&mut self, kind: ItemType) {
        if let Some(count) = self.0.get_mut(kind as usize) {
            *count += 1;
        }
    }

    fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The types that there are.
    fn present(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ITEM_TYPES.iter().zip(self.0).filter(|(_, count)| *count > 0).map(|(kind, count)| (kind.name(), count))
    }
}

/// How many addresses there are of each network.
#[derive(Default)]
struct NetworkCounts([u64; AddressNetwork::ALL.len()]);

impl NetworkCounts {
    fn add(&mut self, network: AddressNetwork) {
        if let Some(count) = self.0.get_mut(network as usize) {
            *count += 1;
        }
    }

    /// The networks that there are.
    fn present(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = AddressNetwork::ALL.iter().zip(self.0);
        all.filter(|(_, count)| *count > 0).map(|(network, count)| (network.name(), count))
    }
}

/// Whether an address is in a range that LinkingLion uses or used.
fn is_linkinglion(sets: Sets, enrichment: &Enrichment) -> bool {
    !sets.is_empty() && (enrichment.is_in(sets, "linkinglion") || enrichment.is_in(sets, "linkinglion_pre2026"))
}

/// An address as the node writes it, without the port.
fn host(addr: &str) -> &str {
    addr.rsplit_once(':').map_or(addr, |(host, _)| host)
}

/// Adds to the count of each bit that is set.
fn count_bits(mut flags: u64, times: u64, bits: &mut [u64; 64]) {
    while flags != 0 {
        if let Some(count) = bits.get_mut(flags.trailing_zeros() as usize) {
            *count += times;
        }
        flags &= flags - 1;
    }
}

/// The event of a tracepoint.
fn ebpf(record: &Record) -> Option<&EbpfEvent> {
    match record.body()? {
        Body::EbpfExtractor(ebpf) => ebpf.ebpf_event.as_ref(),
        _ => None,
    }
}

/// What an RPC answered.
fn rpc(record: &Record) -> Option<&RpcEvent> {
    match record.body()? {
        Body::RpcExtractor(rpc) => rpc.rpc_event.as_ref(),
        _ => None,
    }
}

/// Shows a gauge, or that it has no value.
fn show(store: &mut Store, id: Id, labels: &[&str], value: Option<f64>) {
    match value {
        Some(value) => store.set(id, labels, value),
        None => store.remove(id, labels),
    }
}

/// Begins counters without labels at 0.
fn begin_at_0(store: &mut Store, counters: &[Id]) {
    counters.iter().for_each(|id| store.add(*id, &[], 0.0));
}

/// Begins counters with one label, of which all values are known, at 0.
fn begin_each_at_0<'a>(store: &mut Store, counters: &[Id], values: impl IntoIterator<Item = &'a str>) {
    for value in values {
        counters.iter().for_each(|id| store.add(*id, &[value], 0.0));
    }
}

#[cfg(test)]
mod tests;
