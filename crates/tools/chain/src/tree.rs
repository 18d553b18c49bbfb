//! The tree of headers of one network. Each header in it proves its work and links to one below, down to the lowest height that is kept.
//!
//! Whoever gives headers may lie about anything but that, so nothing else counts: the active chain is the one with the most work, and of what is
//! beside it, what has the least work goes first when there is too much.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::mem;

use bitcoin::{Target, Work};

use crate::header::Header;
use crate::snapshot::Hash;

/// Heights that are kept at most. Below are those that no fork is looked for at any more.
pub const MAX_HEIGHTS: u32 = 100_000;
/// Headers beside the active chain that are kept at most.
pub const MAX_STALE: usize = 20_000;
/// Of those, how many stay when there are too many.
const STALE_THAT_STAY: usize = 18_000;
/// Chains from the lowest height on at most, unless another one has more work: more than one if nodes of different networks are mixed, or one lies.
const MAX_ROOTS: usize = 4;
/// Headers of one height that are shown at most.
const SHOWN_OF_A_HEIGHT: usize = 50;

/// The tree.
#[derive(Debug, Default)]
pub struct Tree {
    entries: HashMap<Hash, Entry>,
    by_height: BTreeMap<u32, Vec<Hash>>,
    /// Heights with more than one header.
    forked: BTreeSet<u32>,
    /// The lowest height that is kept.
    start: u32,
    /// The active chain, from `start` on.
    main: VecDeque<Hash>,
    /// The work of its tip, from `start` on.
    best: Option<Work>,
    /// Chains that began at the lowest height so far.
    roots: u32,
}

#[derive(Debug)]
struct Entry {
    header: Header,
    height: u32,
    /// From the lowest height on.
    work: Work,
    children: u32,
    /// The number of the chain that it is of, by where that begins.
    root: u32,
}

/// What became of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is new. The active chain changed if it has more work now.
    New {
        /// Its height.
        height: u32,
    },
    /// It was there.
    Known,
    /// It links to nothing that is known, or is too easy for what it links to.
    Unlinked,
}

/// A header that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its hash.
    pub hash: Hash,
    /// Its height.
    pub height: u32,
    /// The place of its nearest ancestor that is shown.
    pub parent: Option<usize>,
    /// It is in the active chain.
    pub active: bool,
}

impl Tree {
    /// One without headers, for heights from `start` on.
    pub fn new(start: u32) -> Self {
        Self { start, ..Self::default() }
    }

    /// The lowest height that is kept.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a header is there.
    pub fn has(&self, hash: &Hash) -> bool {
        self.entries.contains_key(hash)
    }

    /// A header with its height.
    pub fn get(&self, hash: &Hash) -> Option<(&Header, u32)> {
        self.entries.get(hash).map(|entry| (&entry.header, entry.height))
    }

    /// The headers of a height.
    pub fn at(&self, height: u32) -> &[Hash] {
        self.by_height.get(&height).map_or(&[], Vec::as_slice)
    }

    /// The work of the chain up to a header.
    pub fn work(&self, hash: &Hash) -> Option<Work> {
        self.entries.get(hash).map(|entry| entry.work)
    }

    /// The tip of the active chain, and its height.
    pub fn tip(&self) -> Option<(Hash, u32)> {
        let hash = *self.main.back()?;
        Some((hash, self.entries.get(&hash)?.height))
    }

    /// Whether a header is in the active chain.
    pub fn is_active(&self, hash: &Hash) -> bool {
        self.entries.get(hash).is_some_and(|entry| self.main_at(entry.height) == Some(hash))
    }

    /// The number of the active chain.
    fn root(&self) -> Option<u32> {
        self.entries.get(self.main.back()?).map(|entry| entry.root)
    }

    /// Whether a header is of the chain, or of a branch of it, that begins where the active one does.
    pub fn is_of_active_root(&self, hash: &Hash) -> bool {
        self.entries.get(hash).is_some_and(|entry| Some(entry.root) == self.root())
    }

