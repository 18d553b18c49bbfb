//! How large messages are, and how much time is between two of a kind.

use event::Record;
use event::message::Message;
use event::names;

use super::recent::Recent;
use super::{Run, SECOND, seconds};
use crate::fold::{Part, Peer, Scope};
use crate::ids;

/// When a peer's last message of each type and direction was: a node with 125 peers has some 4,000 of them.
#[derive(Debug)]
pub(super) struct Sizes {
    run: Run,
    last: Recent<u64>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { run: Run::default(), last: Recent::new(28_000, 3_600 * SECOND) }
    }
}

impl Part for Sizes {
    fn message(&mut self, message: &Message, _: &Peer, scope: &mut Scope) {
        if self.run.is_new(scope.run) {
            self.last.clear();
        }
        let labels = [message.command, names::direction(message.inbound)];
        scope.store.observe(ids::MESSAGE_SIZE, &labels, message.size as f64);
        let key = self.last.key((message.peer, message.inbound, message.command));
        let (last, first) = self.last.touch(key, scope.time_ns, || scope.time_ns);
        if !first {
            scope.store.observe(ids::MESSAGE_INTERVAL, &labels, seconds(*last, scope.time_ns));
            *last = scope.time_ns;
        }
    }

    fn event(&mut self, record: &Record, _: &mut Scope) {
        if self.run.is_new_at(record) {
            self.last.clear();
        }
    }

    fn tick(&mut self, now_ns: u64, _: &mut Scope) {
        self.last.turn(now_ns);
    }
}
