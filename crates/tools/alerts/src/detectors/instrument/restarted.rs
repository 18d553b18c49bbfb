//! The node was started again without having ended in good order.

use event::Record;
use event::pb::alerts::Severity;
use event::pb::log_extractor::log::LogEvent;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, logged};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Restarts within the window that are too many, even if each was in good order.
    times: 3.0, "times", 1.0..=1e4, "An upgrade may take two; 1 reports each restart.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "A node that crashes at its start is started again each minute.";
}

/// Finds restarts that nobody asked for.
pub(crate) struct NodeRestarted {
    me: Me,
    parameters: Parameters,
    restarts: Noted,
    /// debug.log has the end of the run before.
    has_ended: bool,
}

impl Detector for NodeRestarted {
    const ROW: Row = Row {
        name: "node_restarted",
        family: "instrument",
        severity: Severity::Info,
        title: "a node was restarted unexpectedly",
        sees: "Starts of the node since it is observed, by its process, its uptime and debug.log, if debug.log does not have the \
               end of the run before, or if there are several within an hour.",
        misses: "Whether it was wanted, where debug.log is not read: then each restart is reported.",
        timing: Timing { after: 0, hold: 60, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["node_gone", "version_changed"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, restarts: Noted::new(parameters.window), has_ended: false }
    }
}

impl Observer<Sink, Details> for NodeRestarted {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if let Some(LogEvent::NodeStopped(_)) = logged(record) {
            self.has_ended = true;
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if !matches!(change, Change::NodeRestarted { .. }) {
            return;
        }
        self.restarts.add(1.0, context);
        let Parameters { times: threshold, window } = self.parameters;
        let times = self.restarts.sum(context.time_ns);
        let in_order = std::mem::take(&mut self.has_ended);
        let score = if in_order { times / threshold } else { (times / threshold).max(1.0) };
        context.report(self.me, score, || {
            let sentence = if in_order {
                "{subject} was restarted {times} within {window}."
            } else {
                "{subject} was restarted, and its run before had not ended in good order; {times} within {window}."
            };
            Finding::new(Subject::Node, sentence)
                .compared("times", times, "times", threshold)
                .number("window", window, "s")
                .evidence(&self.restarts.evidence)
        });
    }
}
