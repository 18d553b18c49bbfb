//! Results of RPCs.

use std::collections::BTreeMap;

use super::host::Host;
use super::message::transaction;
use super::pseudonym::Role;
use super::{Redactor, agent, coarse, same, words};
use event::names::CONNECTION_TYPES;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{
    AddrManInfo, AddrManInfoNetwork, Addrman, AddrmanBucket, AddrmanEntry, BlockchainInfo, ChainTxStats,
    EstimateSmartFee, Logging, MemoryInfo, MempoolInfo, NetTotals, NetworkInfo, NetworkInfoLocalAddress,
    NetworkInfoNetwork, OrphanTx, OrphanTxs, PeerInfo, PeerInfos, Rpc, UploadTarget,
};

/// Parts of the whole chain in which it is shown how much of it is verified: as many as the log has.
const PROGRESS: f64 = 1e6;

impl Redactor {
    pub(super) fn learn_from_rpc(&mut self, rpc: &Rpc) {
        match &rpc.rpc_event {
            Some(RpcEvent::NetworkInfo(info)) => {
                info.local_addresses.iter().for_each(|local| self.own.learn_reported(&local.address));
                agent::comments(&info.subversion).for_each(|comment| self.own.learn_reported_name(comment));
                self.own.has_reported(&self.node);
            }
            Some(RpcEvent::PeerInfos(peers)) => {
                for peer in &peers.infos {
                    self.own.learn_reported(&peer.address_bind);
                    let called = (!peer.address_local.is_empty()).then(|| Host::parse(&peer.address_local).0);
                    let (voice, _) = Host::parse(&peer.address);
                    self.own.called(&self.node, peer.id.into(), &voice, called);
                }
            }
            Some(
                RpcEvent::MempoolInfo(_)
                | RpcEvent::Uptime(_)
                | RpcEvent::NetTotals(_)
                | RpcEvent::MemoryInfo(_)
                | RpcEvent::AddrmanInfo(_)
                | RpcEvent::ChainTxStats(_)
                | RpcEvent::BlockchainInfo(_)
                | RpcEvent::OrphanTxs(_)
                | RpcEvent::Addrman(_)
                | RpcEvent::EstimateSmartFee(_)
                | RpcEvent::Logging(_),
            )
            | None => {}
        }
    }

    pub(super) fn rpc(&mut self, rpc: &Rpc) -> Option<Rpc> {
        let Rpc { rpc_event } = rpc;
        let event = match rpc_event.as_ref()? {
            RpcEvent::PeerInfos(PeerInfos { infos }) => {
                RpcEvent::PeerInfos(PeerInfos { infos: self.peer_infos(infos) })
            }
            RpcEvent::MempoolInfo(info) => RpcEvent::MempoolInfo(mempool_info(info)),
            RpcEvent::Uptime(_) => return None,
            RpcEvent::NetTotals(totals) => {
                let NetTotals { total_bytes_received, total_bytes_sent, time_millis, upload_target } = totals;
                let (received, sent) = (*total_bytes_received, *total_bytes_sent);
                RpcEvent::NetTotals(NetTotals {
                    total_bytes_received: self.before.grown_by(&self.node, "received", received),
                    total_bytes_sent: self.before.grown_by(&self.node, "sent", sent),
                    time_millis: self.at(time_millis.saturating_mul(1_000_000)) / 1_000_000,
                    upload_target: upload(upload_target),
                })
            }
            RpcEvent::MemoryInfo(info) => {
                RpcEvent::MemoryInfo(same!(info => MemoryInfo { used, free, total, locked, chunks_used, chunks_free }))
            }
            RpcEvent::AddrmanInfo(AddrManInfo { networks }) => {
                let known = networks.iter().filter(|(name, _)| words::is_network(name));
                let tables = known
                    .map(|(name, tables)| (name.clone(), same!(tables => AddrManInfoNetwork { new, tried, total })));
                RpcEvent::AddrmanInfo(AddrManInfo { networks: tables.collect() })
            }
            RpcEvent::ChainTxStats(stats) => {
                let stats = same!(stats => ChainTxStats {
                    time, tx_count, window_final_block_hash, window_final_block_height, window_block_count,
                    window_tx_count, window_interval, tx_rate,
                });
                let hash = self.own.hash_text(&stats.window_final_block_hash);
                RpcEvent::ChainTxStats(ChainTxStats { window_final_block_hash: hash, ..stats })
            }
            RpcEvent::NetworkInfo(info) => RpcEvent::NetworkInfo(self.network_info(info)),
            RpcEvent::BlockchainInfo(info) => RpcEvent::BlockchainInfo(self.blockchain_info(info)),
            RpcEvent::OrphanTxs(OrphanTxs { orphans }) => {
                RpcEvent::OrphanTxs(OrphanTxs { orphans: orphans.iter().map(|tx| self.orphan(tx)).collect() })
            }
            RpcEvent::Addrman(Addrman { new, tried }) => {
                RpcEvent::Addrman(Addrman { new: self.addrman_table(new), tried: self.addrman_table(tried) })
            }
            RpcEvent::EstimateSmartFee(estimate) => {
                let EstimateSmartFee { fee_rate, blocks, requested_blocks, mode, errors } = estimate;
                RpcEvent::EstimateSmartFee(EstimateSmartFee {
                    fee_rate: *fee_rate,
                    blocks: *blocks,
                    requested_blocks: *requested_blocks,
                    mode: *mode,
                    errors: errors.iter().map(|error| self.text(error)).collect(),
                })
            }
            RpcEvent::Logging(Logging { categories }) => {
                let known = categories.iter().filter(|(name, _)| words::CATEGORIES.contains(&name.as_str()));
                let categories = known.map(|(name, on)| (name.clone(), *on)).collect();
                RpcEvent::Logging(Logging { categories })
            }
        };
        Some(Rpc { rpc_event: Some(event) })
    }

