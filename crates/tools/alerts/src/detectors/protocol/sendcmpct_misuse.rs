//! A peer changes its mind about compact blocks all the time.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Messages sendcmpct.
#[derive(Default)]
pub(crate) struct SendcmpctMisuse;

impl Rule for SendcmpctMisuse {
    const ROW: Row = Row {
        name: "sendcmpct_misuse",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer misuses sendcmpct",
        sees: "Messages sendcmpct that a peer sends within an hour, and what the node itself reports as misbehaviour with them (from v32 on \
               their first byte must be zero or one).",
        misses: "A peer that asks for compact blocks and does not want them.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit(
                "Such messages within the window.",
                30.0,
                "messages",
                "A node sends one or two at first, and chooses anew who announces blocks to it after each block: at most one for each of six blocks, twice.",
            ),
            window(3_600.0, "Six blocks come within an hour, now and then twice as many."),
        ],
        related: &[],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str = "{subject} ({agent}) sent {count} sendcmpct within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.sendcmpct_misuse
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let is_one =
            message.inbound && matches!(message.payload, Payload::Other) && message.message_type == "sendcmpct";
        f64::from(u8::from(is_one))
    }

    fn is_misbehaviour(message: &str) -> bool {
        message.contains("sendcmpct")
    }
}