    fn main_at(&self, height: u32) -> Option<&Hash> {
        self.main.get(usize::try_from(height.checked_sub(self.start)?).ok()?)
    }

    /// Adds a header. `height` is what its source says; it counts only for one at the lowest height.
    pub fn insert(&mut self, header: Header, height: u32) -> Inserted {
        let hash = header.hash();
        if self.has(&hash) {
            return Inserted::Known;
        }
        let (height, work, root) = if let Some(parent) = self.entries.get_mut(&header.previous()) {
            if is_too_easy(&header, &parent.header) {
                return Inserted::Unlinked;
            }
            parent.children = parent.children.saturating_add(1);
            (parent.height.saturating_add(1), parent.work + header.work(), parent.root)
        } else if height == self.start && self.may_begin(&header) {
            self.roots = self.roots.wrapping_add(1);
            (height, header.work(), self.roots)
        } else {
            return Inserted::Unlinked;
        };
        self.entries.insert(hash, Entry { header, height, work, children: 0, root });
        let beside = self.by_height.entry(height).or_default();
        beside.push(hash);
        if beside.len() > 1 {
            self.forked.insert(height);
        }
        if self.best.is_none_or(|best| work > best) {
            self.activate(hash, work);
        }
        Inserted::New { height }
    }

    /// Whether a chain may begin with a header: if there are few, or if it has more work than each of them, so that easy ones keep no real one out.
    fn may_begin(&self, header: &Header) -> bool {
        let (roots, work) = (self.at(self.start), header.work());
        roots.len() < MAX_ROOTS || roots.iter().all(|root| self.work(root).is_some_and(|other| other < work))
    }

    /// Makes a header the tip of the active chain.
    fn activate(&mut self, tip: Hash, work: Work) {
        self.best = Some(work);
        let mut branch = Vec::new();
        let mut at = tip;
        while let Some(entry) = self.entries.get(&at) {
            if self.main_at(entry.height) == Some(&at) {
                break;
            }
            branch.push(at);
            at = entry.header.previous();
        }
        let lowest = branch.last().and_then(|hash| self.entries.get(hash)).map_or(self.start, |entry| entry.height);
        self.main.truncate(usize::try_from(lowest.saturating_sub(self.start)).unwrap_or(usize::MAX));
        self.main.extend(branch.into_iter().rev());
    }

    /// Forgets what there is too much of: heights that are too low, and headers beside the active chain with the least work. Returns the hashes of the latter.
    pub fn bound(&mut self) -> Vec<Hash> {
        if let Some((_, best)) = self.tip()
            && best.saturating_sub(self.start) >= MAX_HEIGHTS + MAX_HEIGHTS / 50
        {
            self.raise(best.saturating_sub(MAX_HEIGHTS));
        }
        let mut forgotten = Vec::new();
        let stale = self.entries.len().saturating_sub(self.main.len());
        if stale <= MAX_STALE {
            return forgotten;
        }
        let leaves = self
            .entries
            .iter()
            .filter(|(hash, entry)| entry.children == 0 && self.main_at(entry.height) != Some(hash))
            .map(|(hash, entry)| Reverse((entry.header.work(), entry.height, *hash)));
        let mut leaves: BinaryHeap<Reverse<(Work, u32, Hash)>> = leaves.collect();
        while forgotten.len() < stale.saturating_sub(STALE_THAT_STAY)
            && let Some(Reverse((_, _, leaf))) = leaves.pop()
        {
            let Some(parent) = self.entries.get(&leaf).map(|entry| entry.header.previous()) else { continue };
            self.remove(&leaf);
            forgotten.push(leaf);
            // Its parent may be a leaf now.
            if let Some(entry) = self.entries.get(&parent)
                && entry.children == 0
                && !self.is_active(&parent)
            {
                leaves.push(Reverse((entry.header.work(), entry.height, parent)));
            }
        }
        forgotten
    }

