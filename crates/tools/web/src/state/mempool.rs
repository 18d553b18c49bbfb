//! The mempool: its size, and its changes.

mod logged;

use std::collections::{BTreeMap, VecDeque};

use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Traced;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MempoolAccepted, MempoolRejected};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{EstimateSmartFee, FeeEstimateMode, MempoolInfo, OrphanTxs};
use event::{Body, Record};
use model::Observer;
use model::bounded::push;
use model::text::{Hash, cut, hash, hash_of_text};
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::Details;
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// The mempool may be unchanged for this long, in nanoseconds, and its series still count as observed.
const QUIET_NS: u64 = 600 * SECOND;
/// A tracepoint and debug.log report the same change within this time, in nanoseconds.
const SAME_CHANGE_NS: u64 = SECOND;
/// The maximum number of changes kept.
const MAX_RECENT: usize = 100;
/// The maximum number of reasons that are counted. Some contain numbers, which untrusted peers choose.
const MAX_REASONS: usize = 64;
/// The maximum number of fee estimates kept.
const MAX_ESTIMATES: usize = 64;

/// Ranges of fee rates: the upper limit in sat/vB and the name.
pub(crate) const FEE_RATES: [(f64, &str); 10] = [
    (1.0, "< 1"),
    (2.0, "1-2"),
    (3.0, "2-3"),
    (5.0, "3-5"),
    (10.0, "5-10"),
    (20.0, "10-20"),
    (50.0, "20-50"),
    (100.0, "50-100"),
    (500.0, "100-500"),
    (f64::INFINITY, "≥ 500"),
];

/// The mempool of one node.
#[derive(Debug)]
pub(crate) struct Mempool {
    pub info: Option<MempoolInfo>,
    /// Number of orphans, and their size in bytes.
    pub orphans: Option<(u64, u64)>,
    /// Fee estimates in BTC per 1,000 virtual bytes, by confirmation target in blocks and mode.
    pub estimates: BTreeMap<(u32, &'static str), f64>,
    /// The period in which tracepoints reported changes.
    pub traced: Coverage,
    /// The periods in which debug.log reported what was added, removed, and rejected.
    pub logged_added: Coverage,
    pub logged_removed: Coverage,
    pub logged_rejected: Coverage,
    /// When debug.log last reported what a block removed, and how many of these no tracepoint has reported yet.
    logged_for_block: (u64, u64),
    /// debug.log reports all that is added, not only what peers sent.
    signalled: bool,
    pub transactions: Series,
    pub vbytes: Series,
    pub min_fee: Series,
    pub added: Series,
    pub removed: Series,
    pub replaced: Series,
    pub rejected: Series,
    pub replacements: u64,
    pub removed_by: BTreeMap<SmolStr, u64>,
    pub rejected_by: BTreeMap<SmolStr, u64>,
    pub fee_rates: [u64; FEE_RATES.len()],
    pub recent: VecDeque<Change>,
}

impl Default for Mempool {
    fn default() -> Self {
        Self {
            info: None,
            orphans: None,
            estimates: BTreeMap::new(),
            traced: Coverage::default(),
            logged_added: Coverage::default(),
            logged_removed: Coverage::default(),
            logged_rejected: Coverage::default(),
            logged_for_block: (0, 0),
            signalled: false,
            transactions: Series::gauge(),
            vbytes: Series::gauge(),
            min_fee: Series::gauge(),
            added: Series::sum(),
            removed: Series::sum(),
            replaced: Series::sum(),
            rejected: Series::sum(),
            replacements: 0,
            removed_by: BTreeMap::new(),
            rejected_by: BTreeMap::new(),
            fee_rates: [0; FEE_RATES.len()],
            recent: VecDeque::new(),
        }
    }
}

/// A change of the mempool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub at_ns: u64,
    /// `added`, `removed`, `replaced` or `rejected`.
    pub what: &'static str,
    pub txid: Option<Hash>,
    pub reason: Option<SmolStr>,
    pub vsize: Option<i32>,
    pub fee: Option<i64>,
    /// The transaction that replaced it.
    pub by: Option<Hash>,
    /// When it had entered the mempool, in nanoseconds since the UNIX epoch.
    pub entered_ns: Option<u64>,
    /// debug.log reported it, and not a tracepoint.
    pub logged: bool,
}

