//! What happened at a node that its operator should know of: the past. What is wrong at present follows from the state itself.

use std::collections::{BTreeMap, VecDeque};

use bus::Loss;
use event::pb::log_extractor::log::LogEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{ConnectionOpened, P2p, Way};
use event::{Body, HashText, Record};
use model::bounded::push;
use model::bounds::MAX_TEXT;
use model::text::cut;
use model::{Change, NodeState, Observer, SourceState};
use smol_str::{SmolStr, format_smolstr};

use super::node::{Context, Peers};
use super::own::address;
use super::peer::Details;
use super::series::SECOND;
use super::types::Types;

/// Happenings of a kind that are kept.
const MAX_OF_KIND: usize = 20;
/// The same again within this time is one happening, in nanoseconds.
const SAME_NS: u64 = 600 * SECOND;
/// After this time a happening is forgotten, in nanoseconds.
const FORGET_NS: u64 = 86_400 * SECOND;
/// That an extractor does not read a node, or nothing comes from a node, for less than this, in nanoseconds, is nothing to speak of.
const BRIEF_NS: u64 = 5 * SECOND;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The node was down, hung, or nothing came from it.
    NodeAway,
    /// The node was restarted.
    NodeRestarted,
    /// An extractor did not read the node.
    SourceAway,
    /// Events did not arrive.
    EventsLost,
    /// The node found an invalid chain.
    InvalidChain,
    /// Blocks were disconnected from the active chain.
    Reorganization,
    /// A peer sent a block that was changed on the way.
    MutatedBlock,
    /// A peer broke the protocol.
    Misbehaving,
    /// The node began to limit its log.
    LogLimited,
    /// Our own P2P connection was opened.
    OwnOpened,
    /// Our own P2P connection ended.
    OwnEnded,
    /// The node's version message says something else than before.
    VersionChanged,
    /// The node announces an address as its own.
    OwnAddress,
    /// The node can do something of its own accord (BIP 434).
    FeatureOffered,
    /// The node reported a chain that is not the active one (BIP 332).
    StaleTips,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub kind: Kind,
    /// When it happened first, or began.
    pub since_ns: u64,
    /// When it happened last, or ended.
    pub last_ns: u64,
    /// How often it happened; events that were lost.
    pub count: u64,
    pub peer: Option<u64>,
    /// More about it: what a peer did, an extractor's name, a way, a reason, an address, a user agent.
    pub what: SmolStr,
    /// What the node or the extractor was doing.
    pub state: &'static str,
}

/// A state that is not as it should be, and since when.
#[derive(Clone, Copy, Debug)]
struct Away {
    state: &'static str,
    since_ns: u64,
}

/// What happened at a node.
#[derive(Debug, Default)]
pub(crate) struct Happenings {
    past: BTreeMap<Kind, VecDeque<Happening>>,
    node: Option<Away>,
    sources: Vec<(SmolStr, Away)>,
    /// When the node was last away.
    node_back_ns: u64,
}

impl Happenings {
    /// All that happened, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Happening> {
        self.past.values().flatten()
    }

    /// Notes that something happened. The same as before is counted.
    fn note(&mut self, kind: Kind, time_ns: u64, count: u64, peer: Option<u64>, what: SmolStr) {
        let list = self.of(kind);
        let same = list.iter_mut().rev().find(|one| one.peer == peer && one.what == what);
        match same.filter(|one| time_ns < one.last_ns.saturating_add(SAME_NS)) {
            Some(one) => {
                one.last_ns = one.last_ns.max(time_ns);
                one.count = one.count.saturating_add(count);
            }
            None => {
                push(
                    list,
                    Happening { kind, since_ns: time_ns, last_ns: time_ns, count, peer, what, state: "" },
                    MAX_OF_KIND,
                );
            }
        }
    }

    /// Notes that something is as it should be again.
    fn over(&mut self, kind: Kind, away: Away, now_ns: u64, what: SmolStr) {
        let Away { state, since_ns } = away;
        let last_ns = now_ns.max(since_ns);
        push(self.of(kind), Happening { kind, since_ns, last_ns, count: 1, peer: None, what, state }, MAX_OF_KIND);
    }

    fn of(&mut self, kind: Kind) -> &mut VecDeque<Happening> {
        self.past.entry(kind).or_default()
    }

    /// The node is doing something else.
    fn node(&mut self, to: NodeState, context: &Context) {
        if !to.is_alive() {
            let since_ns = context.liveness.node().since_ns;
            // Hanging and then down is one absence, and the worse of the two.
            let since_ns = self.node.map_or(since_ns, |away| away.since_ns);
            self.node = Some(Away { state: to.name(), since_ns });
        } else if let Some(away) = self.node.take() {
            self.node_back_ns = context.liveness.node().since_ns;
            // A node that has just been found is not known until one of its extractors sees it.
            let long = self.node_back_ns.saturating_sub(away.since_ns) >= BRIEF_NS;
            if long || away.state != NodeState::Unknown.name() {
                self.over(Kind::NodeAway, away, self.node_back_ns, SmolStr::default());
            }
        }
    }

    /// An extractor is doing something else.
    fn source(&mut self, name: &SmolStr, to: SourceState, context: &Context) {
        let known = self.sources.iter().position(|(known, _)| known == name);
        let since_ns = context.liveness.source(name).map_or(context.time_ns, |source| source.condition.since_ns);
        match (known, to) {
            (Some(place), SourceState::Up) => {
                let (_, away) = self.sources.swap_remove(place);
                let long = since_ns.saturating_sub(away.since_ns) >= BRIEF_NS;
                // Without its node no extractor reads anything.
                let apart = self.node.is_none() && away.since_ns > self.node_back_ns;
                if long && apart {
                    self.over(Kind::SourceAway, away, since_ns, name.clone());
                }
            }
            (None, SourceState::Up) => {}
            (Some(place), _) => {
                if let Some((_, away)) = self.sources.get_mut(place) {
                    away.state = to.name();
                }
            }
            (None, _) => self.sources.push((name.clone(), Away { state: to.name(), since_ns })),
        }
    }
}

