//! `api/mempool`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::values::{Steps, Time, hash, round, seconds, steps};
use crate::state::mempool::{Change, FEE_RATES, Mempool as State, fee_rate};
use crate::state::node::Node as Observed;
use crate::state::series::{Coverage, Series as Values, Window};
use model::Origin;

pub(crate) struct Endpoint;

/// The maximum number of changes in an answer.
const MAX_RECENT: usize = 100;

/// The mempools of the nodes and their changes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Mempool {
    /// The mempool of each node.
    nodes: Vec<Node>,
    /// Time series. With several nodes: the maximum of the sizes and of the minimum fee rates, the sum of the changes.
    series: Series,
    /// Number of removed transactions by reason, most first. Null without tracepoints and the category `validation` of debug.log.
    removed: Option<Vec<Reason>>,
    /// Number of rejected transactions by reason, most first. Null without tracepoints and the category `mempoolrej` of debug.log.
    rejected: Option<Vec<Reason>>,
    /// Number of replaced transactions. Null without tracepoints and the category `mempool` of debug.log.
    replaced: Option<u64>,
    /// Number of added transactions by fee rate. Null without tracepoints.
    added_fee_rates: Option<Vec<FeeRate>>,
    /// The last 100 changes, newest first.
    recent: Vec<Recent>,
}

/// The mempool of a node, by getmempoolinfo.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MempoolNode")]
pub(crate) struct Node {
    /// Name of the node.
    node: String,
    /// Number of transactions.
    transactions: Option<i64>,
    /// Total size of the transactions, in virtual bytes.
    vbytes: Option<i64>,
    /// Memory in use, in bytes.
    usage: Option<i64>,
    /// Maximum memory (`-maxmempool`), in bytes.
    max: Option<i64>,
    /// Sum of the fees, in BTC.
    total_fee_btc: Option<f64>,
    /// Minimum fee rate for acceptance, in BTC per 1,000 virtual bytes.
    min_fee_btc_kvb: Option<f64>,
    /// Minimum fee rate for relay (`-minrelaytxfee`), in BTC per 1,000 virtual bytes.
    min_relay_fee_btc_kvb: Option<f64>,
    /// Whether the mempool has been loaded from disk completely.
    loaded: Option<bool>,
    /// Number of the node's own transactions that no peer has requested yet.
    unbroadcast: Option<i64>,
    /// Number of orphans: transactions whose inputs are missing.
    orphans: Option<u64>,
    /// Size of the orphans, in bytes.
    orphan_bytes: Option<u64>,
    /// Fee rate estimates, by estimatesmartfee.
    estimates: Vec<Estimate>,
}

/// A fee rate estimate, by estimatesmartfee.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MempoolEstimate")]
pub(crate) struct Estimate {
    /// Confirmation target, in blocks.
    blocks: u32,
    /// `economical` or `conservative`.
    mode: &'static str,
    /// Estimated fee rate, in BTC per 1,000 virtual bytes.
    btc_kvb: f64,
}

/// Time series of the mempools.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MempoolSeries")]
pub(crate) struct Series {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Number of transactions in the mempool.
    transactions: Steps,
    /// Total size of the transactions, in virtual bytes.
    vbytes: Steps,
    /// Number of transactions added.
    added: Steps,
    /// Number of transactions removed.
    removed: Steps,
    /// Number of transactions replaced.
    replaced: Steps,
    /// Number of transactions rejected.
    rejected: Steps,
    /// Minimum fee rate for acceptance, in BTC per 1,000 virtual bytes.
    min_fee_btc_kvb: Steps,
}

/// A reason for the removal or rejection of transactions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MempoolReason")]
pub(crate) struct Reason {
    /// The reason.
    reason: String,
    /// Number of transactions.
    count: u64,
}

/// Added transactions within a range of fee rates.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FeeRate {
    /// The range, in sat/vB.
    bucket: &'static str,
    /// Number of transactions.
    count: u64,
}

/// A change of the mempool.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MempoolRecent")]
pub(crate) struct Recent {
    /// When the change happened.
    time: Time,
    /// Name of the node.
    node: String,
    /// `added`, `removed`, `replaced` or `rejected`.
    what: &'static str,
    /// The txid.
    txid: Option<String>,
    /// The reason for a removal or rejection.
    reason: Option<String>,
    /// Size of the transaction, in virtual bytes.
    vsize: Option<i32>,
    /// Fee of the transaction, in satoshi.
    fee_sat: Option<i64>,
    /// Fee rate of the transaction, in sat/vB.
    fee_rate: Option<f64>,
    /// Id of the transaction that replaced it.
    by: Option<String>,
    /// Seconds that it had been in the mempool.
    age_seconds: Option<f64>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Mempool;
    const PATH: &'static str = "mempool";
    const TITLE: &'static str = "Mempools";
    const ABOUT: &'static str = "Without tracepoints, changes are those in debug.log, without sizes and fees.";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Mempool, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let of_rate = |index: usize| {
            nodes.iter().map(|(_, node)| node.pages.mempool.fee_rates.get(index).copied().unwrap_or(0)).sum()
        };
        let any = |origins: &[Origin]| {
            origins.iter().any(|origin| nodes.iter().any(|(_, node)| node.model.origins.has(*origin)))
        };
        let traced = any(&[Origin::Mempool]);
        Ok(Mempool {
            nodes: nodes.iter().map(|(name, node)| of(name, &node.pages.mempool)).collect(),
            series: series(&nodes, &window),
            removed: any(&[Origin::Mempool, Origin::LogValidation]).then(|| reasons(&nodes, |pool| &pool.removed_by)),
            rejected: any(&[Origin::Mempool, Origin::LogRejections]).then(|| reasons(&nodes, |pool| &pool.rejected_by)),
            replaced: any(&[Origin::Mempool, Origin::LogMempool])
                .then(|| nodes.iter().map(|(_, node)| node.pages.mempool.replacements).sum()),
            added_fee_rates: traced.then(|| {
                let rates = FEE_RATES.iter().enumerate();
                rates.map(|(index, (_, bucket))| FeeRate { bucket, count: of_rate(index) }).collect()
            }),
            recent: recent(&nodes),
        })
    }
}