impl Mempool {
    /// Handles a response of getmempoolinfo.
    fn info(&mut self, info: &MempoolInfo, time_ns: u64) {
        self.transactions.set(time_ns, info.size as f64);
        self.vbytes.set(time_ns, info.bytes as f64);
        self.min_fee.set(time_ns, info.mempoolminfee);
        self.info = Some(*info);
    }

    /// Handles a response of getorphantxs.
    fn orphans(&mut self, orphans: &OrphanTxs) {
        let bytes = orphans.orphans.iter().fold(0_u64, |sum, orphan| sum.saturating_add(orphan.bytes));
        self.orphans = Some((orphans.orphans.len() as u64, bytes));
    }

    /// estimatesmartfee.
    fn estimate(&mut self, estimate: &EstimateSmartFee) {
        let mode = match estimate.mode() {
            FeeEstimateMode::Unset => "unset",
            FeeEstimateMode::Economical => "economical",
            FeeEstimateMode::Conservative => "conservative",
        };
        let key = (estimate.requested_blocks, mode);
        match estimate.fee_rate.filter(|rate| rate.is_finite()) {
            Some(rate) if self.estimates.len() < MAX_ESTIMATES || self.estimates.contains_key(&key) => {
                self.estimates.insert(key, rate);
            }
            Some(_) => {}
            None => {
                self.estimates.remove(&key);
            }
        }
    }

    /// The period in which what was added is known.
    pub fn covers_added(&self) -> Coverage {
        (if self.traced.any() { self.traced } else { self.logged_added }).lasting(QUIET_NS)
    }

    /// The period in which what was rejected is known.
    pub fn covers_rejected(&self) -> Coverage {
        (if self.traced.any() { self.traced } else { self.logged_rejected }).lasting(QUIET_NS)
    }

    /// The period in which what was removed and replaced is known.
    pub fn covers_removed(&self) -> Coverage {
        (if self.traced.any() { self.traced } else { self.logged_removed }).lasting(QUIET_NS)
    }

    /// Forgets a change that debug.log reported before the first tracepoint did. Whether there was one: it is counted already.
    fn take_logged(&mut self, event: &Traced, at_ns: u64) -> bool {
        if let Traced::Removed(removed) = event
            && removed.reason == "block"
        {
            let (logged_ns, left) = &mut self.logged_for_block;
            let is_same = *left > 0 && logged_ns.abs_diff(at_ns) < SAME_CHANGE_NS;
            *left -= u64::from(is_same);
            return is_same;
        }
        let (what, txid) = match event {
            Traced::Added(added) => ("added", hash(&added.txid)),
            Traced::Removed(removed) => ("removed", hash(&removed.txid)),
            Traced::Replaced(replaced) => ("replaced", hash(&replaced.replaced_txid)),
            Traced::Rejected(rejected) => ("rejected", hash(&rejected.txid)),
        };
        let is_same = |change: &Change| change.logged && change.what == what && change.txid == txid;
        let place = self.recent.iter().rposition(is_same);
        place.and_then(|place| self.recent.remove(place)).is_some()
    }

