//! `api/chain/networks/{network}`.

use event::text::tip_status;
use schemars::JsonSchema;
use serde::Serialize;

use super::networks::named;
use crate::api::endpoint::{self, RequestContext};
use crate::api::parameters::{ApiError, Parameter, ParameterKind};
use crate::api::values::{Time, hash, of_seconds};
use crate::state::chain::{Header as KnownHeader, Node as KnownNode, Tip as KnownTip};
use model::text::Hash;

pub(crate) struct Endpoint;

/// A network: its headers, and what its nodes have as tips.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainTree {
    /// Its name in the configuration.
    network: String,
    /// When anything last came of it. The tool repeats all of it once a minute: what is older is not current.
    last: Time,
    /// Another text whenever headers, nodes or activity changed, for `known`.
    version: String,
    /// Headers at heights where something happens, and around them, lowest first. Null if nothing changed since `known`.
    headers: Option<Vec<ChainHeader>>,
    /// Its nodes, by name. Null as `headers`.
    nodes: Option<Vec<ChainTreeNode>>,
    /// Id of the newest activity. Null if there is none.
    newest_activity: Option<u64>,
    /// Where the tool `chain` serves blocks of this network that are stale: the address, `/block/HASH/hex` or `/block/HASH/bin`.
    /// Null if it is not configured, and in the public mode.
    blocks_url: Option<String>,
}

/// A header.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainHeader {
    /// Its hash.
    hash: String,
    /// Hash of the block before it.
    previous: String,
    /// Its height.
    height: u32,
    /// Its version, as an unsigned number.
    version: u32,
    /// The time in it.
    time: Option<Time>,
    /// Its difficulty. Null if its target is none.
    difficulty: Option<f64>,
    /// Who mined it: the name of a pool, or text of its coinbase. Null if it is not known.
    miner: Option<String>,
    /// Whether `miner` is the name of a pool that is known.
    pool: bool,
    /// Whether it is in the chain with the most work.
    active: bool,
    /// When the first node was seen to have it. Null if that was before the tool began.
    first_seen: Option<Time>,
    /// Name of this node. Null if it is not known.
    first_node: Option<String>,
}

/// A node of the network. It need not be observed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainTreeNode {
    /// Its name in the network.
    name: String,
    /// What it is: `core`, `knots`, `btcd`, `electrum`, `esplora`, `mempool.space`, `fork-observer` and so on.
    implementation: String,
    /// What it says of itself. Null if that is not shown.
    version: Option<String>,
    /// How it is asked: `rpc`, `rest`, `ipc`, `http`, `tcp`, `tls`. Null if that is not known.
    transport: Option<String>,
    /// Whether it answered the last time.
    reachable: bool,
    /// When it answered last. Null if it never did.
    answered: Option<Time>,
    /// Whether Bitcoin's rules do not hold for its headers, which lend no work to the tree then.
    other_rules: bool,
    /// Whether it is behind the others by three blocks or more. Null if nothing shows it.
    lagging: Option<bool>,
    /// Its tips, the active one first.
    tips: Vec<ChainTreeTip>,
    /// Number of tips that there was no room for.
    more_tips: u32,
    /// When its active tip became that. Null if it already was when the tool began.
    tip_changed: Option<Time>,
    /// Another server through which it is known. Null if it is asked itself.
    remote_source: Option<String>,
    /// The configuration's text about it.
    description: Option<String>,
    /// Why it cannot be reached, or what it does not permit. Null if there is nothing to say.
    problem: Option<String>,
}

/// The end of a branch that a node knows.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainTreeTip {
    /// Hash of the block.
    hash: String,
    /// Its height.
    height: u32,
    /// As getchaintips has it: `active`, `invalid`, `headers-only`, `valid-headers`, `valid-fork`; `unknown` if the node does not tell.
    status: &'static str,
}

impl ChainTreeTip {
    pub(super) fn of(tip: &KnownTip) -> Self {
        Self { hash: hash(&tip.hash), height: tip.height, status: tip_status(tip.status) }
    }
}

const KNOWN: Parameter = Parameter {
    name: "known",
    kind: ParameterKind::Text,
    about: "The `version` of the answer that is known: if nothing changed since, headers and nodes are left out.",
};
const PAST: Parameter = Parameter {
    name: "past",
    kind: ParameterKind::Flag,
    about: "1: also headers that are not shown any more, of the last 10,000: for the tips of the past.",
};

impl endpoint::Endpoint for Endpoint {
    type Answer = ChainTree;
    const PATH: &'static str = "chain/networks/{network}";
    const TITLE: &'static str = "The tree of headers of a network, and the tips of its nodes";
    const ABOUT: &'static str = "404 if there is no network of this name.";
    const PARAMETERS: &'static [Parameter] = &[KNOWN, PAST];

    fn answer(request: &RequestContext) -> Result<ChainTree, ApiError> {
        let (name, state) = named(request)?;
        let past = request.arguments.flag(PAST.name);
        let version = if past { format!("{}-past", state.version()) } else { state.version().to_string() };
        let is_known = request.arguments.text(KNOWN.name) == Some(version.as_str());
        let headers = || {
            let mut all: Vec<(&Hash, &KnownHeader)> = state.headers(past).collect();
            all.sort_unstable_by_key(|(hash, header)| (header.height, !header.is_active, **hash));
            all.into_iter().map(|(hash, header)| of(hash, header)).collect()
        };
        Ok(ChainTree {
            network: name.to_owned(),
            last: Time(state.last_ns),
            version,
            headers: (!is_known).then(headers),
            nodes: (!is_known).then(|| state.nodes().map(|(name, node)| node_of(name, node)).collect()),
            newest_activity: state.activities.iter().next_back().map(|activity| activity.id),
            blocks_url: request.state.chain_url.as_ref().map(|url| format!("{url}/api/{}", segment(name))),
        })
    }
}

pub(super) fn of(block: &Hash, header: &KnownHeader) -> ChainHeader {
    ChainHeader {
        hash: hash(block),
        previous: hash(&header.previous()),
        height: header.height,
        version: header.version(),
        time: of_seconds(header.time()),
        difficulty: header.difficulty(),
        miner: header.miner.as_ref().map(ToString::to_string),
        pool: header.is_pool,
        active: header.is_active,
        first_seen: header.first_seen_ns.map(Time),
        first_node: header.first_node.as_ref().map(ToString::to_string),
    }
}

fn node_of(name: &str, node: &KnownNode) -> ChainTreeNode {
    let text = |text: &Option<smol_str::SmolStr>| text.as_ref().map(ToString::to_string);
    ChainTreeNode {
        name: name.to_owned(),
        implementation: node.implementation.to_string(),
        version: text(&node.version),
        transport: text(&node.transport),
        reachable: node.is_reachable,
        answered: node.answered_ns.map(Time),
        other_rules: node.has_other_rules,
        lagging: node.is_lagging,
        tips: node.tips.iter().map(ChainTreeTip::of).collect(),
        more_tips: node.more_tips,
        tip_changed: node.tip_changed_ns.map(Time),
        remote_source: text(&node.remote_source),
        description: text(&node.description),
        problem: text(&node.problem),
    }
}

/// A name as a segment of a path.
fn segment(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escaped = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(escaped).collect()
}