    /// Removes a header without children that is not in the active chain.
    fn remove(&mut self, hash: &Hash) {
        let Some(entry) = self.entries.remove(hash) else { return };
        if let Some(parent) = self.entries.get_mut(&entry.header.previous()) {
            parent.children = parent.children.saturating_sub(1);
        }
        if let Some(beside) = self.by_height.get_mut(&entry.height) {
            beside.retain(|other| other != hash);
            if beside.len() < 2 {
                self.forked.remove(&entry.height);
            }
            if beside.is_empty() {
                self.by_height.remove(&entry.height);
            }
        }
    }

    /// Raises the lowest height.
    fn raise(&mut self, start: u32) {
        let kept = self.by_height.split_off(&start);
        for hash in mem::replace(&mut self.by_height, kept).into_values().flatten() {
            self.entries.remove(&hash);
        }
        self.forked = self.forked.split_off(&start);
        let gone = usize::try_from(start.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.main.len());
        self.main.drain(..gone);
        self.start = start;
        // Other chains than the active one begin nowhere now, and works are compared with those of others only within it.
        let heights: Vec<Hash> = self.by_height.values().flatten().copied().collect();
        for hash in heights {
            let Some(entry) = self.entries.get(&hash) else { continue };
            let (height, own, parent) = (entry.height, entry.header.work(), entry.header.previous());
            let is_root = height == start && self.main_at(start) == Some(&hash);
            let work = match self.entries.get(&parent) {
                Some(parent) => parent.work + own,
                None if is_root => own,
                None => {
                    self.remove(&hash);
                    continue;
                }
            };
            if let Some(entry) = self.entries.get_mut(&hash) {
                entry.work = work;
            }
        }
        self.best = self.main.back().and_then(|tip| self.work(tip));
    }

    /// The highest header of the active chain at or below a header. None if that has another lowest header, or is not there.
    fn fork_point(&self, hash: &Hash) -> Option<u32> {
        let mut entry = self.entries.get(hash).filter(|entry| Some(entry.root) == self.root())?;
        while !self.is_active(&entry.header.hash()) {
            entry = self.entries.get(&entry.header.previous())?;
        }
        Some(entry.height)
    }

    /// Whether a header is in the chain up to a tip.
    pub fn is_below(&self, hash: &Hash, tip: &Hash) -> bool {
        let Some(height) = self.entries.get(hash).map(|entry| entry.height) else { return false };
        if self.is_active(hash) {
            return self.fork_point(tip).is_some_and(|fork| fork >= height);
        }
        let mut at = *tip;
        while at != *hash {
            match self.entries.get(&at) {
                Some(entry) if entry.height > height && !self.is_active(&at) => at = entry.header.previous(),
                _ => return false,
            }
        }
        true
    }

    /// Moves all headers up or down, where their heights were wrong. Whether that is possible.
    pub fn shift(&mut self, by: i32) -> bool {
        let highest = self.by_height.last_key_value().map_or(self.start, |(height, _)| *height);
        let (Some(start), Some(_)) = (self.start.checked_add_signed(by), highest.checked_add_signed(by)) else {
            return false;
        };
        let shifted = |height: u32| height.saturating_add_signed(by);
        self.start = start;
        self.entries.values_mut().for_each(|entry| entry.height = shifted(entry.height));
        self.by_height =
            mem::take(&mut self.by_height).into_iter().map(|(height, hashes)| (shifted(height), hashes)).collect();
        self.forked = mem::take(&mut self.forked).into_iter().map(shifted).collect();
        true
    }

