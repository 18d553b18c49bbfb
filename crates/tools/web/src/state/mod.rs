//! The state of the nodes, their peers and blocks, folded from events. All of it is bounded.

pub(crate) mod about;
pub(crate) mod addresses;
pub(crate) mod addrman;
pub(crate) mod alerts;
pub(crate) mod chain;
pub(crate) mod connectivity;
pub(crate) mod evidence;
pub(crate) mod happenings;
pub(crate) mod lines;
pub(crate) mod mempool;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod own;
pub(crate) mod past_message;
pub(crate) mod peer;
pub(crate) mod pings;
pub(crate) mod rate;
pub(crate) mod relayed;
pub(crate) mod relays;
pub(crate) mod series;
pub(crate) mod sources;
pub(crate) mod transactions;
pub(crate) mod types;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Bus, Delivery, EventClock, Mark, Playback};
use event::pb::observer::observer::ObserverEvent;
use event::{Body, Kind, Record, Source};
use model::bounded::NodeMap;
use networks::{Enrichment, Files, SetSource};
use tracing::warn;

use crate::advice::Advice;
use addrman::tables::{MAX_BYTES, Made, Waiting};
use alerts::Alerts;
use chain::Chains;
use node::Node;
use series::{Hole, Holes, SECOND};
use types::Types;

/// The time of an event is limited to this far in the future, in nanoseconds.
const AHEAD_NS: u64 = 60 * SECOND;
/// How often files are checked for changes.
const CHECK: Duration = Duration::from_secs(5);
/// How often time passes by the clock of past events, in nanoseconds, and how often while they only lead to a moment.
const PASS_NS: [u64; 2] = [SECOND / 2, SECOND];
/// Extractors publish their status each second: if nothing came from any for so long, nothing was observed. In nanoseconds.
const HOLE_NS: u64 = 10 * SECOND;

/// What a display on a wall shows: pages, one after the other.
#[derive(Clone, Debug)]
pub struct Playlist {
    /// Their addresses, such as `peers?node=alice`.
    pub pages: Vec<String>,
    /// How long each is shown.
    pub each: Duration,
}

impl Default for Playlist {
    fn default() -> Self {
        Self { pages: Vec::new(), each: Duration::from_secs(30) }
    }
}

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
    /// Set if the events are those of a recording.
    pub playback: Option<Playback>,
    /// Where the tool `chain` serves its API to those who see the pages, without a slash at the end.
    pub chain_url: Option<String>,
    /// What a display on a wall shows.
    pub playlist: Playlist,
}

/// Where past events are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// They come as they happened, or are live.
    #[default]
    Playing,
    /// They lead to a moment.
    Filling,
    /// The recording has ended.
    Ended,
}

/// Tables of address managers that are to be packed.
pub(crate) struct WaitingTables {
    /// With the names of their nodes.
    pub all: Vec<(Arc<str>, Waiting)>,
    pub enrichment: Enrichment,
    /// How often everything had been forgotten.
    pub begun: u64,
}

/// The state of all nodes.
pub struct State {
    pub(crate) nodes: NodeMap<Node>,
    pub(crate) enrichment: Enrichment,
    files: Files,
    checked: Instant,
    /// Names of the nodes that are expected.
    expected: Vec<String>,
    pub(crate) types: Types,
    pub(crate) public: bool,
    pub(crate) advice: BTreeMap<String, Advice>,
    pub(crate) started_ns: u64,
    pub(crate) bus: Bus,
    pub(crate) playback: Option<Playback>,
    pub(crate) stage: Stage,
    pub(crate) alerts: Alerts,
    pub(crate) chains: Chains,
    /// Where the tool `chain` serves its API to those who see the pages.
    pub(crate) chain_url: Option<String>,
    /// What a display on a wall shows.
    pub(crate) playlist: Playlist,
    /// How often everything was forgotten.
    pub(crate) begun: u64,
    /// When nothing was observed.
    pub(crate) holes: Holes,
    clock: EventClock,
    /// When time passed last by the clock of past events.
    passed_ns: u64,
    /// Time of the newest event.
    newest_ns: u64,
    /// Extractors publish their status.
    has_statuses: bool,
}

