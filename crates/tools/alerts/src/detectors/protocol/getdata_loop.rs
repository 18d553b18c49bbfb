//! A peer requests the same again and again, or what there is not.

use event::message::{ItemType, Message, Payload, short};
use event::pb::alerts::Severity;
use event::requests::RequestKind;
use model::{Change, Context, Peer, Unanswered};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Blocks that a peer requested last.
pub(super) const LAST: usize = 4;

/// Requests that lead nowhere.
#[derive(Default)]
pub(crate) struct GetdataLoop;

impl Rule for GetdataLoop {
    const ROW: Row = Row {
        name: "getdata_loop",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer requests the same again and again",
        sees: "Entries of a peer's getdata within ten minutes that are of an unknown type, that it requested before and has not been answered yet, \
               or that are one of the last four blocks that it requested (CVE-2024-52920: nodes before Bitcoin Core v0.20 did not get \
               out of a loop; and whoever downloads blocks for nothing takes the node's bandwidth).",
        misses: "Who requests many different old blocks, as a node that catches up does.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit(
                "Such entries within the window.",
                50.0,
                "entries",
                "A node requests a block a second time after an error, and a transaction after a minute without an answer.",
            ),
            window(600.0, "Fifty blocks in this time are more than a hundred kilobytes a second."),
        ],
        related: &[],
    };
    const UNIT: &'static str = "entries";
    const SENTENCE: &'static str = "{subject} ({agent}) requested {count} within {window} that it had requested before, or that are of an unknown type.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.getdata_loop
    }

    #[inline]
    fn count(&mut self, message: &Message, peer: &mut Peer<Details>, context: &Context<Sink>) -> f64 {
        let Payload::GetData(items) = message.payload else { return 0.0 };
        if !message.inbound {
            return 0.0;
        }
        let last = &mut peer.details.protocol.last_blocks;
        let mut again = 0u32;
        for (item, hash) in items {
            if matches!(item, ItemType::Unknown | ItemType::Error) {
                again += 1;
            } else if item.is_block()
                && let Some(block) = short(hash)
            {
                again += u32::from(last.contains(&block));
                if !last.contains(&block) {
                    last.rotate_right(1);
                    if let Some(first) = last.first_mut() {
                        *first = block;
                    }
                }
            }
        }
        // Blocks are counted above, whether they were answered or not.
        let is_again = |change: &&Change| {
            matches!(change, Change::Unanswered { request, reason: Unanswered::Replaced }
                if request.inbound && request.kind == RequestKind::Tx)
        };
        f64::from(again) + context.changes.iter().filter(is_again).count() as f64
    }
}
