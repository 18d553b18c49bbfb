//! `api/peers`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::marks::{self, Mark};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::{Time, nonzero_time, of_seconds, round};
use crate::state::addrman::group_of;
use crate::state::names;
use crate::state::node::Node;
use crate::state::peer::{Gossip, Peer as State, Txs as Transactions};
use model::Origin;
use model::peers::Polled;

pub(crate) struct Endpoint;

/// Closed connections are in answers for this long, in nanoseconds.
const GONE_NS: u64 = 600 * crate::state::series::SECOND;
/// Satoshi per bitcoin.
const SAT_PER_BTC: f64 = 1e8;

const CLOSED: Parameter = Parameter {
    name: "closed",
    kind: ParameterKind::Flag,
    about: "1: include connections that were closed within the last 10 minutes.",
};

/// A peer: one connection of a node.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Peer {
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Address and port. A pseudonym in the public mode.
    addr: String,
    /// `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable` or `unknown`.
    network: &'static str,
    /// As getpeerinfo names it: `inbound`, `outbound-full-relay`, `block-relay-only`, `manual`, `addr-fetch`, `feeler`, `private-broadcast`, or
    /// `unknown`.
    connection_type: &'static str,
    /// `inbound`: the peer opened the connection; `outbound`: the node did.
    direction: Option<&'static str>,
    /// `v1`, `v2` or `detecting`.
    transport: Option<String>,
    /// Its user agent, such as `/Satoshi:29.0.0/`.
    user_agent: Option<String>,
    /// Its protocol version.
    version: Option<u32>,
    /// Names of the service flags that it offers.
    services: Vec<String>,
    /// Whether it wants transactions to be relayed to it.
    relay_transactions: Option<bool>,
    /// Number of its autonomous system, by the configured map or else by the node's.
    #[serde(rename = "as")]
    asn: Option<u32>,
    /// Its network group: the /16 for IPv4, the /32 for IPv6, the name of the network for others.
    group: String,
    /// Names of the configured sets of networks that it is in.
    sets: Vec<String>,
    /// Its permissions, by getpeerinfo.
    permissions: Vec<String>,
    /// Whether it is our own P2P connection to the node: no peer of the network, and in none of the counts. Always
    /// false in the public mode.
    own: bool,
    /// Marks of unusual behaviour. Our own connection has none.
    marks: Vec<Mark>,
    /// When it was first observed.
    first_seen: Time,
    /// When the connection was established.
    connected: Option<Time>,
    /// When the connection ended. Null while it is open.
    closed: Option<Time>,
    /// How the connection ended. Null while it is open.
    end: Option<End>,
    /// When the node last sent it something.
    last_send: Option<Time>,
    /// When the node last received something from it.
    last_received: Option<Time>,
    /// When it last sent a new and valid transaction, by getpeerinfo.
    last_transaction: Option<Time>,
    /// When it last sent a new and valid block, by getpeerinfo.
    last_block: Option<Time>,
    /// Round-trip time of the last ping, in seconds.
    ping_seconds: Option<f64>,
    /// Shortest round-trip time, in seconds, by getpeerinfo.
    min_ping_seconds: Option<f64>,
    /// Seconds since the oldest unanswered ping. Null if there is none.
    ping_wait_seconds: Option<f64>,
    /// Bytes sent to it since it connected. Without getpeerinfo: payloads since it was first observed.
    bytes_sent: Option<u64>,
    /// Bytes received from it, measured as `bytes_sent`.
    bytes_received: Option<u64>,
    /// Where its messages are counted. `ebpf`: by tracepoints. `log`: by debug.log, which has no contents. Null if nothing counts them.
    messages_source: Option<&'static str>,
    /// Number of messages sent to it since it was first observed. Null if nothing counts them.
    messages_sent: Option<u64>,
    /// Number of messages received from it since it was first observed. Null if nothing counts them.
    messages_received: Option<u64>,
    /// Messages per second received from it, averaged over the last 10 s. Null if nothing counts messages.
    rate_in: Option<f64>,
    /// Messages per second sent to it, averaged over the last 10 s. Null if nothing counts messages.
    rate_out: Option<f64>,
    /// Whether the node selected it as a high-bandwidth compact block peer.
    high_bandwidth_to: Option<bool>,
    /// Whether it selected the node as a high-bandwidth compact block peer.
    high_bandwidth_from: Option<bool>,
    /// Height of its chain when it connected, as it reported: by tracepoints, debug.log, or getpeerinfo up to Bitcoin Core 31.
    starting_height: Option<i64>,
    /// Height of the last header in common with it.
    synced_headers: Option<i64>,
    /// Height of the last block in common with it.
    synced_blocks: Option<i64>,
    /// Number of blocks that are being requested from it.
    inflight: Option<u32>,
    /// Whether it takes part in address relay.
    addr_relay: Option<bool>,
    /// Number of entries of its addr messages that the node processed.
    addr_processed: Option<u64>,
    /// Number of entries of its addr messages that the node dropped because of rate limiting.
    addr_rate_limited: Option<u64>,
    /// Number of entries in addr messages received from it. Null without tracepoints.
    addresses_in: Option<u64>,
    /// Number of entries in addr messages sent to it. Null without tracepoints.
    addresses_out: Option<u64>,
    /// How often it announced its own address. Null without tracepoints.
    self_announcements: Option<u64>,
    /// Its minimum fee rate (`feefilter`), in BTC per 1,000 virtual bytes.
    fee_filter_btc_kvb: Option<f64>,
    /// Number of transactions queued for announcement to it, by Bitcoin Core 31 and later.
    inv_to_send: Option<u64>,
    /// Share of a processor's time that the node spent on its messages since it connected, from 0 to 1. Bitcoin Knots reports it.
    cpu_load: Option<f64>,
    /// Offset of its clock from the node's, in seconds.
    time_offset_seconds: Option<i64>,
    /// Transactions exchanged with it. Null without tracepoints, unless debug.log reports deliveries by it.
    txs: Option<Txs>,
    /// Number of times that it misbehaved. Null without tracepoints and the category `net` of debug.log, which report that.
    misbehaviour: Option<u64>,
}

