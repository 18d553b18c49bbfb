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

/// So long the mempool may not change without anything being missing.
const QUIET_NS: u64 = 600 * crate::state::series::SECOND;
/// Announcers that are told of.
const MAX_ANNOUNCERS: usize = 50;
/// Transactions that are told of.
const MAX_RECENT: usize = 100;

/// How transactions spread.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Transactions {
    /// `ebpf`: tracepoints tell of all. `log`: debug.log tells of those that arrived.
    source: &'static str,
    /// All together, since the program began.
    totals: Totals,
    /// By time.
    series: Series,
    /// The 50 peers that announced or delivered the most.
    announcers: Vec<Announcer>,
    /// The least fee rates that peers want, ascending.
    fee_filters: Vec<FeeFilter>,
    /// inv messages that were received, by how many transactions they announce.
    inv_sizes: Vec<InvSize>,
    /// How long things take, of the last 1,000 transactions of each node.
    delay: Delays,
    /// Peers that listen only, or send what nobody asked for.
    suspects: Vec<Suspect>,
    /// The last 100, newest first.
    recent: Vec<Recent>,
}

/// Transactions, all together.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "TransactionTotals")]
pub(crate) struct Totals {
    /// Announcements that were received.
    announced: u64,
    /// Transactions that were announced: by one of their hashes, or by both, which then counts twice until they arrive.
    unique: u64,
    /// Transactions that peers were asked for.
    requested: u64,
    /// Transactions that peers sent.
    delivered: u64,
    /// Of those, such as were there already.
    duplicates: u64,
    /// Of those, such as nobody had asked for.
    unrequested: u64,
    /// Transactions that were announced and that no peer was asked for within a minute.
    never_requested: u64,
    /// Transactions that a peer was asked for and did not have.
    not_found: u64,
    /// Share of the transactions that came into the mempool of which it is known who announced them first.
    first_known_share: Option<f64>,
}

/// Transactions by time. Entries of inv and getdata; tx messages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionSeries")]
pub(crate) struct Series {
    /// Begin of the first step.
    start: Time,
    /// Length of a step.
    step_seconds: u64,
    /// Announcements that were received.
    inv_in: Steps,
    /// Announcements that were sent.
    inv_out: Steps,
    /// What peers asked for.
    getdata_in: Steps,
    /// What peers were asked for.
    getdata_out: Steps,
    /// Transactions that were received.
    tx_in: Steps,
    /// Transactions that were sent.
    tx_out: Steps,
    /// Transactions that came into the mempool.
    added: Steps,
    /// Transactions that the mempool did not take.
    rejected: Steps,
}

/// A peer that announces or delivers transactions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Announcer {
    /// The node.
    node: String,
    /// The node's number of the peer.
    id: u64,
    /// The peer's address.
    addr: String,
    /// Transactions that it announced.
    announced: u64,
    /// Those that it announced before anybody else.
    first: u64,
    /// Share of those that it announced before anybody else in all of the node's.
    first_share: Option<f64>,
    /// Those that it was asked for.
    requested: u64,
    /// Those that it sent.
    delivered: u64,
    /// The least fee rate that it wants, BTC per 1,000 virtual bytes.
    fee_filter_btc_kvb: Option<f64>,
    /// Of those that it sent, how many were there already or not asked for.
    waste: u64,
}

/// A least fee rate.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FeeFilter {
    /// The fee rate, BTC per 1,000 virtual bytes.
    btc_kvb: f64,
    /// How many peers want it.
    peers: u64,
}

/// inv messages of a size.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvSize {
    /// How many transactions they announce.
    items: &'static str,
    /// How many messages.
    messages: u64,
}

/// How long things take.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delays {
    /// From the first announcement to the transaction.
    inv_to_tx_seconds: Delay,
    /// From the transaction to the mempool.
    tx_to_mempool_seconds: Delay,
}

/// How long something takes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Delay {
    /// Half of the times are shorter.
    median: Option<f64>,
    /// 99 of 100 are shorter.
    p99: Option<f64>,
    /// How many there were.
    count: u64,
}

/// A peer that is striking.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Suspect {
    /// The node.
    node: String,
    /// The node's number of the peer.
    id: u64,
    /// The peer's address.
    addr: String,
    /// What is striking.
    mark: &'static str,
    /// In words.
    why: String,
}

/// A transaction.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionRecent")]
pub(crate) struct Recent {
    /// Its id; null until it came.
    txid: Option<String>,
    /// Its id with witnesses, or whichever hash it was announced by until it came.
    wtxid: Option<String>,
    /// When it was first heard of.
    time: Time,
    /// The node.
    node: String,
    /// Who announced it, the first eight.
    announced_by: Vec<Announcement>,
    /// How often it was announced.
    announcements: u32,
    /// Who was asked for it last.
    requested_from: Option<u64>,
    /// Who sent it.
    delivered_by: Option<u64>,
    /// When it came into the mempool.
    accepted: Option<Time>,
    /// Why it did not.
    rejected: Option<String>,
    /// Virtual bytes.
    vsize: Option<i32>,
    /// Fee, in satoshi.
    fee_sat: Option<i64>,
}

/// Somebody announced something.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionAnnouncement")]
pub(crate) struct Announcement {
    /// The node's number of the peer.
    id: u64,
    /// How long after it was first heard of.
    after_seconds: f64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Transactions;
    const PATH: &'static str = "transactions";
    const TITLE: &'static str = "How transactions spread";
    const ABOUT: &'static str = "";
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
                .for_each(|(_, node)| of(node).add_to(window, node.pages.mempool.known.lasting(QUIET_NS), values));
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
