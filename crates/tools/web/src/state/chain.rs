//! Block chains as the tool `chain` reports them: headers, tips of nodes, and what changed, by network. From its events alone, and by
//! their clock.

mod activity;

use std::collections::BTreeMap;

use event::pb::chain as pb;
use event::pb::chain::chain::ChainEvent;
use event::{Body, Kind, Record};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::bounded::median;
use model::bounds::{MAX_NODE_NAME, MAX_TEXT, MAX_USER_AGENT};
use model::text::{Hash, cut, hash};
use smol_str::{SmolStr, format_smolstr};

pub(crate) use activity::{Activities, Activity, Change};

use super::series::SECOND;

/// Networks that are known at most: the first ones. The tool has no more.
const MAX_NETWORKS: usize = 32;
/// Nodes of a network that are known at most.
const MAX_NODES: usize = 1_000;
/// Headers of a network that are kept at most. The tool shows some hundreds, or some thousands if so configured. Those that are not shown
/// any more are for the past.
const MAX_HEADERS: usize = 10_000;
/// Tips of a node that are kept at most.
const MAX_TIPS: usize = 64;
/// All is repeated once a minute: what was not for so long, while others were, is not there any more. In nanoseconds.
const GONE_NS: u64 = 150 * SECOND;
/// Bytes of a header.
const HEADER: usize = 80;

/// All networks, by name.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    pub networks: BTreeMap<SmolStr, Network>,
}

/// A network: what the tool knows of it.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// By their names.
    nodes: BTreeMap<SmolStr, Node>,
    headers: HashMap<Hash, Header, RandomState>,
    pub activities: Activities,
    /// Time of the newest of its events, nanoseconds since the UNIX epoch.
    pub last_ns: u64,
    /// Counts what changed.
    changes: u64,
    /// Time of the first of its events: two of the same name are not taken for each other.
    first_ns: u64,
}

/// A node: what it has as tips.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub implementation: SmolStr,
    pub version: Option<SmolStr>,
    pub transport: Option<SmolStr>,
    pub is_reachable: bool,
    pub has_other_rules: bool,
    /// The active one first.
    pub tips: Vec<Tip>,
    pub more_tips: u32,
    /// When its active tip became that.
    pub tip_changed_ns: Option<u64>,
    /// When it answered last.
    pub answered_ns: Option<u64>,
    pub remote_source: Option<SmolStr>,
    pub description: Option<SmolStr>,
    pub problem: Option<SmolStr>,
    /// It fell behind, or came back. None if nothing shows it.
    pub is_lagging: Option<bool>,
    last_ns: u64,
}

/// The end of a branch that a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub hash: Hash,
    pub height: u32,
    pub status: pb::Status,
}

impl Tip {
    /// None if it has no hash.
    fn of(tip: &pb::Tip) -> Option<Self> {
        Some(Self { hash: hash(&tip.hash)?, height: tip.height, status: tip.status() })
    }
}

/// A header of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub height: u32,
    /// As Bitcoin serializes it.
    pub bytes: [u8; HEADER],
    pub first_node: Option<SmolStr>,
    pub first_seen_ns: Option<u64>,
    pub miner: Option<SmolStr>,
    pub is_pool: bool,
    /// It is in the chain with the most work.
    pub is_active: bool,
    last_ns: u64,
}

