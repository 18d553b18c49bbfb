//! `api/chain/networks/{network}/activity`.

use event::text::tip_status;
use schemars::JsonSchema;
use serde::Serialize;

use super::networks::named;
use crate::api::endpoint::{self, RequestContext};
use crate::api::parameters::{ApiError, Parameter, ParameterKind};
use crate::api::values::{Time, hash};
use crate::state::chain::{Activity as Known, Change};

pub(crate) struct Endpoint;

/// The largest integer up to which JavaScript holds every integer.
const MAX_ID: u64 = (1 << 53) - 1;

/// What changed of tips and nodes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainActivities {
    /// Newest first.
    activities: Vec<ChainActivity>,
    /// How many older ones there are here, beyond `number`.
    more: u64,
}

/// Something that changed. Fields that do not belong to its kind are null.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct ChainActivity {
    /// Id: one more with each of the network.
    id: u64,
    /// When.
    #[schemars(with = "Time")]
    time: Option<Time>,
    /// Name of the node at which it was seen.
    node: String,
    /// `active-tip-changed`, `reorg-detected`, `tip-added`, `tip-status-changed`, `invalid-block-observed`, `node-unreachable`,
    /// `node-reachable`, `node-lagging`, `node-caught-up` or `same-pool` (two blocks of one pool at one height).
    kind: &'static str,
    /// Hash of the block: the new active tip, or the tip that was added, changed or is invalid.
    hash: Option<String>,
    /// Its height; of `same-pool`, that of all of its blocks.
    height: Option<u32>,
    /// Status of the tip now, as `ChainTreeTip.status`.
    status: Option<&'static str>,
    /// Its status before.
    old_status: Option<&'static str>,
    /// Hash of the active tip before.
    old_hash: Option<String>,
    /// Its height.
    old_height: Option<u32>,
    /// Of a reorganisation, the last block that both branches have.
    common_ancestor: Option<String>,
    /// Its height.
    common_height: Option<u32>,
    /// Of a reorganisation, the number of blocks that were disconnected.
    depth: Option<u32>,
    /// Height of the node that is behind, or was.
    node_height: Option<u32>,
    /// Height of the best node then.
    best_height: Option<u32>,
    /// Why the node cannot be reached, if that is known.
    reason: Option<String>,
    /// Of `same-pool`, name of the pool.
    pool: Option<String>,
    /// Of `same-pool`, hashes of the blocks.
    hashes: Option<Vec<String>>,
}

const NODE: Parameter =
    Parameter { name: "node", kind: ParameterKind::Text, about: "Only at this node, by its name in the network." };
const KIND: Parameter = Parameter {
    name: "kind",
    kind: ParameterKind::Text,
    about: "Only of this kind, or of these, separated by commas.",
};
const TEXT: Parameter = Parameter {
    name: "text",
    kind: ParameterKind::Text,
    about: "Only where this text is in the node's name, a hash, a height, a status, the pool or the reason.",
};
const BEFORE: Parameter = Parameter {
    name: "before",
    kind: ParameterKind::Number(0, MAX_ID, MAX_ID),
    about: "Only those with a smaller id: the next older ones.",
};
const AFTER: Parameter = Parameter {
    name: "after",
    kind: ParameterKind::Number(0, MAX_ID, 0),
    about: "Only those with a larger id: what is new.",
};
const NUMBER: Parameter =
    Parameter { name: "number", kind: ParameterKind::Number(1, 1_000, 100), about: "How many at most." };

impl endpoint::Endpoint for Endpoint {
    type Answer = ChainActivities;
    const PATH: &'static str = "chain/networks/{network}/activity";
    const TITLE: &'static str = "What changed of the tips and nodes of a network";
    const ABOUT: &'static str =
        "The last 1,000 are known here; the tool `chain` has them all. 404 if there is no network of this name.";
    const PARAMETERS: &'static [Parameter] = &[NODE, KIND, TEXT, BEFORE, AFTER, NUMBER];

