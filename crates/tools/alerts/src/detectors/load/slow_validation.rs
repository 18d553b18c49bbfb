//! The node takes long to validate a block, as it is seen from outside.

use event::Record;
use event::pb::alerts::Severity;
use event::pb::p2p_extractor::p2p::P2pEvent;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{exchanged, has_caught_up};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Seconds from cmpctblock to blocktxn.
    seconds: 10.0, "s", 0.001..=1e4, "Blocks that are slow on purpose took 20 s on signet, usual ones 0.2 s (b10c).";
}

/// Finds blocks that are slow to validate, by the node's answer to our own connection.
pub(crate) struct SlowValidation {
    me: Me,
    parameters: Parameters,
}

impl Detector for SlowValidation {
    const ROW: Row = Row {
        name: "slow_validation",
        family: "load",
        severity: Severity::Warning,
        title: "the node takes long to validate a block",
        sees: "The time from a cmpctblock of the node on our own P2P connection to its answer to getblocktxn, which it gives once \
               the block is valid (BIP 152). It needs no access to the node's machine.",
        misses: "Blocks that the node does not announce to us as compact ones. Whether the line to the node is slow.",
        timing: Timing { after: 0, hold: 600, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["message_handler_busy", "slow_block"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for SlowValidation {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(P2pEvent::BlockServed(served)) = exchanged(record) else { return };
        if !has_caught_up(context) {
            return;
        }
        let Some(hash) = model::text::hash(&served.block_hash) else { return };
        let (seconds, threshold) = (served.duration_ns as f64 / 1e9, self.parameters.seconds);
        context.report(self.me, seconds / threshold, || {
            Finding::new(
                Subject::block(&hash),
                "The node took {seconds} from announcing {subject} to having validated it.",
            )
            .compared("seconds", seconds, "s", threshold)
        });
    }
}
