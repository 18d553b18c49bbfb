//! P2P messages by type, for a node and for each of its peers.

use std::collections::BTreeMap;

use event::message::Message;
use event::message_types;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos};
use event::{Body, Record};
use model::bounds::MAX_OPEN;
use model::{Observer, Rate};
use smol_str::SmolStr;

use super::node::{Context, Details, Peer, Peers};

/// The name of all types without statistics of their own. Peers choose names, so there must be a limit.
const OTHER: &str = "(other)";

/// Messages of one type in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub messages: u64,
    pub bytes: u64,
    pub rate: Rate,
}

/// Messages by type: received, sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(BTreeMap<SmolStr, [Count; 2]>);

impl Counts {
    #[inline]
    fn of(&mut self, name: &str, inbound: bool) -> &mut Count {
        let name = if message_types::is_tracked(name) { name } else { OTHER };
        let [received, sent] = self.0.entry(SmolStr::new(name)).or_default();
        if inbound { received } else { sent }
    }

    #[inline]
    fn add(&mut self, message: &Message, time_ns: u64) {
        let count = self.of(message.message_type, message.inbound);
        count.messages += 1;
        count.bytes = count.bytes.saturating_add(message.size);
        count.rate.add(time_ns, 1);
    }

    /// Bytes by type in an answer of getpeerinfo.
    fn polled(info: &PeerInfo) -> Self {
        let mut counts = Self::default();
        let received = info.bytes_received_per_message.iter().map(|(name, bytes)| (name, true, bytes));
        let sent = info.bytes_sent_per_message.iter().map(|(name, bytes)| (name, false, bytes));
        for (name, inbound, bytes) in received.chain(sent).take(256) {
            let count = counts.of(name, inbound);
            count.bytes = count.bytes.saturating_add(*bytes);
        }
        counts
    }

    /// All types: received, sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Count; 2])> {
        self.0.iter().map(|(name, counts)| (name.as_str(), counts))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Messages of a node.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// By type, as tracepoints report them.
    pub traced: Counts,
    /// All of them: received, sent.
    pub rates: [Rate; 2],
}

impl Observer<(), Details> for Messages {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        self.traced.add(message, context.time_ns);
        peer.details.traced.add(message, context.time_ns);
        let side = usize::from(!message.inbound);
        if let (Some(rate), Some(last_ns)) = (self.rates.get_mut(side), peer.details.last_ns.get_mut(side)) {
            rate.add(context.time_ns, 1);
            *last_ns = context.time_ns.max(*last_ns);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, _: &mut Context) {
        if let Some(Body::RpcExtractor(rpc)) = record.body()
            && let Some(RpcEvent::PeerInfos(PeerInfos { infos })) = &rpc.rpc_event
        {
            for info in infos.iter().take(MAX_OPEN) {
                if let Some(peer) = peers.get_mut(info.id.into()) {
                    peer.details.polled = Counts::polled(info);
                }
            }
        }
    }
}
