//! A peer pings as before BIP 31.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// The last protocol version whose pings have no nonce (BIP 31).
const BIP31: u32 = 60_000;

/// Pings without a nonce.
#[derive(Default)]
pub(crate) struct OldPing;

impl Rule for OldPing {
    const ROW: Row = Row {
        name: "old_ping",
        family: "protocol",
        severity: Severity::Info,
        title: "a peer pings as before BIP 31",
        sees: "Pings without a payload from peers whose protocol version has a nonce in pings: an unusual program.",
        misses: "What the program is. It does no harm as such.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit("Such pings within the window.", 1.0, "pings", "No common program sends any."),
            window(600.0, "A ping every ten minutes keeps the alert open."),
        ],
        related: &["ping_spam"],
    };
    const UNIT: &'static str = "pings";
    const SENTENCE: &'static str = "{subject} ({agent}) sent {count} without a nonce within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.old_ping
    }

    #[inline]
    fn count(&mut self, message: &Message, peer: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let is_old = message.inbound && matches!(message.payload, Payload::OldPing);
        f64::from(u8::from(is_old && peer.version.is_none_or(|version| version > BIP31)))
    }
}
