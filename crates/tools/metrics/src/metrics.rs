//! The numbers of all nodes and of this process, and the page that shows them.

use std::sync::Arc;

use bus::{Bus, Delivery, EventClock, Mark, Playback};
use event::Record;
use model::bounded::NodeMap;

use crate::enrichment::Enrichment;
use crate::fold::Node;
use crate::page::{Format, page};
use crate::process::Process;
use crate::store::Limits;

/// How often time passes by the clock of recorded events, in nanoseconds.
const TICK_NS: u64 = 1_000_000_000;

/// Whether series carry the name of their node as label `node`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeLabel {
    /// If there is more than one node.
    #[default]
    Auto,
    /// Also if there is one.
    Always,
}

/// The numbers of all nodes and of this process.
pub struct Metrics {
    nodes: NodeMap<Node>,
    process: Process,
    enrichment: Enrichment,
    limits: Limits,
    label: NodeLabel,
    /// Names of the nodes that are expected.
    expected: Vec<String>,
    clock: EventClock,
    ticked_ns: u64,
    /// A page with more than one node was shown: the label stays.
    several: bool,
}

impl Metrics {
    /// Without any numbers. `expected` names nodes that will be observed, so that it is known from the beginning whether there are several.
    pub fn new(limits: Limits, label: NodeLabel, enrichment: Enrichment, expected: &[String], bus: Bus) -> Self {
        let nodes = NodeMap::new(expected, || Node::new(limits));
        Self {
            nodes,
            process: Process::new(limits, bus),
            enrichment,
            limits,
            label,
            expected: expected.to_vec(),
            clock: EventClock::default(),
            ticked_ns: 0,
            several: false,
        }
    }

    /// The same, for events of a recording.
    #[must_use]
    pub fn of(self, playback: &Playback) -> Self {
        Self { clock: EventClock::new(Some(playback)), ..self }
    }

    /// Folds an event or a loss from the bus.
    pub fn fold(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Event(record) => self.event(record),
            Delivery::Lost(loss) => {
                if let Some(node) = self.nodes.get_mut(&loss.node) {
                    node.lost(loss, &self.enrichment);
                }
            }
            Delivery::Mark(mark) => self.mark(*mark),
            Delivery::Checkpoint(_) => {}
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.clock.mark(mark);
        match mark {
            // As after a start of this process: counters begin anew.
            Mark::Begin => (self.nodes, self.ticked_ns) = (NodeMap::new(&self.expected, || Node::new(self.limits)), 0),
            Mark::Time(time_ns) => {
                bus::steps(self.ticked_ns, time_ns, TICK_NS).for_each(|time_ns| self.tick(time_ns));
            }
            Mark::Ready | Mark::End => {}
        }
    }

    fn event(&mut self, record: &Arc<Record>) {
        let name = &record.envelope().node;
        // Of a node that is there already, its name is looked up once.
        if let Some(node) = self.nodes.get_mut(name) {
            node.fold(record, &self.enrichment);
        } else if let Some(node) = self.nodes.touch(name, || Node::new(self.limits)) {
            node.fold(record, &self.enrichment);
        }
    }

    /// Sets and autonomous systems as they were read anew.
    pub fn set_enrichment(&mut self, enrichment: Enrichment) {
        self.enrichment = enrichment;
    }

    /// The sets and autonomous systems.
    pub fn enrichment(&self) -> &Enrichment {
        &self.enrichment
    }

    fn tick(&mut self, now_ns: u64) {
        self.ticked_ns = now_ns;
        for node in self.nodes.values_mut() {
            node.tick(now_ns, &self.enrichment);
        }
    }

    /// Lets time pass: every few seconds, so that old things are forgotten also while nobody asks for the page. The clock of recorded events does so by
    /// itself.
    pub fn pass(&mut self) {
        if self.clock.past_ns().is_none() {
            self.tick(self.clock.now_ns());
        }
    }

    /// Names of the nodes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|(name, _)| name.as_ref())
    }

    /// The page: of all nodes, or that of one alone, without the label `node`. None if there is no such node.
    pub fn page(&mut self, only: Option<&str>, format: Format) -> Option<String> {
        self.pass();
        let series = self.nodes.iter().map(|(_, node)| node.store().len()).sum();
        self.process.refresh(&self.enrichment, series);
        self.several |= self.nodes.len() > 1 || self.label == NodeLabel::Always;
        let process = (None, self.process.store());
        match only {
            Some(name) => {
                let node = self.nodes.get(name)?;
                Some(page(&[(None, node.store()), process], format))
            }
            None => {
                let label = |name| self.several.then_some(name);
                let nodes = self.nodes.iter().map(|(name, node)| (label(name.as_ref()), node.store()));
                Some(page(&nodes.chain([process]).collect::<Vec<_>>(), format))
            }
        }
    }
}
