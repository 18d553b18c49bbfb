//! Answers of RPCs that are shown as they are.

use event::Record;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{
    AddrManInfo, BlockchainInfo, ChainTxStats, EstimateSmartFee, FeeEstimateMode, MemoryInfo, MempoolInfo, NetworkInfo,
};

use super::{rpc, show};
use crate::fold::{Context, Observer, Peers};
use crate::store::Store;
use crate::table::{Id, ids};

/// Gauges of everything but peers, orphans and the address manager's entries.
#[derive(Default)]
pub(super) struct Rpc;

impl Observer<Store> for Rpc {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(event) = rpc(record) else { return };
        let store = &mut *context.sink;
        match event {
            RpcEvent::MempoolInfo(info) => mempool(store, info),
            RpcEvent::Uptime(seconds) => store.set(ids::RPC_UPTIME, &[], f64::from(*seconds)),
            RpcEvent::NetTotals(totals) => set_each(
                store,
                &[
                    (ids::RPC_NETTOTALS_TOTAL_BYTES_RECEIVED, totals.total_bytes_received as f64),
                    (ids::RPC_NETTOTALS_TOTAL_BYTES_SENT, totals.total_bytes_sent as f64),
                ],
            ),
            RpcEvent::MemoryInfo(info) => memory(store, info),
            RpcEvent::AddrmanInfo(info) => addrman(store, info),
            RpcEvent::ChainTxStats(stats) => transactions(store, stats),
            RpcEvent::NetworkInfo(info) => network(store, info),
            RpcEvent::BlockchainInfo(info) => chain(store, info),
            RpcEvent::EstimateSmartFee(fee) => estimate(store, fee),
            RpcEvent::PeerInfos(_) | RpcEvent::OrphanTxs(_) | RpcEvent::Addrman(_) | RpcEvent::Logging(_) => {}
        }
    }
}

fn set_each(store: &mut Store, gauges: &[(Id, f64)]) {
    gauges.iter().for_each(|(id, value)| store.set(*id, &[], *value));
}

fn mempool(store: &mut Store, info: &MempoolInfo) {
    set_each(
        store,
        &[
            (ids::RPC_MEMPOOLINFO_MEMPOOL_LOADED, info.loaded.into()),
            (ids::RPC_MEMPOOLINFO_TRANSACTION_COUNT, info.size as f64),
            (ids::RPC_MEMPOOLINFO_TRANSACTION_FEES, info.total_fee),
            (ids::RPC_MEMPOOLINFO_TRANSACTION_VBYTE, info.bytes as f64),
            (ids::RPC_MEMPOOLINFO_MEMORY_USAGE, info.usage as f64),
            (ids::RPC_MEMPOOLINFO_MEMORY_MAX, info.max_mempool as f64),
            (ids::RPC_MEMPOOLINFO_MIN_MEMPOOL_FEERATE, info.mempoolminfee),
            (ids::RPC_MEMPOOLINFO_MIN_RELAY_TX_FEERATE, info.minrelaytxfee),
            (ids::RPC_MEMPOOLINFO_INCREMENTAL_RELAY_FEERATE, info.incrementalrelayfee),
        ],
    );
}

fn memory(store: &mut Store, info: &MemoryInfo) {
    set_each(
        store,
        &[
            (ids::RPC_MEMORYINFO_LOCKED_USED, info.used as f64),
            (ids::RPC_MEMORYINFO_LOCKED_FREE, info.free as f64),
            (ids::RPC_MEMORYINFO_LOCKED_TOTAL, info.total as f64),
            (ids::RPC_MEMORYINFO_LOCKED_LOCKED, info.locked as f64),
            (ids::RPC_MEMORYINFO_LOCKED_CHUNKS_USED, info.chunks_used as f64),
            (ids::RPC_MEMORYINFO_LOCKED_CHUNKS_FREE, info.chunks_free as f64),
        ],
    );
}

fn addrman(store: &mut Store, info: &AddrManInfo) {
    let all = info.networks.iter().flat_map(|(network, tables)| {
        [("new", tables.new), ("tried", tables.tried), ("total", tables.total)]
            .map(|(table, count)| ([network.as_str(), table], count as f64))
    });
    store.set_all(ids::RPC_ADDRMANINFO, all);
}