    /// The highest header that two chains have in common, and its height.
    pub fn common_ancestor(&self, one: &Hash, other: &Hash) -> Option<(Hash, u32)> {
        let (mut one, mut other) = (self.entries.get(one)?, self.entries.get(other)?);
        let forks = (self.fork_point(&one.header.hash()), self.fork_point(&other.header.hash()));
        if let (Some(one), Some(other)) = forks
            && one != other
        {
            let height = one.min(other);
            return Some((*self.main_at(height)?, height));
        }
        while one.header.hash() != other.header.hash() {
            if one.height >= other.height {
                one = self.entries.get(&one.header.previous())?;
            } else {
                other = self.entries.get(&other.header.previous())?;
            }
        }
        Some((one.header.hash(), one.height))
    }

    /// Headers beside the active chain that have an ancestor in it, the highest first, `most` at most.
    pub fn stale(&self, most: usize) -> impl Iterator<Item = (&Header, u32)> {
        let root = self.root();
        let links = move |hash: &&Hash| self.entries.get(*hash).is_some_and(|entry| Some(entry.root) == root);
        // Those above the tip of the active chain may be alone.
        let above = self.tip().map_or(0, |(_, height)| height.saturating_add(1));
        let higher = self.by_height.range(above..).rev().flat_map(|(_, hashes)| hashes);
        let beside = self.forked.range(..above).rev().filter_map(|height| self.by_height.get(height)).flatten();
        let stale = higher.chain(beside).filter(links).filter(|hash| !self.is_active(hash));
        stale.filter_map(|hash| self.get(hash)).take(most)
    }

    /// The headers that are shown, from low to high: those near heights where something is to be seen. Those are where there are several, where
    /// `tips` are (each with the number of nodes that have it), the highest one, and `marked`; of them the highest `most`.
    pub fn shown(&self, tips: impl IntoIterator<Item = (Hash, u32)>, most: usize, marked: Option<u32>) -> Vec<Shown> {
        let weights: HashMap<Hash, u32> = tips.into_iter().filter(|(tip, _)| self.has(tip)).collect();
        let mut interesting: BTreeSet<u32> =
            weights.keys().filter_map(|hash| self.get(hash)).map(|(_, height)| height).collect();
        interesting.extend(self.tip().map(|(_, height)| height));
        interesting.extend(self.by_height.last_key_value().map(|(height, _)| *height));
        interesting.extend(self.forked.iter().rev().take(most));
        let mut heights: BTreeSet<u32> = BTreeSet::new();
        for height in interesting.iter().rev().take(most) {
            heights.extend(height.saturating_sub(2)..=height.saturating_add(1));
        }
        if let Some(marked) = marked {
            heights.extend(marked.saturating_sub(2)..=marked.saturating_add(2));
        }
        let mut shown: Vec<Shown> = Vec::new();
        let mut places: HashMap<Hash, usize> = HashMap::new();
        // The highest one of the active chain so far.
        let mut last_active = None;
        for height in heights {
            let Some(beside) = self.by_height.get(&height) else { continue };
            let mut beside: Vec<&Hash> = beside.iter().collect();
            if beside.len() > SHOWN_OF_A_HEIGHT {
                beside.sort_by_cached_key(|hash| {
                    let work = self.entries.get(*hash).map(|entry| entry.work);
                    (!self.is_active(hash), Reverse((weights.get(*hash).copied(), work)))
                });
                beside.truncate(SHOWN_OF_A_HEIGHT);
            }
            let active_before = last_active;
            for hash in beside {
                let active = self.is_active(hash);
                let parent = if active { active_before } else { self.shown_ancestor(hash, &places, &shown) };
                let place = shown.len();
                shown.push(Shown { hash: *hash, height, parent, active });
                places.insert(*hash, place);
                if active {
                    last_active = Some(place);
                }
            }
        }
        shown
    }

    /// The place of the nearest ancestor of a stale header among those that are shown so far.
    fn shown_ancestor(&self, hash: &Hash, places: &HashMap<Hash, usize>, shown: &[Shown]) -> Option<usize> {
        let mut at = self.entries.get(hash)?.header.previous();
        while let Some(entry) = self.entries.get(&at) {
            if let Some(place) = places.get(&at) {
                return Some(*place);
            }
            if self.is_active(&at) {
                return shown.iter().rposition(|shown| shown.active && shown.height <= entry.height);
            }
            at = entry.header.previous();
        }
        None
    }
}

