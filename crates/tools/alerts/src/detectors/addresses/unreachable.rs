//! A peer gossips addresses at which there is no node.

use event::Record;
use event::pb::alerts::Severity;
use event::pb::connectivity::{Attempt, Outcome};
use model::{Context, Observer, Peers, connectivity};
use smol_str::SmolStr;

use crate::counting::{Distinct, Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{attempted, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Peers of which it is counted.
const MAX_SOURCES: usize = 512;
/// Share of all addresses that must be reachable: if it is less, our own connection may be broken.
const LEAST_REACHABLE: f64 = 0.01;

parameters! {
    /// Different addresses of one peer that were tried within the window.
    tried: 100.0, "addresses", 10.0..=1_000.0, "Of the addresses that honest peers gossip, at least one of ten has a node: a hundred without any are no accident.";
    /// Share of them that may be reachable.
    reachable: 0.01, "share", 0.0..=0.5, "One of a hundred may be mixed in on purpose.";
    /// The window.
    window: 21_600.0, "s", 600.0..=604_800.0, "The connectivity check tries addresses slowly, and peers gossip some in a minute.";
}

/// Finds peers whose addresses have no nodes.
pub(crate) struct UnreachableAddresses {
    me: Me,
    parameters: Parameters,
    sources: Frequent<SmolStr, Of>,
    all: Attempts,
}

/// What came of attempts.
struct Attempts {
    tried: Sliding,
    reachable: Sliding,
}

impl Attempts {
    fn new(window: f64) -> Self {
        Self { tried: Sliding::new(window), reachable: Sliding::new(window) }
    }

    fn add(&mut self, now_ns: u64, is_reachable: bool) {
        self.tried.add(now_ns, 1.0);
        self.reachable.add(now_ns, f64::from(u8::from(is_reachable)));
    }

    fn share(&mut self, now_ns: u64) -> f64 {
        share_of(self.reachable.sum(now_ns), self.tried.sum(now_ns))
    }
}

/// Of a peer.
struct Of {
    attempts: Attempts,
    addresses: Distinct,
    subject: Subject,
    evidence: Evidence,
}

impl Detector for UnreachableAddresses {
    const ROW: Row = Row {
        name: "unreachable_addresses",
        family: "addresses",
        severity: Severity::Warning,
        title: "a peer gossips addresses without nodes",
        sees: "The results of the connectivity check by the peer that gossiped the address: different ones within six hours, hardly any \
               of them with a node, while other peers' addresses have some. The 512 peers with the most are counted.",
        misses: "Without the connectivity check everything. Networks that the check has no way to are left out. A peer that mixes \
                 addresses of real nodes in.",
        timing: Timing { after: 0, hold: 3_600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["address_flood", "unique_addresses", "unroutable_addresses"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let all = Attempts::new(parameters.window);
        Self { me, parameters, sources: Frequent::new(MAX_SOURCES), all }
    }
}

impl UnreachableAddresses {
    fn note(&mut self, attempt: &Attempt, context: &Context<Sink>) {
        let (outcome, source) = (connectivity::outcome(attempt), connectivity::source(attempt));
        let is_of_a_peer = attempt.source_addr.is_some();
        if matches!(outcome, None | Some(Outcome::Unreachable)) || !is_of_a_peer {
            return;
        }
        let now_ns = context.time_ns;
        let is_reachable = matches!(outcome, Some(Outcome::V1 | Outcome::V2));
        self.all.add(now_ns, is_reachable);
        let window = self.parameters.window;
        let addr = attempt.source_addr.as_deref().unwrap_or_default();
        let make = || Of {
            attempts: Attempts::new(window),
            addresses: Distinct::new(window),
            subject: Subject::Peer {
                id: attempt.source_peer_id.unwrap_or_default(),
                addr: model::text::cut(addr, model::bounds::MAX_ADDR),
                ip: source.parse().ok().filter(|ip| networks::special(*ip).is_none()),
            },
            evidence: Evidence::default(),
        };
        let of = self.sources.count(model::text::cut(&source, model::bounds::MAX_ADDR), make);
        of.attempts.add(now_ns, is_reachable);
        of.addresses.add(now_ns, (&attempt.address.address, attempt.address.port));
        of.evidence.note(context);
    }
}

impl Observer<Sink, Details> for UnreachableAddresses {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(attempt) = attempted(record) {
            self.note(attempt, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let now_ns = context.time_ns;
        if self.sources.is_empty() || self.all.share(now_ns) < LEAST_REACHABLE {
            return;
        }
        let Parameters { tried: least, reachable: most, window } = self.parameters;
        for (_, of) in self.sources.iter_mut() {
            let (tried, reachable) = (of.addresses.count(now_ns).round(), of.attempts.share(now_ns));
            if reachable > most {
                continue;
            }
            context.report(self.me, tried / least, || {
                Finding::new(
                    of.subject.clone(),
                    "{subject} gossiped {tried} within {window}, and {reachable} of them have a node.",
                )
                .compared("tried", tried, "addresses", least)
                .compared("reachable", reachable, "share", most)
                .number("window", window, "s")
                .evidence(&of.evidence)
            });
        }
        self.sources.retain(|_, of| of.attempts.tried.sum(now_ns) > 0.0);
    }
}
