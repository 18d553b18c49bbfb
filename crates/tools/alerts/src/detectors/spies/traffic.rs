//! What each peer does with transactions: what tells spies from nodes.

use event::message::{Message, Payload};
use model::{Context, Observer, Peer};

use crate::detectors::Details;
use crate::sink::Sink;

/// Bytes of an entry of an inv.
const ENTRY: u64 = 36;

/// What is kept of a peer.
#[derive(Debug, Default)]
pub(super) struct OfPeer {
    /// Anything that it sent was seen: only what the node sends may be traced.
    pub heard: bool,
    /// Transactions that the node announced to it.
    pub announced: u64,
    /// It announced or sent a transaction.
    pub announces: bool,
    /// It requested a transaction.
    pub requests: bool,
    /// It requested a block: a node that catches up requests no transactions.
    pub syncs: bool,
}

impl OfPeer {
    /// Whether it takes no part in the relay of transactions.
    pub fn is_quiet(&self) -> bool {
        self.heard && !self.announces && !self.requests
    }
}

/// Notes what peers do with transactions, before the detectors see the message.
#[derive(Debug, Default)]
pub(crate) struct Traffic;

impl Observer<Sink, Details> for Traffic {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, _: &mut Context<Sink>) {
        let traffic = &mut peer.details.spies.traffic;
        traffic.heard |= message.inbound;
        match message.payload {
            Payload::Inv(mut items) if message.inbound => {
                traffic.announces = traffic.announces || items.any(|(item, _)| item.is_tx());
            }
            // A node announces transactions and blocks in messages of their own.
            Payload::Inv(items) if items.clone().next().is_some_and(|(item, _)| item.is_tx()) => {
                traffic.announced = traffic.announced.saturating_add(message.size / ENTRY);
            }
            Payload::Tx(_) if message.inbound => traffic.announces = true,
            // It was not captured, or not all of it: what it says is not known.
            Payload::Other if message.inbound && matches!(message.message_type, "inv" | "getdata" | "tx") => {
                traffic.announces = true;
            }
            Payload::GetData(items) if message.inbound && !(traffic.requests && traffic.syncs) => {
                for (item, _) in items {
                    traffic.requests |= item.is_tx();
                    traffic.syncs |= item.is_block();
                }
            }
            _ => {}
        }
    }
}
