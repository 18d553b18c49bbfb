//! `api/transactions`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::marks;
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::peers::fee_filter;
use super::values::{Steps, Time, hash, round, seconds, steps};
use crate::state::node::Node;
use crate::state::peer::Peer;
use crate::state::rate::Samples;
use crate::state::series::{Series as Values, Window};
use crate::state::transactions::{INV_SIZES, Transactions as State, Tx};

pub(crate) struct Endpoint;

/// The mempool may be unchanged for this long, in nanoseconds, and its series still count as observed.
const QUIET_NS: u64 = 600 * crate::state::series::SECOND;
/// The maximum number of announcers in an answer.
const MAX_ANNOUNCERS: usize = 50;
/// The maximum number of recent transactions in an answer.
const MAX_RECENT: usize = 100;

/// How transactions propagate: announcements, requests and deliveries.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Transactions {
    /// Where the data comes from. `ebpf`: tracepoints report all messages. `log`: debug.log reports only the transactions that arrived.
    source: &'static str,
    /// Totals since the program started.
    totals: Totals,
    /// Time series.
    series: Series,
    /// Up to 50 peers that announced or delivered transactions. Those with the most first announcements come first.
    announcers: Vec<Announcer>,
    /// Minimum fee rates of the open peers (`feefilter`), ascending. At most the 200 most frequent ones.
    fee_filters: Vec<FeeFilter>,
    /// Received inv messages, by the number of transactions that they announce.
    inv_sizes: Vec<InvSize>,
    /// Delays of the last 1,000 transactions of each node.
    delay: Delays,
    /// Open peers with the mark `spy` or `unrequested`.
    suspects: Vec<Suspect>,
    /// The last 100 transactions, newest first.
    recent: Vec<Recent>,
}

/// Totals of transactions since the program started.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "TransactionTotals")]
pub(crate) struct Totals {
    /// Number of announcements (inv entries) received.
    announced: u64,
    /// Number of distinct transactions announced. One that is announced by both of its hashes counts twice until it arrives.
    unique: u64,
    /// Number of transactions that the nodes requested (getdata).
    requested: u64,
    /// Number of transactions received.
    delivered: u64,
    /// How many of the received transactions had been received before.
    duplicates: u64,
    /// How many of the received transactions had not been requested.
    unrequested: u64,
    /// Number of transactions that were announced but neither requested nor received for at least a minute.
    never_requested: u64,
    /// Number of requested transactions that the peer did not have (notfound).
    not_found: u64,
    /// Share, from 0 to 1, of the transactions accepted into the mempool that a peer had announced. Null until one is accepted.
    first_known_share: Option<f64>,
}

/// Transactions over time: entries of inv and getdata, and tx messages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionSeries")]
pub(crate) struct Series {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Number of announcements (inv entries) received.
    inv_in: Steps,
    /// Number of announcements sent.
    inv_out: Steps,
    /// Number of transactions that peers requested.
    getdata_in: Steps,
    /// Number of transactions that the nodes requested.
    getdata_out: Steps,
    /// Number of transactions received.
    tx_in: Steps,
    /// Number of transactions sent.
    tx_out: Steps,
    /// Number of transactions accepted into the mempool.
    added: Steps,
    /// Number of transactions that the mempool rejected.
    rejected: Steps,
}

/// A peer that announced or delivered transactions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Announcer {
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Address and port of the peer.
    addr: String,
    /// Number of announcements received from it.
    announced: u64,
    /// Number of transactions that it announced before any other peer.
    first: u64,
    /// `first` as a share, from 0 to 1, of all distinct transactions announced to the node. Null if there are none.
    first_share: Option<f64>,
    /// Number of transactions that the node requested from it.
    requested: u64,
    /// Number of transactions that it sent.
    delivered: u64,
    /// Its minimum fee rate (`feefilter`), in BTC per 1,000 virtual bytes.
    fee_filter_btc_kvb: Option<f64>,
    /// Number of needless deliveries: duplicates or unrequested transactions, whichever are more.
    waste: u64,
}

/// A minimum fee rate (`feefilter`).
#[derive(Serialize, JsonSchema)]
pub(crate) struct FeeFilter {
    /// The fee rate, BTC per 1,000 virtual bytes.
    btc_kvb: f64,
    /// Number of peers that use it.
    peers: u64,
}

/// inv messages within a range of sizes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvSize {
    /// The range: how many transactions each message announces.
    items: &'static str,
    /// Number of messages.
    messages: u64,
}

/// Delays of transactions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delays {
    /// From the first announcement to the delivery of the transaction.
    inv_to_tx_seconds: Delay,
    /// From the delivery of the transaction to its acceptance into the mempool.
    tx_to_mempool_seconds: Delay,
}

