//! The node's answers as events. Everything here is pure.
//!
//! A value that is missing in an answer is absent, except where old readers reject an event without it: there it is what the wire format says, mostly
//! 0, "" or false. A value that does not fit the field's type becomes the nearest that does.

mod addrman;

use bytes::Bytes;
use event::pb::bitcoin_primitives::Transaction;
use event::pb::rpc_extractor as pb;
use event::pb::rpc_extractor::FeeEstimateMode;
use event::pb::rpc_extractor::rpc::RpcEvent;
use node::rpc::types;

pub(crate) use addrman::addrman;

/// The nearest `u32`; 0 for a negative number.
fn nearest(value: impl TryInto<u64>) -> u32 {
    let value = value.try_into().unwrap_or(0); // it was negative
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(crate) fn peer_infos(types::PeerInfos(peers): types::PeerInfos) -> RpcEvent {
    RpcEvent::PeerInfos(pb::PeerInfos { infos: peers.into_iter().map(peer_info).collect() })
}

fn peer_info(peer: types::PeerInfo) -> pb::PeerInfo {
    pb::PeerInfo {
        id: nearest(peer.id),
        address: peer.addr,
        address_bind: peer.addrbind.unwrap_or_default(),
        address_local: peer.addrlocal.unwrap_or_default(),
        network: peer.network,
        mapped_as: peer.mapped_as.map_or(0, nearest),
        services: peer.services,
        relay_transactions: peer.relaytxes,
        last_send: peer.lastsend,
        last_received: peer.lastrecv,
        last_transaction: peer.last_transaction,
        last_block: peer.last_block,
        bytes_sent: peer.bytessent,
        bytes_received: peer.bytesrecv,
        connection_time: peer.conntime,
        time_offset: peer.timeoffset,
        ping_time: peer.pingtime.unwrap_or_default(),
        minimum_ping: peer.minping.unwrap_or_default(),
        ping_wait: peer.pingwait.unwrap_or_default(),
        version: peer.version,
        subversion: peer.subver,
        inbound: peer.inbound,
        bip152_hb_to: peer.bip152_hb_to,
        bip152_hb_from: peer.bip152_hb_from,
        starting_height: peer.startingheight.unwrap_or(-1),
        synced_headers: peer.synced_headers.unwrap_or(-1),
        synced_blocks: peer.synced_blocks.unwrap_or(-1),
        inflight: peer.inflight,
        addr_relay_enabled: peer.addr_relay_enabled,
        addr_processed: peer.addr_processed,
        addr_rate_limited: peer.addr_rate_limited,
        permissions: peer.permissions,
        minfeefilter: peer.minfeefilter.unwrap_or_default(),
        bytes_sent_per_message: peer.bytessent_per_msg,
        bytes_received_per_message: peer.bytesrecv_per_msg,
        connection_type: peer.connection_type,
        transport_protocol_type: peer.transport_protocol_type,
        inv_to_send: peer.inv_to_send.unwrap_or_default(),
        presynced_headers: peer.presynced_headers,
        session_id: Some(peer.session_id).filter(|id| !id.is_empty()),
        services_names: peer.servicesnames,
        last_inv_sequence: peer.last_inv_sequence,
        last_block_announcement: peer.last_block_announcement,
        forced_inbound: peer.forced_inbound,
        misbehavior_score: peer.misbehavior_score,
        cpu_load: peer.cpu_load.unwrap_or_default(),
    }
}

pub(crate) fn mempool_info(info: types::MempoolInfo) -> RpcEvent {
    RpcEvent::MempoolInfo(pb::MempoolInfo {
        loaded: info.loaded,
        size: info.size,
        bytes: info.bytes,
        usage: info.usage,
        total_fee: info.total_fee,
        max_mempool: info.maxmempool,
        mempoolminfee: info.mempoolminfee,
        minrelaytxfee: info.minrelaytxfee,
        incrementalrelayfee: info.incrementalrelayfee,
        unbroadcastcount: info.unbroadcastcount,
        fullrbf: info.fullrbf.unwrap_or(true),
        permitbaremultisig: info.permitbaremultisig,
        maxdatacarriersize: info.maxdatacarriersize,
        limitclustercount: info.limitclustercount,
        limitclustersize: info.limitclustersize,
        optimal: info.optimal,
    })
}

pub(crate) fn uptime(seconds: u64) -> RpcEvent {
    RpcEvent::Uptime(nearest(seconds))
}

pub(crate) fn net_totals(totals: types::NetTotals) -> RpcEvent {
    let target = totals.uploadtarget;
    RpcEvent::NetTotals(pb::NetTotals {
        total_bytes_received: totals.totalbytesrecv,
        total_bytes_sent: totals.totalbytessent,
        time_millis: totals.timemillis,
        upload_target: pb::UploadTarget {
            timeframe: target.timeframe,
            target: target.target,
            target_reached: target.target_reached,
            serve_historical_blocks: target.serve_historical_blocks,
            bytes_left_in_cycle: target.bytes_left_in_cycle,
            time_left_in_cycle: target.time_left_in_cycle,
        },
    })
}

pub(crate) fn memory_info(info: types::MemoryInfo) -> RpcEvent {
    let locked = info.locked;
    RpcEvent::MemoryInfo(pb::MemoryInfo {
        used: locked.used,
        free: locked.free,
        total: locked.total,
        locked: locked.locked,
        chunks_used: locked.chunks_used,
        chunks_free: locked.chunks_free,
    })
}

pub(crate) fn addrman_info(types::AddrmanInfo(networks): types::AddrmanInfo) -> RpcEvent {
    let counts = |c: types::AddrmanCounts| pb::AddrManInfoNetwork { new: c.new, tried: c.tried, total: c.total };
    let networks = networks.into_iter().map(|(name, c)| (name, counts(c))).collect();
    RpcEvent::AddrmanInfo(pb::AddrManInfo { networks })
}

pub(crate) fn network_info(info: types::NetworkInfo) -> RpcEvent {
    let network = |network: types::Network| pb::NetworkInfoNetwork {
        name: network.name,
        limited: network.limited,
        reachable: network.reachable,
        proxy: network.proxy,
        proxy_randomize_credentials: network.proxy_randomize_credentials,
    };
    let local = |local: types::LocalAddress| pb::NetworkInfoLocalAddress {
        address: local.address,
        port: local.port.into(),
        score: local.score,
    };
    RpcEvent::NetworkInfo(pb::NetworkInfo {
        version: info.version,
        subversion: info.subversion,
        protocol_version: info.protocolversion,
        local_services: info.localservices,
        local_services_names: info.localservicesnames,
        local_relay: info.localrelay,
        time_offset: info.timeoffset,
        connections: info.connections,
        connections_in: info.connections_in,
        connections_out: info.connections_out,
        network_active: info.networkactive,
        networks: info.networks.into_iter().map(network).collect(),
        relay_fee: info.relayfee,
        incremental_fee: info.incrementalfee,
        local_addresses: info.localaddresses.into_iter().map(local).collect(),
        warnings: info.warnings,
        asmap_version: info.asmap_version,
        tx_send_rate: info.tx_send_rate,
        inbound_backlog: info.inv_buckets.inbound.backlog,
        outbound_backlog: info.inv_buckets.outbound.backlog,
    })
}

pub(crate) fn blockchain_info(info: types::BlockchainInfo) -> RpcEvent {
    RpcEvent::BlockchainInfo(pb::BlockchainInfo {
        chain: info.chain,
        blocks: info.blocks,
        headers: info.headers,
        bestblockhash: info.bestblockhash,
        difficulty: info.difficulty,
        time: info.time,
        mediantime: info.mediantime,
        verificationprogress: info.verificationprogress,
        initialblockdownload: info.initialblockdownload,
        chainwork: info.chainwork,
        size_on_disk: info.size_on_disk,
        pruned: info.pruned,
        prune_height: info.pruneheight.unwrap_or_default(),
        prune_target_size: info.prune_target_size.unwrap_or_default(),
        warnings: info.warnings,
        bits: info.bits,
        target: info.target,
        automatic_pruning: info.automatic_pruning,
    })
}

pub(crate) fn orphan_txs(types::OrphanTxs(orphans): types::OrphanTxs) -> RpcEvent {
    RpcEvent::OrphanTxs(pb::OrphanTxs { orphans: orphans.into_iter().map(orphan_tx).collect() })
}

fn orphan_tx(orphan: types::OrphanTx) -> pb::OrphanTx {
    let raw = hex::decode(&orphan.hex).ok().filter(|raw| !raw.is_empty());
    let transaction = Transaction { txid: hash(&orphan.txid), wtxid: hash(&orphan.wtxid), raw: raw.map(Bytes::from) };
    pb::OrphanTx {
        txid: orphan.txid,
        wtxid: orphan.wtxid,
        bytes: orphan.bytes,
        vsize: orphan.vsize,
        weight: orphan.weight,
        from: orphan.from,
        transaction,
        entry: orphan.entry,
        expiration: orphan.expiration,
    }
}

/// The bytes of a hash in the order in which Bitcoin serializes them, which is not that of the text. Empty if the text is no hash.
fn hash(text: &str) -> Bytes {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => {
            bytes.reverse();
            Bytes::copy_from_slice(&bytes)
        }
        Err(_) => Bytes::new(),
    }
}

