//! Subnets that have one operator: their visitors take their names from one list.

use std::net::IpAddr;

use event::message::Message;
use event::pb::alerts::Severity;
use model::bounds::SECOND;
use model::{Change, Context, Observer, Peer, Peers};

use super::visits::{Visit, introduced};
use crate::counting::{Distinct, Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{begins_anew, routed_ip};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted, and how many of them are compared.
const MAX_SUBNETS: usize = 256;
const MAX_COMPARED: usize = 64;
/// How often they are compared.
const EVERY_NS: u64 = 15 * SECOND;
/// Visits that take longer are those of nodes.
const LONGEST: f64 = 300.0;

parameters! {
    /// Subnets (/24 of IPv4, /64 of IPv6) whose visitors have the same user agents.
    subnets: 3.0, "subnets", 2.0..=64.0, "LinkingLion has four.";
    /// Visits of each of them within the window.
    visits: 10.0, "visits", 2.0..=1e6, "With fewer it is not known which user agents a subnet has.";
    /// Different user agents of each of them.
    agents: 5.0, "user_agents", 2.0..=300.0, "Crawlers of one kind have the same one, whoever runs them.";
    /// How many of the user agents of both have both.
    overlap: 0.6, "share", 0.1..=1.0, "Of two samples of one list; a longer list needs more visits.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "As for the subnets of spies.";
}

/// Finds subnets of one operator.
pub(crate) struct OneOperator {
    me: Me,
    parameters: Parameters,
    subnets: Frequent<IpAddr, Of>,
    compared_ns: u64,
}

/// Of a subnet.
struct Of {
    visits: Sliding,
    agents: Distinct,
    evidence: Evidence,
}

impl Detector for OneOperator {
    const ROW: Row = Row {
        name: "one_operator",
        family: "spies",
        severity: Severity::Info,
        title: "visitors from several subnets take their names from one list",
        sees: "Inbound connections of less than five minutes in which no transaction was announced or requested, from subnets with several \
               user agents each: whether these are largely the same ones. The 64 subnets with the most are compared.",
        misses: "Operators with one user agent, or with another list for each subnet. Without the tracepoints of messages everything.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["subnet_spy", "as_spy", "inbound_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), subnets: Frequent::new(MAX_SUBNETS), compared_ns: 0 }
    }
}

impl OneOperator {
    fn compare(&mut self, context: &mut Context<Sink>) {
        let Parameters { subnets: least, visits, agents, overlap: threshold, window } = self.parameters;
        let now_ns = context.time_ns;
        let mut candidates: Vec<(f64, &mut Of)> = self
            .subnets
            .iter_mut()
            .map(|(_, of)| (of.visits.sum(now_ns), of))
            .filter_map(|(count, of)| {
                (count >= visits && of.agents.count(now_ns) >= agents - 0.5).then_some((count, of))
            })
            .collect();
        candidates.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        candidates.truncate(MAX_COMPARED);
        // The largest group of subnets that are like one of them, with that one.
        let mut best: Option<(f64, f64, Evidence)> = None;
        for (_, of) in &candidates {
            let alike = candidates.iter().filter_map(|(_, other)| {
                let overlap = of.agents.clone().overlap(&mut other.agents.clone(), now_ns);
                (overlap >= threshold).then_some((overlap, &other.evidence))
            });
            let (mut count, mut sum, mut evidence) = (0.0, 0.0, Evidence::default());
            for (overlap, of_other) in alike {
                (count, sum) = (count + 1.0, sum + overlap);
                of_other.iter().take(2).for_each(|reference| evidence.add(reference.clone()));
            }
            if best.as_ref().is_none_or(|(most, ..)| count > *most) {
                best = Some((count, sum / f64::max(count, 1.0), evidence));
            }
        }
        let Some((count, overlap, evidence)) = best.filter(|(count, ..)| *count > 1.0) else { return };
        context.report(self.me, count / least, || {
            Finding::new(
                Subject::Node,
                "Visitors of {subject} from {subnets} have the same user agents to {overlap}, within {window}: they may have one operator.",
            )
            .compared("subnets", count, "subnets", least)
            .compared("overlap", overlap, "share", threshold)
            .number("window", window, "s")
            .evidence(&evidence)
        });
    }
}

impl Observer<Sink, Details> for OneOperator {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        if let Some(ip) = introduced(message, peer)
            && let Some(of) = self.subnets.get_mut(&networks::subnet(ip))
        {
            of.evidence.note(context);
        }
    }

    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.subnets.clear();
        }
        let Some(visit) = Visit::of(change, peers).filter(|visit| visit.is_quiet() && visit.seconds <= LONGEST) else {
            return;
        };
        let Some(ip) = routed_ip(visit.peer) else { return };
        let window = self.parameters.window;
        let make = || Of { visits: Sliding::new(window), agents: Distinct::new(window), evidence: Evidence::default() };
        let of = self.subnets.count(networks::subnet(ip), make);
        of.visits.add(context.time_ns, 1.0);
        of.agents.add(context.time_ns, visit.agent());
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let now_ns = context.time_ns;
        if now_ns / EVERY_NS != self.compared_ns / EVERY_NS {
            self.compared_ns = now_ns;
            self.compare(context);
            self.subnets.retain(|_, of| of.visits.sum(now_ns) > 0.0);
        }
    }
}