impl Header {
    /// Four bytes of it as a number.
    fn number(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn part(&self, at: usize) -> Hash {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default()
    }

    pub fn version(&self) -> u32 {
        self.number(0)
    }

    /// Hash of the block before it.
    pub fn previous(&self) -> Hash {
        self.part(4)
    }

    pub fn merkle_root(&self) -> Hash {
        self.part(36)
    }

    /// Seconds since the UNIX epoch.
    pub fn time(&self) -> u32 {
        self.number(68)
    }

    /// Its target, in compact form.
    pub fn bits(&self) -> u32 {
        self.number(72)
    }

    pub fn nonce(&self) -> u32 {
        self.number(76)
    }

    /// Its difficulty; None if its target is none.
    pub fn difficulty(&self) -> Option<f64> {
        let (exponent, mantissa) = (self.bits() >> 24, self.bits() & 0x007f_ffff);
        let exponent = i32::try_from(exponent).unwrap_or_default();
        (mantissa > 0).then(|| 65_535.0 / f64::from(mantissa) * 256_f64.powi(29 - exponent))
    }
}

impl Chains {
    /// Takes an event, if it is one of the tool's. Returns whether it is.
    pub fn fold(&mut self, record: &Record, time_ns: u64) -> bool {
        if !matches!(record.envelope().kind, Kind::ChainNode | Kind::ChainHeader | Kind::ChainActivity) {
            return false;
        }
        if let Some(Body::Chain(pb::Chain { chain_event: Some(event) })) = record.body() {
            let name = match event {
                ChainEvent::Node(node) => &node.network,
                ChainEvent::Header(header) => &header.network,
                ChainEvent::Activity(activity) => &activity.network,
            };
            if let Some(network) = self.network(name, time_ns) {
                network.fold(event, time_ns);
            }
        }
        true
    }

    fn network(&mut self, name: &str, time_ns: u64) -> Option<&mut Network> {
        let name = cut(name, MAX_NODE_NAME);
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&name) {
            return None;
        }
        let network = self.networks.entry(name).or_insert_with(|| Network { first_ns: time_ns, ..Network::default() });
        network.last_ns = network.last_ns.max(time_ns);
        Some(network)
    }
}

impl Network {
    fn fold(&mut self, event: &ChainEvent, time_ns: u64) {
        let changed = match event {
            ChainEvent::Node(node) => self.node(node, time_ns),
            ChainEvent::Header(header) => self.header(header, time_ns),
            ChainEvent::Activity(activity) => self.activity(activity, time_ns),
        };
        self.changes += u64::from(changed);
    }

