//! `api/transactions`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::marks;
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::peers::fee_filter;
use super::values::{Steps, Time, hash, round, seconds, steps};
use crate::state::mempool::Mempool;
use crate::state::node::Node;
use crate::state::peer::Peer;
use crate::state::rate::Samples;
use crate::state::series::{Coverage, Series as Values, Window};
use crate::state::transactions::{INV_SIZES, Transactions as State, Tx};
use model::Origin;

pub(crate) struct Endpoint;

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
    /// Up to 50 peers that announced or delivered transactions. Those whose announcements were useful most often come first.
    announcers: Vec<Announcer>,
    /// Minimum fee rates of the open peers (`feefilter`), ascending. At most the 200 most frequent ones.
    fee_filters: Vec<FeeFilter>,
    /// Received inv messages, by the number of transactions that they announce. Null without tracepoints.
    inv_sizes: Option<Vec<InvSize>>,
    /// Delays of the last 1,000 transactions of each node. Null without tracepoints.
    delay: Option<Delays>,
    /// Open peers with the mark `spy` or `unrequested`, and all peers with the mark `misbehaving` that are still remembered.
    suspects: Vec<Suspect>,
    /// The last 100 transactions, newest first.
    recent: Vec<Recent>,
}

/// Totals of transactions since the program started. What no source reports is null: without tracepoints
/// and the category `net` of debug.log all but `delivered`; `duplicates`, `unrequested` and `not_found` need tracepoints.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "TransactionTotals")]
pub(crate) struct Totals {
    /// Number of announcements (inv entries) received.
    announced: Option<u64>,
    /// Number of distinct transactions announced. One that is announced by both of its hashes counts twice until it arrives. Of one inv,
    /// 1,000 entries count, and none if it has so many that the node refuses it.
    unique: Option<u64>,
    /// Number of transactions that the nodes requested (getdata).
    requested: Option<u64>,
    /// Number of transactions received. Without tracepoints: by the categories `mempool` and `mempoolrej` of debug.log.
    delivered: Option<u64>,
    /// How many of the received transactions had been received before.
    duplicates: Option<u64>,
    /// How many of the received transactions had not been requested.
    unrequested: Option<u64>,
    /// Number of transactions that were announced but neither requested nor received for at least a minute.
    never_requested: Option<u64>,
    /// Number of requested transactions that the peer did not have (notfound).
    not_found: Option<u64>,
    /// Number of transactions that were announced, then requested and accepted into the mempool.
    useful: Option<u64>,
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
    /// Number of announcements sent. Null without tracepoints.
    inv_out: Steps,
    /// Number of transactions that peers requested. Null without tracepoints.
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
    /// Number of announcements received from it. Null without tracepoints and the category `net` of debug.log.
    announced: Option<u64>,
    /// Number of transactions that it announced before any other peer: of one inv at most 1,000. Null without tracepoints and the category `net` of debug.log.
    first: Option<u64>,
    /// How many of those the node then requested and accepted into its mempool. Null without tracepoints and the category `net` of debug.log.
    useful: Option<u64>,
    /// `useful` as a share, from 0 to 1, of all such transactions of the node. Null if there are none.
    useful_share: Option<f64>,
    /// Number of transactions that the node requested from it. Null without tracepoints and the category `net` of debug.log.
    requested: Option<u64>,
    /// Number of transactions that it sent.
    delivered: u64,
    /// Its minimum fee rate (`feefilter`), in BTC per 1,000 virtual bytes.
    fee_filter_btc_kvb: Option<f64>,
    /// Number of needless deliveries: duplicates or unrequested transactions, whichever are more. Null without tracepoints.
    waste: Option<u64>,
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
    /// The mark: `spy`, `unrequested` or `misbehaving`. Described at Mark.
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
    /// Seconds from when the node had it until the node announced it on our own P2P connection. Negative if the
    /// announcement came first: clocks differ. Null if it was not announced there.
    relay_seconds: Option<f64>,
    /// What shows since when the node had it: `mempool` (a tracepoint), `message` (a peer sent it) or `log`. Null as
    /// `relay_seconds`.
    relay_since: Option<&'static str>,
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
        let traced = states.iter().any(|state| state.traced.any());
        let of_size = |index: usize| states.iter().map(|state| state.inv_sizes.get(index).copied().unwrap_or(0)).sum();
        Ok(Transactions {
            source: if traced { "ebpf" } else { "log" },
            totals: totals(&nodes, request.now_ns),
            series: series(&nodes, &window),
            announcers: announcers(&nodes),
            fee_filters: fee_filters(&nodes),
            inv_sizes: traced.then(|| {
                let sizes = INV_SIZES.iter().enumerate();
                sizes.map(|(index, (_, items))| InvSize { items, messages: of_size(index) }).collect()
            }),
            delay: traced.then(|| Delays {
                inv_to_tx_seconds: delay(&states, |state| &state.inv_to_tx),
                tx_to_mempool_seconds: delay(&states, |state| &state.tx_to_mempool),
            }),
            suspects: suspects(&nodes, request),
            recent: recent(&nodes),
        })
    }
}