/// The distribution of a delay.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delay {
    /// Median, in seconds. Null if there are no samples.
    median: Option<f64>,
    /// 99th percentile, in seconds. Null if there are no samples.
    p99: Option<f64>,
    /// Number of samples since the program started.
    count: u64,
}

/// A peer that behaves unusually.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Suspect {
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Address and port of the peer.
    addr: String,
    /// The mark: `spy` or `unrequested`. Described at Mark.
    mark: &'static str,
    /// The reason for the mark, as text.
    why: String,
}

/// A transaction that was announced or received recently.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionRecent")]
pub(crate) struct Recent {
    /// The txid. Null until the transaction arrives.
    txid: Option<String>,
    /// The wtxid. Until the transaction arrives: the hash that it was announced by, which may be the txid.
    wtxid: Option<String>,
    /// When the node first received an announcement or the transaction.
    time: Time,
    /// Name of the node.
    node: String,
    /// The first eight peers that announced it.
    announced_by: Vec<Announcement>,
    /// Number of announcements received.
    announcements: u32,
    /// Id of the peer that it was last requested from. Null if it was not requested.
    requested_from: Option<u64>,
    /// Id of the peer that delivered it first. Null until it arrives.
    delivered_by: Option<u64>,
    /// When it was accepted into the mempool. Null if it was not.
    accepted: Option<Time>,
    /// The reason for which the mempool rejected it. Null if it was not rejected.
    rejected: Option<String>,
    /// Its size, in virtual bytes.
    vsize: Option<i32>,
    /// Its fee, in satoshi.
    fee_sat: Option<i64>,
}

/// A peer's announcement of a transaction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionAnnouncement")]
pub(crate) struct Announcement {
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Seconds since the transaction was first announced or received.
    after_seconds: f64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Transactions;
    const PATH: &'static str = "transactions";
    const TITLE: &'static str = "Propagation of transactions";
    const ABOUT: &'static str =
        "Announcements, requests, deliveries and delays of transactions, and the peers that behave unusually.";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Transactions, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let states: Vec<&State> = nodes.iter().map(|(_, node)| &node.pages.transactions).collect();
        let of_size = |index: usize| states.iter().map(|state| state.inv_sizes.get(index).copied().unwrap_or(0)).sum();
        Ok(Transactions {
            source: if states.iter().any(|state| state.traced.any()) { "ebpf" } else { "log" },
            totals: totals(&states, request.now_ns),
            series: series(&nodes, &window),
            announcers: announcers(&nodes),
            fee_filters: fee_filters(&nodes),
            inv_sizes: INV_SIZES
                .iter()
                .enumerate()
                .map(|(index, (_, items))| InvSize { items, messages: of_size(index) })
                .collect(),
            delay: Delays {
                inv_to_tx_seconds: delay(&states, |state| &state.inv_to_tx),
                tx_to_mempool_seconds: delay(&states, |state| &state.tx_to_mempool),
            },
            suspects: suspects(&nodes, request),
            recent: recent(&nodes),
        })
    }
}

fn totals(states: &[&State], now_ns: u64) -> Totals {
    let mut totals = Totals::default();
    let (mut accepted, mut announced) = (0, 0);
    for state in states {
        let of = &state.totals;
        totals.announced += of.announced;
        totals.unique += of.unique;
        totals.requested += of.requested;
        totals.delivered += of.delivered;
        totals.duplicates += of.duplicates;
        totals.unrequested += of.unrequested;
        totals.not_found += of.not_found;
        totals.never_requested += state.never_requested(now_ns);
        accepted += of.accepted;
        announced += of.accepted_announced;
    }
    totals.first_known_share = (accepted > 0).then(|| round(announced as f64 / accepted as f64, 4));
    totals
}

fn series(nodes: &[(&str, &Node)], window: &Window) -> Series {
    let flow = |of: &dyn Fn(&State) -> &Values| {
        steps(window, |values| {
            nodes.iter().for_each(|(_, node)| {
                of(&node.pages.transactions).add_to(window, node.pages.transactions.traced, values);
            });
        })
    };
    let pool = |of: &dyn Fn(&Node) -> &Values| {
        steps(window, |values| {
            nodes
                .iter()
                .for_each(|(_, node)| of(node).add_to(window, node.pages.mempool.coverage.lasting(QUIET_NS), values));
        })
    };
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        inv_in: flow(&|state| first(&state.flow.inv)),
        inv_out: flow(&|state| second(&state.flow.inv)),
        getdata_in: flow(&|state| first(&state.flow.getdata)),
        getdata_out: flow(&|state| second(&state.flow.getdata)),
        tx_in: flow(&|state| first(&state.flow.tx)),
        tx_out: flow(&|state| second(&state.flow.tx)),
        added: pool(&|node| &node.pages.mempool.added),
        rejected: pool(&|node| &node.pages.mempool.rejected),
    }
}

