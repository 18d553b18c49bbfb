//! A web page, or another local program, looks for the node.

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Connections from loopback without a version message within the window.
    probes: 2.0, "connections", 1.0..=1e5, "A browser tries again when a page asks for an address that answers nothing.";
    /// The longest time that they last.
    lasts: 90.0, "s", 1.0..=3_600.0, "Nodes wait for 60 s for the first message.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "A page probes once when it is opened.";
}

/// Finds connections from the node's own machine that are no peers.
pub(crate) struct LocalProbe {
    me: Me,
    parameters: Parameters,
    probes: Noted,
    /// Those that introduced themselves: a proxy on this machine brings peers.
    peers: Noted,
}

impl Detector for LocalProbe {
    const ROW: Row = Row {
        name: "local_probe",
        family: "connections",
        severity: Severity::Warning,
        title: "something on the node's machine probes its P2P port",
        sees: "Inbound connections from loopback that end within seconds without a version message. Web pages can open them in a \
               browser on the node's machine (b10c, project 025), and so learn that there is a node.",
        misses: "Which page or program it is. Nothing is reported where more connections from loopback are peers than not: then \
                 a proxy, such as Tor, brings them.",
        timing: Timing { after: 0, hold: 300, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, probes: Noted::new(parameters.window), peers: Noted::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for LocalProbe {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.probes.clear();
            self.peers.clear();
        }
        let Change::PeerClosed { connection, .. } = change else { return };
        let Some(peer) = peers.find(connection.id) else { return };
        // Of a peer that came through Tor or I2P the node reports another network.
        let is_local = event::filter::ip_of(&peer.addr).is_some_and(|ip| ip.is_loopback())
            && matches!(peer.network, "not_publicly_routable" | "unknown");
        if !is_local || peer.own || peer.inbound == Some(false) {
            return;
        }
        let opened_ns = connection.opened_ns.unwrap_or(peer.first_seen_ns);
        let lasted = connection.closed_ns.saturating_sub(opened_ns) as f64 / 1e9;
        if peer.version.is_some() {
            self.peers.add(1.0, context);
        } else if lasted <= self.parameters.lasts {
            self.probes.add(1.0, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { probes: threshold, window, .. } = self.parameters;
        let (probes, peers) = (self.probes.sum(context.time_ns), self.peers.sum(context.time_ns));
        if peers > probes {
            return;
        }
        let evidence = &self.probes.evidence;
        context.report(self.me, probes / threshold, || {
            Finding::new(
                Subject::Node,
                "Something on the machine of {subject} probed its P2P port within {window}: {probes} without a version message.",
            )
            .compared("probes", probes, "connections", threshold)
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
