//! The tips of a node before and after: what changed.

use bytes::Bytes;
use event::pb::chain::activity::Change;
use event::pb::chain::{ActiveTipChanged, Reorg, Status, Tip, TipStatusChanged};

use crate::snapshot::{Hash, TipSnapshot};
use crate::tree::Tree;

/// Changes of one answer at most: a node that lies can change all of its tips each time.
pub const MAX_CHANGES: usize = 64;

/// Blocks that a node is behind when it begins to lag.
const LAGS_AT: u32 = 3;
/// Blocks that it may be behind when it has caught up.
const CAUGHT_UP_AT: u32 = 1;

/// The active tip among those of a node.
pub fn active(tips: &[TipSnapshot]) -> Option<&TipSnapshot> {
    tips.iter().find(|tip| tip.status == Status::Active)
}

/// What changed between two lists of tips of a node, what concerns the active tip first. A tip that
/// is gone leaves none.
pub fn changes(before: &[TipSnapshot], after: &[TipSnapshot], tree: &Tree) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    if let (Some(old), Some(new)) = (active(before), active(after))
        && old.hash != new.hash
    {
        changes.push(moved(old, new, tree));
    }
    let was = |hash: &Hash| before.iter().find(|tip| tip.hash == *hash);
    for tip in after {
        if changes.len() >= MAX_CHANGES {
            break;
        }
        let old = was(&tip.hash).map(|tip| tip.status);
        match old {
            None if tip.status != Status::Active => changes.push(Change::TipAdded(message(tip))),
            Some(old) if old != tip.status => {
                let changed = TipStatusChanged { tip: message(tip), old_status: old.into() };
                changes.push(Change::TipStatusChanged(changed));
            }
            _ => continue,
        }
        if tip.status == Status::Invalid {
            changes.push(Change::InvalidBlock(message(tip)));
        }
    }
    changes
}

/// How the active tip changed. Where it is not known what both have in common, the new one is taken to build on the old one.
fn moved(old: &TipSnapshot, new: &TipSnapshot, tree: &Tree) -> Change {
    let (old_hash, new_hash) = (bytes(&old.hash), bytes(&new.hash));
    let (old_height, new_height) = (old.height, new.height);
    match tree.common_ancestor(&old.hash, &new.hash) {
        Some((common, common_height)) if common != old.hash => {
            let common_ancestor = bytes(&common);
            Change::Reorg(Reorg { old_hash, old_height, new_hash, new_height, common_ancestor, common_height })
        }
        _ => Change::ActiveTipChanged(ActiveTipChanged { old_hash, old_height, new_hash, new_height }),
    }
}

/// Whether a node lags, by whether it did: it begins 3 blocks behind, and has caught up when it is 1 behind.
pub fn lags(did: bool, height: u32, best: u32) -> bool {
    let behind = best.saturating_sub(height);
    behind >= LAGS_AT || did && behind > CAUGHT_UP_AT
}

/// A hash in an event.
pub fn bytes(hash: &Hash) -> Bytes {
    Bytes::copy_from_slice(hash)
}

/// A tip in an event.
pub fn message(tip: &TipSnapshot) -> Tip {
    Tip { hash: bytes(&tip.hash), height: tip.height, status: tip.status.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;
    use crate::header::tests::{EASY, mine};
    use crate::snapshot::kind;

    fn tip(header: &Header, height: u32, status: Status) -> TipSnapshot {
        TipSnapshot { hash: header.hash(), height, status }
    }

    #[test]
    fn each_kind_of_change_is_named_once() {
        let mut tree = Tree::new(0);
        let mut main = vec![mine([0; 32], EASY, 0)];
        for _ in 1..6 {
            main.push(mine(main.last().unwrap().hash(), EASY, 0));
        }
        let fork = [mine(main[3].hash(), EASY, 1)];
        for header in main.iter().chain(&fork) {
            tree.insert(*header, 0);
        }
        let (four, five) = (&main[4], &main[5]);
        let fork = &fork[0];
        let kinds = |before: &[TipSnapshot], after: &[TipSnapshot]| -> Vec<&'static str> {
            changes(before, after, &tree).iter().map(kind).collect()
        };
        use Status::{Active, HeadersOnly, Invalid, ValidFork, ValidHeaders};
        let at = |header, height, status| tip(header, height, status);
        assert_eq!(kinds(&[at(four, 4, Active)], &[at(four, 4, Active)]), [""; 0]);
        assert_eq!(kinds(&[at(four, 4, Active)], &[at(five, 5, Active)]), ["active-tip-changed"]);
        assert_eq!(kinds(&[at(four, 4, Active)], &[at(four, 4, Active), at(fork, 4, HeadersOnly)]), ["tip-added"],);
        assert_eq!(
            kinds(&[at(four, 4, Active), at(fork, 4, HeadersOnly)], &[at(four, 4, Active), at(fork, 4, ValidHeaders)]),
            ["tip-status-changed"],
        );
        assert_eq!(
            kinds(&[at(four, 4, Active)], &[at(four, 4, Active), at(fork, 4, Invalid)]),
            ["tip-added", "invalid-block-observed"],
        );
        assert_eq!(
            kinds(&[at(fork, 4, Active)], &[at(five, 5, Active), at(fork, 4, ValidFork)]),
            ["reorg-detected", "tip-status-changed"],
        );
        assert_eq!(kinds(&[at(five, 5, Active), at(fork, 4, ValidFork)], &[at(five, 5, Active)]), [""; 0]);
        let Some(Change::Reorg(reorg)) = changes(&[at(fork, 4, Active)], &[at(five, 5, Active)], &tree).pop() else {
            panic!("no reorg")
        };
        assert_eq!((reorg.common_height, reorg.old_height, reorg.new_height), (3, 4, 5));
        // A node that goes back has left a branch, too.
        let Some(Change::Reorg(reorg)) = changes(&[at(five, 5, Active)], &[at(four, 4, Active)], &tree).pop() else {
            panic!("no reorg")
        };
        assert_eq!((reorg.common_height, reorg.old_height), (4, 5));
    }

    #[test]
    fn one_that_changes_all_tips_is_bounded() {
        let tips: Vec<TipSnapshot> = (0u32..500)
            .map(|number| {
                let mut hash = [0; 32];
                hash[..4].copy_from_slice(&number.to_le_bytes());
                TipSnapshot { hash, height: number, status: Status::Invalid }
            })
            .collect();
        assert!(changes(&[], &tips, &Tree::new(0)).len() <= MAX_CHANGES + 1);
    }

    #[test]
    fn lagging_begins_later_than_it_ends() {
        let table = [(false, 2, false), (false, 3, true), (true, 2, true), (true, 1, false), (true, 0, false)];
        for (did, behind, expected) in table {
            assert_eq!(lags(did, 100 - behind, 100), expected, "{did} {behind}");
        }
        assert!(!lags(false, 105, 100));
    }
}
