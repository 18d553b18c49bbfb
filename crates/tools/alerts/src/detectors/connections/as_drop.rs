//! All peers of one autonomous system are gone at once.

use std::collections::BTreeMap;

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use super::lost::{ends, is_old, lost};
use crate::counting::Frequent;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, asn_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Autonomous systems that are counted.
const MAX_SYSTEMS: usize = 256;

parameters! {
    /// Peers of one autonomous system that are lost within the window.
    peers: 5.0, "peers", 2.0..=1e5, "Fewer than that may leave at once by chance where a system has many nodes.";
    /// The share of the system's peers that this must be.
    share: 0.8, "share", 0.1..=1.0, "An operator who ends his fleet, or a network that is cut off, takes all of them.";
    /// Seconds for which a peer must have been connected to count.
    age: 600.0, "s", 0.0..=86_400.0, "Crawlers and spies come and go all the time.";
    /// The window.
    window: 60.0, "s", 10.0..=86_400.0, "They go at once.";
}

/// Finds autonomous systems whose peers are gone.
pub(crate) struct AsDrop {
    me: Me,
    parameters: Parameters,
    lost: Frequent<u32, Noted>,
}

impl Detector for AsDrop {
    const ROW: Row = Row {
        name: "as_drop",
        family: "connections",
        severity: Severity::Info,
        title: "all peers of one autonomous system are gone at once",
        sees: "Peers that had been connected for ten minutes or longer and are gone within a minute, by the autonomous system of \
               their address (with an asmap file, of ours or of the node).",
        misses: "Peers behind Tor and I2P. Whether the system was cut off, or one operator has ended all of its nodes.",
        timing: Timing { after: 20, hold: 300, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["inbound_drop"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), lost: Frequent::new(MAX_SYSTEMS) }
    }
}

impl Observer<Sink, Details> for AsDrop {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if ends(change) {
            self.lost.keys().for_each(|asn| context.clear(self.me, &Subject::As(*asn)));
            self.lost.clear();
            return;
        }
        let lost = lost(change, self.parameters.age, peers);
        let asn = lost.and_then(|lost| peers.find(lost.id)).and_then(asn_of);
        if let Some(asn) = asn {
            self.lost.count(asn, || Noted::new(self.parameters.window)).add(1.0, context);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { peers: least, share, age, window } = self.parameters;
        let now_ns = context.time_ns;
        self.lost.retain(|_, lost| lost.sum(now_ns) > 0.0);
        if self.lost.is_empty() {
            return;
        }
        let mut left: BTreeMap<u32, f64> = BTreeMap::new();
        for asn in peers.open().filter(|peer| is_old(peer, age, now_ns)).filter_map(asn_of) {
            *left.entry(asn).or_default() += 1.0;
        }
        for (asn, noted) in self.lost.iter_mut() {
            let (lost, left) = (noted.sum(now_ns), left.get(asn).copied().unwrap_or_default());
            let score = (lost / least).min(lost / (lost + left) / share);
            context.report(self.me, score, || {
                Finding::new(Subject::As(*asn), "{lost} of {subject} are gone within {window}; {left} are left.")
                    .compared("lost", lost, "peers", least)
                    .number("left", left, "")
                    .number("window", window, "s")
                    .evidence(&noted.evidence)
            });
        }
    }
}
