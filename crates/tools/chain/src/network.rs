//! One network: its tree, what is known of its nodes, and what follows from an answer of one of them. No I/O and no clock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use event::pb::chain::activity::Change;
use event::pb::chain::chain::ChainEvent;
use event::pb::chain::{Activity, Header as HeaderEvent, Lag, Node as NodeEvent, Reachability, SamePool, Status};
use serde_json::value::to_raw_value;

use crate::activity::{self, active};
use crate::header::{Header, HeaderError};
use crate::pools::{MAX_NAME, Miner};
use crate::settings::{MAX_NODES, Network, NodeSettings, SourceSettings};
use crate::snapshot::{
    ActivityRow, Hash, HeaderSnapshot, MAX_ACTIVITY, MAX_STALE, NetworkSnapshot, NodeSnapshot, StaleBlock, TipSnapshot,
    details, kind,
};
use crate::sources::{Answer, RawHeader, RemoteNode, Tip};
use crate::tree::{Inserted, MAX_HEIGHTS, Shown, Tree};

/// Heights below the tip that are asked for where the configuration says nothing of that. They are asked for at each start.
const HEIGHTS: u32 = 20_000;
/// The same where all servers are asked over the internet, one header at a time.
const MAX_HEIGHTS_OF_PUBLIC_SERVERS: u32 = 500;
/// Tips of a node that are kept.
const MAX_TIPS: usize = 128;
/// Tips of a node in an event.
const MAX_TIPS_PUBLISHED: usize = 64;
/// Tips of a node that could not be had, and are not tried again for a while.
const MAX_REFUSED: usize = 1_024;
/// For how long, in nanoseconds.
const REFUSED_NS: u64 = 600_000_000_000;
/// Headers that there was no room for, which are not asked for again.
const MAX_FORGOTTEN: usize = 100_000;
/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// Which node: those of the configuration by their place there; those of another server by the place of that and the id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeKey {
    remote: bool,
    place: usize,
    id: u32,
}

impl NodeKey {
    /// A node of the configuration.
    pub fn configured(place: usize) -> Self {
        Self { remote: false, place, id: 0 }
    }

    fn remote(place: usize, id: u32) -> Self {
        Self { remote: true, place, id }
    }
}

/// What is to be done with what was learned.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is published, each as of a node by its name.
    pub events: Vec<(Arc<str>, ChainEvent)>,
    /// What is kept.
    pub rows: Vec<ActivityRow>,
    /// What is shown has changed: [`NetworkState::refresh`] is due.
    pub changed: bool,
}

/// A network and all that is known of it.
#[derive(Debug)]
pub struct NetworkState {
    settings: Arc<Network>,
    /// The node as of which is published what concerns no observed one.
    home: Arc<str>,
    tree: Tree,
    nodes: BTreeMap<NodeKey, NodeState>,
    /// What is known of headers of the tree besides.
    known: HashMap<Hash, Known>,
    /// How many nodes have a tip.
    tips: HashMap<Hash, u32>,
    forgotten: Forgotten,
    shown: Vec<Shown>,
    /// What was published of headers that are shown.
    announced: HashMap<Hash, Announced>,
    activity: VecDeque<ActivityRow>,
    next_id: u64,
}

/// What is known of a header.
#[derive(Clone, Debug)]
struct Known {
    first_node: Arc<str>,
    first_seen_ns: Option<u64>,
    miner: Option<Miner>,
}

/// What was published of a header.
#[derive(Debug, PartialEq, Eq)]
struct Announced {
    active: bool,
    has_miner: bool,
}

#[derive(Debug, Default)]
struct NodeState {
    id: u32,
    name: Arc<str>,
    description: String,
    implementation: String,
    version: Option<String>,
    transport: Option<&'static str>,
    /// The node as of which its events are published.
    publishes_as: Arc<str>,
    activity: bool,
    remote_source: Option<String>,
    /// It is but the server of others.
    hidden: bool,
    /// None: not known yet.
    reachable: Option<bool>,
    /// It has given its tips.
    answered: bool,
    /// The headers of its first answer are known.
    had_time: bool,
    tips: Vec<TipSnapshot>,
    more_tips: u32,
    tip_changed_ns: Option<u64>,
    changed_ns: Option<u64>,
    answered_ns: Option<u64>,
    problem: Option<String>,
    lagging: bool,
    /// Tips whose headers have other rules.
    other_rules: HashSet<Hash>,
    /// Whether there were some when its tips were published last.
    published_other_rules: bool,
    /// Tips that could not be had, until when they are not tried again.
    refused: HashMap<Hash, u64>,
}

/// Hashes that are remembered for long enough: the newest ones, in two halves of which the older one goes.
#[derive(Debug, Default)]
struct Forgotten {
    newer: HashSet<Hash>,
    older: HashSet<Hash>,
}

impl Forgotten {
    fn add(&mut self, hash: Hash) {
        if self.newer.len() >= MAX_FORGOTTEN / 2 {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(hash);
    }

    fn has(&self, hash: &Hash) -> bool {
        self.newer.contains(hash) || self.older.contains(hash)
    }
}

impl NodeState {
    fn new(settings: &NodeSettings, home: &Arc<str>) -> Self {
        let name: Arc<str> = settings.name.as_str().into();
        Self {
            id: settings.id,
            publishes_as: if settings.observed { Arc::clone(&name) } else { Arc::clone(home) },
            name,
            description: settings.description.clone(),
            implementation: settings.source.implementation().to_owned(),
            activity: settings.activity,
            hidden: matches!(settings.source, SourceSettings::ForkObserver { .. }),
            ..Self::default()
        }
    }

    /// It answered when it was asked last.
    fn is_reachable(&self) -> bool {
        self.reachable == Some(true)
    }

    fn has_other_rules(&self) -> bool {
        !self.other_rules.is_empty()
    }