    fn answer(request: &RequestContext) -> Result<ChainActivities, ApiError> {
        let (_, state) = named(request)?;
        let arguments = request.arguments;
        let (node, kinds) = (arguments.node(), arguments.text(KIND.name));
        let text = arguments.text(TEXT.name).map(str::to_lowercase);
        let before = arguments.text(BEFORE.name).and_then(|text| text.parse::<u64>().ok());
        let after = arguments.text(AFTER.name).and_then(|text| text.parse::<u64>().ok());
        let number = usize::try_from(arguments.number(NUMBER)).unwrap_or(usize::MAX);
        let is_wanted = |activity: &&Known| {
            before.is_none_or(|before| activity.id < before)
                && after.is_none_or(|after| activity.id > after)
                && node.is_none_or(|node| activity.node == node)
                && kinds.is_none_or(|kinds| kinds.split(',').any(|kind| kind.trim() == activity.kind()))
        };
        let mut activities = Vec::new();
        let mut more = 0;
        for activity in state.activities.iter().rev().filter(is_wanted).map(of) {
            if text.as_ref().is_some_and(|text| !activity.has(text)) {
                continue;
            }
            if activities.len() < number {
                activities.push(activity);
            } else {
                more += 1;
            }
        }
        Ok(ChainActivities { activities, more })
    }
}

impl ChainActivity {
    /// Whether a text in lower case is in it.
    fn has(&self, text: &str) -> bool {
        let texts = [&self.hash, &self.old_hash, &self.common_ancestor, &self.reason, &self.pool];
        let words = [Some(self.kind), self.status, self.old_status];
        let heights = [self.height, self.old_height, self.common_height, self.node_height, self.best_height];
        self.node.to_lowercase().contains(text)
            || texts.into_iter().flatten().any(|of| of.to_lowercase().contains(text))
            || words.into_iter().flatten().any(|of| of.contains(text))
            || heights.into_iter().flatten().any(|height| height.to_string() == text)
            || self.hashes.iter().flatten().any(|hash| hash.contains(text))
    }
}

pub(super) fn of(activity: &Known) -> ChainActivity {
    let known = ChainActivity {
        id: activity.id,
        time: Some(Time(activity.time_ns)),
        node: activity.node.to_string(),
        kind: activity.kind(),
        ..ChainActivity::default()
    };
    match &activity.change {
        Change::ActiveTip { old, new, common } => ChainActivity {
            hash: Some(hash(&new.0)),
            height: Some(new.1),
            old_hash: Some(hash(&old.0)),
            old_height: Some(old.1),
            common_ancestor: common.map(|(common, _)| hash(&common)),
            common_height: common.map(|(_, height)| height),
            depth: common.map(|(_, height)| old.1.saturating_sub(height)),
            ..known
        },
        Change::TipAdded(tip) | Change::InvalidBlock(tip) => ChainActivity {
            hash: Some(hash(&tip.hash)),
            height: Some(tip.height),
            status: Some(tip_status(tip.status)),
            ..known
        },
        Change::TipStatus { tip, old } => ChainActivity {
            hash: Some(hash(&tip.hash)),
            height: Some(tip.height),
            status: Some(tip_status(tip.status)),
            old_status: Some(tip_status(*old)),
            ..known
        },
        Change::Reachability { reason, .. } => {
            ChainActivity { reason: reason.as_ref().map(ToString::to_string), ..known }
        }
        Change::Lag { node_height, best_height, .. } => {
            ChainActivity { node_height: Some(*node_height), best_height: Some(*best_height), ..known }
        }
        Change::SamePool { height, pool, hashes } => ChainActivity {
            height: Some(*height),
            pool: Some(pool.to_string()),
            hashes: Some(hashes.iter().map(|block| hash(block)).collect()),
            ..known
        },
    }
}
