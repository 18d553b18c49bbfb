//! A node is behind the others.

use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Blocks by which it is behind the node that has the most.
    blocks: 2.0, "blocks", 1.0..=1e6, "Each node may be the last to get a block, but hardly two of them for minutes.";
}

/// Finds nodes that are behind others.
pub(crate) struct NodeBehind {
    me: Me,
    parameters: Parameters,
}

impl Detector for NodeBehind {
    const ROW: Row = Row {
        name: "node_behind",
        family: "eclipse",
        severity: Severity::Critical,
        title: "a node is behind the other nodes",
        sees: "The heights of all observed nodes of one network that are up and have caught up with the chain, by \
               getblockchaininfo and debug.log, for three minutes.",
        misses: "A single node, and nodes whose network is not known (getblockchaininfo). All nodes eclipsed alike.",
        timing: Timing { after: 180, hold: 30, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["chain_split", "stale_tip", "headers_ahead", "outbound_concentrated"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for NodeBehind {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let fleet = context.sink.fleet.clone();
        let node = std::sync::Arc::clone(context.sink.node());
        let Some((own, others)) = fleet.around(&node) else { return };
        let heights = others.filter_map(|view| Some((view.tip()?.0, view)));
        let (Some((best, view)), Some((height, _))) = (heights.max_by_key(|(height, _)| *height), own.tip()) else {
            return;
        };
        let (behind, threshold) = (f64::from(best.saturating_sub(height)), self.parameters.blocks);
        context.report(self.me, behind / threshold, || {
            Finding::new(Subject::Node, "{subject} is {behind} behind node {other}.")
                .compared("behind", behind, "blocks", threshold)
                .text("other", TextKind::Free, &view.node)
        });
    }
}
