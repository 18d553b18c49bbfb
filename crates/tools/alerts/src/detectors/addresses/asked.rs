//! Which addresses the node asked for: what answers its getaddr is no gossip.

use event::message::{Addresses, Message, Payload};
use model::bounds::SECOND;
use model::{Context, Observer, Peer};

use crate::detectors::Details;
use crate::sink::Sink;

/// Bitcoin Core relays addresses of messages with at most so many (`RelayAddress` is for small messages only); an answer has more.
const MAX_RELAYED: usize = 10;
/// So long after a getaddr its answer may come.
const PATIENCE_NS: u64 = 600 * SECOND;

/// What is kept of a peer.
#[derive(Debug, Default)]
pub(super) struct OfPeer {
    /// Until when an answer to the last getaddr may come; 0 if none is expected.
    until_ns: u64,
    /// Whether the message at hand is one.
    is_answer: bool,
    /// How many addresses it has.
    count: usize,
}

/// Notes of each message with addresses whether the node asked for it, before the detectors see it.
#[derive(Debug, Default)]
pub(crate) struct Asked;

impl Observer<Sink, Details> for Asked {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let asked = &mut peer.details.addresses.asked;
        match message.payload {
            Payload::GetAddr if !message.inbound => asked.until_ns = context.time_ns.saturating_add(PATIENCE_NS),
            Payload::Addr(addresses) | Payload::AddrV2(addresses) if message.inbound => {
                asked.count = addresses.into_iter().count();
                // A peer may say where it is itself before it answers (Bitcoin Core #34146): that is left out, too.
                asked.is_answer = context.time_ns < asked.until_ns;
                if asked.count > MAX_RELAYED {
                    asked.until_ns = 0;
                }
            }
            _ => {}
        }
    }
}

/// How many addresses the message at hand has, if it has such.
pub(super) fn count(peer: &Peer<Details>) -> usize {
    peer.details.addresses.asked.count
}

/// Addresses that a peer of the network sent without being asked.
#[inline]
pub(crate) fn gossip<'a>(message: &Message<'a>, peer: &Peer<Details>) -> Option<Addresses<'a>> {
    received(message, peer).filter(|_| !peer.details.addresses.asked.is_answer)
}

/// Addresses with which a peer of the network answered the node, and how many they are. Some few are no answer.
#[inline]
pub(super) fn answer<'a>(message: &Message<'a>, peer: &Peer<Details>) -> Option<(Addresses<'a>, usize)> {
    let OfPeer { is_answer, count, .. } = peer.details.addresses.asked;
    received(message, peer).filter(|_| is_answer && count > MAX_RELAYED).map(|addresses| (addresses, count))
}

#[inline]
fn received<'a>(message: &Message<'a>, peer: &Peer<Details>) -> Option<Addresses<'a>> {
    match message.payload {
        Payload::Addr(addresses) | Payload::AddrV2(addresses) if message.inbound && !peer.own => Some(addresses),
        _ => None,
    }
}
