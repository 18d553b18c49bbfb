//! A peer sends the same block again and again.

use std::collections::VecDeque;

use event::message::{Message, Payload, short};
use event::pb::alerts::{Severity, TextKind};
use model::bounded::push;
use model::text::hash;
use model::{Context, Observer, Peer};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Blocks of a peer that are remembered.
const MAX_BLOCKS: usize = 8;

parameters! {
    /// How often a peer sends the same block within the window.
    times: 2.0, "times", 2.0..=1e4, "Nobody asks a peer for the same block twice; some pools' nodes send it several times during forks (bnoc, topic 178).";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "A fork lasts until the next block.";
}

/// What is kept of a peer: its last blocks, when the first of them came, and how often.
pub(super) type OfPeer = VecDeque<(u64, u64, u32)>;

/// Finds peers that repeat blocks.
pub(crate) struct BlockRepeated {
    me: Me,
    parameters: Parameters,
}

impl Detector for BlockRepeated {
    const ROW: Row = Row {
        name: "block_repeated",
        family: "blocks",
        severity: Severity::Info,
        title: "a peer sends the same block again and again",
        sees: "Block messages of one peer with the same hash within ten minutes, by the tracepoints.",
        misses: "The same block from several peers. Compact blocks, of which several peers send the same by design.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["double_block", "reorg"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for BlockRepeated {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Payload::Block(header) = message.payload else { return };
        let Some(block) = short(header.hash).filter(|_| message.inbound && !peer.own) else { return };
        let Parameters { times: threshold, window } = self.parameters;
        let known = &mut peer.details.blocks.repeated;
        known.retain(|(_, first_ns, _)| context.time_ns.saturating_sub(*first_ns) as f64 <= window * 1e9);
        let times = match known.iter_mut().find(|(known, ..)| *known == block) {
            Some((.., times)) => {
                *times = times.saturating_add(1);
                f64::from(*times)
            }
            None => {
                push(known, (block, context.time_ns, 1), MAX_BLOCKS);
                return;
            }
        };
        let text = hash(header.hash).map(|hash| event::HashText(&hash).to_string()).unwrap_or_default();
        let peer = &*peer;
        context.report(self.me, times / threshold, || {
            Finding::new(
                Subject::peer(peer),
                "{subject} ({agent}) sent the same block {times} within {window}: {block}.",
            )
            .compared("times", times, "times", threshold)
            .number("window", window, "s")
            .text("agent", TextKind::UserAgent, peer.user_agent.as_deref().unwrap_or_default())
            .text("block", TextKind::Hash, &text)
        });
    }
}
