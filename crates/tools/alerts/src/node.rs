//! A node, and its detectors.

use std::sync::Arc;

use model::Model;
use model::bounds::SECOND;
use networks::Enrichment;

use crate::book::Book;
use crate::clock::Clock;
use crate::detectors::{Details, Detectors};
use crate::repeated::Repeated;
use crate::settings::{Next, Settings};
use crate::sink::Sink;

/// How often time passes for detectors: at full multiples of this, so that it does not matter when a node was first seen.
pub(crate) const TICK_NS: u64 = 5 * SECOND;

/// A node.
pub(crate) struct Node {
    pub model: Model<Details>,
    pub detectors: Detectors,
    pub sink: Sink,
    pub clock: Clock,
    pub next_tick_ns: u64,
    pub repeated: Repeated,
}

impl Node {
    pub fn new(name: &Arc<str>, settings: &Settings) -> Self {
        Self {
            model: Model::default(),
            detectors: Detectors::new(&mut Next::new(settings)),
            sink: Sink::new(Arc::clone(name), settings),
            clock: Clock::default(),
            next_tick_ns: 0,
            repeated: Repeated::default(),
        }
    }

    /// Lets time pass until `now_ns`.
    pub fn tick(&mut self, now_ns: u64, enrichment: &Enrichment, book: &mut Book) {
        while self.next_tick_ns > 0 && self.next_tick_ns <= now_ns {
            let Self { model, detectors, sink, next_tick_ns, .. } = self;
            model.tick(*next_tick_ns, enrichment, sink, detectors);
            *next_tick_ns += TICK_NS;
            self.hand_over(enrichment, book);
        }
    }

    /// Time begins anew: it is `now_ns`. What was before is not known, so that nothing of it is missed.
    pub fn begin(&mut self, now_ns: u64) {
        self.next_tick_ns = (now_ns / TICK_NS + 1).saturating_mul(TICK_NS);
        self.sink.begins(now_ns);
    }

    pub fn hand_over(&mut self, enrichment: &Enrichment, book: &mut Book) {
        if !self.sink.reported.is_empty() {
            let node = Arc::clone(self.sink.node());
            self.sink.reported.drain(..).for_each(|reported| book.take(&node, reported, enrichment));
        }
    }
}
