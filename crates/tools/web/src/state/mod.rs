//! The state of the nodes, their peers and blocks, folded from events. All of it is bounded.

pub(crate) mod about;
pub(crate) mod addresses;
pub(crate) mod addrman;
pub(crate) mod happenings;
pub(crate) mod lines;
pub(crate) mod mempool;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod past_message;
pub(crate) mod peer;
pub(crate) mod pings;
pub(crate) mod rate;
pub(crate) mod series;
pub(crate) mod sources;
pub(crate) mod transactions;
pub(crate) mod types;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bus::{Bus, Delivery};
use model::bounded::NodeMap;
use networks::{Enrichment, Files, SetSource};
use tracing::warn;

use crate::advice::Advice;
use node::Node;
use series::SECOND;
use types::Types;

/// The time of an event is limited to this far in the future, in nanoseconds.
const AHEAD_NS: u64 = 60 * SECOND;
/// How often files are checked for changes, in nanoseconds.
const CHECK_NS: u64 = 5 * SECOND;

/// A clock: the time in nanoseconds since the UNIX epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Options of the state.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The names of the nodes that will be observed, as far as they are known at the start.
    pub nodes: Vec<String>,
    /// The files with sets of networks.
    pub sets: Vec<SetSource>,
    /// The map of autonomous systems, a file in the format of Bitcoin Core's `-asmap`.
    pub asmap: Option<PathBuf>,
    /// Whether the pages are public: nothing is shown that would reveal where the nodes are.
    pub public: bool,
    /// Why tracepoints report nothing of nodes, as far as that is known, by their names.
    pub advice: BTreeMap<String, Advice>,
}

/// The state of all nodes.
pub struct State {
    pub(crate) nodes: NodeMap<Node>,
    pub(crate) enrichment: Enrichment,
    files: Files,
    checked_ns: u64,
    pub(crate) types: Types,
    pub(crate) public: bool,
    pub(crate) advice: BTreeMap<String, Advice>,
    pub(crate) started_ns: u64,
    pub(crate) bus: Bus,
    clock: Clock,
}

impl State {
    /// The initial state: only the names of the nodes. Losses are read from `bus`.
    ///
    /// # Errors
    /// Names the file with sets of networks or the map of autonomous systems that cannot be read, and the reason.
    pub fn new(options: Options, bus: Bus) -> Result<Self, String> {
        Self::with_clock(options, bus, Arc::new(event::time::now_ns))
    }

    /// Like [`State::new`], with another clock.
    ///
    /// # Errors
    /// See [`State::new`].
    pub fn with_clock(options: Options, bus: Bus, clock: Clock) -> Result<Self, String> {
        let Options { nodes, sets, asmap, public, advice } = options;
        let files = Files { sets, asmap };
        let enrichment = Enrichment::read(&files, None)?;
        let nodes = NodeMap::new(&nodes, Node::default);
        let (types, started_ns) = (Types::default(), clock());
        Ok(Self { nodes, enrichment, files, checked_ns: started_ns, types, public, advice, started_ns, bus, clock })
    }

    /// Reads the files of sets and of autonomous systems again if one of them changed.
    fn refresh(&mut self) {
        if self.enrichment.changed() {
            self.reread();
        }
    }

    /// Reads the files of sets and of autonomous systems again. Peers are looked up again. If a file cannot be read, this is logged, and what was
    /// read before stays in use.
    pub fn reread(&mut self) {
        match Enrichment::read(&self.files, Some(&self.enrichment)) {
            Ok(enrichment) => self.enrichment = enrichment,
            Err(cause) => warn!("web: {cause}; what was read before stays in use"),
        }
    }

    /// Folds an event or a loss into the state of its node.
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

    /// Drops old state, and checks files for changes. To be called twice a second.
    pub fn tick(&mut self) {
        let now_ns = self.now_ns();
        if now_ns >= self.checked_ns.saturating_add(CHECK_NS) {
            self.checked_ns = now_ns;
            self.refresh();
        }
        let Self { nodes, enrichment, types, .. } = self;
        nodes.values_mut().for_each(|node| node.tick(now_ns, enrichment, types));
    }

    /// The time, in nanoseconds since the UNIX epoch.
    pub(crate) fn now_ns(&self) -> u64 {
        (self.clock)()
    }

    /// The names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().map(ToString::to_string).collect()
    }
}