    fn peer_infos(&mut self, infos: &[PeerInfo]) -> Vec<PeerInfo> {
        let mut shown = Vec::with_capacity(infos.len());
        for info in infos {
            if self.is_peer_sampled(info.id.into()) {
                shown.push(self.peer_info(info));
            }
        }
        shown
    }

    fn peer_info(&mut self, info: &PeerInfo) -> PeerInfo {
        let PeerInfo {
            id,
            address,
            address_bind: _,
            address_local: _,
            network,
            mapped_as,
            services,
            relay_transactions,
            last_send,
            last_received,
            last_transaction,
            last_block,
            bytes_sent,
            bytes_received,
            connection_time,
            time_offset,
            ping_time,
            minimum_ping,
            ping_wait,
            version,
            subversion,
            inbound,
            bip152_hb_to,
            bip152_hb_from,
            starting_height,
            synced_headers,
            synced_blocks,
            inflight,
            addr_relay_enabled,
            addr_processed,
            addr_rate_limited,
            permissions,
            minfeefilter,
            bytes_sent_per_message,
            bytes_received_per_message,
            connection_type,
            transport_protocol_type,
            inv_to_send,
            presynced_headers,
            session_id: _,
            services_names: _,
            last_inv_sequence,
            last_block_announcement,
            forced_inbound,
            misbehavior_score,
            cpu_load,
        } = info;
        PeerInfo {
            id: *id,
            address: self.addr(address),
            address_bind: String::new(),
            address_local: String::new(),
            network: words::network(network),
            mapped_as: *mapped_as,
            services: coarse::services_text(services),
            relay_transactions: *relay_transactions,
            last_send: self.since_s(*last_send),
            last_received: self.since_s(*last_received),
            last_transaction: self.since_s(*last_transaction),
            last_block: self.since_s(*last_block),
            bytes_sent: *bytes_sent,
            bytes_received: *bytes_received,
            connection_time: self.since_s(*connection_time),
            time_offset: coarse::offset(*time_offset),
            ping_time: coarse::float(*ping_time, 1),
            minimum_ping: coarse::float(*minimum_ping, 1),
            ping_wait: coarse::float(*ping_wait, 1),
            version: coarse::version(*version),
            subversion: agent::user_agent(subversion),
            inbound: *inbound,
            bip152_hb_to: *bip152_hb_to,
            bip152_hb_from: *bip152_hb_from,
            starting_height: coarse::height(*starting_height),
            synced_headers: *synced_headers,
            synced_blocks: *synced_blocks,
            inflight: inflight.clone(),
            addr_relay_enabled: *addr_relay_enabled,
            addr_processed: *addr_processed,
            addr_rate_limited: *addr_rate_limited,
            permissions: known(permissions, &words::PERMISSIONS),
            minfeefilter: coarse::float(*minfeefilter, 2),
            bytes_sent_per_message: by_type(bytes_sent_per_message),
            bytes_received_per_message: by_type(bytes_received_per_message),
            connection_type: words::one_of(connection_type, &CONNECTION_TYPES).to_owned(),
            transport_protocol_type: words::one_of(transport_protocol_type, &words::TRANSPORTS).to_owned(),
            inv_to_send: *inv_to_send,
            presynced_headers: *presynced_headers,
            // It is the same on both sides of the connection.
            session_id: None,
            // They would undo what was taken from the flags.
            services_names: Vec::new(),
            last_inv_sequence: *last_inv_sequence,
            last_block_announcement: *last_block_announcement,
            forced_inbound: *forced_inbound,
            misbehavior_score: *misbehavior_score,
            cpu_load: *cpu_load,
        }
    }

