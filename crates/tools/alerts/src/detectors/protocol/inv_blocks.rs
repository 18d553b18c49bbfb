//! A peer announces huge numbers of blocks: CVE-2024-52915.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// An inv of more bytes has more entries than an answer to getblocks (500).
const LONG: u64 = 3 + 36 * 500;

/// Blocks that a peer announces.
#[derive(Default)]
pub(crate) struct InvBlocks;

impl Rule for InvBlocks {
    const ROW: Row = Row {
        name: "inv_blocks",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer announces huge numbers of blocks",
        sees: "Blocks in the inv messages of a peer within ten minutes: nodes before Bitcoin Core v0.20 answered each unknown one with a \
               getheaders of kilobytes, until their memory was full (CVE-2024-52915).",
        misses: "Short messages that begin with a transaction. Old nodes announce up to 500 in answer to a getblocks.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit(
                "Blocks announced within the window.",
                5_000.0,
                "blocks",
                "A message of the attack has 50,000; ten answers to getblocks have 5,000.",
            ),
            window(600.0, "The attack sends one message after the other."),
        ],
        related: &["oversized_message"],
    };
    const UNIT: &'static str = "blocks";
    const SENTENCE: &'static str = "{subject} ({agent}) announced {count} within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.inv_blocks
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let Payload::Inv(items) = message.payload else { return 0.0 };
        // Nearly all announce transactions only: one look is enough.
        let begins_with_block = || items.clone().next().is_some_and(|(item, _)| item.is_block());
        if !message.inbound || !(message.size > LONG || begins_with_block()) {
            return 0.0;
        }
        let blocks = items.filter(|(item, _)| item.is_block()).count();
        // A few are news.
        if blocks > 1 { blocks as f64 } else { 0.0 }
    }
}
