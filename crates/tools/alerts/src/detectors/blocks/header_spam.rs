//! A peer sends many headers that the node did not need.

use event::Record;
use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{HeadersSyncStep, IgnoredReason};
use model::{Change, Context, Observer, Peer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{OfPeers, begins_anew, has_caught_up, is_own, logged, subject_of, with_agent};
use crate::settings::Values;
use crate::sink::Sink;

/// A headers message has at most so many headers.
const MAX_HEADERS: usize = 2_000;
/// What a message counts as at least.
const LEAST: f64 = 40.0;
/// What a chain with too little work counts as.
const LOW_WORK: f64 = 2_000.0;

parameters! {
    /// Headers from one peer within the window. A message counts as 40 at least, a chain with too little work as 2,000.
    headers: 4_000.0, "headers", 40.0..=1e9, "One full message of 2,000 may answer a question of the node. An honest peer sends one header for each new block, so 100 messages in ten minutes are no honest ones.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "A block comes each ten minutes; bursts of 20 are honest.";
}

/// Finds peers that send many headers.
pub(crate) struct HeaderSpam {
    me: Me,
    parameters: Parameters,
    headers: OfPeers,
}

impl Detector for HeaderSpam {
    const ROW: Row = Row {
        name: "header_spam",
        family: "blocks",
        severity: Severity::Warning,
        title: "a peer floods the node with headers",
        sees: "Headers that a peer sends, by the tracepoints, once the node has caught up with the chain; and by debug.log chains \
               with too little work, and headers without proof of work or continuity.",
        misses: "The time in which the node catches up with the chain, when headers are what it wants. Many peers that stay below \
                 the limit each.",
        timing: Timing { after: 0, hold: 300, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, headers: OfPeers::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for HeaderSpam {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Payload::Headers(headers) = message.payload else { return };
        if message.inbound && !peer.own && has_caught_up(context) {
            let count = headers.take(MAX_HEADERS).count() as f64;
            self.headers.add(peer.id, count.max(LEAST), context);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let peer = match logged(record) {
            Some(LogEvent::HeadersSync(sync)) if sync.step() == HeadersSyncStep::SyncLowWork => sync.peer_id,
            Some(LogEvent::MessageIgnored(ignored)) if ignored.reason() == IgnoredReason::LowWork => ignored.peer_id,
            _ => None,
        };
        if let Some(peer) = peer.filter(|peer| !is_own(*peer, peers) && has_caught_up(context)) {
            self.headers.add(peer, LOW_WORK, context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::PeerMisbehaved { id, message }
                if message.contains("header with invalid proof of work")
                    || message.contains("non-continuous headers") =>
            {
                self.headers.add(*id, self.parameters.headers, context);
            }
            change if begins_anew(change) => self.headers.clear(),
            _ => {}
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { headers: threshold, window } = self.parameters;
        for (id, headers, evidence) in self.headers.each(context.time_ns) {
            context.report(self.me, headers / threshold, || {
                let finding = Finding::new(
                    subject_of(id, peers),
                    "{subject} ({agent}) sent headers within {window} that count as {count}.",
                );
                let finding = with_agent(finding, id, peers).compared("count", headers, "headers", threshold);
                finding.number("window", window, "s").evidence(evidence)
            });
        }
    }
}
