//! Many inbound peers are gone at once.

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
    /// Inbound peers that are lost within the window.
    peers: 10.0, "peers", 2.0..=1e5, "The original's wish list: 10 or more within five minutes that were not evicted (#185); 20 to 50 at once were seen (#400).";
    /// The same, as a share of those that there were, if that is more.
    share: 0.15, "share", 0.0..=1.0, "A node with 180 peers loses one of them each minute.";
    /// Seconds for which a peer must have been connected to count.
    age: 600.0, "s", 0.0..=86_400.0, "Crawlers and spies come and go all the time.";
    /// The window.
    window: 300.0, "s", 10.0..=86_400.0, "The same as for the number.";
}

/// Finds times when the node loses many inbound peers.
pub(crate) struct InboundDrop {
    me: Me,
    parameters: Parameters,
    lost: Noted,
}

impl Detector for InboundDrop {
    const ROW: Row = Row {
        name: "inbound_drop",
        family: "connections",
        severity: Severity::Warning,
        title: "many inbound peers are gone at once",
        sees: "Inbound peers that had been connected for ten minutes or longer and are gone, by the tracepoints, debug.log or \
               getpeerinfo, unless the node evicted them, disconnected them by command, or has ended.",
        misses: "Why they are gone. Peers that are lost one by one, and those that had come a short time before.",
        timing: Timing { after: 20, hold: 300, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["outbound_drop", "as_drop"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, lost: Noted::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for InboundDrop {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            // It lost all of them because it ends.
            change if ends(change) => {
                self.lost.clear();
                context.clear(self.me, &Subject::Node);
            }
            change => {
                if lost(change, self.parameters.age, peers).is_some_and(|lost| lost.connection_type == "inbound") {
                    self.lost.add(1.0, context);
                }
            }
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { peers: least, share, age, window } = self.parameters;
        let lost = self.lost.sum(context.time_ns);
        if lost == 0.0 {
            return;
        }
        let is_left = |peer: &&Peer<Details>| peer.inbound == Some(true) && is_old(peer, age, context.time_ns);
        let left = peers.open().filter(is_left).count() as f64;
        let threshold = least.max(share * (lost + left));
        let evidence = &self.lost.evidence;
        context.report(self.me, lost / threshold, || {
            Finding::new(
                Subject::Node,
                "{subject} lost {lost} within {window} that had been connected for long, and did not evict them; {left} are left.",
            )
            .compared("lost", lost, "peers", threshold)
            .number("left", left, "")
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
