//! A peer pings all the time.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Pings that a peer sends.
#[derive(Default)]
pub(crate) struct PingSpam;

impl Rule for PingSpam {
    const ROW: Row = Row {
        name: "ping_spam",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer pings all the time",
        sees: "The pings that a peer sends within two minutes. The node has to answer each.",
        misses: "Other messages that cost the node an answer. Programs that measure latency ping often for good reasons.",
        timing: Timing { after: 0, hold: 120, warm_up: 0 },
        parameters: &[
            limit(
                "Pings within the window.",
                10.0,
                "pings",
                "Bitcoin Core pings once in two minutes, and when its operator asks; the original tool has 3.",
            ),
            window(120.0, "The same."),
        ],
        related: &[],
    };
    const UNIT: &'static str = "pings";
    const SENTENCE: &'static str = "{subject} ({agent}) sent {count} within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.ping_spam
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let is_ping = message.inbound && matches!(message.payload, Payload::Ping(_) | Payload::OldPing);
        f64::from(u8::from(is_ping))
    }
}
