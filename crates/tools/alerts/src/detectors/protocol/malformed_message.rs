//! A peer sends messages that cannot be decoded.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Types whose payload is there if it can be decoded. Blocks are captured in part.
const TYPES: [&str; 15] = [
    "inv",
    "tx",
    "getdata",
    "ping",
    "pong",
    "addrv2",
    "addr",
    "headers",
    "getheaders",
    "feefilter",
    "version",
    "cmpctblock",
    "getblocktxn",
    "notfound",
    "getaddr",
];

/// Messages that cannot be decoded.
#[derive(Default)]
pub(crate) struct MalformedMessage {
    /// Types that the node itself seems to send so, a bit each: they are captured in part.
    cut: u32,
}

impl Rule for MalformedMessage {
    const ROW: Row = Row {
        name: "malformed_message",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer sends messages that cannot be decoded",
        sees: "Messages of types that are always decoded which could not be: too short, or with values that there are not.",
        misses: "Messages of unknown types, and what the decoder takes although the node does not. Types that are captured in part \
                 (--capture), which shows in messages that the node itself sends.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit("Such messages within the window.", 3.0, "messages", "One may be a mistake of the decoder."),
            window(600.0, "One every three minutes."),
        ],
        related: &["oversized_message"],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str = "{subject} ({agent}) sent {count} that cannot be decoded within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.malformed_message
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let Payload::Other = message.payload else { return 0.0 };
        let Some(index) = TYPES.iter().position(|known| *known == message.message_type) else { return 0.0 };
        if !message.inbound {
            self.cut |= 1 << index;
        }
        f64::from(u8::from(message.inbound && self.cut >> index & 1 == 0))
    }
}