    /// A tracepoint reported a change.
    fn traced(&mut self, event: &Traced, at_ns: u64) {
        let times = u32::from(!self.take_logged(event, at_ns));
        self.traced.note(at_ns);
        let change = Change { at_ns, ..Change::default() };
        let change = match event {
            Traced::Added(added) => {
                self.added.add(at_ns, f64::from(times));
                let rate = fee_rate(Some(added.fee), Some(added.vsize));
                let bucket = rate.and_then(|rate| FEE_RATES.iter().position(|(most, _)| rate < *most));
                if let Some(count) = bucket.and_then(|bucket| self.fee_rates.get_mut(bucket)) {
                    *count += 1;
                }
                let (vsize, fee) = (Some(added.vsize), Some(added.fee));
                Change { what: "added", txid: hash(&added.txid), vsize, fee, ..change }
            }
            Traced::Removed(removed) => {
                self.removed.add(at_ns, f64::from(times));
                if times > 0 {
                    count(&mut self.removed_by, &removed.reason);
                }
                Change {
                    what: "removed",
                    txid: hash(&removed.txid),
                    reason: Some(cut(&removed.reason, 128)),
                    vsize: Some(removed.vsize),
                    fee: Some(removed.fee),
                    entered_ns: Some(removed.entry_time.saturating_mul(SECOND)),
                    ..change
                }
            }
            Traced::Replaced(replaced) => {
                self.replaced.add(at_ns, f64::from(times));
                self.replacements += u64::from(times);
                Change {
                    what: "replaced",
                    txid: hash(&replaced.replaced_txid),
                    vsize: Some(replaced.replaced_vsize),
                    fee: Some(replaced.replaced_fee),
                    by: hash(&replaced.replacement_id),
                    entered_ns: Some(replaced.replaced_entry_time.saturating_mul(SECOND)),
                    ..change
                }
            }
            Traced::Rejected(rejected) => {
                self.rejected.add(at_ns, f64::from(times));
                if times > 0 {
                    count(&mut self.rejected_by, &rejected.reason);
                }
                Change {
                    what: "rejected",
                    txid: hash(&rejected.txid),
                    reason: Some(cut(&rejected.reason, 128)),
                    ..change
                }
            }
        };
        push(&mut self.recent, change, MAX_RECENT);
    }

    /// Handles an accepted transaction that debug.log reported. Ignored if tracepoints report changes.
    fn log_accepted(&mut self, entry: &MempoolAccepted, at_ns: u64) {
        if !self.traced.any() && !self.signalled {
            self.logged_added.note(at_ns);
            self.added.add(at_ns, 1.0);
            let change =
                Change { at_ns, what: "added", txid: hash_of_text(&entry.txid), logged: true, ..Change::default() };
            push(&mut self.recent, change, MAX_RECENT);
        }
    }

    /// Handles a rejected transaction that debug.log reported. Ignored if tracepoints report changes.
    fn log_rejected(&mut self, entry: &MempoolRejected, at_ns: u64) {
        if !self.traced.any() {
            self.logged_rejected.note(at_ns);
            self.rejected.add(at_ns, 1.0);
            count(&mut self.rejected_by, &entry.reason);
            let reason = Some(cut(&entry.reason, 128));
            let change = Change {
                at_ns,
                what: "rejected",
                txid: hash_of_text(&entry.txid),
                reason,
                logged: true,
                ..Change::default()
            };
            push(&mut self.recent, change, MAX_RECENT);
        }
    }
}

impl Observer<Types, Details> for Mempool {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        match record.body() {
            Some(Body::EbpfExtractor(ebpf)) => {
                if let Some(EbpfEvent::Mempool(mempool)) = &ebpf.ebpf_event
                    && let Some(event) = &mempool.event
                {
                    self.traced(event, time_ns);
                }
            }
            Some(Body::LogExtractor(line)) => match &line.log_event {
                Some(LogEvent::MempoolAccepted(entry)) => self.log_accepted(entry, time_ns),
                Some(LogEvent::MempoolRejected(entry)) => self.log_rejected(entry, time_ns),
                Some(entry) => self.log(entry, time_ns),
                None => {}
            },
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::MempoolInfo(info)) => self.info(info, time_ns),
                Some(RpcEvent::OrphanTxs(orphans)) => self.orphans(orphans),
                Some(RpcEvent::EstimateSmartFee(estimate)) => self.estimate(estimate),
                _ => {}
            },
            _ => {}
        }
    }
}

/// Counts a reason by its name, without the details that follow.
fn count(reasons: &mut BTreeMap<SmolStr, u64>, reason: &str) {
    let name = cut(reason.split([',', ':']).next().unwrap_or_default().trim(), 64);
    let name =
        if reasons.contains_key(&name) || reasons.len() < MAX_REASONS { name } else { SmolStr::new_static("other") };
    *reasons.entry(name).or_default() += 1;
}

/// The fee rate, in sat/vB.
pub(crate) fn fee_rate(fee: Option<i64>, vsize: Option<i32>) -> Option<f64> {
    let vsize = vsize.filter(|vsize| *vsize > 0)?;
    Some(fee? as f64 / f64::from(vsize))
}
