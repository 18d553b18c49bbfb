//! `api/nodes`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, hash, known, of_seconds, round, seconds};
use crate::state::node::Node as State;

pub(crate) struct Endpoint;

/// A node.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Node {
    /// Its name.
    node: String,
    /// What it calls itself.
    version: Option<String>,
    /// `main`, `test`, `signet`, `regtest`.
    chain: Option<String>,
    /// When its process started.
    started: Option<Time>,
    /// How long it has been running.
    uptime_seconds: Option<f64>,
    /// Height of its tip.
    height: Option<u32>,
    /// Height of the best header that it knows.
    headers: Option<u32>,
    /// Hash of its tip.
    best_block: Option<String>,
    /// Time of the tip as its header says.
    best_block_time: Option<Time>,
    /// When the tip became the tip; null if it was when we began.
    tip_changed: Option<Time>,
    /// Whether it downloads the chain still.
    initial_block_download: Option<bool>,
    /// Share of the chain that it has verified, from 0 to 1.
    verification_progress: Option<f64>,
    /// Difficulty of its tip.
    difficulty: Option<f64>,
    /// Bytes that the blocks take.
    size_on_disk: Option<u64>,
    /// Whether it deletes old blocks.
    pruned: Option<bool>,
    /// Whether it takes part in the network.
    network_active: Option<bool>,
    /// What it warns of.
    warnings: Vec<String>,
    /// How often it was restarted since we observe it.
    restarts: u64,
    /// Its connections.
    connections: Connections,
    /// What happens per second, over the last 10 s.
    rates: Rates,
    /// What went over the network since it started, by getnettotals.
    net: Option<Net>,
    /// Its mempool, by getmempoolinfo.
    mempool: Option<Mempool>,
    /// Its process.
    process: Option<Process>,
    /// Names of the services that it offers.
    services: Vec<String>,
    /// Where it believes to be reachable. Absent in the public mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_addresses: Option<Vec<String>>,
    /// Where what is known of it comes from.
    sources: Vec<Source>,
    /// Events of it that did not arrive.
    lost: u64,
    /// When its last event happened.
    last_event: Option<Time>,
}

/// Connections of a node.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "NodeConnections")]
pub(crate) struct Connections {
    /// All of them.
    total: u64,
    /// Those that peers opened.
    inbound: u64,
    /// Those that the node opened.
    outbound: u64,
    /// By kind, as getpeerinfo names them.
    by_type: BTreeMap<&'static str, u64>,
    /// By network: `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`.
    by_network: BTreeMap<&'static str, u64>,
    /// By transport: `v1`, `v2`, `detecting`, or `unknown`.
    by_transport: BTreeMap<String, u64>,
}

/// What happens per second, over the last 10 s.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeRates")]
pub(crate) struct Rates {
    /// P2P messages that it received; null without tracepoints.
    messages_in: Option<f64>,
    /// P2P messages that it sent; null without tracepoints.
    messages_out: Option<f64>,
    /// Bytes that it received: payloads by tracepoints; without them all bytes between two answers of getnettotals.
    bytes_in: Option<f64>,
    /// Bytes that it sent, told as `bytes_in`.
    bytes_out: Option<f64>,
    /// Events of all extractors.
    events: f64,
}

/// What went over the network since the node started.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeNet")]
pub(crate) struct Net {
    /// Bytes that it received.
    bytes_received: u64,
    /// Bytes that it sent.
    bytes_sent: u64,
}

/// A mempool in short.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeMempool")]
pub(crate) struct Mempool {
    /// How many transactions it has.
    pub transactions: i64,
    /// Their virtual bytes.
    pub vbytes: i64,
    /// Bytes of memory that it uses.
    pub usage: i64,
    /// Bytes of memory that it may use.
    pub max: i64,
    /// The least fee rate that gets in, BTC per 1,000 virtual bytes.
    pub min_fee_btc_kvb: f64,
}

/// The process of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeProcess")]
pub(crate) struct Process {
    /// Processors in use: 1.5 are one and a half. Null until two events told.
    cpu_seconds_per_second: Option<f64>,
    /// Bytes in RAM.
    resident: Option<u64>,
    /// Its threads, the busiest first.
    threads: Vec<Thread>,
}

/// Threads that have a name in common.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeThread")]
pub(crate) struct Thread {
    /// What the node calls them.
    name: String,
    /// Processors that they use.
    cpu_seconds_per_second: f64,
}

/// An extractor.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeSource")]
pub(crate) struct Source {
    /// Its name: `ebpf`, `rpc`, `log`, `p2p`, `ipc`, `process`.
    source: String,
    /// Whether it works.
    up: bool,
    /// When its last event happened.
    last_event: Option<Time>,
    /// Events since we began.
    events: u64,
    /// Events per second, over the last 10 s.
    rate: f64,
    /// Id of its run, in hexadecimal; null if it counts none.
    run: Option<String>,
    /// Events of this run that did not arrive.
    missing: u64,
    /// When this run began.
    since: Option<Time>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Node>;
    const PATH: &'static str = "nodes";
    const TITLE: &'static str = "The nodes";
    const ABOUT: &'static str = "By name.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Vec<Node>, ApiError> {
        let (now_ns, public) = (request.now_ns, request.state.public);
        Ok(request.nodes()?.into_iter().map(|(name, node)| of(name, node, now_ns, public)).collect())
    }
}

