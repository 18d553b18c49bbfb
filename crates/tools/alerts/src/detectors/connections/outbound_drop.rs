//! All outbound peers are gone at once.

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peer, Peers};

use super::lost::{ends, is_old, lost};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::Noted;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Share of the outbound peers that is lost within the window.
    share: 0.8, "share", 0.1..=1.0, "The original's wish list has all of them at once (#400); one may be opened or closed in between.";
    /// Outbound peers that there must have been.
    peers: 4.0, "peers", 1.0..=1e3, "A node keeps 10: with fewer than 4 it has just begun, or has no network anyway.";
    /// Seconds for which a peer must have been connected to count.
    age: 60.0, "s", 0.0..=86_400.0, "Nodes drop outbound peers soon that lack services or a good chain.";
    /// The window.
    window: 120.0, "s", 10.0..=86_400.0, "A node opens new connections within minutes.";
}

/// Finds out that the node loses its outbound peers.
pub(crate) struct OutboundDrop {
    me: Me,
    parameters: Parameters,
    lost: Noted,
}

impl Detector for OutboundDrop {
    const ROW: Row = Row {
        name: "outbound_drop",
        family: "connections",
        severity: Severity::Critical,
        title: "the outbound peers are gone at once",
        sees: "Outbound peers (full relay, block relay only and manual ones) that are gone, by the tracepoints, debug.log or \
               getpeerinfo, in relation to those that there were, unless the node ends.",
        misses: "Whether the node's own network was interrupted, which looks the same. Outbound peers that are lost one by one: \
                 outbound_replaced reports that.",
        timing: Timing { after: 20, hold: 120, warm_up: 300 },
        parameters: Parameters::ALL,
        related: &["inbound_drop", "outbound_replaced"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, lost: Noted::new(parameters.window) }
    }
}

/// Whether connections of this type are those that keep a node in the network.
fn counts(connection_type: &str) -> bool {
    matches!(connection_type, "outbound-full-relay" | "block-relay-only" | "manual")
}

impl Observer<Sink, Details> for OutboundDrop {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if ends(change) {
            self.lost.clear();
            context.clear(self.me, &Subject::Node);
        } else if lost(change, self.parameters.age, peers).is_some_and(|lost| counts(lost.connection_type)) {
            self.lost.add(1.0, context);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share, peers: least, window, .. } = self.parameters;
        let lost = self.lost.sum(context.time_ns);
        let is_left = |peer: &&Peer<Details>| counts(peer.connection_type) && is_old(peer, window, context.time_ns);
        let left = peers.open().filter(is_left).count() as f64;
        if lost == 0.0 || lost + left < least {
            return;
        }
        let lost_share = lost / (lost + left);
        let evidence = &self.lost.evidence;
        context.report(self.me, lost_share / share, || {
            Finding::new(Subject::Node, "{subject} lost {lost} within {window}, {lost_share} of its outbound ones.")
                .number("lost", lost, "peers")
                .compared("lost_share", lost_share, "share", share)
                .number("window", window, "s")
                .evidence(evidence)
        });
    }
}
