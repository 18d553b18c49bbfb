//! Events of the tool `chain`.

use std::fmt::{self, Formatter};

use super::{BLUE, CYAN, GREEN, Look, RED, YELLOW, list};
use crate::pb::chain::activity::Change;
use crate::pb::chain::{Activity, Header, Node, Status, Tip};
use crate::quote::{HashText, Plain, Quoted};

/// The name of a status, as `getchaintips` has it.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Active => "active",
        Status::Invalid => "invalid",
        Status::HeadersOnly => "headers-only",
        Status::ValidHeaders => "valid-headers",
        Status::ValidFork => "valid-fork",
    }
}

pub(super) fn node(f: &mut Formatter, look: Look, node: &Node) -> fmt::Result {
    let style = if node.reachable { CYAN } else { RED };
    write!(f, "{} {} {}", look.mark(style, "tip"), Plain(&node.network), Quoted(&node.name))?;
    write!(f, " ({})", Plain(&node.implementation))?;
    if !node.reachable {
        f.write_str(" unreachable")?;
    }
    if let Some(problem) = &node.problem {
        write!(f, " ({})", Plain(problem))?;
    }
    if node.other_rules {
        f.write_str(" other rules")?;
    }
    list(f, &node.tips, tip)?;
    match node.more_tips {
        Some(more) if more > 0 => write!(f, " and {more} more"),
        _ => Ok(()),
    }
}

pub(super) fn header(f: &mut Formatter, look: Look, header: &Header) -> fmt::Result {
    let hash = HashText(&header.hash);
    write!(f, "{} {} header height={} {hash}", look.mark(CYAN, "tip"), Plain(&header.network), header.height)?;
    if !header.active {
        f.write_str(" stale")?;
    }
    header.miner.iter().try_for_each(|miner| write!(f, " miner={}", Quoted(miner)))?;
    header.first_node.iter().try_for_each(|node| write!(f, " first seen by {}", Quoted(node)))
}

pub(super) fn activity(f: &mut Formatter, look: Look, activity: &Activity) -> fmt::Result {
    let style = match &activity.change {
        Some(Change::ActiveTipChanged(_)) => GREEN,
        Some(Change::Reorg(_) | Change::InvalidBlock(_)) => RED,
        Some(Change::Reachability(reachability)) if !reachability.reachable => RED,
        Some(Change::Lag(lag)) if lag.lagging => YELLOW,
        _ => BLUE,
    };
    write!(f, "{} {} {} ", look.mark(style, "tip"), Plain(&activity.network), Quoted(&activity.node))?;
    match &activity.change {
        Some(Change::ActiveTipChanged(change)) => {
            let (old, new) = (change.old_height, change.new_height);
            write!(f, "active tip {old} -> {new} {}", HashText(&change.new_hash))
        }
        Some(Change::Reorg(reorg)) => {
            let depth = reorg.old_height.saturating_sub(reorg.common_height);
            write!(f, "reorg depth={depth} from {} {}", reorg.old_height, HashText(&reorg.old_hash))?;
            write!(f, " to {} {}", reorg.new_height, HashText(&reorg.new_hash))?;
            write!(f, " fork={} {}", reorg.common_height, HashText(&reorg.common_ancestor))
        }
        Some(Change::TipAdded(added)) => {
            f.write_str("new tip ")?;
            tip(f, added)
        }
        Some(Change::TipStatusChanged(change)) => {
            write!(f, "tip was {}, now ", status_name(change.old_status()))?;
            tip(f, &change.tip)
        }
        Some(Change::InvalidBlock(invalid)) => {
            f.write_str("invalid block ")?;
            tip(f, invalid)
        }
        Some(Change::Reachability(reachability)) => {
            f.write_str(if reachability.reachable { "reachable" } else { "unreachable" })?;
            reachability.reason.iter().try_for_each(|reason| write!(f, " ({})", Plain(reason)))
        }
        Some(Change::Lag(lag)) => {
            f.write_str(if lag.lagging { "lagging" } else { "caught up" })?;
            write!(f, " at {}, best {}", lag.node_height, lag.best_height)
        }
        Some(Change::SamePool(same)) => {
            write!(f, "{} has mined two blocks of height {}:", Quoted(&same.pool), same.height)?;
            list(f, &same.hashes, |f, hash| write!(f, "{}", HashText(hash)))
        }
        None => f.write_str("a change that this version does not know"),
    }
}

fn tip(f: &mut Formatter, tip: &Tip) -> fmt::Result {
    write!(f, "{} {} {}", status_name(tip.status()), tip.height, HashText(&tip.hash))
}
