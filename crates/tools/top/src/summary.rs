//! A node in one row: whether it is there, its peers, messages, last block, and what is odd.

use std::sync::Arc;

use model::bounds::SECOND;
use model::{Condition, NodeState, SourceState};

use crate::format::{age, plain};
use crate::state::{Node, State, What};

/// Characters of a text that the node or a peer chose.
const MAX_TEXT: usize = 160;
/// On the main chain, a node whose last block is older than this is odd: it happens once in a year.
const OLD_BLOCK_SECONDS: u64 = 7_200;

/// What is known of a node, in short.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its name.
    pub name: Arc<str>,
    /// What it is doing.
    pub state: NodeState,
    /// Seconds since it is doing that; none if nothing was heard of it.
    pub state_seconds: Option<u64>,
    /// Its user agent.
    pub version: Option<String>,
    /// Its chain, as Bitcoin Core names it.
    pub chain: Option<String>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// Its connections: inbound, outbound. Our own P2P connection is not among them.
    pub peers: Option<(u64, u64)>,
    /// P2P messages per second: received, sent. None without tracepoints.
    pub rates: Option<(f64, f64)>,
    /// Height of its tip.
    pub height: Option<u32>,
    /// Seconds since the time in the header of its tip.
    pub block_seconds: Option<u64>,
    /// Transactions in its mempool, and their virtual bytes.
    pub mempool: Option<(u64, u64)>,
    /// What is odd, the worst first.
    pub odd: Vec<Odd>,
    /// Names of its extractors, and whether each reads the node.
    pub sources: Vec<(String, bool)>,
    /// Why tracepoints report nothing of it, and the lines that would change it. Empty if they do, or if that is not known here.
    pub advice: Vec<String>,
}

/// Something odd about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// How bad it is.
    pub level: Level,
    /// What it is; without control of a terminal.
    pub text: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is broken, or the node is attacked.
    Bad,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Note,
}

impl Summary {
    /// What is shown of the node holds now: it is there, and read.
    pub fn is_current(&self) -> bool {
        self.state.is_alive()
    }

    /// What it is doing, with since when if it is not up: `down 14s`.
    pub fn state_text(&self) -> String {
        match (self.state, self.state_seconds) {
            (NodeState::Up, _) => "up".to_owned(),
            (NodeState::Unknown, None) => "no data".to_owned(),
            (NodeState::Unknown, Some(seconds)) => format!("silent {}", age(seconds)),
            (state, Some(seconds)) => format!("{} {}", state.name(), age(seconds)),
            (state, None) => state.name().to_owned(),
        }
    }

    /// The worst that is odd, and how much more there is.
    pub fn odd_text(&self) -> String {
        match (self.odd.first(), self.odd.len()) {
            (None, _) => String::new(),
            (Some(worst), 1) => worst.text.clone(),
            (Some(worst), count) => format!("{} (+{})", worst.text, count - 1),
        }
    }

    /// How bad the worst is.
    pub fn level(&self) -> Option<Level> {
        self.odd.first().map(|odd| odd.level)
    }

    fn of(name: &Arc<str>, node: &Node, advice: &[String], now_ns: u64) -> Self {
        let Node { model, seen } = node;
        let about = &seen.about;
        let seconds_since = |at_ns: u64| now_ns.saturating_sub(at_ns) / SECOND;
        let condition = model.liveness.node();
        let is_traced = model.liveness.is_up("ebpf");
        let [received, sent] = seen.messages.rates.map(|rate| rate.per_second(now_ns));
        Self {
            name: Arc::clone(name),
            state: condition.state,
            state_seconds: (condition.since_ns > 1).then(|| seconds_since(condition.since_ns)),
            version: about.version.as_ref().map(|version| plain(version, MAX_TEXT)),
            chain: about.chain.as_ref().map(|chain| plain(chain, 32)),
            uptime: model.restarts.started_ns.map(seconds_since),
            peers: peers(node),
            rates: is_traced.then_some((received, sent)),
            height: about.height,
            block_seconds: about.block_ns.map(seconds_since),
            mempool: about.mempool,
            odd: odd(node, now_ns),
            sources: model
                .liveness
                .sources()
                .map(|(name, source)| (plain(name, 16), source.condition.state == SourceState::Up))
                .collect(),
            advice: if is_traced { Vec::new() } else { advice.to_vec() },
        }
    }
}

