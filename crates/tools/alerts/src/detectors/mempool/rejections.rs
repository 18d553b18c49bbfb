//! A peer sends transactions that the node refuses.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::log::LogEvent;
use model::text::cut;
use model::{Change, Context, Observer, Peers};
use smol_str::SmolStr;

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{OfPeers, begins_anew, has_caught_up, is_own, logged, reaches, subject_of, with_agent};
use crate::settings::Values;
use crate::sink::Sink;

/// Bytes of a reason that are kept.
const MAX_REASON: usize = 64;

parameters! {
    /// Transactions of one peer that are refused within the window.
    rejections: 300.0, "transactions", 2.0..=1e9, "One each two seconds. All peers together have that in a rush, one of them does not.";
    /// The share of all refused ones that this must be.
    share: 0.3, "share", 0.0..=1.0, "What many peers send alike is a rush, or another policy.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "Long enough to compare peers.";
}

/// Finds peers that send what is refused.
pub(crate) struct Rejections {
    me: Me,
    parameters: Parameters,
    peers: OfPeers,
    reason: SmolStr,
}

impl Detector for Rejections {
    const ROW: Row = Row {
        name: "rejections",
        family: "mempool",
        severity: Severity::Warning,
        title: "a peer sends many transactions that the node refuses",
        sees: "Refused transactions of each peer within ten minutes, by debug.log (category mempoolrej): their number, and the \
               share of all refused ones. Refused transactions may be expensive to check (CVE-2025-46598).",
        misses: "A node without that category: the tracepoint does not report the peer. Many peers that stay below the limit each.",
        timing: Timing { after: 0, hold: 300, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["message_handler_busy", "orphan_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, peers: OfPeers::new(parameters.window), reason: SmolStr::default() }
    }
}

impl Observer<Sink, Details> for Rejections {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.peers.clear();
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(LogEvent::MempoolRejected(rejected)) = logged(record) else { return };
        let peer = rejected.peer_id.filter(|peer| !is_own(*peer, peers) && has_caught_up(context));
        if let Some(peer) = peer {
            self.peers.add(peer, 1.0, context);
            self.reason = cut(&rejected.reason, MAX_REASON);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { rejections: threshold, share: least_share, window } = self.parameters;
        let all = self.peers.sum(context.time_ns);
        for (id, rejections, evidence) in self.peers.each(context.time_ns) {
            let share = rejections / all.max(1.0);
            context.report(self.me, reaches(share, least_share).min(rejections / threshold), || {
                let finding = Finding::new(
                    subject_of(id, peers),
                    "{subject} ({agent}) sent {rejections} within {window} that were refused, {share} of all; the last reason was {reason}.",
                );
                with_agent(finding, id, peers)
                    .compared("rejections", rejections, "transactions", threshold)
                    .compared("share", share, "share", least_share)
                    .number("window", window, "s")
                    .text("reason", TextKind::Free, &self.reason)
                    .evidence(evidence)
            });
        }
    }
}
