//! What the node answers to the RPCs that are called every 10 seconds, and every 5 minutes.

use std::collections::BTreeMap;

use event::Body;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{
    AddrManInfo, AddrManInfoNetwork, Addrman, AddrmanBucket, AddrmanEntry, BlockchainInfo, MemoryInfo, MempoolInfo,
    NetTotals, NetworkInfo, NetworkInfoNetwork, PeerInfo, PeerInfos, Rpc as RpcBody, UploadTarget,
};
use fastrand::Rng;

use super::store::Peer;

const MESSAGES: [&str; 16] = [
    "addrv2",
    "cmpctblock",
    "feefilter",
    "getdata",
    "getheaders",
    "headers",
    "inv",
    "ping",
    "pong",
    "sendaddrv2",
    "sendcmpct",
    "sendheaders",
    "tx",
    "verack",
    "version",
    "wtxidrelay",
];

/// The answers.
pub(super) struct Rpc {
    addrman: BTreeMap<u32, AddrmanBucket>,
    entries: usize,
    totals: (u64, u64),
}

impl Rpc {
    pub fn new(random: &mut Rng, entries: usize) -> Self {
        let mut rpc = Self { addrman: BTreeMap::new(), entries, totals: (90_000_000_000, 310_000_000_000) };
        (0..entries).for_each(|_| rpc.learn(random, super::START_NS));
        rpc
    }

    fn learn(&mut self, random: &mut Rng, now: u64) {
        let addr =
            |random: &mut Rng| format!("{}.{}.{}.{}", random.u8(1..224), random.u8(..), random.u8(..), random.u8(..));
        let entry = AddrmanEntry {
            address: addr(random),
            port: if random.u8(..8) == 0 { random.u16(1024..).into() } else { 8333 },
            network: "ipv4".to_owned(),
            services: *random.choice(&[1033, 3081, 1032, 1037]).unwrap_or(&1033),
            time: (now / 1_000_000_000) as i64 - random.i64(..2_000_000),
            source: addr(random),
            source_network: "ipv4".to_owned(),
            mapped_as: None,
            source_mapped_as: None,
        };
        let bucket = self.addrman.entry(random.u32(..1024)).or_default();
        bucket.entries.insert(random.u32(..64), entry);
    }

    /// getrawaddrman: of 5 minutes before, one of 50 addresses has changed.
    pub fn addrman(&mut self, random: &mut Rng, now: u64) -> Body {
        (0..self.entries / 50).for_each(|_| self.learn(random, now));
        body(RpcEvent::Addrman(Addrman { new: self.addrman.clone(), tried: BTreeMap::new() }))
    }

    /// getpeerinfo and the others, every 10 seconds.
    pub fn sample(&mut self, random: &mut Rng, now: u64, peers: &[Peer], height: u64, mempool: usize) -> Vec<Body> {
        let infos = peers.iter().map(|peer| peer_info(random, now, peer, height)).collect();
        let (received, sent) = &mut self.totals;
        *received += random.u64(100_000..600_000);
        *sent += random.u64(400_000..2_000_000);
        let none = UploadTarget { timeframe: 86_400, serve_historical_blocks: true, ..UploadTarget::default() };
        let networks = ["ipv4", "ipv6", "onion", "i2p", "cjdns"];
        let network =
            |name: &&str| NetworkInfoNetwork { name: (*name).to_owned(), reachable: true, ..Default::default() };
        let known = |name: &&str| {
            let (new, tried) = (12_000 + random.u64(..20), 3_000);
            ((*name).to_owned(), AddrManInfoNetwork { new, tried, total: new + tried })
        };
        let addrman = AddrManInfo { networks: networks.iter().map(known).collect() };
        [
            RpcEvent::PeerInfos(PeerInfos { infos }),
            RpcEvent::NetTotals(NetTotals {
                total_bytes_received: *received,
                total_bytes_sent: *sent,
                time_millis: now / 1_000_000,
                upload_target: none,
            }),
            RpcEvent::MempoolInfo(MempoolInfo {
                loaded: true,
                size: mempool as i64,
                bytes: mempool as i64 * 250,
                usage: mempool as i64 * 1_300,
                max_mempool: 300_000_000,
                mempoolminfee: 0.000_001,
                minrelaytxfee: 0.000_001,
                ..MempoolInfo::default()
            }),
            RpcEvent::AddrmanInfo(addrman),
            RpcEvent::Uptime((now / 1_000_000_000 % 1_000_000) as u32),
            RpcEvent::MemoryInfo(MemoryInfo {
                used: random.u64(150_000..170_000),
                total: 262_144,
                ..MemoryInfo::default()
            }),
            RpcEvent::NetworkInfo(NetworkInfo {
                version: 310_000,
                subversion: "/Satoshi:31.0.0/".to_owned(),
                protocol_version: 70_016,
                local_services: "0000000000000c09".to_owned(),
                connections: peers.len() as u32,
                networks: networks.iter().map(network).collect(),
                ..NetworkInfo::default()
            }),
            RpcEvent::BlockchainInfo(BlockchainInfo {
                chain: "main".to_owned(),
                blocks: height as u32,
                headers: height as u32,
                verificationprogress: 0.999_999,
                size_on_disk: 770_000_000_000,
                ..BlockchainInfo::default()
            }),
        ]
        .into_iter()
        .map(body)
        .collect()
    }
}

fn body(event: RpcEvent) -> Body {
    Body::RpcExtractor(RpcBody { rpc_event: Some(event) })
}

/// A peer's figures grow with the time since it was connected.
fn peer_info(random: &mut Rng, now: u64, peer: &Peer, height: u64) -> PeerInfo {
    let (seconds, now) = (now.saturating_sub(peer.since_ns) / 1_000_000_000, (now / 1_000_000_000) as i64);
    let per_message = |rate: u64| -> BTreeMap<String, u64> {
        let bytes =
            |(at, name): (usize, &&str)| ((*name).to_owned(), (peer.id % 7 + 1) * rate * seconds / (at as u64 + 1));
        MESSAGES.iter().enumerate().map(bytes).collect()
    };
    let ping = 0.02 + (peer.id % 50) as f64 / 500.0;
    PeerInfo {
        id: peer.id as u32,
        address: peer.addr.clone(),
        address_bind: "192.0.2.7:8333".to_owned(),
        address_local: "192.0.2.7:8333".to_owned(),
        network: "ipv4".to_owned(),
        services: "0000000000000c09".to_owned(),
        relay_transactions: true,
        last_send: now - random.i64(..3),
        last_received: now - random.i64(..3),
        last_transaction: now - random.i64(..60),
        last_block: 0,
        bytes_sent: seconds * 700 + peer.id,
        bytes_received: seconds * 450 + peer.id,
        connection_time: (peer.since_ns / 1_000_000_000) as i64,
        ping_time: ping + random.f64() / 1_000.0,
        minimum_ping: ping,
        version: 70_016,
        subversion: format!("/Satoshi:{}.0.0/", 25 + peer.id % 7),
        inbound: !peer.outbound,
        starting_height: height as i64 - 3,
        synced_headers: height as i64,
        synced_blocks: height as i64,
        addr_relay_enabled: true,
        addr_processed: seconds / 9,
        minfeefilter: 0.000_001,
        bytes_sent_per_message: per_message(40),
        bytes_received_per_message: per_message(25),
        connection_type: if peer.outbound { "outbound-full-relay" } else { "inbound" }.to_owned(),
        transport_protocol_type: "v2".to_owned(),
        services_names: ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2"].map(str::to_owned).to_vec(),
        ..PeerInfo::default()
    }
}
