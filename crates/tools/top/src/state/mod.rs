//! What is known of the nodes, folded from their events. All of it is bounded.

mod about;
mod events;
mod messages;
mod node;
mod odd;

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::{Delivery, Mark};
use model::bounded::NodeMap;
use model::bounds::SECOND;
use networks::{Enrichment, Files};

pub(crate) use about::About;
pub(crate) use events::{Entry, Events};
pub(crate) use messages::Counts;
pub(crate) use node::{Node, Peer};
pub(crate) use odd::What;

/// The time of an event is limited to this far in the future, in nanoseconds.
const AHEAD_NS: u64 = 60 * SECOND;

/// Why tracepoints report nothing of a node, and the lines that would change it; by the node's name.
pub type Advice = BTreeMap<String, Vec<String>>;

/// Options of the state.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of the nodes that will be observed, as far as they are known at the start.
    pub nodes: Vec<String>,
    /// Files that say to whom addresses belong.
    pub files: Files,
    /// What would show the messages of nodes without tracepoints.
    pub advice: Advice,
    /// Events come from a recording: the time is that of the newest event.
    pub recorded: bool,
}

/// The state of all nodes.
pub struct State {
    pub(crate) nodes: NodeMap<Node>,
    pub(crate) events: Events,
    pub(crate) advice: Advice,
    enrichment: Enrichment,
    /// Names of the nodes that are expected.
    expected: Vec<String>,
    recorded: bool,
    /// Time of the newest event, in nanoseconds since the UNIX epoch.
    newest_ns: u64,
}

impl State {
    /// The initial state: only the names of the nodes.
    ///
    /// # Errors
    /// Names the file with networks that cannot be read, and the reason.
    pub fn new(options: Options) -> Result<Self, String> {
        let Options { nodes, files, advice, recorded } = options;
        Ok(Self {
            nodes: NodeMap::new(&nodes, Node::default),
            events: Events::default(),
            advice,
            enrichment: Enrichment::read(&files, None)?,
            expected: nodes,
            recorded,
            newest_ns: 0,
        })
    }

    /// Folds an event or a loss into the state of its node.
    pub fn fold(&mut self, delivery: &Delivery) {
        let latest_ns = if self.recorded { u64::MAX } else { event::time::now_ns().saturating_add(AHEAD_NS) };
        match delivery {
            Delivery::Event(record) => {
                let time_ns = record.envelope().time_ns.min(latest_ns);
                self.newest_ns = self.newest_ns.max(time_ns);
                if let Some(node) = self.nodes.touch(&record.envelope().node, Node::default) {
                    node.model.fold(record, time_ns, &self.enrichment, &mut (), &mut node.seen);
                }
                self.events.push(record);
            }
            Delivery::Lost(loss) => {
                if let Some(node) = self.nodes.touch(&loss.node, Node::default) {
                    node.model.lost(loss, &self.enrichment, &mut (), &mut node.seen);
                }
                self.events.push_loss(loss, self.now_ns());
            }
            Delivery::Mark(Mark::Begin) => {
                self.nodes = NodeMap::new(&self.expected, Node::default);
                (self.events, self.newest_ns) = (Events::default(), 0);
            }
            Delivery::Mark(Mark::Time(time_ns)) => self.newest_ns = self.newest_ns.max(*time_ns),
            Delivery::Mark(Mark::Ready | Mark::End) | Delivery::Checkpoint(_) => {}
        }
    }

    /// Lets time pass: to be called every second.
    pub fn tick(&mut self) {
        let now_ns = self.now_ns();
        for node in self.nodes.values_mut() {
            node.model.tick(now_ns, &self.enrichment, &mut (), &mut node.seen);
        }
    }

    /// The time that ages are counted to, in nanoseconds since the UNIX epoch.
    pub fn now_ns(&self) -> u64 {
        if self.recorded { self.newest_ns } else { event::time::now_ns() }
    }

    /// Names of all nodes, in their order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.nodes.keys().cloned().collect()
    }
}
