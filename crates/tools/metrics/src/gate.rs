//! Which of the values that strangers choose get a series of their own: the most frequent ones.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Nanoseconds after which a value seen half as often counts as much.
const HALF_LIFE_NS: u64 = 600_000_000_000;

/// Keeps the most frequent values of one family apart from all others, in a memory that does not grow with their number.
#[derive(Debug)]
pub struct Gate {
    limit: usize,
    kept: HashMap<Box<str>, u32, FixedState>,
    /// Estimates of how often the others were seen. None until there are any.
    others: Option<Box<Sketch>>,
    /// No kept value was seen less often.
    floor: u32,
    halved_ns: u64,
}

/// What becomes of a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has a series of its own.
    Kept,
    /// It takes the place of another one, whose series go away.
    Instead(Box<str>),
    /// It counts among the others.
    Other,
}

impl Gate {
    /// Keeps so many values.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), kept: HashMap::default(), others: None, floor: 0, halved_ns: 0 }
    }

    /// Counts a value that was seen and decides.
    pub fn admit(&mut self, value: &str, now_ns: u64) -> Verdict {
        self.halve(now_ns);
        if let Some(seen) = self.kept.get_mut(value) {
            *seen = seen.saturating_add(1);
            return Verdict::Kept;
        }
        if self.kept.len() < self.limit {
            self.kept.insert(value.into(), 1);
            self.floor = 0;
            return Verdict::Kept;
        }
        let seen = self.others.get_or_insert_default().add(value);
        // Twice as often and some more, so that equals don't displace each other in turns.
        if seen < self.floor.saturating_mul(2).saturating_add(8) {
            return Verdict::Other;
        }
        let Some((rarest, least)) =
            self.kept.iter().map(|(value, seen)| (value.clone(), *seen)).min_by_key(|(_, seen)| *seen)
        else {
            return Verdict::Other;
        };
        self.floor = least;
        if seen < least.saturating_mul(2).saturating_add(8) {
            return Verdict::Other;
        }
        self.kept.remove(&rarest);
        self.kept.insert(value.into(), seen);
        Verdict::Instead(rarest)
    }

    /// Forgets a value that is gone, so that another one can be kept.
    pub fn forget(&mut self, value: &str) {
        self.kept.remove(value);
    }

    /// What was frequent long ago does not stand in the way of what is frequent now.
    fn halve(&mut self, now_ns: u64) {
        if now_ns < self.halved_ns.saturating_add(HALF_LIFE_NS) {
            return;
        }
        self.halved_ns = now_ns;
        self.kept.values_mut().for_each(|seen| *seen /= 2);
        self.floor /= 2;
        if let Some(others) = &mut self.others {
            others.halve();
        }
    }
}

const ROWS: usize = 4;
const COLUMNS: usize = 2048;

/// A count-min sketch (Cormode and Muthukrishnan): never estimates too low, and rarely too high.
#[derive(Debug)]
struct Sketch([[u32; COLUMNS]; ROWS]);

impl Default for Box<Sketch> {
    fn default() -> Self {
        Self::new(Sketch([[0; COLUMNS]; ROWS]))
    }
}

impl Sketch {
    fn add(&mut self, value: &str) -> u32 {
        let mut hasher = FixedState::with_seed(1).build_hasher();
        hasher.write(value.as_bytes());
        let hash = hasher.finish();
        let mut least = u32::MAX;
        for (row, shift) in self.0.iter_mut().zip([0, 16, 32, 48]) {
            if let Some(cell) = row.get_mut((hash >> shift) as usize % COLUMNS) {
                *cell = cell.saturating_add(1);
                least = least.min(*cell);
            }
        }
        least
    }

    fn halve(&mut self) {
        self.0.iter_mut().flatten().for_each(|seen| *seen /= 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_ones_are_kept_whenever_they_come() {
        let mut gate = Gate::new(10);
        for number in 0..5_000 {
            gate.admit(&format!("rare {number}"), number);
        }
        let mut verdicts = (0..200).map(|_| gate.admit("frequent", 5_000));
        assert_eq!(verdicts.next(), Some(Verdict::Other));
        assert!(verdicts.any(|verdict| matches!(verdict, Verdict::Instead(_))));
        for number in 5_000..50_000 {
            gate.admit(&format!("rare {number}"), number);
            gate.admit("frequent", number);
        }
        assert_eq!(gate.admit("frequent", 50_000), Verdict::Kept);
        assert_eq!(gate.kept.len(), 10);
    }

    #[test]
    fn what_was_frequent_long_ago_makes_room() {
        let mut gate = Gate::new(1);
        (0..10_000).for_each(|_| assert_eq!(gate.admit("old", 1), Verdict::Kept));
        let hours = 3_600_000_000_000;
        let admitted =
            (0..600).any(|minute| gate.admit("new", hours + minute * hours / 60) == Verdict::Instead("old".into()));
        assert!(admitted);
    }
}