impl State {
    /// The initial state: only the names of the nodes. Losses are read from `bus`.
    ///
    /// # Errors
    /// Names the file with sets of networks or the map of autonomous systems that cannot be read, and the reason.
    pub fn new(options: Options, bus: Bus) -> Result<Self, String> {
        let Options { nodes: expected, sets, asmap, public, advice, playback, chain_url, playlist } = options;
        let files = Files { sets, asmap };
        let enrichment = Enrichment::read(&files, None)?;
        let clock = EventClock::new(playback.as_ref());
        Ok(Self {
            nodes: NodeMap::new(&expected, Node::default),
            enrichment,
            files,
            checked: Instant::now(),
            expected,
            types: Types::default(),
            public,
            advice,
            started_ns: clock.now_ns(),
            bus,
            playback,
            stage: Stage::default(),
            alerts: Alerts::default(),
            chains: Chains::default(),
            chain_url: chain_url.filter(|_| !public),
            playlist,
            begun: 0,
            holes: Holes::default(),
            clock,
            passed_ns: 0,
            newest_ns: 0,
            has_statuses: false,
        })
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
        match delivery {
            Delivery::Event(record) => {
                let envelope = record.envelope();
                let time_ns = envelope.time_ns.min(self.now_ns().saturating_add(AHEAD_NS));
                self.note_time(time_ns);
                self.has_statuses |= envelope.kind == Kind::Status;
                self.alerts.fold(record);
                let is_of_chain = self.chains.fold(record, time_ns) || is_status_of_chain(record);
                if is_of_chain && self.nodes.get(&envelope.node).is_none() {
                    return; // Of a network without an observed node, it has the name of the network.
                }
                let Self { nodes, enrichment, types, .. } = self;
                if let Some(node) = nodes.touch(&envelope.node, Node::default) {
                    node.fold(record, time_ns, enrichment, types);
                    if envelope.kind == Kind::Addrman {
                        let at_once = node.pages.addrman.tables.note(Arc::clone(record), time_ns);
                        if let Some(made) = at_once.and_then(|waiting| waiting.make(enrichment)) {
                            node.pages.addrman.keep(made);
                            let all = nodes.values_mut().map(|node| &mut node.pages.addrman.tables);
                            addrman::tables::limit(all, MAX_BYTES);
                        }
                    }
                }
            }
            Delivery::Lost(loss) => {
                let Self { nodes, enrichment, types, .. } = self;
                if let Some(node) = nodes.touch(&loss.node, Node::default) {
                    node.lost(loss, enrichment, types);
                }
            }
            Delivery::Mark(mark) => self.mark(*mark),
            Delivery::Checkpoint(_) => {}
        }
    }

    /// Notes when an event happened, and that nothing was observed before it, if that is so.
    fn note_time(&mut self, time_ns: u64) {
        if time_ns <= self.newest_ns {
            return;
        }
        let from_ns = std::mem::replace(&mut self.newest_ns, time_ns);
        if self.has_statuses && time_ns > from_ns.saturating_add(HOLE_NS) {
            self.holes.note(Hole { from_ns, until_ns: time_ns });
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.clock.mark(mark);
        match mark {
            Mark::Begin => {
                self.nodes = NodeMap::new(&self.expected, Node::default);
                self.holes = Holes::default();
                self.chains = Chains::default();
                if self.playback.is_some() {
                    self.alerts = Alerts::default();
                }
                (self.stage, self.has_statuses) = (Stage::Filling, false);
                (self.started_ns, self.passed_ns, self.newest_ns) = (0, 0, 0);
                self.begun += 1;
            }
            Mark::Time(time_ns) => {
                if self.started_ns == 0 {
                    self.started_ns = time_ns;
                }
                let [playing, filling] = PASS_NS;
                let pass_ns = if self.stage == Stage::Filling { filling } else { playing };
                bus::steps(self.passed_ns, time_ns, pass_ns).for_each(|time_ns| self.pass(time_ns));
            }
            Mark::Ready => {
                self.stage = Stage::Playing;
                if self.started_ns == 0 {
                    self.started_ns = self.now_ns();
                }
                self.pass(self.now_ns());
            }
            Mark::End => self.stage = Stage::Ended,
        }
    }

    /// Drops old state, and checks files for changes. To be called twice a second. The clock of past events lets time pass by itself.
    pub fn tick(&mut self) {
        if self.checked.elapsed() >= CHECK {
            self.checked = Instant::now();
            self.refresh();
        }
        if !self.is_past() {
            self.pass(self.now_ns());
        }
    }

    /// Tables of address managers that are to be packed, with the names of their nodes. Packing takes too long to do it here.
    pub(crate) fn waiting_tables(&mut self) -> WaitingTables {
        let Self { nodes, enrichment, begun, .. } = self;
        let of = |(name, node): (&Arc<str>, &mut Node)| {
            let waiting = node.pages.addrman.tables.take_waiting();
            waiting.into_iter().map(|one| (Arc::clone(name), one)).collect::<Vec<_>>()
        };
        let all = nodes.iter_mut().flat_map(of).collect();
        WaitingTables { all, enrichment: enrichment.clone(), begun: *begun }
    }

    /// Keeps packed tables of a node, unless everything was forgotten since they were taken.
    pub(crate) fn keep_tables(&mut self, name: &str, made: Made, begun: u64) {
        if begun != self.begun {
            return;
        }
        if let Some(node) = self.nodes.get_mut(name) {
            node.pages.addrman.keep(made);
        }
        addrman::tables::limit(self.nodes.values_mut().map(|node| &mut node.pages.addrman.tables), MAX_BYTES);
    }

    /// Lets time pass in all nodes.
    fn pass(&mut self, now_ns: u64) {
        self.passed_ns = now_ns;
        let Self { nodes, enrichment, types, .. } = self;
        nodes.values_mut().for_each(|node| node.tick(now_ns, enrichment, types));
    }

    /// Whether what is shown is not the present.
    pub(crate) fn is_past(&self) -> bool {
        self.clock.past_ns().is_some()
    }

    /// The time, in nanoseconds since the UNIX epoch.
    pub(crate) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// The names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().map(ToString::to_string).collect()
    }
}

/// Whether the tool `chain` says of itself how it is.
fn is_status_of_chain(record: &Record) -> bool {
    let is_it = |event: &ObserverEvent| matches!(event, ObserverEvent::Status(status) if status.extractor == Source::Chain.name());
    record.envelope().kind == Kind::Status
        && matches!(record.body(), Some(Body::Observer(observer)) if observer.observer_event.as_ref().is_some_and(is_it))
}