/// How a connection ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerEnd")]
pub(crate) struct End {
    /// `closed`, `evicted`, `disappeared` (no longer listed by getpeerinfo) or `node_restarted`.
    how: &'static str,
    /// The reason by debug.log, such as `PING_TIMEOUT`.
    reason: Option<&'static str>,
    /// The reason as text of debug.log.
    text: Option<String>,
}

/// Number of transactions exchanged with a peer. Without tracepoints and the category `net` of debug.log, all but `delivered` are
/// null; `duplicates`, `unrequested` and `not_found` need tracepoints.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerTxs")]
pub(crate) struct Txs {
    /// Announced by it.
    announced: Option<u64>,
    /// Announced by it before any other peer: of one inv at most 1,000.
    first: Option<u64>,
    /// Announced by it before any other peer, then requested by the node and accepted into its mempool.
    useful: Option<u64>,
    /// Requested from it by the node.
    requested: Option<u64>,
    /// Delivered by it.
    delivered: u64,
    /// Delivered by it although they had been received before.
    duplicates: Option<u64>,
    /// Delivered by it although they had not been requested.
    unrequested: Option<u64>,
    /// Requested from it, but not found (notfound).
    not_found: Option<u64>,
    /// Sent to it.
    sent: Option<u64>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Peer>;
    const PATH: &'static str = "peers";
    const TITLE: &'static str = "Peers";
    const ABOUT: &'static str =
        "Ordered by node and peer id. Closed connections of a node follow its open ones, newest first.";
    const PARAMETERS: &'static [Parameter] = &[NODE, CLOSED];

    fn answer(request: &RequestContext) -> Result<Vec<Peer>, ApiError> {
        let mut all = Vec::new();
        for (name, node) in request.nodes()? {
            let mut open: Vec<&State> = node.model.peers.open().collect();
            open.sort_unstable_by_key(|peer| peer.id);
            all.extend(open.into_iter().map(|peer| of(name, node, peer, request)));
            if request.arguments.flag(CLOSED.name) {
                let late = |peer: &&State| {
                    peer.end.as_ref().is_some_and(|end| end.at_ns.saturating_add(GONE_NS) >= request.now_ns)
                };
                all.extend(node.model.peers.closed().rev().filter(late).map(|peer| of(name, node, peer, request)));
            }
        }
        Ok(all)
    }
}

