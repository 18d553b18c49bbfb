//! A peer sends transactions or blocks that the node did not request.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use event::requests::RequestKind;
use model::bounds::SECOND;
use model::{Change, Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// So long after a request may have been missed, its answer is none that nobody asked for.
const BLIND_NS: u64 = 120 * SECOND;

/// Data that nobody asked for.
#[derive(Default)]
pub(crate) struct UnrequestedData {
    /// Until when answers to requests that were not seen may come.
    blind_until_ns: u64,
    /// Whether requests of the node are seen at all: only what peers send may be traced.
    sees_requests: bool,
}

impl Rule for UnrequestedData {
    const ROW: Row = Row {
        name: "unrequested_data",
        family: "protocol",
        severity: Severity::Warning,
        title: "a peer sends data that the node did not request",
        sees: "Messages tx, block and blocktxn within ten minutes that answer no request of the node that was seen.",
        misses: "Everything, if only what peers send is traced. Compact blocks, which come without a request when a peer was chosen for that. For two minutes after a start, and after \
                 events were lost, nothing is counted. Some wallets send their own transactions in this way, one now and then.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit(
                "Such messages within the window.",
                20.0,
                "messages",
                "A wallet sends a few transactions; the bitpeers of a pool sent each block several times (BNOC).",
            ),
            window(600.0, "Two a minute, for long enough to be sure."),
        ],
        related: &[],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str =
        "{subject} ({agent}) sent {count} with transactions or blocks that nobody requested within {window}.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.unrequested_data
    }

    #[inline]
    fn count(&mut self, message: &Message, peer: &mut Peer<Details>, context: &Context<Sink>) -> f64 {
        let is_tx = match message.payload {
            Payload::Tx(_) if message.inbound => true,
            Payload::Block(_) | Payload::BlockTxn(_) if message.inbound => false,
            Payload::GetData(_) if !message.inbound => {
                self.sees_requests = true;
                return 0.0;
            }
            // A request that was captured in part: what it asks for is not known.
            Payload::Other if !message.inbound && message.message_type == "getdata" => {
                self.missed(context.time_ns);
                return 0.0;
            }
            _ => return 0.0,
        };
        let answers = |change: &Change| matches!(change, Change::Answered(answer) if answer.by_peer() && is_tx == (answer.request.kind == RequestKind::Tx));
        let is_blind = !self.sees_requests
            || context.time_ns < self.blind_until_ns
            || context.sink.since_start_ns(context.time_ns) < BLIND_NS
            || context.time_ns.saturating_sub(peer.first_seen_ns) < SECOND;
        f64::from(u8::from(!is_blind && !context.changes.iter().any(answers)))
    }

    fn missed(&mut self, now_ns: u64) {
        self.blind_until_ns = now_ns.saturating_add(BLIND_NS);
    }
}
