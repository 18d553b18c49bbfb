//! All outbound peers are replaced within a short time.

use event::pb::alerts::Severity;
use model::{Change, CloseReason, Context, Observer, Peers};

use super::outbound::is_chosen;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Share of the outbound peers that are replaced within the window.
    share: 0.75, "share", 0.1..=1.0, "A node looks for a better peer each ten minutes at most, and each time replaces one.";
    /// Outbound peers that must be replaced.
    peers: 6.0, "peers", 2.0..=1e3, "A node has 10; three of four at its start are replaced soon.";
    /// The window.
    window: 900.0, "s", 60.0..=86_400.0, "Long enough for a node that connects slowly, as through Tor.";
}

/// Finds nodes whose outbound peers are replaced.
pub(crate) struct OutboundReplaced {
    me: Me,
    parameters: Parameters,
    lost: Noted,
}

impl Detector for OutboundReplaced {
    const ROW: Row = Row {
        name: "outbound_replaced",
        family: "eclipse",
        severity: Severity::Warning,
        title: "the outbound peers are replaced quickly",
        sees: "Outbound peers that the node chose itself and that are gone within a quarter of an hour, whatever the reason, in \
               relation to those that stay, if others have taken their places.",
        misses: "Whether the node's own network was interrupted, which looks the same. What happens at a restart: then a node has \
                 to choose anew, which is the best time for an attack.",
        timing: Timing { after: 0, hold: 300, warm_up: 1_800 },
        parameters: Parameters::ALL,
        related: &["outbound_drop", "inbound_drop"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, lost: Noted::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for OutboundReplaced {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.lost.clear();
        }
        let Change::PeerClosed { connection, why } = change else { return };
        let Some(peer) = peers.find(connection.id).filter(|peer| is_chosen(peer)) else { return };
        // One that came and went within the window was never one of those that are replaced.
        let since_ns = peer.connected_ns.unwrap_or(peer.first_seen_ns);
        let lasted = connection.closed_ns.saturating_sub(since_ns) as f64 / 1e9;
        if *why != CloseReason::NodeRestarted && lasted >= self.parameters.window {
            self.lost.add(1.0, context);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share: threshold, peers: least, window } = self.parameters;
        let lost = self.lost.sum(context.time_ns);
        if lost == 0.0 {
            return;
        }
        let (mut stay, mut new) = (0.0, 0.0);
        for peer in peers.open().filter(|peer| is_chosen(peer)) {
            let since_ns = peer.connected_ns.unwrap_or(peer.first_seen_ns);
            let is_new = context.time_ns.saturating_sub(since_ns) as f64 / 1e9 < window;
            *(if is_new { &mut new } else { &mut stay }) += 1.0;
        }
        let replaced = lost.min(new);
        let share = replaced / (lost + stay);
        let evidence = &self.lost.evidence;
        context.report(self.me, (share / threshold).min(replaced / least), || {
            Finding::new(
                Subject::Node,
                "{replaced} of the outbound peers of {subject} were replaced within {window}, {share} of all.",
            )
            .compared("replaced", replaced, "", least)
            .compared("share", share, "share", threshold)
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
