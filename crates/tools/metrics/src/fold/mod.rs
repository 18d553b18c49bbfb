//! Events become numbers: each observer fills the series of one subject.

mod health;
mod original;
mod own;

use std::sync::Arc;

use bus::Loss;
use event::Record;
use model::bounds::SECOND;
use model::liveness::source_of;
use model::{Model, NodeState};
use smol_str::SmolStr;

use crate::enrichment::Enrichment;
use crate::store::{Limits, Store};
use crate::table::{Id, ids};

pub use model::{Observer, Origin};

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

/// After so long without an extractor, or without the node for it, the gauges that it set are removed. A node that is busy for a moment
/// keeps them, and so does one behind a server that is started again.
const STALE_NS: u64 = 30 * SECOND;

/// Gauges that say what has become of a node and its extractors, or are not of the node, and so stay.
const LASTING: [Id; 15] = [
    ids::NODE_UP,
    ids::NODE_STATE,
    ids::SOURCE_UP,
    ids::EXTRACTOR_UP,
    ids::EXTRACTOR_STARTED,
    ids::EXTRACTOR_STATUS,
    ids::EVENT_LAST,
    ids::RUN_MISSING,
    ids::OWN_CONNECTION_UP,
    ids::ALERTS_OPEN,
    ids::ALERT_NOTIFICATIONS_WAITING,
    ids::CHAIN_NODE_REACHABLE,
    ids::CHAIN_NODE_OTHER_RULES,
    ids::CHAIN_TIP_HEIGHT,
    ids::CHAIN_TIPS,
];

/// The numbers of one node.
pub struct Node {
    store: Store,
    model: Model,
    families: Families,
    /// Extractors that do not read the node, with the time since when.
    down: Vec<(SmolStr, u64)>,
}

impl Node {
    /// Without any numbers.
    pub fn new(limits: Limits) -> Self {
        let (model, families) = (Model::default(), Families::default());
        Self { store: Store::new(limits), model, families, down: Vec::new() }
    }

    /// Its series.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Folds an event.
    pub fn fold(&mut self, record: &Arc<Record>, enrichment: &Enrichment) {
        let time_ns = record.envelope().time_ns;
        self.store.set_time(time_ns);
        self.store.set_source(source_of(record.envelope().kind).unwrap_or_default());
        self.model.fold(record, time_ns, enrichment, &mut self.store, &mut self.families);
    }

    /// Counts a loss.
    pub fn lost(&mut self, loss: &Loss, enrichment: &Enrichment) {
        self.model.lost(loss, enrichment, &mut self.store, &mut self.families);
    }

    /// Lets time pass: `now_ns` is the time, nanoseconds since the UNIX epoch.
    pub fn tick(&mut self, now_ns: u64, enrichment: &Enrichment) {
        self.store.set_time(now_ns);
        self.store.expire();
        self.store.set_source("");
        self.model.tick(now_ns, enrichment, &mut self.store, &mut self.families);
        self.remove_stale(now_ns);
    }

    /// Removes the gauges of what is gone: of a node whose process has ended at once, of an extractor that reads nothing after a while.
    fn remove_stale(&mut self, now_ns: u64) {
        let liveness = &self.model.liveness;
        self.down.retain(|(name, _)| !liveness.is_up(name));
        for (name, _) in liveness.sources() {
            if !liveness.is_up(name) && !self.down.iter().any(|(down, _)| down == name) {
                self.down.push((name.into(), now_ns));
            }
        }
        let stale = self.down.iter().filter(|(_, since_ns)| now_ns.saturating_sub(*since_ns) >= STALE_NS);
        let stale: Vec<&str> = stale.map(|(name, _)| name.as_str()).collect();
        let all = liveness.node().state == NodeState::Down
            || (!stale.is_empty() && stale.len() == liveness.sources().count());
        if all || !stale.is_empty() {
            // That nothing came for a while is no news of extractors that publish no status.
            let reports = |name: &str| liveness.source(name).is_some_and(|source| source.status_ns > 0);
            self.store.remove_gauges(&LASTING, |source| all || (stale.contains(&source) && reports(source)));
        }
    }
}