fn of(name: &str, pool: &State) -> Node {
    let info = pool.info.as_ref();
    let fee = |rate: f64| Some(round(rate, 8));
    let estimates = pool.estimates.iter();
    Node {
        node: name.to_owned(),
        transactions: info.map(|info| info.size),
        vbytes: info.map(|info| info.bytes),
        usage: info.map(|info| info.usage),
        max: info.map(|info| info.max_mempool),
        total_fee_btc: info.and_then(|info| fee(info.total_fee)),
        min_fee_btc_kvb: info.and_then(|info| fee(info.mempoolminfee)),
        min_relay_fee_btc_kvb: info.and_then(|info| fee(info.minrelaytxfee)),
        loaded: info.map(|info| info.loaded),
        unbroadcast: info.map(|info| info.unbroadcastcount),
        orphans: pool.orphans.map(|(count, _)| count),
        orphan_bytes: pool.orphans.map(|(_, bytes)| bytes),
        estimates: estimates
            .map(|((blocks, mode), rate)| Estimate { blocks: *blocks, mode, btc_kvb: round(*rate, 8) })
            .collect(),
    }
}

/// A mempool in short.
pub(crate) fn short(pool: &State) -> Option<super::nodes::Mempool> {
    pool.info.as_ref().map(|info| super::nodes::Mempool {
        transactions: info.size,
        vbytes: info.bytes,
        usage: info.usage,
        max: info.max_mempool,
        min_fee_btc_kvb: round(info.mempoolminfee, 8),
    })
}

fn series(nodes: &[(&str, &Observed)], window: &Window) -> Series {
    let sum = |of: fn(&State) -> (&Values, Coverage)| {
        steps(window, |values| {
            nodes.iter().for_each(|(_, node)| {
                let (series, coverage) = of(&node.pages.mempool);
                series.add_to(window, coverage, values);
            });
        })
    };
    let max = |of: &dyn Fn(&State) -> &Values| {
        steps(window, |values| nodes.iter().for_each(|(_, node)| of(&node.pages.mempool).max_to(window, values)))
    };
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        transactions: max(&|pool| &pool.transactions),
        vbytes: max(&|pool| &pool.vbytes),
        added: sum(|pool| (&pool.added, pool.covers_added())),
        removed: sum(|pool| (&pool.removed, pool.covers_removed())),
        replaced: sum(|pool| (&pool.replaced, pool.covers_removed())),
        rejected: sum(|pool| (&pool.rejected, pool.covers_rejected())),
        min_fee_btc_kvb: max(&|pool| &pool.min_fee),
    }
}

fn reasons(nodes: &[(&str, &Observed)], of: impl Fn(&State) -> &BTreeMap<smol_str::SmolStr, u64>) -> Vec<Reason> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in nodes.iter().flat_map(|(_, node)| of(&node.pages.mempool)) {
        *all.entry(reason).or_default() += count;
    }
    let mut all: Vec<Reason> =
        all.into_iter().map(|(reason, count)| Reason { reason: reason.to_owned(), count }).collect();
    all.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    all
}

fn recent(nodes: &[(&str, &Observed)]) -> Vec<Recent> {
    let all = nodes
        .iter()
        .flat_map(|(name, node)| node.pages.mempool.recent.iter().rev().map(move |change| one(name, change)));
    let mut all: Vec<Recent> = all.collect();
    all.sort_by_key(|recent| std::cmp::Reverse(recent.time));
    all.truncate(MAX_RECENT);
    all
}

fn one(node: &str, change: &Change) -> Recent {
    Recent {
        time: Time(change.at_ns),
        node: node.to_owned(),
        what: change.what,
        txid: change.txid.map(|txid| hash(&txid)),
        reason: change.reason.as_ref().map(ToString::to_string),
        vsize: change.vsize,
        fee_sat: change.fee,
        fee_rate: fee_rate(change.fee, change.vsize).map(|rate| round(rate, 3)),
        by: change.by.map(|txid| hash(&txid)),
        age_seconds: change
            .entered_ns
            .filter(|entered_ns| *entered_ns > 0)
            .map(|entered_ns| seconds(entered_ns, change.at_ns)),
    }
}