impl Happenings {
    /// Our own P2P connection reported something.
    fn own(&mut self, event: &P2pEvent, time_ns: u64) {
        let (kind, what) = match event {
            P2pEvent::ConnectionOpened(opened) => (Kind::OwnOpened, opening(opened)),
            P2pEvent::ConnectionEnded(ended) => (Kind::OwnEnded, cut(&ended.reason, MAX_TEXT)),
            P2pEvent::NodeVersion(version) if version.changed => {
                (Kind::VersionChanged, cut(&version.user_agent, MAX_TEXT))
            }
            P2pEvent::OwnAddress(own) => (Kind::OwnAddress, address(&own.address)),
            P2pEvent::FeatureOffered(feature) => (Kind::FeatureOffered, cut(&feature.feature_id, MAX_TEXT)),
            P2pEvent::StaleTips(tips) => {
                let tip = tips.block_hashes.last().map(|hash| format_smolstr!("{}", HashText(hash)));
                (Kind::StaleTips, tip.unwrap_or_default())
            }
            _ => return,
        };
        self.note(kind, time_ns, 1, None, what);
    }
}

/// How a connection of our own came about, in words.
fn opening(opened: &ConnectionOpened) -> SmolStr {
    let who = match opened.way() {
        Way::Listening => "the node connected to us",
        Way::Dialling => "we connected to the node",
    };
    match ["v1", "v2"].into_iter().find(|known| *known == opened.transport) {
        Some(transport) => format_smolstr!("{who}, transport {transport}"),
        None => who.into(),
    }
}

impl Observer<Types, Details> for Happenings {
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        let nothing = SmolStr::default();
        match change {
            Change::NodeState { to, .. } => self.node(*to, context),
            Change::SourceState { source, to, .. } => self.source(source, *to, context),
            Change::NodeRestarted { at_ns } => self.note(Kind::NodeRestarted, *at_ns, 1, None, nothing),
            Change::BlockDisconnected { .. } => self.note(Kind::Reorganization, time_ns, 1, None, nothing),
            Change::BlockMutated { state } => self.note(Kind::MutatedBlock, time_ns, 1, None, (*state).into()),
            Change::PeerMisbehaved { id, message } => {
                self.note(Kind::Misbehaving, time_ns, 1, Some(*id), message.clone());
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        let line = match record.body() {
            Some(Body::LogExtractor(line)) => line,
            Some(Body::P2pExtractor(P2p { p2p_event: Some(event) })) => return self.own(event, time_ns),
            _ => return,
        };
        match &line.log_event {
            Some(LogEvent::InvalidChainFound(found)) if !found.current_best => {
                self.note(Kind::InvalidChain, time_ns, 1, None, SmolStr::default());
            }
            Some(LogEvent::LogRateLimit(limit)) if limit.begins => {
                self.note(Kind::LogLimited, time_ns, 1, None, SmolStr::default());
            }
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let oldest_ns = context.time_ns.saturating_sub(FORGET_NS);
        for list in self.past.values_mut() {
            list.retain(|one| one.last_ns >= oldest_ns);
        }
    }

    fn lost(&mut self, loss: &Loss, _: &mut Context) {
        self.note(Kind::EventsLost, loss.time_ns, loss.missing, None, loss.stage.into());
    }
}
