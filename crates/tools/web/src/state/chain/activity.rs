//! What changed of tips and nodes.

use std::collections::VecDeque;

use event::pb::chain as pb;
use event::pb::chain::activity::Change as PbChange;
use model::bounded::push;
use model::bounds::{MAX_NODE_NAME, MAX_TEXT};
use model::text::{Hash, cut, hash};
use smol_str::SmolStr;

use super::Tip;

/// So much is kept of a network.
pub(crate) const MAX_ACTIVITIES: usize = 1_000;
/// Blocks of one height and one pool that are kept.
const MAX_SAME: usize = 8;

/// What changed last, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Activities(VecDeque<Activity>);

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    pub id: u64,
    pub time_ns: u64,
    /// The node at which it was seen.
    pub node: SmolStr,
    pub change: Change,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The active tip, to a block that builds on the one before, or to another branch: then with the last block of both.
    ActiveTip {
        old: (Hash, u32),
        new: (Hash, u32),
        common: Option<(Hash, u32)>,
    },
    TipAdded(Tip),
    TipStatus {
        tip: Tip,
        old: pb::Status,
    },
    InvalidBlock(Tip),
    Reachability {
        is_reachable: bool,
        reason: Option<SmolStr>,
    },
    Lag {
        is_lagging: bool,
        node_height: u32,
        best_height: u32,
    },
    SamePool {
        height: u32,
        pool: SmolStr,
        hashes: Vec<Hash>,
    },
}

impl Activity {
    /// None if it lacks what it is about.
    pub fn of(activity: &pb::Activity, time_ns: u64) -> Option<Self> {
        let change = match activity.change.as_ref()? {
            PbChange::ActiveTipChanged(of) => Change::ActiveTip {
                old: (hash(&of.old_hash)?, of.old_height),
                new: (hash(&of.new_hash)?, of.new_height),
                common: None,
            },
            PbChange::Reorg(of) => Change::ActiveTip {
                old: (hash(&of.old_hash)?, of.old_height),
                new: (hash(&of.new_hash)?, of.new_height),
                common: Some((hash(&of.common_ancestor)?, of.common_height)),
            },
            PbChange::TipAdded(tip) => Change::TipAdded(Tip::of(tip)?),
            PbChange::TipStatusChanged(of) => Change::TipStatus { tip: Tip::of(&of.tip)?, old: of.old_status() },
            PbChange::InvalidBlock(tip) => Change::InvalidBlock(Tip::of(tip)?),
            PbChange::Reachability(of) => Change::Reachability {
                is_reachable: of.reachable,
                reason: of.reason.as_deref().map(|reason| cut(reason, MAX_TEXT)),
            },
            PbChange::Lag(of) => {
                Change::Lag { is_lagging: of.lagging, node_height: of.node_height, best_height: of.best_height }
            }
            PbChange::SamePool(of) => Change::SamePool {
                height: of.height,
                pool: cut(&of.pool, 64),
                hashes: of.hashes.iter().filter_map(|bytes| hash(bytes)).take(MAX_SAME).collect(),
            },
        };
        Some(Self { id: activity.id, time_ns, node: cut(&activity.node, MAX_NODE_NAME), change })
    }

    /// What kind it is: the words of fork-observer where it has some.
    pub fn kind(&self) -> &'static str {
        match &self.change {
            Change::ActiveTip { common: None, .. } => "active-tip-changed",
            Change::ActiveTip { common: Some(_), .. } => "reorg-detected",
            Change::TipAdded(_) => "tip-added",
            Change::TipStatus { .. } => "tip-status-changed",
            Change::InvalidBlock(_) => "invalid-block-observed",
            Change::Reachability { is_reachable: true, .. } => "node-reachable",
            Change::Reachability { is_reachable: false, .. } => "node-unreachable",
            Change::Lag { is_lagging: true, .. } => "node-lagging",
            Change::Lag { is_lagging: false, .. } => "node-caught-up",
            Change::SamePool { .. } => "same-pool",
        }
    }

    /// The block that a node came to have by it.
    pub fn block(&self) -> Option<&Hash> {
        match &self.change {
            Change::ActiveTip { new: (hash, _), .. } => Some(hash),
            Change::TipAdded(tip) | Change::TipStatus { tip, .. } | Change::InvalidBlock(tip) => Some(&tip.hash),
            Change::Reachability { .. } | Change::Lag { .. } | Change::SamePool { .. } => None,
        }
    }
}

impl Activities {
    /// Takes one. Returns false if it is there already.
    pub fn take(&mut self, activity: Activity) -> bool {
        let later = self.0.iter().rev().take_while(|before| before.time_ns >= activity.time_ns);
        if later.clone().any(|before| *before == activity) {
            return false;
        }
        push(&mut self.0, activity, MAX_ACTIVITIES);
        true
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Activity> + ExactSizeIterator {
        self.0.iter()
    }
}
