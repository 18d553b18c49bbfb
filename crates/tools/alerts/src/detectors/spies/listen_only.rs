//! A peer that is there for long, is announced transactions, and neither announces nor requests any.

use event::pb::alerts::{Severity, TextKind};
use model::bounds::SECOND;
use model::{Context, Observer, Peer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::{Details, ids};
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Transactions that the node announced to the peer.
    announced: 1_000.0, "transactions", 50.0..=1e9, "A node that takes part has some of a thousand from others first, and announces those; or it has not, and requests them.";
    /// How long the connection has lasted.
    age: 600.0, "s", 60.0..=86_400.0, "In ten minutes a busy node announces 8,400 transactions, 14 a second; a quiet one reaches the number later.";
}

/// Finds peers that only listen.
pub(crate) struct ListenOnly {
    me: Me,
    parameters: Parameters,
}

impl Detector for ListenOnly {
    const ROW: Row = Row {
        name: "listen_only",
        family: "spies",
        severity: Severity::Info,
        title: "a peer only listens to announcements of transactions",
        sees: "Inbound peers that the node has announced many transactions to, and that have announced and requested none for as long as \
               they have been seen.",
        misses: "Peers that request everything, or announce some. Peers that request blocks are left out: they may be catching up. \
                 Instruments of others look the same.",
        timing: Timing { after: 0, hold: 60, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["subnet_spy", "as_spy"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl ListenOnly {
    fn judge(&self, peer: &Peer<Details>, context: &mut Context<Sink>) {
        let traffic = &peer.details.spies.traffic;
        if peer.own || peer.inbound != Some(true) || !traffic.is_quiet() || traffic.syncs {
            return;
        }
        let Parameters { announced: least, age: least_age } = self.parameters;
        let (announced, age) = (traffic.announced as f64, context.time_ns.saturating_sub(peer.first_seen_ns) / SECOND);
        context.report(self.me, (announced / least).min(age as f64 / least_age), || {
            Finding::new(
                Subject::peer(peer),
                "{subject} ({agent}) has been announced {announced} in {age}, and has neither announced nor requested any.",
            )
            .compared("announced", announced, "transactions", least)
            .compared("age", age as f64, "s", least_age)
            .text("agent", TextKind::UserAgent, peer.user_agent.as_deref().unwrap_or_default())
        });
    }
}

impl Observer<Sink, Details> for ListenOnly {
    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        for id in ids(peers) {
            if let Some(peer) = peers.get(id) {
                self.judge(peer, context);
            }
        }
    }
}