/// Whether a header is easier than any network lets it be after another one. A retarget makes blocks 4 times easier at most (8 here, since the compact
/// form rounds), and blocks of test networks may fall back to difficulty 1.
fn is_too_easy(header: &Header, parent: &Header) -> bool {
    let work = header.work();
    let twice = work + work;
    let four_times = twice + twice;
    four_times + four_times < parent.work() && work < Target::MAX.to_work()
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;

    use super::*;
    use crate::header::tests::{EASY, mine};

    /// A chain of headers on another one.
    fn chain(previous: Hash, tag: u64) -> impl Iterator<Item = Header> {
        iter::successors(Some(mine(previous, EASY, tag)), move |last| Some(mine(last.hash(), EASY, tag)))
    }

    fn tree_of(length: usize) -> (Tree, Vec<Header>) {
        let mut tree = Tree::new(10);
        let main: Vec<Header> = chain([1; 32], 0).take(length).collect();
        for (height, header) in (10..).zip(&main) {
            assert_eq!(tree.insert(*header, height), Inserted::New { height });
        }
        (tree, main)
    }

    #[test]
    fn heights_that_were_wrong_are_shifted() {
        let (mut tree, main) = tree_of(10);
        let branch: Vec<Header> = chain(main[5].hash(), 1).take(2).collect();
        assert!(branch.iter().all(|header| tree.insert(*header, 0) != Inserted::Unlinked));
        let branch: Vec<Hash> = branch.iter().map(Header::hash).collect();
        assert!(tree.is_below(&branch[0], &branch[1]) && !tree.is_below(&branch[1], &branch[0]));
        assert!(!tree.is_below(&branch[0], &main[9].hash()) && !tree.is_below(&branch[0], &[9; 32]));
        assert!(tree.is_below(&main[5].hash(), &branch[1]) && !tree.is_below(&main[6].hash(), &branch[1]));
        assert!(!tree.shift(-11) && !tree.shift(i32::MIN), "below 0");
        assert!(tree.shift(1_000) && tree.shift(-7));
        assert_eq!((tree.start(), tree.tip()), (1_003, Some((main[9].hash(), 1_012))));
        assert_eq!(tree.stale(10).map(|(_, height)| height).collect::<Vec<_>>(), [1_010, 1_009]);
        let next = mine(main[9].hash(), EASY, 0);
        assert_eq!(tree.insert(next, 0), Inserted::New { height: 1_013 });
        assert!(tree.is_active(&next.hash()) && tree.is_active(&main[0].hash()));
    }

    #[test]
    fn the_chain_with_the_most_work_is_active() {
        let (mut tree, main) = tree_of(10);
        let branch: Vec<Header> = chain(main[5].hash(), 1).take(5).collect();
        for header in &branch[..4] {
            tree.insert(*header, 0);
        }
        assert_eq!(tree.tip(), Some((main[9].hash(), 19)), "as much work is not more");
        assert_eq!(tree.common_ancestor(&main[9].hash(), &branch[3].hash()), Some((main[5].hash(), 15)));
        assert_eq!(tree.stale(10).map(|(_, height)| height).collect::<Vec<_>>(), [19, 18, 17, 16]);
        tree.insert(branch[4], 0);
        assert_eq!(tree.tip(), Some((branch[4].hash(), 20)));
        assert!(
            tree.is_active(&main[5].hash()) && !tree.is_active(&main[6].hash()) && tree.is_active(&branch[0].hash())
        );
        assert_eq!(tree.common_ancestor(&main[9].hash(), &branch[4].hash()), Some((main[5].hash(), 15)));
        assert_eq!(tree.common_ancestor(&main[2].hash(), &branch[4].hash()), Some((main[2].hash(), 12)));
        let fork: Vec<Header> = chain(branch[1].hash(), 2).take(2).collect();
        fork.iter().for_each(|header| assert!(matches!(tree.insert(*header, 0), Inserted::New { .. })));
        let twin: Vec<Header> = chain(fork[0].hash(), 3).take(1).collect();
        tree.insert(twin[0], 0);
        assert_eq!(tree.common_ancestor(&fork[1].hash(), &twin[0].hash()), Some((fork[0].hash(), 18)));
    }

    #[test]
    fn what_does_not_link_has_no_place() {
        let (mut tree, main) = tree_of(5);
        assert_eq!(tree.insert(mine([9; 32], EASY, 1), 12), Inserted::Unlinked);
        assert_eq!(tree.insert(mine([9; 32], EASY, 1), 9), Inserted::Unlinked);
        // Nor does a chain of another network, but it is there.
        let other: Vec<Header> = chain([2; 32], 7).take(4).collect();
        for (height, header) in (10..).zip(&other) {
            assert_eq!(tree.insert(*header, height), Inserted::New { height });
        }
        assert_eq!(tree.tip(), Some((main[4].hash(), 14)));
        assert_eq!(tree.stale(10).count(), 0);
        assert_eq!(tree.common_ancestor(&main[4].hash(), &other[3].hash()), None);
        (20..30).for_each(|tag| _ = tree.insert(mine([3; 32], EASY, tag), 10));
        assert_eq!(tree.by_height[&10].len(), MAX_ROOTS);
    }

    #[test]
    fn easy_headers_follow_no_hard_one_and_keep_no_real_chain_out() {
        let mut tree = Tree::new(10);
        (0..10).for_each(|tag| _ = tree.insert(mine([1; 32], EASY, tag), 10));
        assert_eq!(tree.len(), MAX_ROOTS);
        let hard = mine([2; 32], 0x1f7f_ffff, 1);
        assert_eq!(tree.insert(hard, 10), Inserted::New { height: 10 });
        assert_eq!(tree.tip(), Some((hard.hash(), 10)));
        assert_eq!(tree.insert(mine(hard.hash(), EASY, 1), 11), Inserted::Unlinked);
        let next = mine(hard.hash(), 0x2001_ffff, 1);
        assert_eq!(tree.insert(next, 11), Inserted::New { height: 11 });
    }

    /// As many as a chain that had the most work until another one had more.
    #[test]
    fn many_headers_that_became_stale_at_once_are_bounded() {
        let mut tree = Tree::new(0);
        for (height, header) in (0..).zip(chain([1; 32], 1).take(2 * MAX_STALE + 1_000)) {
            tree.insert(header, height);
        }
        assert_eq!(tree.bound().len(), 0);
        // It has more work than all of them.
        let hard = mine([2; 32], 0x1e3f_ffff, 1);
        tree.insert(hard, 0);
        assert_eq!(tree.tip(), Some((hard.hash(), 0)));
        assert!(!tree.bound().is_empty());
        assert_eq!(tree.len(), STALE_THAT_STAY + 1);
    }

    #[test]
    fn what_is_shown_is_near_what_is_interesting() {
        let (mut tree, main) = tree_of(100);
        let stale = mine(main[39].hash(), EASY, 1);
        tree.insert(stale, 0);
        let shown = tree.shown([(main[99].hash(), 1), (main[69].hash(), 1)], 100, Some(20));
        let heights: Vec<u32> = shown.iter().map(|one| one.height).collect();
        assert_eq!(heights, [18, 19, 20, 21, 22, 48, 49, 50, 50, 51, 77, 78, 79, 80, 107, 108, 109]);
        for (place, one) in shown.iter().enumerate() {
            let parent = one.parent.map(|parent| shown[parent]);
            if place == 0 {
                assert_eq!(parent, None);
                continue;
            }
            let parent = parent.unwrap();
            assert!(parent.active && parent.height < one.height, "{one:?}");
            assert_eq!(tree.common_ancestor(&parent.hash, &one.hash).unwrap().0, parent.hash);
        }
        let shown = tree.shown([], 1, None);
        assert_eq!(shown.iter().map(|one| one.height).collect::<Vec<_>>(), [107, 108, 109]);
    }

    #[test]
    fn a_flood_of_stale_headers_is_bounded_and_evicts_itself() {
        let (mut tree, main) = tree_of(20);
        // Real ones have more work than what costs nothing.
        let hard = 0x1f7f_ffff;
        let real = mine(main[10].hash(), hard, 1);
        let mut best = mine(main[19].hash(), hard, 2);
        tree.insert(best, 0);
        for tag in 3..8 {
            best = mine(best.hash(), hard, tag);
            tree.insert(best, 0);
        }
        tree.insert(real, 0);
        let tip = tree.tip().unwrap();
        let mut forgotten = 0;
        for branch in 0..100 {
            for header in chain(main[branch % 20].hash(), 1_000 + branch as u64).take(1_000) {
                tree.insert(header, 0);
                forgotten += tree.bound().len();
            }
        }
        assert!(forgotten >= 10_000 && tree.len() <= MAX_STALE + 30, "{forgotten} {}", tree.len());
        assert!(tree.has(&real.hash()), "real blocks stay");
        assert!(tree.work(&tip.0).is_some());
        let counted: usize = tree.by_height.values().map(Vec::len).sum();
        assert_eq!(counted, tree.len());
        let shown = tree.shown([(real.hash(), 1)], 100, None);
        assert!(shown.len() <= 4 * 100 * SHOWN_OF_A_HEIGHT);
    }

    #[test]
    fn low_heights_go_when_there_are_too_many() {
        let mut tree = Tree::new(0);
        let mut previous = [0; 32];
        for height in 0..MAX_HEIGHTS + MAX_HEIGHTS / 50 + 1 {
            let header = mine(previous, EASY, 0);
            previous = header.hash();
            tree.insert(header, height);
            tree.bound();
        }
        let (_, best) = tree.tip().unwrap();
        assert_eq!((tree.start(), tree.len()), (best - MAX_HEIGHTS, MAX_HEIGHTS as usize + 1));
        assert_eq!(tree.main.len(), tree.len());
        let header = mine(previous, EASY, 1);
        tree.insert(header, 0);
        assert_eq!(tree.tip(), Some((header.hash(), best + 1)), "it goes on");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// In whatever order headers come, the active chain has the most work of all that link, and links itself.
        #[test]
        fn the_active_chain_links_and_has_the_most_work(parents in prop::collection::vec((0usize..40, any::<bool>()), 1..40)) {
            let mut tree = Tree::new(0);
            let mut made = vec![mine([0; 32], EASY, 0)];
            tree.insert(made[0], 0);
            for (tag, (parent, hard)) in parents.into_iter().enumerate() {
                let bits = if hard { 0x203f_ffff } else { EASY };
                let header = mine(made[parent % made.len()].hash(), bits, tag as u64 + 1);
                let inserted = tree.insert(header, 0);
                prop_assert!(matches!(inserted, Inserted::New { .. }), "{:?}", inserted);
                made.push(header);
                let (tip, height) = tree.tip().unwrap();
                let most = made.iter().filter_map(|header| tree.work(&header.hash())).max().unwrap();
                prop_assert_eq!(tree.work(&tip), Some(most));
                let (mut at, mut down, mut sum) = (tip, height, None::<Work>);
                loop {
                    prop_assert!(tree.is_active(&at));
                    let (header, own) = tree.get(&at).unwrap();
                    prop_assert_eq!(own, down);
                    sum = Some(sum.map_or(header.work(), |sum| sum + header.work()));
                    if down == 0 { break; }
                    (at, down) = (header.previous(), down - 1);
                }
                prop_assert_eq!(sum, Some(most));
                prop_assert_eq!(tree.main.len() as u32, height + 1);
            }
        }
    }
}
