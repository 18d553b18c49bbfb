//! The addresses that wait to be tried: each peer has a share, so that one that gossips a lot does not keep the others'
//! from being tried.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::heard::Share;

/// How many items of a share are looked at in turn if the first ones must wait.
const LOOK: usize = 8;

/// Items that wait, in shares that take turns. It has a size: when it is full, the longest share loses its newest item.
#[derive(Debug)]
pub struct Queue<T> {
    capacity: usize,
    len: usize,
    shares: HashMap<Share, VecDeque<T>>,
    /// The shares that have any, in the order of their turns.
    turns: VecDeque<Share>,
    /// The same by their lengths.
    lengths: BTreeSet<(usize, Share)>,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// This.
    Item(T),
    /// Nothing before then.
    At(Instant),
    /// Nothing waits.
    Nothing,
}

impl<T> Queue<T> {
    /// One that holds so many items.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            len: 0,
            shares: HashMap::new(),
            turns: VecDeque::new(),
            lengths: BTreeSet::new(),
        }
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds an item. Returns the one that is given up, if the queue was full.
    pub fn push(&mut self, share: Share, item: T) -> Option<T> {
        let own = self.shares.get(&share).map_or(0, VecDeque::len);
        let mut given_up = None;
        if self.len >= self.capacity {
            match self.lengths.last() {
                Some((longest, of)) if *longest > own => given_up = self.take_newest(*of),
                _ => return Some(item),
            }
        }
        self.shares.entry(share).or_default().push_back(item);
        self.len += 1;
        self.resized(share, own, own + 1);
        given_up
    }

    fn take_newest(&mut self, share: Share) -> Option<T> {
        let items = self.shares.get_mut(&share)?;
        let length = items.len();
        let item = items.pop_back()?;
        self.len -= 1;
        self.resized(share, length, length - 1);
        Some(item)
    }

    /// Takes the next item that is ready; one that is not says when it will be. The share that it is of has its next
    /// turn after the others.
    pub fn next(&mut self, mut ready: impl FnMut(&T) -> Result<(), Instant>) -> Next<T> {
        let mut soonest: Option<Instant> = None;
        for _ in 0..self.turns.len() {
            let Some(share) = self.turns.pop_front() else { break };
            let Some(items) = self.shares.get_mut(&share) else { continue };
            self.turns.push_back(share);
            let length = items.len();
            for _ in 0..length.min(LOOK) {
                let Some(item) = items.pop_front() else { break };
                match ready(&item) {
                    Ok(()) => {
                        self.len -= 1;
                        self.resized(share, length, length - 1);
                        return Next::Item(item);
                    }
                    Err(at) => {
                        soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
                        items.push_back(item);
                    }
                }
            }
        }
        soonest.map_or(Next::Nothing, Next::At)
    }

    /// Notes that a share has another length.
    fn resized(&mut self, share: Share, before: usize, after: usize) {
        self.lengths.remove(&(before, share));
        if after == 0 {
            self.shares.remove(&share);
            self.turns.retain(|of| *of != share);
            return;
        }
        self.lengths.insert((after, share));
        if before == 0 {
            self.turns.push_back(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn share(peer: u64) -> Share {
        Share::Peer(0, peer)
    }

    fn drain(queue: &mut Queue<u64>) -> Vec<u64> {
        std::iter::from_fn(|| match queue.next(|_| Ok(())) {
            Next::Item(item) => Some(item),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn shares_take_turns_and_the_longest_gives_way() {
        let mut queue = Queue::new(6);
        for item in 10..20 {
            let given_up = queue.push(share(1), item);
            assert_eq!(given_up.is_some(), item >= 16, "it is itself the longest");
        }
        assert_eq!(queue.push(share(2), 20), Some(15));
        assert_eq!(queue.push(share(3), 30), Some(14));
        assert_eq!(queue.len(), 6);
        assert_eq!(drain(&mut queue), [10, 20, 30, 11, 12, 13]);
        assert_eq!(queue.len(), 0);
        assert_eq!(queue.next(|_| Ok(())), Next::Nothing);
        assert!(queue.turns.is_empty() && queue.lengths.is_empty() && queue.shares.is_empty());
    }

    #[test]
    fn what_must_wait_lets_others_pass() {
        let mut queue = Queue::new(100);
        for item in [1, 3, 5, 2] {
            queue.push(share(1), item);
        }
        queue.push(share(2), 7);
        let now = Instant::now();
        let even = |item: &u64| if item.is_multiple_of(2) { Ok(()) } else { Err(now + Duration::from_secs(*item)) };
        assert_eq!(queue.next(even), Next::Item(2));
        assert_eq!(queue.next(even), Next::At(now + Duration::from_secs(1)));
        assert_eq!(queue.len(), 4);
    }

    proptest! {
        #[test]
        fn it_holds_what_it_says(
            capacity in 1_usize..50,
            pushes in prop::collection::vec((0_u64..8, any::<bool>()), 0..300),
        ) {
            let mut queue = Queue::new(capacity);
            let (mut pushed, mut out) = (0_u64, 0);
            for (peer, push) in pushes {
                if push {
                    pushed += 1;
                    out += u64::from(queue.push(share(peer), pushed).is_some());
                } else {
                    out += u64::from(matches!(queue.next(|_| Ok(())), Next::Item(_)));
                }
                prop_assert!(queue.len() <= capacity);
                prop_assert_eq!(queue.len() as u64, pushed - out);
                prop_assert_eq!(queue.len(), queue.shares.values().map(VecDeque::len).sum::<usize>());
                prop_assert_eq!(queue.turns.len(), queue.shares.len());
                prop_assert_eq!(queue.lengths.len(), queue.shares.len());
            }
        }
    }
}
