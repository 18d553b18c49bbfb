//! What peers in named sets of networks send and get.

use event::message::Message;

use crate::fold::{Context, Observer, Origin, Peer, Peers};
use crate::ids;
use crate::store::Store;
use event::names;

/// Messages of peers in sets. Connections are counted where they are opened.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// Of which sets there are series.
    generation: u64,
}

impl Observer<Store> for Sets {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        if peer.sets.is_empty() {
            return;
        }
        for name in context.enrichment.names(peer.sets) {
            let labels = [name, message.message_type, names::direction(message.inbound)];
            context.sink.inc(ids::SET_MESSAGES, &labels);
            context.sink.add(ids::SET_MESSAGE_BYTES, &labels, message.size as f64);
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        // What opens connections is known by tracepoints or by debug.log.
        let known = context.origins.has_any([Origin::Connections, Origin::LogNet]);
        if !known || self.generation == context.enrichment.generation() {
            return;
        }
        self.generation = context.enrichment.generation();
        for (name, _) in context.enrichment.sets().filter(|(_, networks)| *networks > 0) {
            for inbound in [true, false] {
                context.sink.add(ids::SET_CONNECTIONS, &[name, names::direction(inbound)], 0.0);
            }
        }
    }
}
