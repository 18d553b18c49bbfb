//! Our own series: one subject per file.

mod addresses;
mod addrman;
mod alerts;
mod blocks;
mod chain;
mod compact_blocks;
mod connections;
mod connectivity;
mod forks;
mod log;
mod logged;
mod own_connection;
mod peers;
mod process;
mod relay;
mod requests;
mod restarts;
mod sets;
mod sizes;
mod transactions;

use event::message::short;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};

pub(super) use model::bounds::SECOND;
use model::text::short_of_text;

use crate::store::Store;

model::observers! {
    /// All families of our own series.
    #[derive(Default)]
    pub(super) struct Families: Observer<Store, ()> {
        sizes: sizes::Sizes,
        sets: sets::Sets,
        requests: requests::Requests,
        transactions: transactions::Transactions,
        addresses: addresses::Addresses,
        blocks: blocks::Blocks,
        compact_blocks: compact_blocks::CompactBlocks,
        connections: connections::Connections,
        peers: peers::PeerInfos,
        addrman: addrman::Addrman,
        chain: chain::Chain,
        restarts: restarts::Restarts,
        log: log::Log,
        logged: logged::Logged,
        process: process::Process,
        own_connection: own_connection::OwnConnection,
        relay: relay::Relay,
        connectivity: connectivity::Connectivity,
        forks: forks::Forks,
        alerts: alerts::Alerts,
    }
}

/// Seconds from one time to a later one, both in nanoseconds; 0 if it was not later.
fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / SECOND as f64
}

/// A truth as the value of a label.
pub(super) fn boolean(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

/// A tracepoint that is no P2P message.
fn tracepoint(record: &Record) -> Option<&EbpfEvent> {
    match record.body()? {
        Body::EbpfExtractor(ebpf) => ebpf.ebpf_event.as_ref(),
        _ => None,
    }
}

/// An entry of debug.log.
fn log_entry(record: &Record) -> Option<&LogEvent> {
    match record.body()? {
        Body::LogExtractor(log) => log.log_event.as_ref(),
        _ => None,
    }
}

/// The result of an RPC.
fn rpc(record: &Record) -> Option<&RpcEvent> {
    match record.body()? {
        Body::RpcExtractor(rpc) => rpc.rpc_event.as_ref(),
        _ => None,
    }
}