fn of(name: &str, node: &State, now_ns: u64, public: bool) -> Node {
    let about = &node.pages.about;
    let started_ns = node.model.restarts.started_ns;
    Node {
        node: name.to_owned(),
        version: about.version.as_ref().map(ToString::to_string),
        chain: about.chain.as_ref().map(ToString::to_string),
        started: started_ns.map(Time),
        uptime_seconds: started_ns.map(|started_ns| seconds(started_ns, now_ns)),
        height: about.height,
        headers: about.headers,
        best_block: about.best_block.map(|block| hash(&block)),
        best_block_time: about.best_block_time.and_then(of_seconds),
        tip_changed: about.tip_changed_ns.map(Time),
        initial_block_download: about.initial_block_download,
        verification_progress: about.verification_progress,
        difficulty: about.difficulty,
        size_on_disk: about.size_on_disk,
        pruned: about.pruned,
        network_active: about.network_active,
        warnings: about.warnings(),
        restarts: node.model.restarts.count,
        connections: connections(node),
        rates: rates(node, now_ns),
        net: about.totals.map(|totals| Net { bytes_received: totals.received, bytes_sent: totals.sent }),
        mempool: super::mempool::short(&node.pages.mempool),
        process: about.process.as_ref().map(|process| Process {
            cpu_seconds_per_second: process.load.map(|load| round(load, 4)),
            resident: process.resident,
            threads: process.threads.iter().map(thread).collect(),
        }),
        services: about.services.clone(),
        local_addresses: (!public).then(|| about.local_addresses.iter().map(ToString::to_string).collect()),
        sources: sources(node, now_ns),
        lost: node.pages.sources.lost,
        last_event: known(node.pages.sources.last_ns),
    }
}

fn thread((name, load): &(smol_str::SmolStr, f64)) -> Thread {
    Thread { name: name.to_string(), cpu_seconds_per_second: round(*load, 4) }
}

fn connections(node: &State) -> Connections {
    let mut connections = Connections::default();
    if node.model.peers.open().len() == 0 && node.model.peers.polled_ns() == 0 {
        // No source reports peers one by one.
        (connections.inbound, connections.outbound) =
            node.pages.about.connections.map_or((0, 0), |(inbound, outbound)| (inbound.into(), outbound.into()));
        connections.total = connections.inbound + connections.outbound;
        return connections;
    }
    for peer in node.model.peers.open() {
        connections.total += 1;
        match peer.inbound {
            Some(true) => connections.inbound += 1,
            Some(false) => connections.outbound += 1,
            None => {}
        }
        *connections.by_type.entry(peer.connection_type).or_default() += 1;
        *connections.by_network.entry(peer.network).or_default() += 1;
        let transport = if peer.transport.is_empty() { "unknown" } else { &peer.transport };
        *connections.by_transport.entry(transport.to_owned()).or_default() += 1;
    }
    connections
}

fn rates(node: &State, now_ns: u64) -> Rates {
    let [[messages_in, bytes_in], [messages_out, bytes_out]] = &node.pages.traced.rates;
    let traced = node.pages.sources.is_traced(now_ns);
    let polled = node.pages.about.totals.and_then(|totals| totals.rates);
    let bytes = |traced_rate: f64, polled: Option<f64>| {
        if traced { Some(traced_rate) } else { polled.map(|rate| round(rate, 1)) }
    };
    Rates {
        messages_in: traced.then(|| messages_in.per_second(now_ns)),
        messages_out: traced.then(|| messages_out.per_second(now_ns)),
        bytes_in: bytes(bytes_in.per_second(now_ns), polled.map(|rates| rates.0)),
        bytes_out: bytes(bytes_out.per_second(now_ns), polled.map(|rates| rates.1)),
        events: node.pages.sources.rate.per_second(now_ns),
    }
}

fn sources(node: &State, now_ns: u64) -> Vec<Source> {
    let sources = node.pages.sources.all().into_iter();
    sources
        .map(|(name, extractor)| Source {
            source: name.to_owned(),
            up: extractor.is_up(now_ns),
            last_event: known(extractor.last_ns),
            events: extractor.events,
            rate: extractor.rate.per_second(now_ns),
            run: run(extractor.run),
            missing: extractor.missing,
            since: known(extractor.since_ns),
        })
        .collect()
}

/// Id of a run: too large for a number in JSON.
pub(crate) fn run(run: u64) -> Option<String> {
    (run != 0).then(|| format!("{run:016x}"))
}
