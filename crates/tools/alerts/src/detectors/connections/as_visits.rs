//! Many short connections of one autonomous system.

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use crate::counting::{Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, asn_of, begins_anew, reaches, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Autonomous systems that are counted.
const MAX_SYSTEMS: usize = 1_024;

parameters! {
    /// Inbound connections of one autonomous system within the window that were short.
    visits: 100.0, "connections", 2.0..=1e7, "More than 10 an hour already stand out at a home node (the original's AS rules); large hosters have many crawlers.";
    /// The share of all short inbound connections that this must be.
    share: 0.2, "share", 0.0..=1.0, "LinkingLion alone made 53 % of all inbound connections of eight honeypots in September 2026.";
    /// The longest time that they last.
    lasts: 300.0, "s", 1.0..=86_400.0, "LinkingLion's last 1.6 minutes on average; peers stay for hours.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "An hour has enough of them to compare shares.";
}

/// Finds autonomous systems from which many come for a short time.
pub(crate) struct AsVisits {
    me: Me,
    parameters: Parameters,
    systems: Frequent<u32, Noted>,
    all: Sliding,
}

impl Detector for AsVisits {
    const ROW: Row = Row {
        name: "as_visits",
        family: "connections",
        severity: Severity::Info,
        title: "one autonomous system opens many short connections",
        sees: "Inbound connections of each autonomous system (with an asmap file, of ours or of the node) that ended within five \
               minutes, in the last hour. A large fleet of honest nodes in one system stays connected, and is not reported.",
        misses: "Peers behind Tor and I2P, and who has addresses in many systems. Who stays connected.",
        timing: Timing { after: 0, hold: 1_200, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &["subnet_flood", "inbound_flood", "eviction_pressure"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let all = Sliding::new(parameters.window);
        Self { me, parameters, systems: Frequent::new(MAX_SYSTEMS), all }
    }
}

impl Observer<Sink, Details> for AsVisits {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.systems.clear();
            self.all.clear();
        }
        let Change::PeerClosed { connection, .. } = change else { return };
        let Some(peer) = peers.find(connection.id).filter(|peer| peer.inbound == Some(true) && !peer.own) else {
            return;
        };
        let opened_ns = connection.opened_ns.or(peer.connected_ns).unwrap_or(peer.first_seen_ns);
        if connection.closed_ns.saturating_sub(opened_ns) as f64 > self.parameters.lasts * 1e9 {
            return;
        }
        self.all.add(context.time_ns, 1.0);
        if let Some(asn) = asn_of(peer) {
            self.systems.count(asn, || Noted::new(self.parameters.window)).add(1.0, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { visits: threshold, share: least_share, window, .. } = self.parameters;
        let now_ns = context.time_ns;
        let all = self.all.sum(now_ns);
        self.systems.retain(|_, noted| noted.sum(now_ns) > 0.0);
        for (asn, noted) in self.systems.iter_mut() {
            let visits = noted.sum(now_ns);
            let share = share_of(visits, all);
            context.report(self.me, reaches(share, least_share).min(visits / threshold), || {
                Finding::new(
                    Subject::As(*asn),
                    "{subject} made {visits} within {window} that were short, {share} of all short ones.",
                )
                .compared("visits", visits, "connections", threshold)
                .compared("share", share, "share", least_share)
                .number("window", window, "s")
                .evidence(&noted.evidence)
            });
        }
    }
}
