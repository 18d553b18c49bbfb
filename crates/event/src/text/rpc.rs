//! Results of RPCs, in short where they are long.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use super::fields::fields;
use super::{Look, MAGENTA, list};
use crate::pb::rpc_extractor::rpc::RpcEvent;
use crate::pb::rpc_extractor::{AddrManInfo, Addrman, AddrmanBucket, Logging, NetworkInfo, OrphanTxs, PeerInfos};
use crate::quote::{Plain, Quoted};

pub(super) fn line(f: &mut Formatter, look: Look, event: &RpcEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(MAGENTA, "rpc"))?;
    match event {
        RpcEvent::PeerInfos(peers) => peer_infos(f, peers),
        RpcEvent::NetworkInfo(info) => network_info(f, info),
        RpcEvent::AddrmanInfo(info) => addrman_info(f, info),
        RpcEvent::OrphanTxs(orphans) => orphan_txs(f, orphans),
        RpcEvent::Addrman(tables) => addrman(f, tables),
        RpcEvent::Uptime(seconds) => write!(f, "uptime {seconds} s"),
        RpcEvent::MempoolInfo(info) => named(f, "getmempoolinfo", info),
        RpcEvent::NetTotals(totals) => named(f, "getnettotals", totals),
        RpcEvent::MemoryInfo(info) => named(f, "getmemoryinfo", info),
        RpcEvent::ChainTxStats(stats) => named(f, "getchaintxstats", stats),
        RpcEvent::BlockchainInfo(info) => named(f, "getblockchaininfo", info),
        RpcEvent::EstimateSmartFee(estimate) => named(f, "estimatesmartfee", estimate),
        RpcEvent::Logging(logging) => categories(f, logging),
    }
}

fn named(f: &mut Formatter, name: &str, message: &impl serde::Serialize) -> fmt::Result {
    f.write_str(name)?;
    fields(f, message)
}

fn peer_infos(f: &mut Formatter, peers: &PeerInfos) -> fmt::Result {
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    for peer in &peers.infos {
        *types.entry(&peer.connection_type).or_default() += 1;
    }
    write!(f, "getpeerinfo {} peers", peers.infos.len())?;
    types.iter().try_for_each(|(name, count)| write!(f, " {}={count}", Plain(name)))
}

fn network_info(f: &mut Formatter, info: &NetworkInfo) -> fmt::Result {
    write!(f, "getnetworkinfo {} connections={}", Plain(&info.subversion), info.connections)?;
    write!(f, " in={} out={} active={}", info.connections_in, info.connections_out, info.network_active)?;
    list(f, &info.warnings, |f, warning| write!(f, "warning={}", Quoted(warning)))
}

fn addrman_info(f: &mut Formatter, info: &AddrManInfo) -> fmt::Result {
    f.write_str("getaddrmaninfo")?;
    let networks: BTreeMap<_, _> = info.networks.iter().filter(|(_, tables)| tables.total > 0).collect();
    networks
        .iter()
        .try_for_each(|(name, tables)| write!(f, " {}={} new + {} tried", Plain(name), tables.new, tables.tried))
}

fn orphan_txs(f: &mut Formatter, orphans: &OrphanTxs) -> fmt::Result {
    write!(f, "getorphantxs {}", orphans.orphans.len())?;
    list(f, &orphans.orphans, |f, orphan| write!(f, "wtxid={}", Plain(&orphan.wtxid)))
}

fn addrman(f: &mut Formatter, tables: &Addrman) -> fmt::Result {
    let entries =
        |table: &BTreeMap<u32, AddrmanBucket>| table.values().map(|bucket| bucket.entries.len()).sum::<usize>();
    write!(f, "getrawaddrman {} new, {} tried", entries(&tables.new), entries(&tables.tried))
}

/// The categories that are on.
fn categories(f: &mut Formatter, logging: &Logging) -> fmt::Result {
    let on: Vec<_> = logging.categories.iter().filter(|(_, on)| **on).collect();
    write!(f, "logging {} of {} categories", on.len(), logging.categories.len())?;
    on.iter().try_for_each(|(name, _)| write!(f, " {}", Plain(name)))
}
