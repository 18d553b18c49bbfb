//! Runs and sequence numbers of what has none: the same each time that the same file is read.

use store::archive::{HASH_START, stable_hash};

/// Numbers that JSON readers hold exactly have so many bits.
const RUN_BITS: u32 = 53;

/// The run of a file that begins with these bytes: the same for the same node and beginning, and never 0.
pub(super) fn run_of(node: &str, beginning: &[u8]) -> u64 {
    run(stable_hash(HASH_START, node.as_bytes().iter().chain(&[0]).chain(beginning)))
}

/// The run of this hash.
fn run(hash: u64) -> u64 {
    (hash >> (u64::BITS - RUN_BITS)).max(1)
}

/// Which run and sequence number come next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbering {
    /// The first run of the file.
    first: u64,
    /// How many others began.
    starts: u64,
    run: u64,
    /// Events of the run so far.
    events: u64,
}

impl Numbering {
    pub(super) fn new(first: u64) -> Self {
        Self { first, starts: 0, run: first, events: 0 }
    }

    /// The place of the next event. `starts`: the node started, so that a run begins, unless one just did.
    pub(super) fn next(&mut self, starts: bool) -> (u64, u64) {
        if starts && self.events > 0 {
            self.starts += 1;
            self.run = run(stable_hash(self.first, &self.starts.to_le_bytes()));
            self.events = 0;
        }
        self.events += 1;
        (self.run, self.events)
    }

    /// Goes over this many events, at some of which (by their positions among these, in order) the node started.
    pub(super) fn skip(&mut self, events: u64, starts: &[usize]) {
        let mut done = 0;
        for start in starts.iter().map(|start| *start as u64) {
            self.events += start - done;
            self.next(true);
            done = start + 1;
        }
        self.events += events - done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_whether_events_come_one_by_one_or_many_at_once() {
        let starts = [0, 3, 4, 9];
        let mut single = Numbering::new(run_of("alice", b"2026"));
        let places: Vec<_> = (0..12).map(|at| single.next(starts.contains(&at))).collect();
        for from in 0..12 {
            for to in from..=12 {
                let mut many = Numbering::new(run_of("alice", b"2026"));
                let within = |from: usize, to: usize| {
                    starts.iter().filter(|at| (from..to).contains(at)).map(|at| at - from).collect::<Vec<_>>()
                };
                many.skip(from as u64, &within(0, from));
                let mut after = many;
                after.skip((to - from) as u64, &within(from, to));
                let each: Vec<_> = (from..to).map(|at| many.next(starts.contains(&at))).collect();
                assert_eq!(each, places[from..to]);
                assert_eq!(many, after);
            }
        }
        let sequences: Vec<u64> = places.iter().map(|(_, sequence)| *sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 1, 1, 2, 3, 4, 5, 1, 2, 3]);
        assert_eq!(places.iter().collect::<std::collections::BTreeSet<_>>().len(), 12);
        assert!(places.iter().all(|(run, _)| (1..1 << 53).contains(run)));
    }
}
