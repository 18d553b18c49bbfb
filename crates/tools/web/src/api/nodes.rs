//! `api/nodes`.

use std::collections::BTreeMap;

use model::SourceState;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::own::{self, Own};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, hash, nonzero_time, of_seconds, round, seconds};
use crate::state::names;
use crate::state::net::Totals;
use crate::state::node::Node as State;
use model::Origin;

pub(crate) struct Endpoint;

/// A rate between two answers of getnettotals is not the present one any more after this time, in nanoseconds.
const STALE_NS: u64 = 60 * crate::state::series::SECOND;

/// A node and its present state. Values that no extractor has reported are null.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Node {
    /// The node's name.
    node: String,
    /// `up`; `starting`: it answers that it starts; `hanging`: it is there and does not answer; `down`: its process has ended, or nothing listens
    /// where it did; `unknown`: nothing comes from its extractors. If it is none of the first two, its other values are those that were last known.
    state: &'static str,
    /// Since when it is in this state. Null if nothing ever came from it.
    state_since: Option<Time>,
    /// Why it is in this state, in words. Null if there is nothing to say, and in the public mode.
    state_reason: Option<String>,
    /// Its user agent, such as `/Satoshi:29.0.0/`: by RPC, else by our own P2P connection.
    version: Option<String>,
    /// The chain as Bitcoin Core names it: `main`, `test`, `testnet4`, `signet` or `regtest`.
    chain: Option<String>,
    /// When its process started.
    started: Option<Time>,
    /// Seconds since its process started. Null if it is not there.
    uptime_seconds: Option<f64>,
    /// Height of its tip.
    height: Option<u32>,
    /// Height of its best header.
    headers: Option<u32>,
    /// Hash of its tip.
    best_block: Option<String>,
    /// The time in the header of the tip.
    best_block_time: Option<Time>,
    /// When the present tip became the tip. Null if it already was when the program started.
    tip_changed: Option<Time>,
    /// Whether it is in initial block download.
    initial_block_download: Option<bool>,
    /// Estimated share of the chain that it has verified, from 0 to 1.
    verification_progress: Option<f64>,
    /// Difficulty of the tip.
    difficulty: Option<f64>,
    /// Size of the stored blocks, in bytes.
    size_on_disk: Option<u64>,
    /// Whether it prunes blocks.
    pruned: Option<bool>,
    /// Whether its P2P network is active (see the RPC `setnetworkactive`).
    network_active: Option<bool>,
    /// Its warnings, by getnetworkinfo and getblockchaininfo.
    warnings: Vec<String>,
    /// Number of restarts that were observed since the program started.
    restarts: u64,
    /// Number of its connections, without our own.
    connections: Connections,
    /// Our own P2P connection to it. Null if there is, and was, none.
    own: Option<Own>,
    /// Rates per second, averaged over the last 10 s.
    rates: Rates,
    /// Bytes sent and received since the node started, by getnettotals.
    net: Option<Net>,
    /// Its mempool, by getmempoolinfo.
    mempool: Option<Mempool>,
    /// Its process, by the operating system.
    process: Option<Process>,
    /// Names of the service flags that it offers: by RPC, else by our own P2P connection.
    services: Vec<String>,
    /// Addresses at which it believes to be reachable. Absent in the public mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_addresses: Option<Vec<String>>,
    /// Extractors that reported events of it.
    sources: Vec<Source>,
    /// Number of its events that did not arrive.
    lost: u64,
    /// Time of its last event.
    last_event: Option<Time>,
}

/// Number of connections of a node, without our own P2P connection. Null if no source reports them.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "NodeConnections")]
pub(crate) struct Connections {
    /// All connections.
    total: Option<u64>,
    /// Connections that peers opened.
    inbound: Option<u64>,
    /// Connections that the node opened.
    outbound: Option<u64>,
    /// By connection type, as getpeerinfo names them.
    by_type: BTreeMap<&'static str, u64>,
    /// By network: `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`.
    by_network: BTreeMap<&'static str, u64>,
    /// By transport: `v1`, `v2`, `detecting`, or `unknown`.
    by_transport: BTreeMap<String, u64>,
    /// Our own P2P connections, which are in no other of these numbers.
    own: u64,
}

