//! A peer does not deliver the blocks or headers that it was asked for.

use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::DisconnectReason;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, has_caught_up, subject_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Peers that the node gives up within the window while it catches up with the chain, because they do not deliver.
    while_syncing: 10.0, "peers", 1.0..=1e5, "Slow honest peers are replaced while a node catches up; it doubles its patience each time (2 s to 64 s), so it gives up few of them.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "The longest wait for one block is ten minutes and more.";
}

/// Finds peers that hold up the download of blocks.
pub(crate) struct BlockStalling {
    me: Me,
    parameters: Parameters,
    given_up: Noted,
}

impl Detector for BlockStalling {
    const ROW: Row = Row {
        name: "block_stalling",
        family: "blocks",
        severity: Severity::Warning,
        title: "peers do not deliver the blocks that they were asked for",
        sees: "Entries of debug.log by which the node gives up a peer because it stalls the download of blocks, or because a \
               block or headers did not come in time. Once the node has caught up with the chain, each of them counts; before \
               that, many of them within ten minutes.",
        misses: "A node whose debug.log is not read. A peer that delivers just in time. Whether the node's own line is slow.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["block_withheld", "stale_tip", "headers_ahead"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, given_up: Noted::new(parameters.window) }
    }
}

impl Observer<Sink, Details> for BlockStalling {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.given_up.clear();
        }
        let Change::DisconnectLogged { id, reason } = change else { return };
        let what = match reason {
            DisconnectReason::StallingBlocks => "stalling",
            DisconnectReason::BlockDownloadTimeout => "block_timeout",
            DisconnectReason::HeadersDownloadTimeout => "headers_timeout",
            _ => return,
        };
        if !has_caught_up(context) {
            return self.given_up.add(1.0, context);
        }
        let subject = id.map_or(Subject::Node, |id| subject_of(id, peers));
        context.report(self.me, 1.0, || {
            Finding::new(subject, "{subject} did not deliver what the node asked it for: {what}.").text(
                "what",
                TextKind::Word,
                what,
            )
        });
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { while_syncing, window } = self.parameters;
        let given_up = self.given_up.sum(context.time_ns);
        let evidence = &self.given_up.evidence;
        context.report(self.me, given_up / while_syncing, || {
            Finding::new(
                Subject::Node,
                "{subject} catches up with the chain, and gave up {given_up} within {window} that did not deliver.",
            )
            .compared("given_up", given_up, "peers", while_syncing)
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
