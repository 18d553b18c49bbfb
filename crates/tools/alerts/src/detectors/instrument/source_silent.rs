//! An extractor reports nothing any more.

use event::pb::alerts::{Severity, TextKind};
use model::{Context, NodeState, Observer, Peers, SourceState};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds extractors that have fallen silent.
pub(crate) struct SourceSilent {
    me: Me,
}

impl Detector for SourceSilent {
    const ROW: Row = Row {
        name: "source_silent",
        family: "instrument",
        severity: Severity::Warning,
        title: "an extractor reports nothing any more",
        sees: "An extractor that published events or its status, and does so no more, or that reports that it cannot read the \
               node, although the node is there.",
        misses: "An extractor that never reported anything, and one that publishes no status. One that has ended in good order, together with all others.",
        timing: Timing { after: 20, hold: 30, warm_up: 0 },
        parameters: &[],
        related: &["node_gone"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for SourceSilent {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let liveness = context.liveness;
        if liveness.node().state == NodeState::Down {
            return; // they have nothing to report
        }
        let all_ended = liveness.sources().all(|(_, source)| source.condition.state == SourceState::Ended);
        // Other programs publish no status, and may have nothing to report for long.
        for (name, source) in liveness.sources().filter(|(_, source)| source.status_ns > 0) {
            let subject = Subject::Part(name.into());
            let condition = &source.condition;
            match condition.state {
                SourceState::Up => {
                    if context.is_open(self.me, &subject) {
                        context.clear(self.me, &subject);
                    }
                    continue;
                }
                SourceState::Ended if all_ended => continue,
                SourceState::Ended | SourceState::Silent | SourceState::Down => {}
            }
            context.report(self.me, 1.0, || {
                let finding = Finding::new(subject, "Extractor {subject} is {state}, so what it reports is missing.");
                let finding = finding.text("state", TextKind::Word, condition.state.name());
                match &condition.reason {
                    Some(reason) => finding.text("reason", TextKind::Free, reason),
                    None => finding,
                }
            });
        }
    }
}
