//! No block has come for long.

use event::pb::alerts::Severity;
use model::{Context, NodeState, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::has_caught_up;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Age of the tip.
    age: 5_400.0, "s", 60.0..=1e6, "Blocks come each ten minutes on average: an hour without one occurs every third day, 90 minutes every second month, two hours every third year.";
}

/// Finds nodes that get no blocks.
pub(crate) struct StaleTip {
    me: Me,
    parameters: Parameters,
}

impl Detector for StaleTip {
    const ROW: Row = Row {
        name: "stale_tip",
        family: "eclipse",
        severity: Severity::Warning,
        title: "no block has come for long",
        sees: "How long ago the tip changed, by getblockchaininfo and debug.log, at nodes of main, testnet4 and signet that have \
               caught up with the chain.",
        misses: "Who makes a few blocks for the node, more slowly: node_behind and chain_split see that if there are several \
                 nodes. Regtest and testnet, where blocks come as they like.",
        timing: Timing { after: 0, hold: 30, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["headers_ahead", "node_behind", "outbound_concentrated", "block_withheld"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for StaleTip {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let is_regular = matches!(context.sink.facts.chain.as_deref(), Some("main" | "testnet4" | "signet"));
        if !is_regular || !has_caught_up(context) || context.liveness.node().state != NodeState::Up {
            return;
        }
        let Some(tip) = context.blocks.tips().back() else { return };
        let age = context.time_ns.saturating_sub(tip.at_ns) as f64 / 1e9;
        let threshold = self.parameters.age;
        context.report(self.me, age / threshold, || {
            Finding::new(Subject::Node, "{subject} has had no new block for {age}.")
                .compared("age", age, "s", threshold)
        });
    }
}
