//! The node leaves several blocks of its chain for others.

use event::Record;
use event::pb::alerts::Severity;
use event::pb::log_extractor::log::LogEvent;
use model::bounds::SECOND;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{begins_anew, logged};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// After so long without a block that is left, a reorganisation is over.
const OVER_NS: u64 = 60 * SECOND;

parameters! {
    /// Blocks that the node leaves.
    depth: 2.0, "blocks", 1.0..=1e6, "One block is left once a month or so; two were in 2026 once (941,881 and 941,882).";
}

/// Finds deep reorganisations.
pub(crate) struct Reorg {
    me: Me,
    parameters: Parameters,
    /// Height of the tip before the reorganisation at hand, and of the lowest one in it.
    from: u32,
    lowest: u32,
    /// Blocks that were reported as disconnected in it.
    disconnected: u32,
    last_ns: u64,
    evidence: Evidence,
}

impl Detector for Reorg {
    const ROW: Row = Row {
        name: "reorg",
        family: "blocks",
        severity: Severity::Warning,
        title: "the node left several blocks of its chain",
        sees: "Blocks that are disconnected one after the other, by debug.log: the tip that goes down, or the entries of category \
               validation.",
        misses: "A node whose debug.log is not read. Whether somebody used invalidateblock.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["double_block", "chain_split"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, from: 0, lowest: 0, disconnected: 0, last_ns: 0, evidence: Evidence::default() }
    }
}

impl Reorg {
    /// A block was left: a new reorganisation begins if the last one is over.
    fn left(&mut self, context: &Context<Sink>) {
        if context.time_ns.saturating_sub(self.last_ns) > OVER_NS {
            (self.disconnected, self.lowest) = (0, self.from);
            self.evidence.clear();
        }
        self.last_ns = context.time_ns;
        self.evidence.note(context);
    }

    fn judge(&self, context: &mut Context<Sink>) {
        let threshold = self.parameters.depth;
        let depth = f64::from(self.from.saturating_sub(self.lowest).max(self.disconnected));
        context.report(self.me, depth / threshold, || {
            Finding::new(Subject::Node, "{subject} left {depth} of its chain for others.")
                .compared("depth", depth, "blocks", threshold)
                .evidence(&self.evidence)
        });
    }
}

impl Observer<Sink, Details> for Reorg {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(LogEvent::UpdateTip(tip)) = logged(record) else { return };
        if tip.background {
            return;
        }
        if tip.height < self.from {
            self.left(context);
            self.lowest = self.lowest.min(tip.height);
            self.judge(context);
        } else {
            (self.from, self.lowest) = (tip.height, tip.height);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::BlockDisconnected { .. } => {
                self.left(context);
                self.disconnected = self.disconnected.saturating_add(1);
                self.judge(context);
            }
            change if begins_anew(change) => {
                (self.from, self.lowest, self.disconnected, self.last_ns) = (0, 0, 0, 0);
            }
            _ => {}
        }
    }
}
