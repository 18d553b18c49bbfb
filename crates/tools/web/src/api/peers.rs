//! `api/peers`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::marks::{self, Mark};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::{Time, known as known_time, of_seconds, round};
use crate::state::addrman::group_of;
use crate::state::names;
use crate::state::peer::{Gossip, Peer as State, Txs as Transactions};
use model::peers::Polled;

pub(crate) struct Endpoint;

/// So long those that are gone are told of.
const GONE_NS: u64 = 600 * crate::state::series::SECOND;
/// sat/kvB in one BTC/kvB.
const SATS: f64 = 1e8;

const CLOSED: Parameter = Parameter {
    name: "closed",
    kind: ParameterKind::Flag,
    about: "1: also those that are gone, of the last 10 minutes.",
};

/// A peer: one connection of a node.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Peer {
    /// The node.
    node: String,
    /// The node's number of it.
    id: u64,
    /// Address and port; a pseudonym in the public mode.
    addr: String,
    /// `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`, `not_publicly_routable`, `unknown`.
    network: &'static str,
    /// As getpeerinfo names it: `inbound`, `outbound-full-relay`, `block-relay-only`, `manual`, `addr-fetch`, `feeler`, `private-broadcast`, or
    /// `unknown`.
    connection_type: &'static str,
    /// `inbound`: the peer opened it; `outbound`: the node did.
    direction: Option<&'static str>,
    /// `v1`, `v2`, `detecting`.
    transport: Option<String>,
    /// What it calls itself.
    user_agent: Option<String>,
    /// Its protocol version.
    version: Option<u32>,
    /// Names of the services that it offers.
    services: Vec<String>,
    /// Whether it wants transactions.
    relay_transactions: Option<bool>,
    /// Number of its autonomous system: by our map, or else by the node's.
    #[serde(rename = "as")]
    asn: Option<u32>,
    /// Its network group: /16 of IPv4, /32 of IPv6; other networks' name.
    group: String,
    /// Sets of networks that it is in.
    sets: Vec<String>,
    /// What it is allowed to do.
    permissions: Vec<String>,
    /// What is striking about it.
    marks: Vec<Mark>,
    /// When it was first seen.
    first_seen: Time,
    /// When it connected.
    connected: Option<Time>,
    /// When the connection ended.
    closed: Option<Time>,
    /// How the connection ended.
    end: Option<End>,
    /// When the node last sent it something.
    last_send: Option<Time>,
    /// When the node last received something of it.
    last_received: Option<Time>,
    /// When it last sent a transaction that was new and valid.
    last_transaction: Option<Time>,
    /// When it last sent a block that was new and valid.
    last_block: Option<Time>,
    /// How long its last ping took.
    ping_seconds: Option<f64>,
    /// How long its shortest ping took.
    min_ping_seconds: Option<f64>,
    /// For how long it owes a pong.
    ping_wait_seconds: Option<f64>,
    /// Bytes that it was sent since it connected; without getpeerinfo, payloads since it was first seen.
    bytes_sent: Option<u64>,
    /// Bytes that it sent, told as `bytes_sent`.
    bytes_received: Option<u64>,
    /// Messages that it was sent since it was first seen; null without tracepoints.
    messages_sent: Option<u64>,
    /// Messages that it sent since it was first seen; null without tracepoints.
    messages_received: Option<u64>,
    /// Messages per second that it sends, over the last 10 s; null without tracepoints.
    rate_in: Option<f64>,
    /// Messages per second that it is sent, over the last 10 s; null without tracepoints.
    rate_out: Option<f64>,
    /// The node chose it for compact blocks in high bandwidth.
    high_bandwidth_to: Option<bool>,
    /// It chose the node for compact blocks in high bandwidth.
    high_bandwidth_from: Option<bool>,
    /// Height that it had when it connected.
    starting_height: Option<i64>,
    /// Height up to which it has the same headers.
    synced_headers: Option<i64>,
    /// Height up to which it has the same blocks.
    synced_blocks: Option<i64>,
    /// How many blocks it is asked for.
    inflight: Option<u32>,
    /// Whether it takes part in the gossip of addresses.
    addr_relay: Option<bool>,
    /// Entries of its addr messages that the node took.
    addr_processed: Option<u64>,
    /// Entries of its addr messages that were too many.
    addr_rate_limited: Option<u64>,
    /// Entries of addr messages that it sent; null without tracepoints.
    addresses_in: Option<u64>,
    /// Entries of addr messages that it was sent; null without tracepoints.
    addresses_out: Option<u64>,
    /// How often it told its own address; null without tracepoints.
    self_announcements: Option<u64>,
    /// The least fee rate that it wants, BTC per 1,000 virtual bytes.
    fee_filter_btc_kvb: Option<f64>,
    /// Transactions that the node is going to announce to it.
    inv_to_send: Option<u64>,
    /// Share of a processor's time that the node takes for it, from 0 to 1. Not all nodes tell.
    cpu_load: Option<f64>,
    /// By how many seconds its clock differs.
    time_offset_seconds: Option<i64>,
    /// Transactions that went by it; null without tracepoints, as long as the log tells of none.
    txs: Option<Txs>,
    /// How often it misbehaved.
    misbehaviour: u64,
}

/// How a connection ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerEnd")]
pub(crate) struct End {
    /// `closed`, `evicted`, `disappeared` (it was not there any more) or `node_restarted`.
    how: &'static str,
    /// The reason by the log, such as `PING_TIMEOUT`.
    reason: Option<&'static str>,
    /// The reason in the log's words.
    text: Option<String>,
}