/// Rates per second, averaged over the last 10 s.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeRates")]
pub(crate) struct Rates {
    /// P2P messages received per second, by tracepoints or debug.log. Null without both.
    messages_in: Option<f64>,
    /// P2P messages sent per second, by tracepoints or debug.log. Null without both.
    messages_out: Option<f64>,
    /// Bytes received per second. With tracepoints: payloads only. Without: all bytes between the last two answers of getnettotals.
    bytes_in: Option<f64>,
    /// Bytes sent per second, measured as `bytes_in`.
    bytes_out: Option<f64>,
    /// Events of all extractors per second.
    events: f64,
}

/// Bytes sent and received since the node started, by getnettotals.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeNet")]
pub(crate) struct Net {
    /// Bytes received.
    bytes_received: u64,
    /// Bytes sent.
    bytes_sent: u64,
}

/// A summary of a mempool, by getmempoolinfo.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeMempool")]
pub(crate) struct Mempool {
    /// Number of transactions.
    pub transactions: i64,
    /// Total size of the transactions, in virtual bytes.
    pub vbytes: i64,
    /// Memory in use, in bytes.
    pub usage: i64,
    /// Maximum memory (`-maxmempool`), in bytes.
    pub max: i64,
    /// Minimum fee rate for acceptance, in BTC per 1,000 virtual bytes.
    pub min_fee_btc_kvb: f64,
}

/// The process of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeProcess")]
pub(crate) struct Process {
    /// Processor seconds used per second: 1.5 means one and a half processors. Null until two events have been received.
    cpu_seconds_per_second: Option<f64>,
    /// Resident memory, in bytes.
    resident: Option<u64>,
    /// Its threads, the busiest first.
    threads: Vec<Thread>,
}

/// All threads with the same name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeThread")]
pub(crate) struct Thread {
    /// The name.
    name: String,
    /// Processor seconds that they use per second.
    cpu_seconds_per_second: f64,
}

/// An extractor that reports events of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NodeSource")]
pub(crate) struct Source {
    /// Name of the extractor: `ebpf`, `rpc`, `log`, `p2p`, `ipc` or `process`.
    source: String,
    /// Whether it is up: it reads the node.
    up: bool,
    /// `up`; `down`: it cannot read the node; `ended`: it said that it ends; `silent`: nothing comes from it, as if its machine were gone.
    state: &'static str,
    /// Since when it is in this state.
    state_since: Option<Time>,
    /// Why it is in this state, in words. Null if there is nothing to say, and in the public mode.
    state_reason: Option<String>,
    /// Time of its last event.
    last_event: Option<Time>,
    /// Number of events since the program started.
    events: u64,
    /// Events per second, averaged over the last 10 s.
    rate: f64,
    /// Id of its present run, in hexadecimal. Null if its events have none.
    run: Option<String>,
    /// Number of events of this run that did not arrive.
    missing: u64,
    /// When this run started.
    since: Option<Time>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Node>;
    const PATH: &'static str = "nodes";
    const TITLE: &'static str = "Nodes";
    const ABOUT: &'static str = "The state of each node, ordered by name.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Vec<Node>, ApiError> {
        let (now_ns, public) = (request.now_ns, request.state.public);
        Ok(request.nodes()?.into_iter().map(|(name, node)| of(name, node, now_ns, public)).collect())
    }
}

fn of(name: &str, node: &State, now_ns: u64, public: bool) -> Node {
    let about = &node.pages.about;
    let said = node.pages.own.version.as_ref();
    let started_ns = node.model.restarts.started_ns;
    let condition = node.model.liveness.node();
    let is_alive = condition.state.is_alive();
    Node {
        node: name.to_owned(),
        state: condition.state.name(),
        state_since: nonzero_time(condition.since_ns),
        state_reason: condition.reason.as_ref().map(ToString::to_string),
        version: about.version.as_ref().or(said.map(|said| &said.user_agent)).map(ToString::to_string),
        chain: about.chain.as_ref().map(ToString::to_string),
        started: started_ns.map(Time),
        uptime_seconds: started_ns.filter(|_| is_alive).map(|started_ns| seconds(started_ns, now_ns)),
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
        own: own::of(node, now_ns),
        rates: rates(node, now_ns),
        net: node.pages.net.totals.map(|totals| Net { bytes_received: totals.received, bytes_sent: totals.sent }),
        mempool: super::mempool::short(&node.pages.mempool),
        process: about.process.as_ref().map(|process| Process {
            cpu_seconds_per_second: process.load.map(|load| round(load, 4)),
            resident: process.resident,
            threads: process.threads.iter().map(thread).collect(),
        }),
        services: match said {
            Some(said) if about.services.is_empty() => names::services(said.services),
            _ => about.services.clone(),
        },
        local_addresses: (!public).then(|| about.local_addresses.iter().map(ToString::to_string).collect()),
        sources: sources(node, now_ns),
        lost: node.pages.sources.lost,
        last_event: nonzero_time(node.pages.sources.last_ns),
    }
}

