//! A block breaks the rules of the node.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::log::LogEvent;
use model::blocks::mutation;
use model::text::cut;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::logged;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Digits of a hash.
const HASH: usize = 64;

/// Finds invalid blocks.
pub(crate) struct InvalidBlock {
    me: Me,
}

impl Detector for InvalidBlock {
    const ROW: Row = Row {
        name: "invalid_block",
        family: "blocks",
        severity: Severity::Warning,
        title: "a block is invalid",
        sees: "Blocks that the node checks and refuses, and chains with an invalid block, by debug.log. Blocks that were only \
               changed on the way are mutated_block.",
        misses: "A node whose debug.log is not read. Blocks whose headers were refused already, which cost an attacker nothing.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[],
        related: &["mutated_block", "rules_split"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for InvalidBlock {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let (hash, reason) = match logged(record) {
            Some(LogEvent::BlockCheckedLog(checked))
                if checked.state != "Valid" && mutation(&checked.state).is_none() =>
            {
                (checked.block_hash.as_str(), checked.state.as_str())
            }
            Some(LogEvent::InvalidChainFound(found)) if !found.current_best => match &found.block_hash {
                Some(hash) => (hash.as_str(), "its chain is invalid"),
                None => return,
            },
            _ => return,
        };
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Block(cut(hash, HASH)), "{subject} breaks the rules of the node: {reason}.").text(
                "reason",
                TextKind::Free,
                reason,
            )
        });
    }
}