    fn event(&self, network: &str, again: bool) -> ChainEvent {
        let more = self.tips.len().saturating_sub(MAX_TIPS_PUBLISHED);
        let more = u32::try_from(more).unwrap_or(u32::MAX).saturating_add(self.more_tips);
        ChainEvent::Node(NodeEvent {
            network: network.to_owned(),
            name: self.name.as_ref().to_owned(),
            implementation: self.implementation.clone(),
            version: self.version.clone(),
            transport: self.transport.map(str::to_owned),
            reachable: self.is_reachable(),
            other_rules: self.has_other_rules(),
            tips: self.tips.iter().take(MAX_TIPS_PUBLISHED).map(activity::message).collect(),
            more_tips: (more > 0).then_some(more),
            tip_changed_ns: self.tip_changed_ns,
            answered_ns: self.answered_ns,
            remote_source: self.remote_source.clone(),
            description: Some(self.description.clone()).filter(|text| !text.is_empty()),
            problem: self.problem.clone(),
            again,
        })
    }
}

impl NetworkState {
    /// One of which nothing is known but its activity so far, newest first, and the id of the next.
    pub fn new(settings: Arc<Network>, activity: Vec<ActivityRow>, next_id: u64) -> Self {
        let observed = settings.nodes.iter().find(|node| node.observed).map(|node| node.name.as_str());
        let home: Arc<str> = observed.unwrap_or(&settings.name).into();
        let nodes = settings.nodes.iter().take(MAX_NODES).enumerate();
        let nodes = nodes.map(|(place, node)| (NodeKey::configured(place), NodeState::new(node, &home)));
        Self {
            nodes: nodes.collect(),
            tree: Tree::new(settings.min_fork_height),
            home,
            known: HashMap::new(),
            tips: HashMap::new(),
            forgotten: Forgotten::default(),
            shown: Vec::new(),
            announced: HashMap::new(),
            activity: activity.into_iter().take(MAX_ACTIVITY).collect(),
            next_id,
            settings,
        }
    }

    /// Whether a header is known, or is not to be asked for.
    pub fn knows(&self, hash: &Hash) -> bool {
        self.tree.has(hash) || self.forgotten.has(hash)
    }

    /// The lowest height that is asked for.
    pub fn floor(&self) -> u32 {
        self.tree.start()
    }

    /// A header of the tree with its height.
    pub fn header(&self, hash: &Hash) -> Option<(&Header, u32)> {
        self.tree.get(hash)
    }

    /// Nodes of the configuration that answer, by their places: those that have a block, by their tips, and the others.
    pub fn nodes_with(&self, hash: &Hash) -> (Vec<usize>, Vec<usize>) {
        // Most nodes have the same tips.
        let mut below: HashMap<Hash, bool> = HashMap::new();
        let mut has = |node: &NodeState| {
            node.tips.iter().filter(|tip| has_block(tip.status)).any(|tip| {
                tip.hash == *hash || *below.entry(tip.hash).or_insert_with(|| self.tree.is_below(hash, &tip.hash))
            })
        };
        let asked = self.nodes.iter().filter(|(key, node)| !key.remote && !node.hidden && node.is_reachable());
        let (having, others): (Vec<_>, Vec<_>) = asked.partition(|(_, node)| has(node));
        let places = |nodes: Vec<(&NodeKey, &NodeState)>| nodes.into_iter().map(|(key, _)| key.place).collect();
        (places(having), places(others))
    }

    /// The tips of an answer whose headers are to be asked for, the active one first. Decides from which height on, if that is not known.
    pub fn wanted(&mut self, place: usize, answer: &Answer, now_ns: u64) -> Vec<Tip> {
        if let Some(tip) = answer.tips.iter().find(|tip| tip.status == Status::Active) {
            self.choose_start(place, tip.height);
        }
        let start = self.tree.start();
        let Some(node) = self.nodes.get_mut(&NodeKey::configured(place)) else { return Vec::new() };
        node.refused.retain(|_, until| *until > now_ns);
        let tips = answer.tips.iter().take(MAX_TIPS).filter(|tip| {
            let hash = tip.hash.to_byte_array();
            let is_known = self.tree.has(&hash) || self.forgotten.has(&hash);
            tip.height >= start && !is_known && !node.refused.contains_key(&hash)
        });
        tips.cloned().collect()
    }

    /// Chooses the lowest height by a node's, or again if most nodes are below: the one by which it was chosen may have been wrong.
    fn choose_start(&mut self, place: usize, height: u32) {
        let is_polite = |node: &NodeSettings| {
            !matches!(node.source, SourceSettings::Esplora { .. } | SourceSettings::MempoolSpace { .. })
        };
        let heights = match self.settings.min_fork_height {
            _ if !self.settings.nodes.iter().any(is_polite) => MAX_HEIGHTS_OF_PUBLIC_SERVERS,
            0 => HEIGHTS,
            _ => MAX_HEIGHTS,
        };
        let start = self.settings.min_fork_height.max(height.saturating_sub(heights));
        if self.tree.len() == 0 {
            self.tree = Tree::new(start);
            return;
        }
        if height >= self.tree.start() || start >= self.tree.start() {
            return;
        }
        let others =
            self.nodes.iter().filter(|(key, node)| **key != NodeKey::configured(place) && !node.has_other_rules());
        let heights = others.filter_map(|(_, node)| active(&node.tips)).map(|tip| tip.height);
        let (below, above): (Vec<u32>, Vec<u32>) = heights.partition(|height| *height < self.tree.start());
        if below.len().saturating_add(1) > above.len() {
            self.tree = Tree::new(start);
            self.forgotten = Forgotten::default();
            self.known.clear();
            self.nodes.values_mut().for_each(|node| node.refused.clear());
        }
    }

    /// Adds headers that a node gave, each with its height, from low to high. Returns how many were new.
    ///
    /// # Errors
    /// One of them is none by Bitcoin's rules. Those before it were added.
    pub fn add(&mut self, place: usize, headers: &[(u32, RawHeader)], now_ns: u64) -> Result<usize, HeaderError> {
        let Some(node) = self.nodes.get(&NodeKey::configured(place)) else { return Ok(0) };
        let (first_node, first_seen_ns) = (Arc::clone(&node.name), node.had_time.then_some(now_ns));
        let mut added = 0;
        for (height, raw) in headers {
            let header = Header::new(raw)?;
            if let Inserted::New { .. } = self.tree.insert(header, *height) {
                let known = Known { first_node: Arc::clone(&first_node), first_seen_ns, miner: None };
                self.known.insert(header.hash(), known);
                added += 1;
            }
        }
        for hash in self.tree.bound() {
            self.known.remove(&hash);
            self.forgotten.add(hash);
        }
        // Those whose heights became too low.
        if self.known.len() > self.tree.len().saturating_add(1_000) {
            let tree = &self.tree;
            self.known.retain(|hash, _| tree.has(hash));
        }
        Ok(added)
    }

