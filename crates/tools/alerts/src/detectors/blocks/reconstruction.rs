//! Compact blocks cannot be put together from the mempool.

use std::collections::VecDeque;

use event::message::{Message, Payload, short};
use event::pb::alerts::Severity;
use model::blocks::Stage;
use model::bounded::push;
use model::text::short_of;
use model::{Change, Context, Observer, Origin, Peer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::begins_anew;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Requests for transactions of blocks that are remembered.
const MAX_REQUESTED: usize = 16;
/// Blocks that are looked at, at most.
const MAX_BLOCKS: usize = 144;

parameters! {
    /// Share of the last blocks of which transactions had to be requested.
    share: 0.9, "share", 0.1..=1.0, "In bad times half of the blocks need a request (delvingbitcoin, topic 1052); nine of ten were not seen at honest nodes.";
    /// How many of the last blocks are looked at.
    blocks: 10.0, "blocks", 1.0..=144.0, "Less than two hours of blocks say little.";
}

/// Finds times in which compact blocks need further requests.
pub(crate) struct LowReconstruction {
    me: Me,
    parameters: Parameters,
    /// Blocks of which transactions were requested.
    requested: VecDeque<u64>,
    /// Of the last blocks: whether transactions had to be requested.
    last: VecDeque<bool>,
    evidence: Evidence,
}

impl Detector for LowReconstruction {
    const ROW: Row = Row {
        name: "low_reconstruction",
        family: "blocks",
        severity: Severity::Info,
        title: "compact blocks cannot be put together from the mempool",
        sees: "New blocks that came as compact blocks, and of which the node had to request transactions: by its getblocktxn \
               messages, or by debug.log (category cmpctblock).",
        misses: "Why the transactions were missing: a mempool with other rules, blocks with private transactions, or peers that \
                 withhold them. The first hours after a start, when the mempool is not full yet.",
        timing: Timing { after: 0, hold: 3_600, warm_up: 10_800 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        let (requested, last, evidence) = Default::default();
        Self { me, parameters: Parameters::of(values), requested, last, evidence }
    }
}

impl Observer<Sink, Details> for LowReconstruction {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, _: &mut Context<Sink>) {
        if let Payload::GetBlockTxn(hash, _) = message.payload
            && !message.inbound
            && !peer.own
            && let Some(block) = short(hash)
        {
            push(&mut self.requested, block, MAX_REQUESTED);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if begins_anew(change) {
            self.last.clear();
        }
        let Change::BlockSettled { hash } = change else { return };
        let Some(block) = context.blocks.find(hash) else { return };
        let was_requested = match &block.reconstruction {
            Some(reconstruction) => reconstruction.requested > 0,
            None if context.origins.has(Origin::Messages) && block.at(Stage::CompactBlock).is_some() => {
                self.requested.contains(&short_of(hash))
            }
            None => return, // it came whole
        };
        let Parameters { share: threshold, blocks } = self.parameters;
        push(&mut self.last, was_requested, (blocks as usize).clamp(1, MAX_BLOCKS));
        if was_requested {
            self.evidence.note(context);
        }
        let (of, known) = (self.last.iter().filter(|requested| **requested).count() as f64, self.last.len() as f64);
        if known < blocks {
            return;
        }
        let evidence = &self.evidence;
        context.report(self.me, of / known / threshold, || {
            Finding::new(Subject::Node, "{subject} had to request transactions of {share} of the last {blocks}.")
                .compared("share", of / known, "share", threshold)
                .number("blocks", known, "blocks")
                .evidence(evidence)
        });
    }
}
