//! Connections that the node takes to be with itself.

use event::pb::alerts::Severity;
use event::pb::log_extractor::DisconnectReason;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Such connections within the window.
    connections: 5.0, "connections", 1.0..=1e6, "A node meets itself once or twice by an address of its own that it does not know as such.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "An attacker has to connect for each entry of the log.";
}

/// Finds pretended connections of the node with itself.
pub(crate) struct SelfConnections {
    me: Me,
    parameters: Parameters,
    connections: Noted,
}

impl Detector for SelfConnections {
    const ROW: Row = Row {
        name: "self_connections",
        family: "log",
        severity: Severity::Warning,
        title: "peers pretend to be the node itself",
        sees: "Connections that the node ends because the other side has its own nonce, by debug.log. Peers can pretend that, and \
               each of them is an entry of the log (CVE-2025-54604).",
        misses: "Who connects, without -logips. A node whose debug.log is not read.",
        timing: Timing { after: 0, hold: 300, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["log_rate_limit", "inbound_flood", "subnet_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, connections: Noted::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for SelfConnections {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::DisconnectLogged { reason: DisconnectReason::SelfConnection, .. } => {
                self.connections.add(1.0, context);
            }
            change if begins_anew(change) => self.connections.clear(),
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { connections: threshold, window } = self.parameters;
        let connections = self.connections.sum(context.time_ns);
        let evidence = &self.connections.evidence;
        context.report(self.me, connections / threshold, || {
            Finding::new(Subject::Node, "{subject} ended {connections} within {window} that seemed to be with itself.")
                .compared("connections", connections, "connections", threshold)
                .number("window", window, "s")
                .evidence(evidence)
        });
    }
}