    /// The active tip of a node that is configured, by its last answer.
    pub fn active_tip(&self, place: usize) -> Option<Hash> {
        active(&self.nodes.get(&NodeKey::configured(place))?.tips).map(|tip| tip.hash)
    }

    /// Whether a node has given its tips before.
    pub fn has_answered(&self, place: usize) -> bool {
        self.nodes.get(&NodeKey::configured(place)).is_some_and(|node| node.answered)
    }

    /// Whether a node answered when it was asked last.
    pub fn is_reachable(&self, place: usize) -> bool {
        self.nodes.get(&NodeKey::configured(place)).is_some_and(NodeState::is_reachable)
    }

    /// Notes that the headers of a node's first answer were asked for: those that come later are new.
    pub fn had_time(&mut self, place: usize) {
        if let Some(node) = self.nodes.get_mut(&NodeKey::configured(place)) {
            node.had_time = true;
        }
    }

    /// Notes that a tip of a node could not be had, so that it is not tried again for a while.
    pub fn refuse(&mut self, place: usize, tip: &Tip, other_rules: bool, now_ns: u64) {
        let Some(node) = self.nodes.get_mut(&NodeKey::configured(place)) else { return };
        let hash = tip.hash.to_byte_array();
        if node.refused.len() >= MAX_REFUSED {
            node.refused.clear();
        }
        node.refused.insert(hash, now_ns.saturating_add(REFUSED_NS));
        if other_rules && node.other_rules.len() < MAX_TIPS {
            node.other_rules.insert(hash);
        }
    }

    /// Takes an answer, whose headers were added.
    pub fn answered(&mut self, place: usize, answer: &Answer, transport: &'static str, now_ns: u64) -> Effects {
        let mut effects = Effects::default();
        let key = NodeKey::configured(place);
        self.set_reachable(key, None, &mut effects, now_ns);
        if let Some(node) = self.nodes.get_mut(&key) {
            let transport_before = node.transport.replace(transport);
            effects.changed |= transport_before != Some(transport);
            node.answered_ns = Some(now_ns);
        }
        if answer.nodes.is_empty() && !self.nodes.get(&key).is_some_and(|node| node.hidden) {
            self.set_tips(key, &answer.tips, answer.more_tips, now_ns, &mut effects);
            self.correct_heights(key, &mut effects);
        } else {
            self.set_remotes(place, answer, now_ns, &mut effects);
        }
        effects
    }

    /// Moves the tree where most nodes, and two at least, have its headers at other heights: those of the first one whose headers it has were wrong.
    fn correct_heights(&mut self, key: NodeKey, effects: &mut Effects) {
        let difference = |node: &NodeState| {
            let tip = active(&node.tips).filter(|_| !node.has_other_rules())?;
            let (_, height) = self.tree.get(&tip.hash).filter(|_| self.tree.is_of_active_root(&tip.hash))?;
            i32::try_from(i64::from(tip.height) - i64::from(height)).ok()
        };
        let Some(by) = self.nodes.get(&key).and_then(difference).filter(|by| *by != 0) else { return };
        // What another server has of its nodes is one opinion, of one that is not asked itself.
        let own = self.nodes.iter().filter(|(key, _)| !key.remote);
        let (agreeing, others): (Vec<i32>, Vec<i32>) =
            own.filter_map(|(_, node)| difference(node)).partition(|other| *other == by);
        if agreeing.len() >= 2 && agreeing.len() > others.len() && self.tree.shift(by) {
            self.announced.clear();
            effects.changed = true;
        }
    }

    /// Notes that a node gave no answer.
    pub fn failed(&mut self, place: usize, reason: &str, now_ns: u64) -> Effects {
        let mut effects = Effects::default();
        self.set_reachable(NodeKey::configured(place), Some(reason), &mut effects, now_ns);
        let remotes: Vec<NodeKey> = self.remotes(place).collect();
        for key in remotes {
            self.set_reachable(key, Some(reason), &mut effects, now_ns);
        }
        effects
    }

    fn remotes(&self, place: usize) -> impl Iterator<Item = NodeKey> {
        let range = NodeKey::remote(place, 0)..=NodeKey::remote(place, u32::MAX);
        self.nodes.range(range).map(|(key, _)| *key)
    }

    /// Notes what a node says of its version, if that may be shown.
    pub fn set_version(&mut self, place: usize, version: Option<String>) {
        if let Some(node) = self.nodes.get_mut(&NodeKey::configured(place)) {
            if version.as_ref().is_some_and(|version| version.to_ascii_lowercase().contains("knots")) {
                "knots".clone_into(&mut node.implementation);
            } else if node.implementation == "knots" {
                "core".clone_into(&mut node.implementation);
            }
            node.version = version;
        }
    }

    /// Notes what a node does not permit, or does wrong. It says nothing of whether it is reachable.
    pub fn set_problem(&mut self, place: usize, problem: Option<String>, effects: &mut Effects) {
        let Some(node) = self.nodes.get_mut(&NodeKey::configured(place)) else { return };
        if node.problem != problem {
            node.problem = problem;
            if !node.hidden {
                effects.events.push((Arc::clone(&node.publishes_as), node.event(&self.settings.name, false)));
            }
        }
    }

