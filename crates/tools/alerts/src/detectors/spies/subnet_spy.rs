//! A subnet whose peers come for a moment, each time under another name, and only listen.

use std::net::IpAddr;

use event::message::Message;
use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peer, Peers};

use super::visits::{Limits, Visit, Visits, introduced};
use crate::counting::{Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::Report;
use crate::noted::{begins_anew, routed_ip};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted.
const MAX_SUBNETS: usize = 512;

parameters! {
    /// Visits of one /24 of IPv4 or /64 of IPv6 within the window.
    visits: 20.0, "visits", 3.0..=1e6, "LinkingLion made 12,840,094 connections to eight honeypots in a week of September 2026, on average 40 a minute to each from each of its four networks.";
    /// Different user agents of them.
    agents: 5.0, "user_agents", 2.0..=300.0, "LinkingLion draws them at random from a list, one of its addresses had 82; crawlers have one.";
    /// How long half of them take at most.
    lifetime: 120.0, "s", 1.0..=86_400.0, "LinkingLion's take 1.6 minutes on average; nodes stay for hours.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "So that a visit every three minutes is enough.";
}

/// Finds subnets of spies.
pub(crate) struct SubnetSpy {
    me: Me,
    limits: Limits,
    subnets: Frequent<IpAddr, Visits>,
    all: Sliding,
}

impl Detector for SubnetSpy {
    const ROW: Row = Row {
        name: "subnet_spy",
        family: "spies",
        severity: Severity::Warning,
        title: "peers of a subnet come for a moment and only listen",
        sees: "Inbound connections of each /24 of IPv4 and /64 of IPv6 that ended within an hour: how many, how long, with how many user \
               agents, and whether the peer announced or requested any transaction. No list of addresses is used: LinkingLion is found \
               wherever it moves. The 512 subnets with the most are counted.",
        misses: "Without the tracepoints of messages everything. Spies that stay, which listen_only finds, that have one user agent, or that \
                 come through Tor. Connections that others evict at once look like visits.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["inbound_flood", "subnet_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let Parameters { visits, agents, lifetime, window } = Parameters::of(values);
        let limits = Limits { visits, agents, seconds: lifetime, window };
        Self { me, limits, subnets: Frequent::new(MAX_SUBNETS), all: Sliding::new(window) }
    }
}

impl Observer<Sink, Details> for SubnetSpy {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        if let Some(ip) = introduced(message, peer)
            && let Some(visits) = self.subnets.get_mut(&networks::subnet(ip))
        {
            visits.evidence.note(context);
        }
    }

    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.subnets.clear();
            self.all.clear();
        }
        let Some(visit) = Visit::of(change, peers) else { return };
        self.all.add(context.time_ns, 1.0);
        let Some(ip) = routed_ip(visit.peer) else { return };
        let window = self.limits.window;
        self.subnets.count(networks::subnet(ip), || Visits::new(window)).add(&visit, context);
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Self { me, limits, subnets, all } = self;
        let now_ns = context.time_ns;
        let all = all.sum(now_ns).max(1.0);
        for (subnet, visits) in subnets.iter_mut() {
            let share = visits.count(now_ns) / all;
            let score = visits.score(limits, now_ns);
            context.report(*me, score, || visits.finding(Subject::subnet(*subnet), limits, share, now_ns));
        }
        subnets.retain(|_, visits| visits.count(now_ns) > 0.0);
    }
}