    fn network_info(&self, info: &NetworkInfo) -> NetworkInfo {
        let NetworkInfo {
            version: _,
            subversion: _,
            protocol_version: _,
            local_services: _,
            local_services_names: _,
            local_relay,
            time_offset,
            connections,
            connections_in,
            connections_out,
            network_active,
            networks,
            relay_fee,
            incremental_fee,
            local_addresses,
            warnings: _,
            asmap_version: _,
            tx_send_rate,
            inbound_backlog,
            outbound_backlog,
        } = info;
        // Not even how many there are.
        local_addresses.iter().for_each(|NetworkInfoLocalAddress { address: _, port: _, score: _ }| {});
        let network = |network: &NetworkInfoNetwork| {
            let NetworkInfoNetwork { name, limited, reachable, proxy: _, proxy_randomize_credentials } = network;
            NetworkInfoNetwork {
                name: words::network(name),
                limited: *limited,
                reachable: *reachable,
                proxy: String::new(),
                proxy_randomize_credentials: *proxy_randomize_credentials,
            }
        };
        NetworkInfo {
            // What the node is, which few others are, is for those who know where it is.
            version: 0,
            subversion: String::new(),
            protocol_version: 0,
            local_services: String::new(),
            local_services_names: Vec::new(),
            local_relay: *local_relay,
            time_offset: i32::try_from(coarse::offset((*time_offset).into())).unwrap_or_default(),
            connections: *connections,
            connections_in: *connections_in,
            connections_out: *connections_out,
            network_active: *network_active,
            networks: networks.iter().map(network).collect(),
            relay_fee: coarse::float(*relay_fee, 1),
            incremental_fee: coarse::float(*incremental_fee, 1),
            local_addresses: Vec::new(),
            warnings: Vec::new(),
            // A choice of the operator that few others make.
            asmap_version: None,
            tx_send_rate: *tx_send_rate,
            inbound_backlog: *inbound_backlog,
            outbound_backlog: *outbound_backlog,
        }
    }

    fn blockchain_info(&self, info: &BlockchainInfo) -> BlockchainInfo {
        let info = same!(info => BlockchainInfo {
            chain, blocks, headers, bestblockhash, difficulty, time, mediantime, verificationprogress,
            initialblockdownload, chainwork, size_on_disk, pruned, prune_height, prune_target_size, warnings, bits, target,
            automatic_pruning,
        });
        BlockchainInfo {
            chain: words::one_of(&info.chain, &words::CHAINS).to_owned(),
            bestblockhash: self.own.hash_text(&info.bestblockhash),
            chainwork: self.own.hash_text(&info.chainwork),
            // Digits only: no other text gets out by them.
            bits: info.bits.as_ref().filter(|bits| u32::from_str_radix(bits, 16).is_ok()).cloned(),
            target: info.target.as_ref().map(|target| self.own.hash_text(target)),
            warnings: Vec::new(),
            // With all its digits, it tells when it was asked for.
            verificationprogress: (info.verificationprogress * PROGRESS).round() / PROGRESS,
            // Choices of the operator that few others make.
            size_on_disk: coarse::size(info.size_on_disk),
            prune_height: 0,
            prune_target_size: 0,
            automatic_pruning: None,
            ..info
        }
    }

