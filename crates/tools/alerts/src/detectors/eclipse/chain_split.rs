//! Two nodes follow different chains.

use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds nodes that follow another chain than others.
pub(crate) struct ChainSplit {
    me: Me,
}

impl Detector for ChainSplit {
    const ROW: Row = Row {
        name: "chain_split",
        family: "eclipse",
        severity: Severity::Warning,
        title: "two nodes follow different chains",
        sees: "The last tips of all observed nodes of one network that are up and have caught up with the chain: one has another \
               block than this node at the height of this node's tip, for half an hour.",
        misses: "A single node, and nodes whose network is not known (getblockchaininfo). Blocks that came several at a time \
                 between two answers of a node whose debug.log is not read.",
        timing: Timing { after: 1_800, hold: 30, warm_up: 600 },
        parameters: &[],
        related: &["node_behind", "rules_split", "reorg", "double_block"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for ChainSplit {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let fleet = context.sink.fleet.clone();
        let node = std::sync::Arc::clone(context.sink.node());
        let Some((own, mut others)) = fleet.around(&node) else { return };
        let Some((height, hash)) = own.tip() else { return };
        let Some(other) = others.find(|view| view.at(height).is_some_and(|block| block != hash)) else { return };
        let block = event::HashText(&hash).to_string();
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Node, "{subject} has block {block} at height {height}, and node {other} another one.")
                .number("height", f64::from(height), "")
                .text("block", TextKind::Hash, &block)
                .text("other", TextKind::Free, &other.node)
        });
    }
}
