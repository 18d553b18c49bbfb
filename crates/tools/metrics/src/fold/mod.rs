//! Events become numbers: each observer fills the series of one subject.

mod health;
mod original;
mod own;

use std::sync::Arc;

use bus::Loss;
use event::Record;
use model::Model;

use crate::enrichment::Enrichment;
use crate::store::{Limits, Store};

pub use model::Observer;

/// A peer, as the model has it.
pub type Peer = model::Peer;

/// The peers of a node, as the model has them.
pub type Peers = model::Peers;

/// What an observer gets besides what happened: `sink` is the node's series.
pub type Context<'a> = model::Context<'a, Store>;

model::observers! {
    /// All families of series.
    #[derive(Default)]
    struct Families: Observer<Store, ()> {
        original: original::Families,
        own: own::Families,
        health: health::Health,
    }
}

/// The numbers of one node.
pub struct Node {
    store: Store,
    model: Model,
    families: Families,
    has_begun: bool,
}

impl Node {
    /// Without any numbers.
    pub fn new(limits: Limits) -> Self {
        Self { store: Store::new(limits), model: Model::default(), families: Families::default(), has_begun: false }
    }

    /// Its series.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Folds an event.
    pub fn fold(&mut self, record: &Arc<Record>, enrichment: &Enrichment) {
        let time_ns = record.envelope().time_ns;
        self.set_time(time_ns);
        self.model.fold(record, time_ns, enrichment, &mut self.store, &mut self.families);
    }

    /// Sets the time. What begins at 0 does so at the first one, so that a page shows since when it counts.
    fn set_time(&mut self, now_ns: u64) {
        self.store.set_time(now_ns);
        if !self.has_begun {
            self.has_begun = true;
            self.families.begin(&mut self.store);
        }
    }

    /// Counts a loss.
    pub fn lost(&mut self, loss: &Loss, enrichment: &Enrichment) {
        self.model.lost(loss, enrichment, &mut self.store, &mut self.families);
    }

    /// Lets time pass: `now_ns` is the time, nanoseconds since the UNIX epoch.
    pub fn tick(&mut self, now_ns: u64, enrichment: &Enrichment) {
        self.set_time(now_ns);
        self.store.expire();
        self.model.tick(now_ns, enrichment, &mut self.store, &mut self.families);
    }
}
