//! An autonomous system whose peers come for a moment, each time under another name, and only listen.

use event::message::Message;
use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peer, Peers};

use super::visits::{Limits, Visit, Visits, introduced};
use crate::counting::{Distinct, Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::Report;
use crate::noted::begins_anew;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Autonomous systems that are counted.
const MAX_AS: usize = 256;

parameters! {
    /// Visits of one autonomous system within the window.
    visits: 100.0, "visits", 3.0..=1e6, "Feelers of honest nodes look like such visits: from a large provider there are some ten an hour.";
    /// Different user agents of them.
    agents: 10.0, "user_agents", 2.0..=300.0, "LinkingLion draws them at random from a list; crawlers have one, and a provider has several crawlers.";
    /// Subnets (/24 of IPv4, /64 of IPv6) that they are from at least.
    subnets: 4.0, "subnets", 1.0..=300.0, "What comes from fewer is reported by subnet.";
    /// How long half of them take at most.
    lifetime: 120.0, "s", 1.0..=86_400.0, "As for subnets.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "As for subnets.";
}

/// Finds autonomous systems of spies.
pub(crate) struct AsSpy {
    me: Me,
    limits: Limits,
    subnets: f64,
    systems: Frequent<u32, (Visits, Distinct)>,
    all: Sliding,
}

impl Detector for AsSpy {
    const ROW: Row = Row {
        name: "as_spy",
        family: "spies",
        severity: Severity::Warning,
        title: "peers of an autonomous system come for a moment and only listen",
        sees: "The same as subnet_spy, of all subnets of an autonomous system together: a spy that takes care to come from each only \
               rarely. By the asmap file, or the map that the node logs. The 256 autonomous systems with the most are counted.",
        misses: "Without both maps, or without the tracepoints of messages, everything; and a spy behind a provider that has many honest \
                 peers with short connections.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["inbound_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let Parameters { visits, agents, subnets, lifetime, window } = Parameters::of(values);
        let limits = Limits { visits, agents, seconds: lifetime, window };
        Self { me, limits, subnets, systems: Frequent::new(MAX_AS), all: Sliding::new(window) }
    }
}

impl Observer<Sink, Details> for AsSpy {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        if introduced(message, peer).is_some()
            && let Some((visits, _)) = peer.asn.and_then(|asn| self.systems.get_mut(&asn))
        {
            visits.evidence.note(context);
        }
    }

    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.systems.clear();
            self.all.clear();
        }
        let Some(visit) = Visit::of(change, peers) else { return };
        self.all.add(context.time_ns, 1.0);
        let (Some(asn), Some(ip)) = (visit.peer.asn, visit.peer.ip) else { return };
        let window = self.limits.window;
        let (visits, subnets) = self.systems.count(asn, || (Visits::new(window), Distinct::new(window)));
        visits.add(&visit, context);
        subnets.add(context.time_ns, networks::subnet(ip));
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Self { me, limits, subnets: least, systems, all } = self;
        let now_ns = context.time_ns;
        let all = all.sum(now_ns).max(1.0);
        for (asn, (visits, subnets)) in systems.iter_mut() {
            let share = visits.count(now_ns) / all;
            let subnets = subnets.count(now_ns).round();
            let score = visits.score(limits, now_ns).min(subnets / *least);
            context.report(*me, score, || {
                visits.finding(Subject::As(*asn), limits, share, now_ns).compared("subnets", subnets, "subnets", *least)
            });
        }
        systems.retain(|_, (visits, _)| visits.count(now_ns) > 0.0);
    }
}