    fn orphan(&self, orphan: &OrphanTx) -> OrphanTx {
        let OrphanTx { txid, wtxid, bytes, vsize, weight, from, transaction: tx, entry, expiration } = orphan;
        OrphanTx {
            txid: self.own.hash_text(txid),
            wtxid: self.own.hash_text(wtxid),
            bytes: *bytes,
            vsize: *vsize,
            weight: *weight,
            from: from.clone(),
            transaction: transaction(&self.own, tx),
            entry: entry.map(|time| self.at_s(time)),
            expiration: expiration.map(|time| self.at_s(time)),
        }
    }

    fn addrman_table(&mut self, table: &BTreeMap<u32, AddrmanBucket>) -> BTreeMap<u32, AddrmanBucket> {
        let bucket = |(number, AddrmanBucket { entries }): (&u32, &AddrmanBucket)| {
            let entries = entries.iter().filter_map(|(place, entry)| Some((*place, self.addrman_entry(entry)?)));
            (*number, AddrmanBucket { entries: entries.collect() })
        };
        table.iter().map(bucket).collect()
    }

    /// An entry of the address manager; none of an own address.
    fn addrman_entry(&mut self, entry: &AddrmanEntry) -> Option<AddrmanEntry> {
        let AddrmanEntry {
            address,
            port,
            network,
            services,
            time,
            source,
            source_network,
            mapped_as,
            source_mapped_as,
        } = entry;
        let host = Host::of(address.trim_matches(['[', ']']));
        let pseudonym = self.host(Role::Gossip, &host)?;
        let time = u32::try_from(*time).map_or(0, |time| coarse::seen(time, self.now));
        let port = u16::try_from(*port).map_or(0, |port| self.pseudonyms.port(Role::Gossip, &host, port));
        Some(AddrmanEntry {
            address: pseudonym.to_string(),
            port: port.into(),
            network: words::network(network),
            services: coarse::services(*services),
            time: time.into(),
            source: self.addr(source),
            source_network: words::network(source_network),
            mapped_as: *mapped_as,
            source_mapped_as: *source_mapped_as,
        })
    }
}

/// Without what only some versions report, and limits that the operator may have chosen as few others do.
fn mempool_info(info: &MempoolInfo) -> MempoolInfo {
    let MempoolInfo {
        loaded,
        size,
        bytes,
        usage,
        total_fee,
        max_mempool,
        mempoolminfee,
        minrelaytxfee,
        incrementalrelayfee,
        unbroadcastcount,
        fullrbf: _,
        permitbaremultisig: _,
        maxdatacarriersize: _,
        limitclustercount: _,
        limitclustersize: _,
        optimal,
    } = info;
    MempoolInfo {
        loaded: *loaded,
        size: *size,
        bytes: *bytes,
        usage: *usage,
        total_fee: *total_fee,
        max_mempool: *max_mempool,
        mempoolminfee: coarse::float(*mempoolminfee, 2),
        minrelaytxfee: coarse::float(*minrelaytxfee, 1),
        incrementalrelayfee: coarse::float(*incrementalrelayfee, 1),
        unbroadcastcount: *unbroadcastcount,
        fullrbf: true,
        permitbaremultisig: None,
        maxdatacarriersize: None,
        limitclustercount: None,
        limitclustersize: None,
        optimal: *optimal,
    }
}

/// Without the limit that the operator chose.
fn upload(upload: &UploadTarget) -> UploadTarget {
    let UploadTarget {
        timeframe: _,
        target: _,
        target_reached,
        serve_historical_blocks: _,
        bytes_left_in_cycle: _,
        time_left_in_cycle: _,
    } = upload;
    UploadTarget { target_reached: *target_reached, ..UploadTarget::default() }
}

/// The texts that are among the names.
fn known(texts: &[String], names: &[&str]) -> Vec<String> {
    texts.iter().filter(|text| names.contains(&text.as_str())).cloned().collect()
}

/// Bytes by type of message; those of types that are not known are together, as Bitcoin Core has them.
fn by_type(bytes: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    for (name, bytes) in bytes {
        let name = words::known_type(name).unwrap_or(words::OTHER_TYPES);
        let sum: &mut u64 = out.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    out
}
