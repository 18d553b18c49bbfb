//! What peers in named sets of networks send and get.

use event::message::Message;

use crate::fold::{Part, Peer, Scope};
use crate::ids;
use event::names;

/// Messages of peers in sets. Connections are counted where they are opened.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// Of which sets there are series.
    generation: u64,
}

impl Part for Sets {
    fn message(&mut self, message: &Message, peer: &Peer, scope: &mut Scope) {
        if peer.sets.is_empty() {
            return;
        }
        for name in scope.facts.names(peer.sets) {
            let labels = [name, message.command, names::direction(message.inbound)];
            scope.store.inc(ids::SET_MESSAGES, &labels);
            scope.store.add(ids::SET_MESSAGE_BYTES, &labels, message.size as f64);
        }
    }

    fn tick(&mut self, _: u64, scope: &mut Scope) {
        if self.generation == scope.facts.generation() {
            return;
        }
        self.generation = scope.facts.generation();
        for (name, _) in scope.facts.sets() {
            for inbound in [true, false] {
                scope.store.add(ids::SET_CONNECTIONS, &[name, names::direction(inbound)], 0.0);
            }
        }
    }
}
