//! Events folded into what is known now: nodes, peers, blocks, rates. All of it is bounded.

pub(crate) mod about;
pub(crate) mod addresses;
pub(crate) mod addrman;
pub(crate) mod lines;
pub(crate) mod mempool;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod past_message;
pub(crate) mod peer;
pub(crate) mod pings;
pub(crate) mod rate;
pub(crate) mod series;
pub(crate) mod sources;
pub(crate) mod transactions;
pub(crate) mod types;

use std::path::PathBuf;
use std::sync::Arc;

use bus::{Bus, Delivery};
use model::bounded::NodeMap;
use networks::{Enrichment, Files, SetSource};
use tracing::warn;

use node::Node;
use series::SECOND;
use types::Types;

/// An event is taken to be no further in the future than that.
const AHEAD_NS: u64 = 60 * SECOND;
/// How often files are looked at.
const LOOK_NS: u64 = 5 * SECOND;

/// A clock: the time in nanoseconds since the UNIX epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Options of the state.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of nodes that will be observed, as far as they are known.
    pub nodes: Vec<String>,
    /// Files with sets of networks.
    pub sets: Vec<SetSource>,
    /// Map of autonomous systems, in Bitcoin Core's form.
    pub asmap: Option<PathBuf>,
    /// Whether the public looks at it: nothing of the node itself is shown that would give it away.
    pub public: bool,
}

/// What is known of all nodes.
pub struct State {
    pub(crate) nodes: NodeMap<Node>,
    pub(crate) enrichment: Enrichment,
    files: Files,
    looked_ns: u64,
    pub(crate) types: Types,
    pub(crate) public: bool,
    pub(crate) started_ns: u64,
    pub(crate) bus: Bus,
    clock: Clock,
}

impl State {
    /// Knows nothing yet but the names of the nodes. `bus` is asked for losses.
    ///
    /// # Errors
    /// A file with sets or the map of autonomous systems cannot be read: which, and why.
    pub fn new(options: Options, bus: Bus) -> Result<Self, String> {
        Self::with_clock(options, bus, Arc::new(event::time::now_ns))
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// See [`State::new`].
    pub fn with_clock(options: Options, bus: Bus, clock: Clock) -> Result<Self, String> {
        let Options { nodes, sets, asmap, public } = options;
        let files = Files { sets, asmap };
        let enrichment = Enrichment::read(&files, None)?;
        let nodes = NodeMap::new(&nodes, Node::default);
        let (types, started_ns) = (Types::default(), clock());
        Ok(Self { nodes, enrichment, files, looked_ns: started_ns, types, public, started_ns, bus, clock })
    }

    /// Reads the files of sets and of autonomous systems again if one of them changed.
    fn refresh(&mut self) {
        if self.enrichment.changed() {
            self.reread();
        }
    }

    /// Reads the files of sets and of autonomous systems again. The peers that are there are looked up again. A file that cannot be read is
    /// logged, and what it held before stays in use.
    pub fn reread(&mut self) {
        match Enrichment::read(&self.files, Some(&self.enrichment)) {
            Ok(enrichment) => self.enrichment = enrichment,
            Err(cause) => warn!("web: {cause}; what was read before stays in use"),
        }
    }

    /// Folds an event, or a loss.
    pub fn fold(&mut self, delivery: &Delivery) {
        let latest_ns = self.now_ns().saturating_add(AHEAD_NS);
        let Self { nodes, enrichment, types, .. } = self;
        match delivery {
            Delivery::Event(record) => {
                if let Some(node) = nodes.touch(&record.envelope().node, Node::default) {
                    node.fold(record, record.envelope().time_ns.min(latest_ns), enrichment, types);
                }
            }
            Delivery::Lost(loss) => {
                if let Some(node) = nodes.touch(&loss.node, Node::default) {
                    node.lost(loss, enrichment, types);
                }
            }
        }
    }

    /// Lets time pass: to be called once a second.
    pub fn tick(&mut self) {
        let now_ns = self.now_ns();
        if now_ns >= self.looked_ns.saturating_add(LOOK_NS) {
            self.looked_ns = now_ns;
            self.refresh();
        }
        let Self { nodes, enrichment, types, .. } = self;
        nodes.values_mut().for_each(|node| node.tick(now_ns, enrichment, types));
    }

    /// The time.
    pub(crate) fn now_ns(&self) -> u64 {
        (self.clock)()
    }

    /// Names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().map(ToString::to_string).collect()
    }
}
