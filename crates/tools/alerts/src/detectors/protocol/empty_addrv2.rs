//! A peer sends addrv2 without any payload.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Messages addrv2 of 0 bytes.
#[derive(Default)]
pub(crate) struct EmptyAddrV2;

impl Rule for EmptyAddrV2 {
    const ROW: Row = Row {
        name: "empty_addresses",
        family: "protocol",
        severity: Severity::Info,
        title: "a peer sends addrv2 without a payload",
        sees: "Messages addrv2 of no bytes: not even the number of addresses is there, which an honest program writes as one byte.",
        misses: "What the program is. It does no harm as such.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit("Such messages within the window.", 1.0, "messages", "No common program sends any."),
            window(600.0, "One every ten minutes keeps the alert open."),
        ],
        related: &["malformed_message"],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str = "{subject} ({agent}) sent {count} addrv2 without a payload within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.empty_addrv2
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        f64::from(u8::from(message.inbound && matches!(message.payload, Payload::EmptyAddrV2)))
    }
}
