//! The cardinality limit of a family of series: which of the label values that untrusted peers choose get a series of their own.
//!
//! An LRU cache would not do: a peer that sends new values all the time would drive out the frequent ones. Values are counted instead.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// After this time, in nanoseconds, an occurrence counts half.
const HALF_LIFE_NS: u64 = 600_000_000_000;

/// Keeps the most frequent label values of one family, in memory that does not grow with the number of values seen.
#[derive(Debug)]
pub struct CardinalityLimit {
    limit: usize,
    /// The values that are kept, with how often each was seen.
    kept: HashMap<Box<str>, u32, FixedState>,
    /// Estimates of how often the other values were seen. `None` until there are any.
    others: Option<Box<Sketch>>,
    /// A lower bound of the counts in `kept`.
    floor: u32,
    halved_ns: u64,
}

/// The decision on a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// The value has a series of its own.
    Kept,
    /// The value takes the place of this one, whose series must be removed.
    Replaces(Box<str>),
    /// The value is counted in the series `other`.
    Other,
}

impl CardinalityLimit {
    /// Keeps up to `limit` values, at least one.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), kept: HashMap::default(), others: None, floor: 0, halved_ns: 0 }
    }

    /// Counts an occurrence of a value at a time in nanoseconds since the UNIX epoch, and decides where it belongs.
    pub fn admit(&mut self, value: &str, now_ns: u64) -> Admission {
        self.halve(now_ns);
        if let Some(seen) = self.kept.get_mut(value) {
            *seen = seen.saturating_add(1);
            return Admission::Kept;
        }
        if self.kept.len() < self.limit {
            self.kept.insert(value.into(), 1);
            self.floor = 0;
            return Admission::Kept;
        }
        let seen = self.others.get_or_insert_default().add(value);
        // A value must be more than twice as frequent, so that two equally frequent ones do not displace each other in turns.
        if seen < self.floor.saturating_mul(2).saturating_add(8) {
            return Admission::Other;
        }
        let Some((rarest, least)) =
            self.kept.iter().map(|(value, seen)| (value.clone(), *seen)).min_by_key(|(_, seen)| *seen)
        else {
            return Admission::Other;
        };
        self.floor = least;
        if seen < least.saturating_mul(2).saturating_add(8) {
            return Admission::Other;
        }
        self.kept.remove(&rarest);
        self.kept.insert(value.into(), seen);
        Admission::Replaces(rarest)
    }

    /// Forgets a value whose series were removed, so that another value can be kept.
    pub fn forget(&mut self, value: &str) {
        self.kept.remove(value);
    }

    /// Halves all counts after each half-life, so that what was frequent long ago gives way to what is frequent now.
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

/// A count-min sketch (Cormode and Muthukrishnan, 2005): its estimates are never too low, and rarely too high.
#[derive(Debug)]
struct Sketch([[u32; COLUMNS]; ROWS]);

impl Default for Box<Sketch> {
    fn default() -> Self {
        Self::new(Sketch([[0; COLUMNS]; ROWS]))
    }
}

impl Sketch {
    /// Counts an occurrence of a value. Returns the estimate of how often it was seen.
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
    fn frequent_values_are_kept_whenever_they_come() {
        let mut limit = CardinalityLimit::new(10);
        for number in 0..5_000 {
            limit.admit(&format!("rare {number}"), number);
        }
        let mut admissions = (0..200).map(|_| limit.admit("frequent", 5_000));
        assert_eq!(admissions.next(), Some(Admission::Other));
        assert!(admissions.any(|admission| matches!(admission, Admission::Replaces(_))));
        for number in 5_000..50_000 {
            limit.admit(&format!("rare {number}"), number);
            limit.admit("frequent", number);
        }
        assert_eq!(limit.admit("frequent", 50_000), Admission::Kept);
        assert_eq!(limit.kept.len(), 10);
    }

    #[test]
    fn what_was_frequent_long_ago_gives_way() {
        let mut limit = CardinalityLimit::new(1);
        (0..10_000).for_each(|_| assert_eq!(limit.admit("old", 1), Admission::Kept));
        let hours = 3_600_000_000_000;
        let admitted =
            (0..600).any(|minute| limit.admit("new", hours + minute * hours / 60) == Admission::Replaces("old".into()));
        assert!(admitted);
    }
}
