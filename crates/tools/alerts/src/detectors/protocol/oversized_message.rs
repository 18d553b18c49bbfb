//! A peer sends messages that are larger than any message of their type may be.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Bytes of a list: the number of entries, and the entries.
const fn list(entries: u64, bytes: u64) -> u64 {
    9 + entries * bytes
}

/// Bytes of a message at most, by the limits of Bitcoin Core (`MAX_INV_SZ`, `MAX_HEADERS_RESULTS`, `MAX_ADDR_TO_SEND`,
/// `MAX_LOCATOR_SZ`, `MAX_BLOOM_FILTER_SIZE`, `MAX_SUBVERSION_LENGTH`); none for transactions and blocks, and what is not known.
#[inline]
fn most(message: &Message) -> Option<u64> {
    Some(match message.payload {
        Payload::Inv(_) | Payload::GetData(_) | Payload::NotFound(_) => list(50_000, 36),
        Payload::Ping(_) | Payload::Pong(_) | Payload::FeeFilter(_) => 8,
        Payload::Addr(_) => list(1_000, 30),
        // The longest address is of 512 bytes (BIP 155).
        Payload::AddrV2(_) => list(1_000, 531),
        Payload::Headers(_) => list(2_000, 81),
        Payload::GetHeaders => list(101, 32) + 36,
        Payload::GetAddr => 0,
        Payload::Other => match message.message_type {
            "inv" | "getdata" | "notfound" => list(50_000, 36),
            "ping" | "pong" | "feefilter" => 8,
            "sendcmpct" => 9,
            "addr" => list(1_000, 30),
            "addrv2" => list(1_000, 531),
            "headers" => list(2_000, 81),
            "getheaders" | "getblocks" => list(101, 32) + 36,
            "filterload" => 36_018,
            "filteradd" => 529,
            "version" => 1_024,
            "getaddr" | "verack" | "sendheaders" | "mempool" | "wtxidrelay" | "sendaddrv2" | "filterclear" => 0,
            _ => return None,
        },
        _ => return None,
    })
}

/// Messages that are too large.
#[derive(Default)]
pub(crate) struct OversizedMessage;

impl Rule for OversizedMessage {
    const ROW: Row = Row {
        name: "oversized_message",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer sends messages larger than their type allows",
        sees: "The size of each message that a peer sends, compared with what Bitcoin Core takes of its type; and what the node itself \
               reports as misbehaviour because a message has too many entries.",
        misses: "Transactions and blocks, which the node checks. New versions of the protocol may allow more.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit(
                "Such messages within the window.",
                1.0,
                "messages",
                "The node disconnects at the first one that has too many entries.",
            ),
            window(600.0, "One every ten minutes keeps the alert open."),
        ],
        related: &["malformed_message"],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str =
        "{subject} ({agent}) sent {count} that are larger than their type allows within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.oversized_message
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let is_too_large = message.inbound && most(message).is_some_and(|most| message.size > most);
        f64::from(u8::from(is_too_large))
    }

    fn is_misbehaviour(message: &str) -> bool {
        message.contains("message size = ")
    }
}
