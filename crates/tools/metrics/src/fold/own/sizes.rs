//! How large messages are, and how much time is between two of a kind.

use event::message::Message;
use event::names;

use super::{SECOND, seconds};
use crate::fold::{Context, Observer, Peer, Peers};
use crate::ids;
use crate::store::Store;
use model::Change;
use model::bounded::RecentMap;

/// When a peer's last message of each type and direction was: a node with 125 peers has some 4,000 of them.
#[derive(Debug)]
pub(super) struct Sizes {
    last: RecentMap<u64>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { last: RecentMap::new(28_000, 3_600 * SECOND) }
    }
}

impl Observer<Store> for Sizes {
    fn message(&mut self, message: &Message, _: &mut Peer, context: &mut Context) {
        let labels = [message.message_type, names::direction(message.inbound)];
        context.sink.observe(ids::MESSAGE_SIZE, &labels, message.size as f64);
        let key = self.last.key((message.peer, message.inbound, message.message_type));
        let (last, first) = self.last.touch(key, context.time_ns, || context.time_ns);
        if !first {
            context.sink.observe(ids::MESSAGE_INTERVAL, &labels, seconds(*last, context.time_ns));
            *last = context.time_ns;
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, _: &mut Context) {
        if let Change::TracepointsRestarted = change {
            self.last.clear();
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let now_ns = context.time_ns;
        self.last.turn(now_ns);
    }
}