fn transactions(store: &mut Store, stats: &ChainTxStats) {
    set_each(
        store,
        &[
            (ids::RPC_CHAINTXSTATS_WINDOW_FINAL_BLOCK_HEIGHT, stats.window_final_block_height.into()),
            (ids::RPC_CHAINTXSTATS_WINDOW_BLOCK_COUNT, stats.window_block_count.into()),
        ],
    );
    // A node that began with a snapshot does not know them.
    show(store, ids::RPC_CHAINTXSTATS_TX_COUNT, &[], stats.reported_tx_count().map(f64::from));
    show(store, ids::RPC_CHAINTXSTATS_WINDOW_TX_COUNT, &[], stats.window_tx_count.map(f64::from));
    show(store, ids::RPC_CHAINTXSTATS_WINDOW_INTERVAL, &[], stats.window_interval.map(f64::from));
    show(store, ids::RPC_CHAINTXSTATS_TX_RATE, &[], stats.tx_rate);
}

fn network(store: &mut Store, info: &NetworkInfo) {
    // A redacted event has none.
    if info.version != 0 {
        store.set(ids::RPC_NETWORKINFO_VERSION, &[], info.version.into());
        store.set(ids::RPC_NETWORKINFO_PROTOCOL_VERSION, &[], info.protocol_version.into());
    }
    set_each(
        store,
        &[
            (ids::RPC_NETWORKINFO_TIME_OFFSET, info.time_offset.into()),
            (ids::RPC_NETWORKINFO_CONNECTIONS, info.connections.into()),
            (ids::RPC_NETWORKINFO_CONNECTIONS_IN, info.connections_in.into()),
            (ids::RPC_NETWORKINFO_CONNECTIONS_OUT, info.connections_out.into()),
            (ids::RPC_NETWORKINFO_NETWORK_ACTIVE, info.network_active.into()),
            (ids::RPC_NETWORKINFO_RELAY_FEE, info.relay_fee),
            (ids::RPC_NETWORKINFO_INCREMENTAL_FEE, info.incremental_fee),
            (ids::RPC_NETWORKINFO_WARNINGS, info.warnings.len() as f64),
            (ids::RPC_NETWORKINFO_LOCAL_ADDRESSES_COUNT, info.local_addresses.len() as f64),
        ],
    );
    let networks = info.networks.iter().flat_map(|network| {
        [("limited", network.limited), ("reachable", network.reachable)]
            .map(|(property, holds)| ([network.name.as_str(), property], f64::from(holds)))
    });
    store.set_all(ids::RPC_NETWORKINFO_NETWORKS, networks);
}

fn chain(store: &mut Store, info: &BlockchainInfo) {
    set_each(
        store,
        &[
            (ids::RPC_BLOCKCHAININFO_BLOCKS, info.blocks.into()),
            (ids::RPC_BLOCKCHAININFO_HEADERS, info.headers.into()),
            (ids::RPC_BLOCKCHAININFO_DIFFICULTY, info.difficulty),
            (ids::RPC_BLOCKCHAININFO_VERIFICATION_PROGRESS, info.verificationprogress),
            (ids::RPC_BLOCKCHAININFO_INITIAL_BLOCK_DOWNLOAD, info.initialblockdownload.into()),
            (ids::RPC_BLOCKCHAININFO_SIZE_ON_DISK, info.size_on_disk as f64),
            (ids::RPC_BLOCKCHAININFO_PRUNED, info.pruned.into()),
            (ids::RPC_BLOCKCHAININFO_WARNINGS, info.warnings.len() as f64),
        ],
    );
    show(store, ids::RPC_BLOCKCHAININFO_PRUNE_HEIGHT, &[], info.reported_prune_height().map(f64::from));
    let target = info.reported_prune_target_size();
    show(store, ids::RPC_BLOCKCHAININFO_PRUNE_TARGET_SIZE, &[], target.map(|bytes| bytes as f64));
}

/// By the target that was asked for, which stays the same when the node answers for another one. Without an answer there is no series.
fn estimate(store: &mut Store, fee: &EstimateSmartFee) {
    let mode = match FeeEstimateMode::try_from(fee.mode).unwrap_or_default() {
        FeeEstimateMode::Unset => "unset",
        FeeEstimateMode::Economical => "economical",
        FeeEstimateMode::Conservative => "conservative",
    };
    show(store, ids::RPC_ESTIMATESMARTFEE_FEERATE, &[&fee.requested_blocks.to_string(), mode], fee.fee_rate);
}