fn first([first, _]: &[Values; 2]) -> &Values {
    first
}

fn second([_, second]: &[Values; 2]) -> &Values {
    second
}

fn delay(states: &[&State], of: impl Fn(&State) -> &Samples) -> Delay {
    let mut all = Samples::default();
    states.iter().for_each(|state| all.extend(of(state)));
    let [median, p99] = all.quantiles([0.5, 0.99]);
    Delay { median, p99, count: all.count }
}

fn announcers(nodes: &[(&str, &Node)]) -> Vec<Announcer> {
    let peers = nodes.iter().flat_map(|(name, node)| {
        let unique = node.pages.transactions.totals.unique;
        node.model.peers.open().chain(node.model.peers.closed()).map(move |peer| (*name, unique, peer))
    });
    let mut all: Vec<Announcer> = peers
        .filter(|(.., peer)| peer.details.txs.announced > 0 || peer.details.txs.delivered > 0)
        .map(|(node, unique, peer)| Announcer {
            node: node.to_owned(),
            id: peer.id,
            addr: peer.addr.to_string(),
            announced: peer.details.txs.announced,
            first: peer.details.txs.first,
            first_share: (unique > 0).then(|| round(peer.details.txs.first as f64 / unique as f64, 4)),
            requested: peer.details.txs.requested,
            delivered: peer.details.txs.delivered,
            fee_filter_btc_kvb: fee_filter(peer),
            waste: peer.details.txs.duplicates.max(peer.details.txs.unrequested),
        })
        .collect();
    let key = |one: &Announcer| (one.first, one.announced, one.delivered);
    all.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| (&a.node, a.id).cmp(&(&b.node, b.id))));
    all.truncate(MAX_ANNOUNCERS);
    all
}

fn fee_filters(nodes: &[(&str, &Node)]) -> Vec<FeeFilter> {
    let open = nodes.iter().flat_map(|(_, node)| node.model.peers.open());
    let mut sats: BTreeMap<i64, u64> = BTreeMap::new();
    for rate in open.filter_map(fee_filter) {
        *sats.entry((rate * 1e8).round() as i64).or_default() += 1;
    }
    // Untrusted peers choose them: only the most frequent ones are shown.
    let mut all: Vec<(i64, u64)> = sats.into_iter().collect();
    all.sort_by_key(|(_, peers)| std::cmp::Reverse(*peers));
    all.truncate(200);
    all.sort_unstable();
    all.into_iter().map(|(sats, peers)| FeeFilter { btc_kvb: round(sats as f64 / 1e8, 8), peers }).collect()
}

fn suspects(nodes: &[(&str, &Node)], request: &RequestContext) -> Vec<Suspect> {
    let mut all = Vec::new();
    for (node, node_state) in nodes {
        let mut open: Vec<&Peer> = node_state.model.peers.open().collect();
        open.sort_unstable_by_key(|peer| peer.id);
        for peer in open {
            for mark in marks::of(peer, request).into_iter().filter(|mark| matches!(mark.mark, "spy" | "unrequested")) {
                all.push(Suspect {
                    node: (*node).to_owned(),
                    id: peer.id,
                    addr: peer.addr.to_string(),
                    mark: mark.mark,
                    why: mark.why,
                });
            }
        }
    }
    all
}

fn recent(nodes: &[(&str, &Node)]) -> Vec<Recent> {
    let of_node = |(name, node): &(&str, &Node)| {
        node.pages.transactions.recent().take(MAX_RECENT).map(|tx| one(name, tx)).collect::<Vec<_>>()
    };
    let mut all: Vec<Recent> = nodes.iter().flat_map(of_node).collect();
    all.sort_by_key(|recent| std::cmp::Reverse(recent.time));
    all.truncate(MAX_RECENT);
    all
}

fn one(node: &str, tx: &Tx) -> Recent {
    let announced = |(id, at_ns): &(u64, u64)| Announcement { id: *id, after_seconds: seconds(tx.first_ns, *at_ns) };
    Recent {
        txid: tx.txid.map(|txid| hash(&txid)),
        wtxid: tx.wtxid.or(tx.either.filter(|_| tx.txid.is_none())).map(|wtxid| hash(&wtxid)),
        time: Time(tx.first_ns),
        node: node.to_owned(),
        announced_by: tx.announced_by.iter().map(announced).collect(),
        announcements: tx.announcements,
        requested_from: tx.requested_from,
        delivered_by: tx.delivered_by,
        accepted: (tx.accepted_ns > 0).then_some(Time(tx.accepted_ns)),
        rejected: tx.rejected.as_ref().map(ToString::to_string),
        vsize: tx.vsize,
        fee_sat: tx.fee,
    }
}