fn thread((name, load): &(smol_str::SmolStr, f64)) -> Thread {
    Thread { name: name.to_string(), cpu_seconds_per_second: round(*load, 4) }
}

fn connections(node: &State) -> Connections {
    let mut connections = Connections::default();
    if node.model.peers.open().len() == 0 && node.model.peers.polled_ns() == 0 {
        // No source reports peers one by one. Tracepoints and debug.log do not list those that were there before.
        if let Some((inbound, outbound)) = node.pages.about.connections {
            let (own_in, own_out) = node.pages.own.sides();
            let (inbound, outbound) =
                (u64::from(inbound).saturating_sub(own_in), u64::from(outbound).saturating_sub(own_out));
            (connections.inbound, connections.outbound) = (Some(inbound), Some(outbound));
            connections.total = Some(inbound + outbound);
            connections.own = own_in + own_out;
        } else if node.model.origins.has_any([Origin::Connections, Origin::LogNet]) {
            (connections.total, connections.inbound, connections.outbound) = (Some(0), Some(0), Some(0));
        }
        return connections;
    }
    let (mut total, mut inbound, mut outbound) = (0, 0, 0);
    for peer in node.model.peers.open() {
        if peer.own {
            connections.own += 1;
            continue;
        }
        total += 1;
        match peer.inbound {
            Some(true) => inbound += 1,
            Some(false) => outbound += 1,
            None => {}
        }
        *connections.by_type.entry(peer.connection_type).or_default() += 1;
        *connections.by_network.entry(peer.network).or_default() += 1;
        let transport = if peer.transport.is_empty() { "unknown" } else { &peer.transport };
        *connections.by_transport.entry(transport.to_owned()).or_default() += 1;
    }
    (connections.total, connections.inbound, connections.outbound) = (Some(total), Some(inbound), Some(outbound));
    connections
}

fn rates(node: &State, now_ns: u64) -> Rates {
    let traced = node.is_traced();
    let rates = if traced { &node.pages.traced.rates } else { &node.pages.logged.rates };
    let [[messages_in, bytes_in], [messages_out, bytes_out]] = rates;
    let counted = traced || node.pages.logged.messages.coverage.any();
    let is_alive = node.model.liveness.node().state.is_alive();
    let recent = |totals: &Totals| is_alive && now_ns <= totals.at_ns.saturating_add(STALE_NS);
    let polled = node.pages.net.totals.filter(recent).and_then(|totals| totals.rates);
    let bytes = |traced_rate: f64, polled: Option<f64>| {
        if traced { Some(traced_rate) } else { polled.map(|rate| round(rate, 1)) }
    };
    Rates {
        messages_in: counted.then(|| messages_in.per_second(now_ns)),
        messages_out: counted.then(|| messages_out.per_second(now_ns)),
        bytes_in: bytes(bytes_in.per_second(now_ns), polled.map(|rates| rates.0)),
        bytes_out: bytes(bytes_out.per_second(now_ns), polled.map(|rates| rates.1)),
        events: node.pages.sources.rate.per_second(now_ns),
    }
}

fn sources(node: &State, now_ns: u64) -> Vec<Source> {
    let sources = node.pages.sources.all().into_iter();
    let liveness = &node.model.liveness;
    sources
        .map(|(name, extractor)| {
            let condition = liveness.source(name).map(|source| source.condition.clone()).unwrap_or_default();
            (name, extractor, condition)
        })
        .map(|(name, extractor, condition)| Source {
            source: name.to_owned(),
            up: condition.state == SourceState::Up,
            state: condition.state.name(),
            state_since: nonzero_time(condition.since_ns),
            state_reason: condition.reason.map(|reason| reason.to_string()),
            last_event: nonzero_time(extractor.last_ns),
            events: extractor.events,
            rate: extractor.rate.per_second(now_ns),
            run: run(extractor.run),
            missing: extractor.missing,
            since: nonzero_time(extractor.since_ns),
        })
        .collect()
}

/// The id of a run as hexadecimal text, because it is too large for a number in JSON. `None` if it is 0.
pub(crate) fn run(run: u64) -> Option<String> {
    (run != 0).then(|| format!("{run:016x}"))
}