fn totals(nodes: &[(&str, &Node)], now_ns: u64) -> Totals {
    let states = || nodes.iter().map(|(_, node)| &node.pages.transactions);
    let counted: Vec<&State> = states().filter(|state| state.covered().any()).collect();
    let traced: Vec<&State> = states().filter(|state| state.traced.any()).collect();
    let sum_of = |states: &[&State], of: fn(&State) -> u64| {
        (!states.is_empty()).then(|| states.iter().map(|state| of(state)).sum::<u64>())
    };
    let sum = |of: fn(&State) -> u64| sum_of(&counted, of);
    let sum_in_full = |of: fn(&State) -> u64| sum_of(&traced, of);
    let logs = |node: &Node| node.model.origins.has_any([Origin::LogMempool, Origin::LogRejections]);
    let delivers = nodes.iter().filter(|(_, node)| node.pages.transactions.covered().any() || logs(node));
    let delivered: Vec<u64> = delivers.map(|(_, node)| node.pages.transactions.totals.delivered).collect();
    let share = |part: Option<u64>, of: Option<u64>| match (part, of) {
        (Some(part), Some(of)) if of > 0 => Some(round(part as f64 / of as f64, 4)),
        _ => None,
    };
    Totals {
        announced: sum(|state| state.totals.announced),
        unique: sum(|state| state.totals.unique),
        requested: sum(|state| state.totals.requested),
        delivered: (!delivered.is_empty()).then(|| delivered.iter().sum()),
        duplicates: sum_in_full(|state| state.totals.duplicates),
        unrequested: sum_in_full(|state| state.totals.unrequested),
        never_requested: (!counted.is_empty()).then(|| counted.iter().map(|state| state.never_requested(now_ns)).sum()),
        not_found: sum_in_full(|state| state.totals.not_found),
        useful: sum(|state| state.totals.useful),
        first_known_share: share(sum(|state| state.totals.accepted_announced), sum(|state| state.totals.accepted)),
    }
}

fn series(nodes: &[(&str, &Node)], window: &Window) -> Series {
    let sum = |of: &dyn Fn(&State) -> (&Values, Coverage)| {
        steps(window, |values| {
            nodes.iter().for_each(|(_, node)| {
                let (series, coverage) = of(&node.pages.transactions);
                series.add_to(window, coverage, values);
            });
        })
    };
    let flow = |of: &dyn Fn(&State) -> &Values| sum(&|state| (of(state), state.covered()));
    // Of the inv that a node sends and the getdata that it receives, debug.log does not have the entries.
    let traced_flow = |of: &dyn Fn(&State) -> &Values| sum(&|state| (of(state), state.traced));
    let pool = |of: fn(&Mempool) -> (&Values, Coverage)| {
        steps(window, |values| {
            for (_, node) in nodes {
                let (series, coverage) = of(&node.pages.mempool);
                series.add_to(window, coverage, values);
            }
        })
    };
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        inv_in: flow(&|state| first(&state.flow.inv)),
        inv_out: traced_flow(&|state| second(&state.flow.inv)),
        getdata_in: traced_flow(&|state| first(&state.flow.getdata)),
        getdata_out: flow(&|state| second(&state.flow.getdata)),
        tx_in: flow(&|state| first(&state.flow.tx)),
        tx_out: flow(&|state| second(&state.flow.tx)),
        added: pool(|pool| (&pool.added, pool.covers_added())),
        rejected: pool(|pool| (&pool.rejected, pool.covers_rejected())),
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
        let state = &node.pages.transactions;
        node.model.peers.open().chain(node.model.peers.closed()).map(move |peer| (*name, state, peer))
    });
    let mut all: Vec<Announcer> = peers
        .filter(|(.., peer)| peer.details.txs.announced > 0 || peer.details.txs.delivered > 0)
        .map(|(node, state, peer)| {
            let (txs, all) = (peer.details.txs, state.totals.useful);
            let known = |count: u64| state.covered().any().then_some(count);
            Announcer {
                node: node.to_owned(),
                id: peer.id,
                addr: peer.addr.to_string(),
                announced: known(txs.announced),
                first: known(txs.first),
                useful: known(txs.useful),
                useful_share: (all > 0).then(|| round(txs.useful as f64 / all as f64, 4)),
                requested: known(txs.requested),
                delivered: txs.delivered,
                fee_filter_btc_kvb: fee_filter(peer),
                waste: state.traced.any().then_some(txs.duplicates.max(txs.unrequested)),
            }
        })
        .collect();
    let key = |one: &Announcer| (one.useful, one.delivered, one.first);
    all.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| (&a.node, a.id).cmp(&(&b.node, b.id))));
    all.truncate(MAX_ANNOUNCERS);
    all
}

fn fee_filters(nodes: &[(&str, &Node)]) -> Vec<FeeFilter> {
    let open = nodes.iter().flat_map(|(_, node)| node.model.peers.open().filter(|peer| !peer.own));
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
        // The node disconnects whoever misbehaves.
        let gone = node_state.model.peers.closed().rev().filter(|peer| peer.misbehaved > 0);
        for peer in open.into_iter().chain(gone) {
            let (marks, is_open) = (marks::of(peer, request), peer.end.is_none());
            let striking = |mark: &marks::Mark| match mark.mark {
                "spy" | "unrequested" => is_open,
                mark => mark == "misbehaving",
            };
            for mark in marks.into_iter().filter(striking) {
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
        relay_seconds: tx.relayed.as_ref().map(|relayed| round(relayed.seconds(), 6)),
        relay_since: tx.relayed.as_ref().map(|relayed| relayed.since),
    }
}
