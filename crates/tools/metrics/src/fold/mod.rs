//! Events become numbers: each part knows one subject.

mod health;
mod original;
mod own;
mod peers;

use std::sync::Arc;

use bus::Loss;
use event::message::Message;
use event::{Kind, Record};

use crate::facts::Facts;
use crate::store::{Limits, Store};

pub use peers::{Peer, Peers};

/// What a part gets to know and to change besides the event.
pub struct Scope<'a> {
    /// The node's series.
    pub store: &'a mut Store,
    /// When it happened, nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// Run of the extractor that told it; 0 if it counts none, or time alone passed.
    pub run: u64,
    /// Sets of networks, autonomous systems.
    pub facts: &'a Facts,
    /// What is known of the node's peers.
    pub peers: &'a mut Peers,
}

/// Folds what concerns one subject into series. One file each, one line in [`parts`].
pub trait Part: Send {
    /// Before the first event: series that begin at 0.
    fn begin(&mut self, store: &mut Store) {
        let _ = store;
    }

    /// A P2P message of a peer. `scope.peers` may be asked for others; this one is handed over.
    fn message(&mut self, message: &Message, peer: &Peer, scope: &mut Scope) {
        let _ = (message, peer, scope);
    }

    /// An event that is no P2P message.
    fn event(&mut self, record: &Record, scope: &mut Scope) {
        let _ = (record, scope);
    }

    /// Every few seconds, before a page is made, and for what only time brings about.
    fn tick(&mut self, now_ns: u64, scope: &mut Scope) {
        let _ = (now_ns, scope);
    }

    /// Events of this node did not arrive.
    fn lost(&mut self, loss: &Loss, scope: &mut Scope) {
        let _ = (loss, scope);
    }
}

/// All parts.
fn parts() -> Vec<Box<dyn Part>> {
    let health: Box<dyn Part> = Box::new(health::Health::default());
    original::parts().into_iter().chain(own::parts()).chain([health]).collect()
}

/// The numbers of one node.
pub struct Node {
    store: Store,
    peers: Peers,
    parts: Vec<Box<dyn Part>>,
    begun: bool,
}

impl Node {
    /// Without any numbers.
    pub fn new(limits: Limits) -> Self {
        Self { store: Store::new(limits), peers: Peers::default(), parts: parts(), begun: false }
    }

    /// Its series.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Folds an event.
    pub fn fold(&mut self, record: &Arc<Record>, facts: &Facts) {
        let (time_ns, run) = (record.envelope().time_ns, record.envelope().run);
        self.set_time(time_ns);
        let Self { store, peers, parts, .. } = self;
        if record.envelope().kind != Kind::Message {
            peers.event(record, facts);
            let mut scope = Scope { store, time_ns, run, facts, peers };
            parts.iter_mut().for_each(|part| part.event(record, &mut scope));
            return;
        }
        let Some(message) = Message::of(record) else { return };
        let peer = peers.of_message(&message, time_ns, facts);
        let mut scope = Scope { store, time_ns, run, facts, peers };
        parts.iter_mut().for_each(|part| part.message(&message, &peer, &mut scope));
    }

    /// Sets the time. What begins at 0 does so at the first one, so that a page tells since when it counts.
    fn set_time(&mut self, now_ns: u64) {
        self.store.set_time(now_ns);
        if !self.begun {
            self.begun = true;
            self.parts.iter_mut().for_each(|part| part.begin(&mut self.store));
        }
    }

    /// Takes note of a loss.
    pub fn lost(&mut self, loss: &Loss, facts: &Facts) {
        let Self { store, peers, parts, .. } = self;
        let mut scope = Scope { store, time_ns: loss.time_ns, run: loss.run, facts, peers };
        parts.iter_mut().for_each(|part| part.lost(loss, &mut scope));
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64, facts: &Facts) {
        self.set_time(now_ns);
        let Self { store, peers, parts, .. } = self;
        store.expire();
        let mut scope = Scope { store, time_ns: now_ns, run: 0, facts, peers };
        parts.iter_mut().for_each(|part| part.tick(now_ns, &mut scope));
    }
}
