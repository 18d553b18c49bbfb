//! The node is not there any more.

use event::pb::alerts::{Severity, TextKind};
use model::{Change, Context, NodeState, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds nodes that have ended.
pub(crate) struct NodeGone {
    me: Me,
}

impl Detector for NodeGone {
    const ROW: Row = Row {
        name: "node_gone",
        family: "instrument",
        severity: Severity::Critical,
        title: "a node has ended",
        sees: "An extractor reports that the process of the node has ended, or that nothing listens where its RPC server was, \
               for longer than a restart takes.",
        misses: "A node whose machine is gone together with all extractors: they fall silent, which source_silent reports. \
                 Whether somebody stopped it on purpose.",
        timing: Timing { after: 20, hold: 30, warm_up: 0 },
        parameters: &[],
        related: &["source_silent"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for NodeGone {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::NodeState { to: NodeState::Down, .. } => self.tick(peers, context),
            Change::NodeState { to, .. } if to.is_alive() => context.clear(self.me, &Subject::Node),
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let node = context.liveness.node();
        if node.state != NodeState::Down {
            return;
        }
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Node, "{subject} is gone: {reason}.").text(
                "reason",
                TextKind::Free,
                node.reason.as_deref().unwrap_or("nothing answers"),
            )
        });
    }
}