/// Transactions that went by a peer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerTxs")]
pub(crate) struct Txs {
    /// Those that it announced.
    announced: u64,
    /// Those that it announced before anybody else.
    first: u64,
    /// Those that the node asked it for.
    requested: u64,
    /// Those that it sent.
    delivered: u64,
    /// Those that it sent when they were there already.
    duplicates: u64,
    /// Those that it sent without being asked.
    unrequested: u64,
    /// Those that it did not have when it was asked.
    not_found: u64,
    /// Those that it was sent.
    sent: u64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Peer>;
    const PATH: &'static str = "peers";
    const TITLE: &'static str = "The peers";
    const ABOUT: &'static str = "By node and number; those that are gone after the others, newest first.";
    const PARAMETERS: &'static [Parameter] = &[NODE, CLOSED];

    fn answer(request: &RequestContext) -> Result<Vec<Peer>, ApiError> {
        let mut all = Vec::new();
        for (name, node) in request.nodes()? {
            let mut open: Vec<&State> = node.model.peers.open().collect();
            open.sort_unstable_by_key(|peer| peer.id);
            all.extend(open.into_iter().map(|peer| of(name, peer, request)));
            if request.arguments.flag(CLOSED.name) {
                let late = |peer: &&State| {
                    peer.end.as_ref().is_some_and(|end| end.at_ns.saturating_add(GONE_NS) >= request.now_ns)
                };
                all.extend(node.model.peers.closed().rev().filter(late).map(|peer| of(name, peer, request)));
            }
        }
        Ok(all)
    }
}

/// What is known of a peer.
pub(crate) fn of(node: &str, peer: &State, request: &RequestContext) -> Peer {
    let (polled, traced) = (peer.polled.as_deref(), peer.details.traced.as_deref());
    let with = |of: fn(&Polled) -> Option<Time>| polled.and_then(of);
    let side = |values: fn(&crate::state::peer::Traced) -> [u64; 2]| traced.map(values).unwrap_or_default();
    let [received, sent] = side(|traced| traced.messages);
    let [bytes_in, bytes_out] = side(|traced| traced.bytes);
    let rates = traced.map(|traced| traced.rates.map(|rate| rate.per_second(request.now_ns)));
    let gossip = traced.map(|_| &peer.details.addresses);
    let positive = |value: f64| (value > 0.0).then(|| round(value, 6));
    let last_ping = peer.details.pings.back().map(|(_, seconds)| round(f64::from(*seconds), 6));
    Peer {
        node: node.to_owned(),
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
        group: group_of(&peer.addr),
        sets: request.state.enrichment.names(peer.sets).map(str::to_owned).collect(),
        permissions: polled.iter().flat_map(|polled| &polled.permissions).map(ToString::to_string).collect(),
        marks: marks::of(peer, request),
        first_seen: Time(peer.first_seen_ns),
        connected: peer.connected_ns.map(Time),
        closed: peer.end.as_ref().map(|end| Time(end.at_ns)),
        end: peer.end.as_ref().map(|end| End {
            how: end.how,
            reason: end.reason,
            text: end.text.as_ref().map(ToString::to_string),
        }),
        last_send: last(traced.map(|traced| traced.last_ns), 1).or_else(|| with(|polled| of_seconds(polled.last_send))),
        last_received: last(traced.map(|traced| traced.last_ns), 0)
            .or_else(|| with(|polled| of_seconds(polled.last_received))),
        last_transaction: with(|polled| of_seconds(polled.last_transaction)),
        last_block: with(|polled| of_seconds(polled.last_block)),
        ping_seconds: last_ping.or_else(|| polled.and_then(|polled| positive(polled.ping))),
        min_ping_seconds: polled.and_then(|polled| positive(polled.min_ping)),
        ping_wait_seconds: polled.and_then(|polled| positive(polled.ping_wait)),
        bytes_sent: polled.map(|polled| polled.bytes_sent).or(traced.map(|_| bytes_out)),
        bytes_received: polled.map(|polled| polled.bytes_received).or(traced.map(|_| bytes_in)),
        messages_sent: traced.map(|_| sent),
        messages_received: traced.map(|_| received),
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
        inv_to_send: polled.map(|polled| polled.inv_to_send),
        cpu_load: polled.map(|polled| polled.cpu_load).filter(|load| load.is_finite()),
        time_offset_seconds: polled.map(|polled| polled.time_offset),
        txs: (traced.is_some() || peer.details.txs.delivered > 0).then(|| txs(&peer.details.txs)),
        misbehaviour: peer.misbehaved,
    }
}

fn last(times: Option<[u64; 2]>, side: usize) -> Option<Time> {
    times.and_then(|times| times.get(side).copied()).and_then(known_time)
}

/// The least fee rate that a peer wants, BTC/kvB.
pub(crate) fn fee_filter(peer: &State) -> Option<f64> {
    let announced = peer.fee_filter.map(|sats| sats as f64 / SATS);
    let polled = peer.polled.as_ref().map(|polled| polled.min_fee_filter).filter(|rate| rate.is_finite());
    announced.or(polled).map(|rate| round(rate, 8))
}

fn txs(txs: &Transactions) -> Txs {
    let &Transactions { announced, first, requested, delivered, duplicates, unrequested, not_found, sent, .. } = txs;
    Txs { announced, first, requested, delivered, duplicates, unrequested, not_found, sent }
}