    /// Takes over the nodes of another server.
    fn set_remotes(&mut self, place: usize, answer: &Answer, now_ns: u64, effects: &mut Effects) {
        let Some(source) = self.nodes.get(&NodeKey::configured(place)) else { return };
        let (offset, source_name, as_node, activity) =
            (source.id, source.name.as_ref().to_owned(), Arc::clone(&source.publishes_as), source.activity);
        let gone: Vec<NodeKey> =
            self.remotes(place).filter(|key| !answer.nodes.iter().any(|node| node.id == key.id)).collect();
        for key in gone {
            if let Some(node) = self.nodes.remove(&key) {
                self.count_tips(&node.tips, &[]);
                effects.changed = true;
            }
        }
        for remote in &answer.nodes {
            let key = NodeKey::remote(place, remote.id);
            if !self.nodes.contains_key(&key) && self.nodes.len() >= MAX_NODES {
                continue;
            }
            let RemoteNode { id, name, description, implementation, version, reachable, tips, more_tips, changed_s } =
                remote;
            let node = self.nodes.entry(key).or_insert_with(|| NodeState {
                id: offset.saturating_add(*id),
                name: name.as_str().into(),
                publishes_as: Arc::clone(&as_node),
                activity,
                remote_source: Some(source_name.clone()),
                ..NodeState::default()
            });
            if *node.name != **name {
                node.name = name.as_str().into();
            }
            node.description.clone_from(description);
            node.implementation.clone_from(implementation);
            node.version.clone_from(version);
            node.answered_ns = Some(now_ns);
            let reason = (!reachable).then(|| format!("{source_name} does not reach it"));
            self.set_reachable(key, reason.as_deref(), effects, now_ns);
            self.set_tips(key, tips, *more_tips, now_ns, effects);
            if let Some(node) = self.nodes.get_mut(&key) {
                node.had_time = true;
                node.changed_ns = node.changed_ns.or_else(|| changed_s.and_then(|seconds| seconds.checked_mul(SECOND)));
            }
        }
    }

    /// Notes whether a node answers: not, for this reason.
    fn set_reachable(&mut self, key: NodeKey, reason: Option<&str>, effects: &mut Effects, now_ns: u64) {
        let Some(node) = self.nodes.get_mut(&key) else { return };
        let reachable = reason.is_none();
        let before = node.reachable.replace(reachable);
        if reachable {
            if before == Some(false) {
                node.problem = None;
            }
        } else {
            node.problem = reason.map(str::to_owned);
        }
        if before == Some(reachable) || node.hidden {
            return;
        }
        effects.changed = true;
        let event = node.event(&self.settings.name, false);
        // What answers for the first time is announced with its tips.
        if !reachable || before.is_some() {
            effects.events.push((Arc::clone(&node.publishes_as), event));
        }
        if before.is_some() && (node.answered || !reachable) {
            let reason = reason.map(str::to_owned);
            self.note(key, Change::Reachability(Reachability { reachable, reason }), effects, now_ns);
        }
    }

    /// Takes over the tips of a node.
    fn set_tips(&mut self, key: NodeKey, tips: &[Tip], more: u32, now_ns: u64, effects: &mut Effects) {
        let Some(node) = self.nodes.get_mut(&key) else { return };
        let more = more.saturating_add(u32::try_from(tips.len().saturating_sub(MAX_TIPS)).unwrap_or(u32::MAX));
        let after: Vec<TipSnapshot> = tips
            .iter()
            .take(MAX_TIPS)
            .map(|tip| TipSnapshot { hash: tip.hash.to_byte_array(), height: tip.height, status: tip.status })
            .collect();
        node.other_rules.retain(|hash| after.iter().any(|tip| tip.hash == *hash));
        // They may have been found out since.
        let has_other_rules = node.has_other_rules();
        let had_other_rules = mem::replace(&mut node.published_other_rules, has_other_rules);
        let is_first = !mem::replace(&mut node.answered, true);
        let before = mem::replace(&mut node.tips, after.clone());
        let is_changed = before != after || is_first || had_other_rules != has_other_rules;
        node.more_tips = more;
        if !is_first && before != after {
            node.changed_ns = Some(now_ns);
            if active(&before).map(|tip| tip.hash) != active(&after).map(|tip| tip.hash) {
                node.tip_changed_ns = Some(now_ns);
            }
        }
        if is_changed {
            let event = node.event(&self.settings.name, false);
            effects.events.push((Arc::clone(&node.publishes_as), event));
            effects.changed = true;
            self.count_tips(&before, &after);
        }
        if !is_first {
            for change in activity::changes(&before, &after, &self.tree) {
                self.note(key, change, effects, now_ns);
            }
        }
        self.set_lagging(key, is_first, now_ns, effects);
    }