/// The description of a peer.
pub(crate) fn of(name: &str, node: &Node, peer: &State, request: &RequestContext) -> Peer {
    let (polled, counted) = (peer.polled.as_deref(), peer.details.counted());
    let with = |of: fn(&Polled) -> Option<Time>| polled.and_then(of);
    let side = |values: fn(&crate::state::peer::Counted) -> [u64; 2]| counted.map(values).unwrap_or_default();
    let [received, sent] = side(|counted| counted.messages);
    let [bytes_in, bytes_out] = side(|counted| counted.bytes);
    let rates = counted.map(|counted| counted.rates.map(|rate| rate.per_second(request.now_ns)));
    let traced = peer.details.traced.is_some();
    let gossip = traced.then_some(&peer.details.addresses);
    let misbehaves = peer.misbehaved > 0 || node.model.origins.has_any([Origin::Connections, Origin::LogNet]);
    let positive = |value: f64| (value > 0.0).then(|| round(value, 6));
    let last_ping = peer.details.pings.back().map(|(_, seconds)| round(f64::from(*seconds), 6));
    Peer {
        node: name.to_owned(),
        id: peer.id,
        addr: peer.addr.to_string(),
        network: peer.network,
        connection_type: peer.connection_type,
        direction: peer.inbound.map(names::direction),
        transport: (!peer.transport.is_empty()).then(|| peer.transport.to_string()),
        user_agent: peer.user_agent.as_ref().map(ToString::to_string),
        version: peer.version,
        services: peer.services.map(names::services).unwrap_or_default(),
        relay_transactions: peer.relay,
        asn: peer.asn.or_else(|| polled.map(|polled| polled.mapped_as).filter(|asn| *asn != 0)),
        group: group_of(&peer.addr, peer.network),
        sets: request.state.enrichment.names(peer.sets).map(str::to_owned).collect(),
        permissions: polled.iter().flat_map(|polled| &polled.permissions).map(ToString::to_string).collect(),
        own: peer.own,
        marks: marks::of(peer, request),
        first_seen: Time(peer.first_seen_ns),
        connected: peer.connected_ns.map(Time),
        closed: peer.end.as_ref().map(|end| Time(end.at_ns)),
        end: peer.end.as_ref().map(|end| End {
            how: end.how,
            reason: end.reason,
            text: end.text.as_ref().map(ToString::to_string),
        }),
        last_send: last(counted.map(|counted| counted.last_ns), 1)
            .or_else(|| with(|polled| of_seconds(polled.last_send))),
        last_received: last(counted.map(|counted| counted.last_ns), 0)
            .or_else(|| with(|polled| of_seconds(polled.last_received))),
        last_transaction: with(|polled| of_seconds(polled.last_transaction)),
        last_block: with(|polled| of_seconds(polled.last_block)),
        ping_seconds: last_ping.or_else(|| polled.and_then(|polled| positive(polled.ping))),
        min_ping_seconds: polled.and_then(|polled| positive(polled.min_ping)),
        ping_wait_seconds: polled.and_then(|polled| positive(polled.ping_wait)),
        bytes_sent: polled.map(|polled| polled.bytes_sent).or(counted.map(|_| bytes_out)),
        bytes_received: polled.map(|polled| polled.bytes_received).or(counted.map(|_| bytes_in)),
        messages_source: counted.map(|_| if traced { "ebpf" } else { "log" }),
        messages_sent: counted.map(|_| sent),
        messages_received: counted.map(|_| received),
        rate_in: rates.map(|[into, _]| into),
        rate_out: rates.map(|[_, out]| out),
        high_bandwidth_to: polled.map(|polled| polled.hb_to),
        high_bandwidth_from: polled.map(|polled| polled.hb_from),
        starting_height: peer.starting_height,
        synced_headers: polled.map(|polled| polled.synced_headers).filter(|height| *height >= 0),
        synced_blocks: polled.map(|polled| polled.synced_blocks).filter(|height| *height >= 0),
        inflight: polled.map(|polled| polled.inflight),
        addr_relay: polled.map(|polled| polled.addr_relay),
        addr_processed: polled.map(|polled| polled.addr_processed),
        addr_rate_limited: polled.map(|polled| polled.addr_rate_limited),
        addresses_in: gossip.map(|gossip: &Gossip| gossip.received),
        addresses_out: gossip.map(|gossip| gossip.sent),
        self_announcements: gossip.map(|gossip| gossip.own),
        fee_filter_btc_kvb: fee_filter(peer),
        inv_to_send: polled.and_then(|polled| polled.inv_to_send),
        cpu_load: polled.and_then(|polled| polled.cpu_load).map(|per_mille| round(per_mille / 1_000.0, 9)),
        time_offset_seconds: polled.map(|polled| polled.time_offset),
        txs: (counted.is_some() || peer.details.txs.delivered > 0)
            .then(|| txs(&peer.details.txs, counted.is_some(), traced)),
        misbehaviour: misbehaves.then_some(peer.misbehaved),
    }
}

fn last(times: Option<[u64; 2]>, side: usize) -> Option<Time> {
    times.and_then(|times| times.get(side).copied()).and_then(nonzero_time)
}

/// The minimum fee rate of a peer (`feefilter`), in BTC per 1,000 virtual bytes.
pub(crate) fn fee_filter(peer: &State) -> Option<f64> {
    let announced = peer.fee_filter.map(|sats| sats as f64 / SAT_PER_BTC);
    let polled = peer.polled.as_ref().map(|polled| polled.min_fee_filter).filter(|rate| rate.is_finite());
    announced.or(polled).map(|rate| round(rate, 8))
}

/// `counted`: tracepoints or debug.log report announcements and requests; `traced`: tracepoints do, with the transactions.
fn txs(txs: &Transactions, counted: bool, traced: bool) -> Txs {
    let known = |count: u64| counted.then_some(count);
    let known_in_full = |count: u64| traced.then_some(count);
    Txs {
        announced: known(txs.announced),
        first: known(txs.first),
        useful: known(txs.useful),
        requested: known(txs.requested),
        delivered: txs.delivered,
        duplicates: known_in_full(txs.duplicates),
        unrequested: known_in_full(txs.unrequested),
        not_found: known_in_full(txs.not_found),
        sent: known(txs.sent),
    }
}