pub(crate) fn chain_tx_stats(stats: types::ChainTxStats) -> RpcEvent {
    RpcEvent::ChainTxStats(pb::ChainTxStats {
        time: stats.time,
        tx_count: stats.txcount.map_or(0, nearest),
        window_final_block_hash: stats.window_final_block_hash,
        window_final_block_height: stats.window_final_block_height,
        window_block_count: stats.window_block_count,
        window_tx_count: stats.window_tx_count.map(nearest),
        window_interval: stats.window_interval.map(nearest),
        tx_rate: stats.txrate,
    })
}

/// How many categories of debug.log are published at most; Bitcoin Core has some 30.
const MAX_CATEGORIES: usize = 256;

/// The longest name of a category, in bytes.
const MAX_CATEGORY: usize = 64;

pub(crate) fn logging(types::Logging(categories): types::Logging) -> RpcEvent {
    let named = categories.into_iter().filter(|(name, _)| !name.is_empty() && name.len() <= MAX_CATEGORY);
    RpcEvent::Logging(pb::Logging { categories: named.take(MAX_CATEGORIES).collect() })
}

/// `target` and `mode` are the parameters of the call.
pub(crate) fn smart_fee(fee: types::SmartFee, target: u32, mode: FeeEstimateMode) -> pb::EstimateSmartFee {
    pb::EstimateSmartFee {
        fee_rate: fee.feerate,
        blocks: fee.blocks,
        requested_blocks: target,
        mode: mode.into(),
        errors: fee.errors,
    }
}

#[cfg(test)]
mod tests;