    /// Notes which tips a node has, and has no more.
    fn count_tips(&mut self, before: &[TipSnapshot], after: &[TipSnapshot]) {
        for tip in after {
            let count = self.tips.entry(tip.hash).or_default();
            *count = count.saturating_add(1);
        }
        for tip in before {
            if let Some(count) = self.tips.get_mut(&tip.hash) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.tips.remove(&tip.hash);
                }
            }
        }
    }

    /// The height of the active tip with the most work, of nodes by Bitcoin's rules; the highest one where none of them is in the tree.
    fn best_height(&self) -> Option<u32> {
        let nodes = self.nodes.values().filter(|node| node.is_reachable() && !node.has_other_rules());
        let tips = nodes.filter_map(|node| active(&node.tips));
        tips.map(|tip| (self.tree.work(&tip.hash), self.height_of(tip))).max().map(|(_, height)| height)
    }

    /// The height of a tip by the tree; what the node says where it is not there.
    fn height_of(&self, tip: &TipSnapshot) -> u32 {
        self.tree.get(&tip.hash).map_or(tip.height, |(_, height)| height)
    }

    fn set_lagging(&mut self, key: NodeKey, is_first: bool, now_ns: u64, effects: &mut Effects) {
        let Some(best_height) = self.best_height() else { return };
        let tip = self.nodes.get(&key).and_then(|node| active(&node.tips));
        let Some(node_height) = tip.map(|tip| self.height_of(tip)) else { return };
        let Some(node) = self.nodes.get_mut(&key) else { return };
        let lagging = activity::lags(node.lagging, node_height, best_height);
        if mem::replace(&mut node.lagging, lagging) != lagging && !is_first && node.had_time {
            self.note(key, Change::Lag(Lag { lagging, node_height, best_height }), effects, now_ns);
        }
    }

    /// Notes a change, if changes of the node are wanted.
    fn note(&mut self, key: NodeKey, change: Change, effects: &mut Effects, now_ns: u64) {
        let Some(node) = self.nodes.get(&key).filter(|node| node.activity) else { return };
        let Ok(details) = to_raw_value(&details(&change)) else { return };
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        let row = ActivityRow {
            id,
            timestamp: now_ns / SECOND,
            node_id: node.id,
            kind: kind(&change).to_owned(),
            details: details.into(),
        };
        let network = self.settings.name.clone();
        let event = Activity { network, id, node: node.name.as_ref().to_owned(), change: Some(change) };
        effects.events.push((Arc::clone(&node.publishes_as), ChainEvent::Activity(event)));
        effects.rows.push(row.clone());
        effects.changed = true;
        self.activity.push_front(row);
        self.activity.truncate(MAX_ACTIVITY);
    }

    /// Shown headers whose miner is not known, newest first.
    pub fn without_miner(&self) -> Vec<(Hash, u32)> {
        let unknown = |shown: &&Shown| self.known.get(&shown.hash).is_some_and(|known| known.miner.is_none());
        self.shown.iter().rev().filter(unknown).map(|shown| (shown.hash, shown.height)).collect()
    }

    /// Notes who mined a block.
    pub fn set_miner(&mut self, hash: &Hash, mut miner: Miner, now_ns: u64) -> Effects {
        let mut effects = Effects { changed: true, ..Effects::default() };
        miner.name.truncate(miner.name.floor_char_boundary(MAX_NAME));
        let Some(known) = self.known.get_mut(hash) else { return effects };
        known.miner = Some(miner.clone());
        let Miner { name, pool } = miner;
        let (Some((_, height)), true) = (self.tree.get(hash), pool) else { return effects };
        let of_pool = |other: &&Hash| {
            let known = self.known.get(*other).and_then(|known| known.miner.as_ref());
            known.is_some_and(|other| other.pool && other.name == name)
        };
        let hashes: Vec<Hash> = self.tree.at(height).iter().filter(of_pool).copied().collect();
        // Not again after each start.
        let new = hashes.iter().filter_map(|hash| self.known.get(hash)).find(|known| known.first_seen_ns.is_some());
        if let (true, Some(first)) = (hashes.len() > 1, new) {
            let first = Arc::clone(&first.first_node);
            let key = self.nodes.iter().find(|(_, node)| node.name == first).map(|(key, _)| *key);
            let hashes = hashes.iter().map(activity::bytes).collect();
            if let Some(key) = key {
                self.note(key, Change::SamePool(SamePool { height, pool: name, hashes }), &mut effects, now_ns);
            }
        }
        effects
    }

    /// Finds out anew which headers are shown. Those that are new, or of which more is known, are published.
    pub fn refresh(&mut self) -> Effects {
        let mut effects = Effects::default();
        let marked = self.settings.countdown.as_ref().map(|countdown| countdown.height);
        let tips = self.tips.iter().map(|(hash, count)| (*hash, *count));
        self.shown = self.tree.shown(tips, self.settings.max_interesting_heights, marked);
        let mut announced = HashMap::with_capacity(self.shown.len());
        for shown in &self.shown {
            let has_miner = self.known.get(&shown.hash).is_some_and(|known| known.miner.is_some());
            let now = Announced { active: shown.active, has_miner };
            if self.announced.get(&shown.hash) != Some(&now)
                && let Some(event) = self.header_event(shown, false)
            {
                effects.events.push((Arc::clone(&self.home), event));
            }
            announced.insert(shown.hash, now);
        }
        self.announced = announced;
        effects
    }

    /// Everything that is shown, once more, for those who came later.
    pub fn repeat(&self) -> Effects {
        let shown = self.nodes.values().filter(|node| !node.hidden && node.reachable.is_some());
        let nodes = shown.map(|node| (Arc::clone(&node.publishes_as), node.event(&self.settings.name, true)));
        let headers = self.shown.iter().filter_map(|shown| self.header_event(shown, true));
        let headers = headers.map(|event| (Arc::clone(&self.home), event));
        Effects { events: nodes.chain(headers).collect(), ..Effects::default() }
    }

    fn header_event(&self, shown: &Shown, again: bool) -> Option<ChainEvent> {
        let (header, height) = self.tree.get(&shown.hash)?;
        let known = self.known.get(&shown.hash);
        let miner = known.and_then(|known| known.miner.as_ref());
        Some(ChainEvent::Header(HeaderEvent {
            network: self.settings.name.clone(),
            height,
            header: header.bytes().to_vec().into(),
            first_node: known.map(|known| known.first_node.as_ref().to_owned()),
            first_seen_ns: known.and_then(|known| known.first_seen_ns),
            miner: miner.map(|miner| miner.name.clone()),
            pool: miner.map(|miner| miner.pool),
            active: shown.active,
            again,
            hash: activity::bytes(&shown.hash),
        }))
    }

    /// Headers beside the active chain, newest first.
    pub fn stale(&self) -> Vec<StaleBlock> {
        let stale = self.tree.stale(MAX_STALE);
        stale.map(|(header, height)| StaleBlock { height, hash: header.hash(), header: *header.bytes() }).collect()
    }

    /// What is served.
    pub fn snapshot(&self) -> NetworkSnapshot {
        let Network { id, name, slug, description, countdown, .. } = &*self.settings;
        let headers = self.shown.iter().filter_map(|shown| {
            let (header, height) = self.tree.get(&shown.hash)?;
            let miner = self.known.get(&shown.hash).and_then(|known| known.miner.as_ref());
            let miner = miner.map(|miner| miner.name.clone()).unwrap_or_default();
            let (hash, parent, active) = (shown.hash, shown.parent, shown.active);
            Some(HeaderSnapshot { height, hash, header: *header.bytes(), parent, miner, active })
        });
        let nodes = self.nodes.values().filter(|node| !node.hidden).map(|node| NodeSnapshot {
            id: node.id,
            name: node.name.as_ref().to_owned(),
            description: node.description.clone(),
            implementation: program(&node.implementation).to_owned(),
            version: node.version.clone(),
            reachable: node.is_reachable(),
            other_rules: node.has_other_rules(),
            height: active(&node.tips).map(|tip| self.height_of(tip)),
            tips: node.tips.clone(),
            changed_ns: node.changed_ns,
            remote_source: node.remote_source.clone(),
        });
        NetworkSnapshot {
            id: *id,
            name: name.clone(),
            slug: slug.clone(),
            description: description.clone(),
            headers: headers.collect(),
            nodes: nodes.collect(),
            countdown: countdown.clone(),
            best_height: self.best_height(),
            stale: self.stale(),
            activity: self.activity.iter().cloned().collect(),
        }
    }
}