    /// Takes what a node has as tips. Returns whether anything changed.
    fn node(&mut self, node: &pb::Node, time_ns: u64) -> bool {
        let name = cut(&node.name, MAX_NODE_NAME);
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&name) {
            let last_ns = self.last_ns;
            self.nodes.retain(|_, node| !is_gone(node.last_ns, last_ns));
            if self.nodes.len() >= MAX_NODES {
                return false;
            }
        }
        let text = |text: &Option<String>, bytes| text.as_deref().map(|text| cut(text, bytes));
        let is_lagging = self.nodes.get(&name).and_then(|before| before.is_lagging);
        let tips: Vec<Tip> = node.tips.iter().filter_map(Tip::of).take(MAX_TIPS).collect();
        let more_tips = u32::try_from(node.tips.len().saturating_sub(tips.len())).unwrap_or(u32::MAX);
        let node = Node {
            implementation: cut(&node.implementation, MAX_USER_AGENT),
            version: text(&node.version, MAX_USER_AGENT),
            transport: text(&node.transport, 16),
            is_reachable: node.reachable,
            has_other_rules: node.other_rules,
            more_tips: more_tips.saturating_add(node.more_tips()),
            tips,
            tip_changed_ns: node.tip_changed_ns,
            answered_ns: node.answered_ns,
            remote_source: text(&node.remote_source, MAX_TEXT),
            description: text(&node.description, MAX_TEXT),
            problem: text(&node.problem, MAX_TEXT),
            is_lagging,
            last_ns: time_ns,
        };
        let before = self.nodes.insert(name, node.clone());
        // That it answered again changes nothing.
        let same = |before: Node| before.is_shown_as(&node) && !is_gone(before.last_ns, self.last_ns);
        !before.is_some_and(same)
    }

    fn header(&mut self, header: &pb::Header, time_ns: u64) -> bool {
        let (Some(hash), Some(bytes)) = (hash(&header.hash), <[u8; HEADER]>::try_from(&*header.header).ok()) else {
            return false;
        };
        if self.headers.len() >= MAX_HEADERS && !self.headers.contains_key(&hash) {
            let median_ns = median(self.headers.values().map(|header| header.last_ns));
            self.headers.retain(|_, header| header.last_ns > median_ns);
        }
        let text = |text: &Option<String>| text.as_deref().map(|text| cut(text, 64));
        let before = self.headers.get(&hash);
        // After a restart, the tool does not know any more when it came.
        let first_seen_ns = header.first_seen_ns.or(before.and_then(|before| before.first_seen_ns));
        let first_node = header.first_node.as_deref().map(|name| cut(name, MAX_NODE_NAME));
        let header = Header {
            height: header.height,
            bytes,
            first_node: first_node.or_else(|| before.and_then(|before| before.first_node.clone())),
            first_seen_ns,
            miner: text(&header.miner).or_else(|| before.and_then(|before| before.miner.clone())),
            is_pool: header.pool.or(before.map(|before| before.is_pool)).unwrap_or_default(),
            is_active: header.active,
            last_ns: time_ns,
        };
        let same = |before: &Header| {
            !is_gone(before.last_ns, self.last_ns) && Header { last_ns: time_ns, ..before.clone() } == header
        };
        let changed = !before.is_some_and(same);
        self.headers.insert(hash, header);
        changed
    }

    fn activity(&mut self, activity: &pb::Activity, time_ns: u64) -> bool {
        let Some(activity) = Activity::of(activity, time_ns) else { return false };
        if let Change::Lag { is_lagging, .. } = activity.change
            && let Some(node) = self.nodes.get_mut(&activity.node)
        {
            node.is_lagging = Some(is_lagging);
        }
        self.activities.take(activity)
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = (&SmolStr, &Node)> {
        self.nodes.iter().filter(|(_, node)| !is_gone(node.last_ns, self.last_ns))
    }

    /// The headers that the tool shows, and with `past` those that it showed before.
    pub fn headers(&self, past: bool) -> impl Iterator<Item = (&Hash, &Header)> {
        self.headers.iter().filter(move |(_, header)| past || !is_gone(header.last_ns, self.last_ns))
    }

    /// A header that is kept.
    pub fn find(&self, hash: &Hash) -> Option<&Header> {
        self.headers.get(hash)
    }

    /// Another text whenever anything changed but times at which nodes answered.
    pub fn version(&self) -> SmolStr {
        // What is gone counts as a change: it is looked for every two and a half minutes.
        format_smolstr!("{}-{}-{}", self.first_ns, self.changes, self.last_ns / GONE_NS)
    }

    /// The height of the chain with the most work: of the active headers, else of the tips.
    pub fn height(&self) -> Option<u32> {
        let active = self.headers(false).filter(|(_, header)| header.is_active).map(|(_, header)| header.height);
        let tips = self.nodes().filter(|(_, node)| !node.has_other_rules).filter_map(|(_, node)| node.active());
        active.max().or_else(|| tips.map(|tip| tip.height).max())
    }
}

/// Whether something was not repeated while other things were.
fn is_gone(its_ns: u64, last_ns: u64) -> bool {
    last_ns > its_ns.saturating_add(GONE_NS)
}

impl Node {
    /// Its active tip.
    pub fn active(&self) -> Option<&Tip> {
        self.tips.iter().find(|tip| tip.status == pb::Status::Active).or_else(|| self.tips.first())
    }

    /// Whether it is shown as another one is, but for its age.
    fn is_shown_as(&self, other: &Self) -> bool {
        let of = |node: &Self| Self {
            last_ns: 0,
            answered_ns: node.answered_ns.filter(|_| !node.is_reachable),
            ..node.clone()
        };
        let (a, b) = (of(self), of(other));
        a.implementation == b.implementation
            && a.version == b.version
            && a.transport == b.transport
            && (a.is_reachable, a.has_other_rules, a.is_lagging) == (b.is_reachable, b.has_other_rules, b.is_lagging)
            && a.tips == b.tips
            && (a.more_tips, a.tip_changed_ns, a.answered_ns) == (b.more_tips, b.tip_changed_ns, b.answered_ns)
            && a.remote_source == b.remote_source
            && a.description == b.description
            && a.problem == b.problem
    }
}