impl State {
    /// All nodes, by name.
    pub fn summaries(&self) -> Vec<Summary> {
        let now_ns = self.now_ns();
        let advice = |name: &str| self.advice.get(name).map(Vec::as_slice).unwrap_or_default();
        self.nodes.iter().map(|(name, node)| Summary::of(name, node, advice(name), now_ns)).collect()
    }
}

/// Connections, one by one or else as getnetworkinfo counts them.
fn peers(node: &Node) -> Option<(u64, u64)> {
    let peers = &node.model.peers;
    if peers.open().len() == 0 && peers.polled_ns() == 0 {
        return node.seen.about.connections;
    }
    let others = || peers.open().filter(|peer| !peer.own);
    let count = |inbound| others().filter(|peer| peer.inbound == Some(inbound)).count() as u64;
    Some((count(true), count(false)))
}

/// What is odd about a node, the worst first.
fn odd(node: &Node, now_ns: u64) -> Vec<Odd> {
    let mut all = Vec::new();
    let mut note = |level, text: String| all.push(Odd { level, text });
    let liveness = &node.model.liveness;
    let (is_alive, about) = (liveness.node().state.is_alive(), &node.seen.about);
    if let Some(text) = not_up(liveness.node(), now_ns) {
        note(if is_alive { Level::Note } else { Level::Bad }, text);
    }
    for (what, happening) in node.seen.odd.recent(now_ns) {
        let ago = age(now_ns.saturating_sub(happening.last_ns) / SECOND);
        let last = plain(&happening.last, MAX_TEXT);
        let colon = if last.is_empty() { "" } else { ": " };
        note(level(what), format!("{}, {ago} ago{colon}{last}", what.text(happening.times)));
    }
    if is_alive {
        for (name, source) in liveness.sources().filter(|(_, source)| source.condition.state != SourceState::Up) {
            let state = source.condition.state;
            let since = age(now_ns.saturating_sub(source.condition.since_ns) / SECOND);
            let reason = source.condition.reason.as_ref().map(|reason| format!(": {}", plain(reason, MAX_TEXT)));
            let text =
                format!("extractor {} {} since {since}{}", plain(name, 16), state.name(), reason.unwrap_or_default());
            note(if state == SourceState::Ended { Level::Note } else { Level::Warning }, text);
        }
        if about.network_active == Some(false) {
            note(Level::Warning, "its network is switched off (setnetworkactive)".to_owned());
        }
        if peers(node) == Some((0, 0)) {
            note(Level::Warning, "no peers".to_owned());
        }
        let old = about.block_ns.map(|at_ns| now_ns.saturating_sub(at_ns) / SECOND);
        if let Some(seconds) = old.filter(|seconds| *seconds > OLD_BLOCK_SECONDS)
            && about.chain.as_deref() == Some("main")
            && about.initial_block_download == Some(false)
        {
            note(Level::Warning, format!("no block for {}", age(seconds)));
        }
        for warning in about.warnings() {
            note(Level::Warning, format!("it warns: {}", plain(warning, MAX_TEXT)));
        }
        if about.initial_block_download == Some(true) {
            let done = about.progress.filter(|progress| progress.is_finite());
            let done = done.map(|progress| format!(", {:.0} %", (progress * 100.0).clamp(0.0, 99.0).floor()));
            note(Level::Note, format!("initial block download{}", done.unwrap_or_default()));
        }
        if !liveness.is_up("ebpf") {
            note(Level::Note, "no tracepoints".to_owned());
        }
    }
    all.sort_by_key(|odd| odd.level); // stable
    all
}

fn not_up(condition: &Condition<NodeState>, now_ns: u64) -> Option<String> {
    let what = match condition.state {
        NodeState::Up => return None,
        NodeState::Unknown if condition.since_ns <= 1 => return None,
        NodeState::Unknown => "nothing comes from it",
        state => state.name(),
    };
    let since = age(now_ns.saturating_sub(condition.since_ns) / SECOND);
    let reason = condition.reason.as_ref().map(|reason| format!(": {}", plain(reason, MAX_TEXT)));
    Some(format!("{what} since {since}{}", reason.unwrap_or_default()))
}

fn level(what: What) -> Level {
    match what {
        What::InvalidChain | What::Disconnected | What::Mutated => Level::Bad,
        What::Evicted | What::Restarted | What::AddrLimited => Level::Note,
        _ => Level::Warning,
    }
}