/// The name of a program for people.
fn program(implementation: &str) -> &str {
    match implementation {
        "core" => "Bitcoin Core",
        "knots" => "Bitcoin Knots",
        other => other,
    }
}

/// Whether a node with a tip of this status has its block.
fn has_block(status: Status) -> bool {
    matches!(status, Status::Active | Status::ValidFork | Status::ValidHeaders)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bitcoin::BlockHash;
    use node::Target;
    use proptest::prelude::*;

    use super::*;
    use crate::header::tests::{EASY, mine};
    use crate::settings::RETENTION;

    const NOW: u64 = 1_790_000_000 * SECOND;

    fn node(id: u32) -> NodeSettings {
        NodeSettings {
            id,
            name: format!("node-{id}"),
            description: String::new(),
            source: SourceSettings::Core { target: Target::default(), rest: true, long_poll: true },
            show_version: false,
            activity: true,
            observed: id == 1,
            interval: Duration::from_secs(1),
        }
    }

    fn network(nodes: u32) -> NetworkState {
        let settings = Network {
            id: 1,
            name: "regtest".to_owned(),
            slug: "regtest".to_owned(),
            description: String::new(),
            min_fork_height: 0,
            max_interesting_heights: 100,
            pools: None,
            countdown: None,
            retention: RETENTION,
            nodes: (0..nodes).map(node).collect(),
        };
        NetworkState::new(Arc::new(settings), Vec::new(), 1)
    }

    fn tip(hash: Hash, height: u32, status: Status) -> Tip {
        Tip { hash: BlockHash::from_byte_array(hash), height, status }
    }

    fn raw(headers: &[Header]) -> Vec<(u32, RawHeader)> {
        (0..).zip(headers).map(|(height, header)| (height, *header.bytes())).collect()
    }

    fn chain(length: usize, tag: u64) -> Vec<Header> {
        let first = mine([0; 32], EASY, tag);
        std::iter::successors(Some(first), |last| Some(mine(last.hash(), EASY, tag))).take(length).collect()
    }

    /// A node answers with these tips.
    fn answers(state: &mut NetworkState, place: usize, tips: Vec<Tip>) -> Effects {
        let answer = Answer { tips, ..Answer::default() };
        state.wanted(place, &answer, NOW);
        let effects = state.answered(place, &answer, "rpc", NOW);
        state.had_time(place);
        effects
    }

    fn kinds(effects: &Effects) -> Vec<&str> {
        effects.rows.iter().map(|row| row.kind.as_str()).collect()
    }

    #[test]
    fn the_first_answer_is_no_activity_and_the_next_ones_are() {
        let mut state = network(3);
        let main = chain(10, 0);
        let at = |height: usize, status| tip(main[height].hash(), height as u32, status);
        for place in 0..3 {
            assert_eq!(kinds(&answers(&mut state, place, vec![at(5, Status::Active)])), [""; 0]);
        }
        state.add(0, &raw(&main), NOW).unwrap();
        let effects = answers(&mut state, 0, vec![at(9, Status::Active)]);
        assert_eq!(kinds(&effects), ["active-tip-changed"]);
        let names: Vec<&str> = effects.events.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["node-1", "node-1"], "as of the first that is observed");
        assert_eq!(kinds(&answers(&mut state, 1, vec![at(6, Status::Active)])), ["active-tip-changed", "node-lagging"]);
        assert_eq!(kinds(&answers(&mut state, 1, vec![at(7, Status::Active)])), ["active-tip-changed"]);
        assert_eq!(
            kinds(&answers(&mut state, 1, vec![at(8, Status::Active)])),
            ["active-tip-changed", "node-caught-up"]
        );
        let effects = state.failed(2, "connection refused", NOW);
        assert_eq!(kinds(&effects), ["node-unreachable"]);
        assert_eq!(kinds(&state.failed(2, "connection refused", NOW)), [""; 0]);
        let effects = answers(&mut state, 2, vec![at(5, Status::Active)]);
        assert_eq!(kinds(&effects)[0], "node-reachable");
        let ids: Vec<u64> = state.activity.iter().map(|row| row.id).collect();
        assert!(ids.is_sorted_by(|a, b| a == &(b + 1)), "{ids:?}");
    }

    #[test]
    fn what_is_wrong_with_a_node_is_published_at_once_and_that_it_is_back() {
        let mut state = network(1);
        let main = chain(2, 0);
        let tips = || vec![tip(main[1].hash(), 1, Status::Active)];
        answers(&mut state, 0, tips());
        let nodes = |effects: Effects| -> Vec<(bool, Option<String>)> {
            let of = |(_, event)| match event {
                ChainEvent::Node(node) => Some((node.reachable, node.problem)),
                _ => None,
            };
            effects.events.into_iter().filter_map(of).collect()
        };
        let gone = || Some("connection refused".to_owned());
        assert_eq!(nodes(state.failed(0, "connection refused", NOW)), [(false, gone())]);
        // Its tips are what they were.
        assert_eq!(nodes(answers(&mut state, 0, tips())), [(true, None)]);
        let problem = |state: &mut NetworkState, problem: Option<&str>| {
            let mut effects = Effects::default();
            state.set_problem(0, problem.map(str::to_owned), &mut effects);
            nodes(effects)
        };
        assert_eq!(problem(&mut state, None), []);
        assert_eq!(problem(&mut state, Some("withheld")), [(true, Some("withheld".to_owned()))]);
        assert_eq!(problem(&mut state, Some("withheld")), []);
        assert_eq!(nodes(answers(&mut state, 0, tips())), []);
        assert_eq!(problem(&mut state, None), [(true, None)]);
    }

    /// Of one with headers, and of one without any.
    #[test]
    fn who_reports_a_height_without_headers_makes_nobody_lag() {
        let mut state = network(3);
        let main = chain(5, 0);
        answers(&mut state, 0, vec![tip(main[4].hash(), 4, Status::Active)]);
        state.add(0, &raw(&main), NOW).unwrap();
        answers(&mut state, 1, vec![tip([9; 32], 5_000_000, Status::Active)]);
        // The height of a header that is known is not what is reported.
        answers(&mut state, 2, vec![tip(main[0].hash(), 9, Status::Active)]);
        let snapshot = state.snapshot();
        assert_eq!(snapshot.best_height, Some(4));
        let heights: Vec<_> = snapshot.nodes.iter().map(|node| node.height).collect();
        assert_eq!(heights, [Some(4), Some(5_000_000), Some(0)]);
    }

    #[test]
    fn heights_by_one_node_are_corrected_when_most_others_agree() {
        let mut state = network(4);
        let main = chain(10, 0);
        // The first one has all heights too high by 5.
        answers(&mut state, 0, vec![tip(main[9].hash(), 14, Status::Active)]);
        state.tree = Tree::new(5);
        let headers: Vec<_> = (5..).zip(&main).map(|(height, header)| (height, *header.bytes())).collect();
        state.add(0, &headers, NOW).unwrap();
        state.refresh();
        answers(&mut state, 1, vec![tip(main[9].hash(), 9, Status::Active)]);
        assert_eq!(state.tree.tip(), Some((main[9].hash(), 14)), "one says so");
        answers(&mut state, 2, vec![tip(main[8].hash(), 9, Status::Active)]);
        assert_eq!(state.tree.tip(), Some((main[9].hash(), 14)), "they do not agree");
        answers(&mut state, 3, vec![tip(main[8].hash(), 8, Status::Active)]);
        assert_eq!(state.tree.tip(), Some((main[9].hash(), 14)), "as many do not");
        let effects = answers(&mut state, 2, vec![tip(main[9].hash(), 9, Status::Active)]);
        assert_eq!((state.tree.tip(), state.floor()), (Some((main[9].hash(), 9)), 0));
        assert!(effects.changed && !state.refresh().events.is_empty(), "they are published again");
        // The first one alone cannot change it back.
        answers(&mut state, 0, vec![tip(main[9].hash(), 14, Status::Active)]);
        assert_eq!(state.tree.tip(), Some((main[9].hash(), 9)));
    }

    #[test]
    fn blocks_below_a_stale_tip_are_those_of_its_node() {
        let mut state = network(3);
        let main = chain(5, 0);
        let first = mine(main[2].hash(), EASY, 7);
        let second = mine(first.hash(), EASY, 7);
        let active = || tip(main[4].hash(), 4, Status::Active);
        answers(&mut state, 0, vec![active()]);
        state.add(0, &raw(&main), NOW).unwrap();
        state.add(1, &[(3, *first.bytes()), (4, *second.bytes())], NOW).unwrap();
        answers(&mut state, 1, vec![active(), tip(second.hash(), 4, Status::ValidFork)]);
        answers(&mut state, 2, vec![active(), tip(second.hash(), 4, Status::HeadersOnly)]);
        for hash in [first.hash(), second.hash()] {
            assert_eq!(state.nodes_with(&hash), (vec![1], vec![0, 2]));
        }
        assert_eq!(state.nodes_with(&main[2].hash()), (vec![0, 1, 2], vec![]));
    }

    #[test]
    fn other_rules_lend_no_work_and_are_shown() {
        let mut state = network(2);
        let main = chain(10, 0);
        answers(&mut state, 0, vec![tip(main[9].hash(), 9, Status::Active)]);
        state.add(0, &raw(&main), NOW).unwrap();
        // A header that builds on the tip, states much work, and has another proof of it.
        let mut other = *mine(main[9].hash(), EASY, 5).bytes();
        other[72..76].copy_from_slice(&0x1705_dd01u32.to_le_bytes());
        let hash = bitcoin::hashes::sha256d::Hash::hash(&other).to_byte_array();
        assert_eq!(state.add(1, &[(10, other)], NOW), Err(HeaderError::Work));
        let theirs = tip(hash, 10, Status::Active);
        state.refuse(1, &theirs, true, NOW);
        answers(&mut state, 1, vec![theirs.clone()]);
        let snapshot = state.snapshot();
        assert!(snapshot.nodes[1].other_rules && !snapshot.nodes[0].other_rules);
        assert_eq!(state.best_height(), Some(9));
        assert_eq!(state.tree.tip(), Some((main[9].hash(), 9)));
        let answer = Answer { tips: vec![theirs], ..Answer::default() };
        assert_eq!(state.wanted(1, &answer, NOW).len(), 0, "it is not asked for again at once");
        assert_eq!(state.wanted(1, &answer, NOW + REFUSED_NS).len(), 1);
        // It came back to Bitcoin's.
        answers(&mut state, 1, vec![tip(main[9].hash(), 9, Status::Active)]);
        assert!(!state.snapshot().nodes[1].other_rules);
    }

    #[test]
    fn two_blocks_of_a_pool_are_reported_if_one_is_new() {
        let mut state = network(1);
        let main = chain(5, 0);
        let twin = mine(main[3].hash(), EASY, 9);
        answers(&mut state, 0, vec![tip(main[4].hash(), 4, Status::Active)]);
        state.add(0, &raw(&main), NOW).unwrap();
        state.had_time(0);
        state.add(0, &[(4, *twin.bytes())], NOW).unwrap();
        let miner = || Miner { name: "Some Pool".to_owned(), pool: true };
        assert_eq!(kinds(&state.set_miner(&main[4].hash(), miner(), NOW)), [""; 0]);
        assert_eq!(kinds(&state.set_miner(&twin.hash(), miner(), NOW)), ["same-pool"]);
        assert_eq!(state.set_miner(&main[2].hash(), Miner { name: "ä".repeat(60), pool: false }, NOW).rows.len(), 0);
        assert!(state.known[&main[2].hash()].miner.as_ref().unwrap().name.len() <= MAX_NAME);
    }

    /// A first node with wrong heights decides nothing for long.
    #[test]
    fn most_nodes_choose_from_which_height_on_headers_are_kept() {
        let mut state = network(4);
        let main = chain(5, 0);
        answers(&mut state, 0, vec![tip([9; 32], 5_000_000, Status::Active)]);
        assert_eq!(state.floor(), 5_000_000 - HEIGHTS);
        let first = mine([7; 32], EASY, 1);
        state.add(0, &[(state.floor(), *first.bytes())], NOW).unwrap();
        answers(&mut state, 1, vec![tip(main[4].hash(), 4, Status::Active)]);
        answers(&mut state, 2, vec![tip(main[4].hash(), 4, Status::Active)]);
        assert_eq!(state.floor(), 0);
        state.add(1, &raw(&main), NOW).unwrap();
        assert_eq!(state.tree.tip(), Some((main[4].hash(), 4)));
    }

    #[test]
    fn a_thousand_nodes_with_a_hundred_thousand_stale_headers_are_bounded() {
        const NODES: usize = 1_000;
        let mut state = network(NODES as u32);
        let main = chain(1_000, 0);
        answers(&mut state, 0, vec![tip(main[999].hash(), 999, Status::Active)]);
        state.add(0, &raw(&main), NOW).unwrap();
        let begun = Instant::now();
        for place in 0..NODES {
            let mut tips = vec![tip(main[999].hash(), 999, Status::Active)];
            let mut headers = Vec::new();
            for number in 0..100 {
                let header = mine(main[place].hash(), EASY, (place * 1_000 + number + 1) as u64);
                tips.push(tip(header.hash(), place as u32 + 1, Status::HeadersOnly));
                headers.push((place as u32 + 1, *header.bytes()));
            }
            state.add(place, &headers, NOW).unwrap();
            let effects = answers(&mut state, place, tips);
            assert!(effects.events.len() < 200);
        }
        assert!(state.tree.len() <= 1_000 + crate::tree::MAX_STALE && state.known.len() <= state.tree.len() + 1_000);
        assert!(state.tips.len() <= NODES * MAX_TIPS);
        let refreshed = Instant::now();
        let shown = state.refresh().events.len();
        assert!(shown > 100 && shown <= 400 * 50, "{shown}");
        assert!(refreshed.elapsed() < Duration::from_secs(10), "{:?}", refreshed.elapsed());
        assert_eq!(state.refresh().events.len(), 0, "nothing changed");
        let snapshot = state.snapshot();
        assert_eq!((snapshot.nodes.len(), snapshot.stale.len()), (NODES, MAX_STALE));
        assert!(begun.elapsed() < Duration::from_secs(300), "{:?}", begun.elapsed());
        // What there was no room for is not asked for again.
        let gone =
            (0..100).map(|number| mine(main[0].hash(), EASY, number + 1)).find(|one| !state.tree.has(&one.hash()));
        assert!(gone.is_none_or(|gone| state.knows(&gone.hash())));
    }

    #[test]
    fn nodes_of_another_server_come_and_go() {
        let mut state = network(1);
        let mut settings = (*state.settings).clone();
        settings.nodes[0].source =
            SourceSettings::ForkObserver { url: "http://127.0.0.1:1".parse().unwrap(), network: 1, certificate: None };
        settings.nodes[0].id = 100;
        state = NetworkState::new(Arc::new(settings), Vec::new(), 1);
        let remote = |id| RemoteNode {
            id,
            name: format!("remote-{id}"),
            description: String::new(),
            implementation: "Bitcoin Core".to_owned(),
            version: None,
            reachable: id != 3,
            tips: vec![tip([1; 32], 7, Status::Active)],
            more_tips: 0,
            changed_s: Some(1_700_000_000),
        };
        let answer = |ids: &[u32]| Answer { nodes: ids.iter().map(|id| remote(*id)).collect(), ..Answer::default() };
        state.answered(0, &answer(&[1, 2, 3]), "http", NOW);
        let nodes = state.snapshot().nodes;
        let shown: Vec<_> = nodes.iter().map(|node| (node.id, node.reachable)).collect();
        assert_eq!(shown, [(101, true), (102, true), (103, false)], "the server itself is no node");
        assert_eq!(nodes[0].remote_source.as_deref(), Some("node-0"));
        assert_eq!(nodes[0].changed_ns, Some(1_700_000_000 * SECOND));
        assert_eq!(kinds(&state.failed(0, "timed out", NOW)), ["node-unreachable"; 2]);
        state.answered(0, &answer(&[2]), "http", NOW);
        assert_eq!(state.snapshot().nodes.len(), 1);
        assert_eq!(state.tips.get(&[1; 32]), Some(&1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Whatever nodes answer: no panic, counts of tips are right, ids are in order.
        #[test]
        fn any_answers(steps in prop::collection::vec((0usize..3, prop::collection::vec((0u8..6, 0u32..12, 0i32..6), 0..5), any::<bool>()), 1..40)) {
            let mut state = network(3);
            let main = chain(12, 0);
            for (place, tips, fails) in steps {
                if fails {
                    state.failed(place, "no", NOW);
                    continue;
                }
                let tips = tips.into_iter().map(|(which, height, status)| {
                    let hash = if which < 3 { main[height as usize].hash() } else { [which; 32] };
                    tip(hash, height, Status::try_from(status).unwrap())
                });
                answers(&mut state, place, tips.collect());
                let _ = state.add(place, &raw(&main), NOW);
                state.refresh();
            }
            let mut counts: HashMap<Hash, u32> = HashMap::new();
            for tip in state.nodes.values().flat_map(|node| &node.tips) {
                *counts.entry(tip.hash).or_default() += 1;
            }
            prop_assert_eq!(&counts, &state.tips);
            let ids: Vec<u64> = state.activity.iter().map(|row| row.id).collect();
            prop_assert!(ids.is_sorted_by(|a, b| *a == *b + 1));
            state.snapshot();
        }
    }
}
