//! Two blocks of one height.

use std::collections::BTreeMap;

use event::pb::alerts::{Severity, TextKind};
use model::text::Hash;
use model::{Context, Observer, Peers};

use crate::counting::ns;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::has_caught_up;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// So long a second block of a height is news.
    window: 600.0, "s", 10.0..=86_400.0, "The next block mostly decides between the two.";
}

/// Finds blocks that compete.
pub(crate) struct DoubleBlock {
    me: Me,
    parameters: Parameters,
}

impl Detector for DoubleBlock {
    const ROW: Row = Row {
        name: "double_block",
        family: "blocks",
        severity: Severity::Info,
        title: "two blocks have the same height",
        sees: "Blocks that the node itself reports (debug.log, tracepoints), with the same height and different hashes, the second \
               of which came within the last ten minutes.",
        misses: "Blocks that only peers announced. Which pool made them: two blocks of one pool at one height were seen several \
                 times (bnoc, topics 48, 60 and 166).",
        timing: Timing { after: 0, hold: 60, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &["reorg", "chain_split", "block_repeated"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for DoubleBlock {
    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if !has_caught_up(context) {
            return;
        }
        let window_ns = ns(self.parameters.window);
        let mut first: BTreeMap<u32, Hash> = BTreeMap::new();
        for block in context.blocks.known().iter().filter(|block| block.confirmed) {
            let Some(height) = block.height else { continue };
            let other = *first.entry(height).or_insert(block.hash);
            if other == block.hash || context.time_ns.saturating_sub(block.first_ns) > window_ns {
                continue;
            }
            context.report(self.me, 1.0, || {
                Finding::new(Subject::block(&block.hash), "{subject} has the height {height}, as block {other} has.")
                    .number("height", f64::from(height), "")
                    .text("other", TextKind::Hash, &event::HashText(&other).to_string())
            });
        }
    }
}
