//! One node refuses the chain that another one follows.

use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds blocks that are invalid for one node and the tip of another.
pub(crate) struct RulesSplit {
    me: Me,
}

impl Detector for RulesSplit {
    const ROW: Row = Row {
        name: "rules_split",
        family: "eclipse",
        severity: Severity::Critical,
        title: "one node refuses a block that another one has in its chain",
        sees: "Blocks that this node reports as invalid (debug.log), and that are among the last tips of another observed node of \
               the same network: they follow different rules, as of August 2026 (BIP 110).",
        misses: "A single node, nodes whose network is not known (getblockchaininfo), and an implementation of which no node is \
                 observed: peers_stuck may show that one.",
        timing: Timing { after: 0, hold: 300, warm_up: 0 },
        parameters: &[],
        related: &["chain_split", "node_behind", "invalid_block", "peers_stuck"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for RulesSplit {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let fleet = context.sink.fleet.clone();
        let node = std::sync::Arc::clone(context.sink.node());
        let Some((own, others)) = fleet.around(&node) else { return };
        for other in others {
            let Some(hash) = own.invalid().find(|hash| other.has(hash)) else { continue };
            context.report(self.me, 1.0, || {
                Finding::new(
                    Subject::block(hash),
                    "{subject} is in the chain of node {other}, and invalid for node {node}.",
                )
                .text("other", TextKind::Free, &other.node)
                .text("node", TextKind::Free, &node)
            });
        }
    }
}
