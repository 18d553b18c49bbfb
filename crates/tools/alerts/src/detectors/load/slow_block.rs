//! A block takes long to connect.

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Seconds that it takes to connect a new block.
    seconds: 5.0, "s", 0.001..=1e4, "The worst blocks that BIP 54 forbids take 20 s (b10c), usual ones 0.2 s, with a cold cache some seconds.";
}

/// Finds blocks that are slow to validate.
pub(crate) struct SlowBlock {
    me: Me,
    parameters: Parameters,
}

impl Detector for SlowBlock {
    const ROW: Row = Row {
        name: "slow_block",
        family: "load",
        severity: Severity::Warning,
        title: "a block takes long to connect",
        sees: "How long it takes to connect each new block, by the tracepoint validation:block_connected. Old blocks that the node \
               catches up with are left out.",
        misses: "What makes it slow: the block, or a machine that is busy with something else. The checks before it is connected.",
        timing: Timing { after: 0, hold: 600, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["message_handler_busy", "slow_validation"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for SlowBlock {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Change::BlockSettled { hash } = change else { return };
        let Some(block) = context.blocks.find(hash) else { return };
        let Some(seconds) = block.connect_seconds else { return };
        let threshold = self.parameters.seconds;
        context.report(self.me, seconds / threshold, || {
            Finding::new(
                Subject::block(hash),
                "It took {seconds} to connect {subject}, with {inputs} and a signature cost of {sigops}.",
            )
            .compared("seconds", seconds, "s", threshold)
            .number("inputs", f64::from(block.inputs.unwrap_or_default()), "inputs")
            .number("sigops", block.sigops.unwrap_or_default() as f64, "")
        });
    }
}
