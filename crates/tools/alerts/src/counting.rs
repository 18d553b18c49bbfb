//! Counts in bounded memory: of the last minutes, and of the most frequent ones of any number of things.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;

use tracing::info;

/// So many seconds, in nanoseconds.
pub(crate) fn ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Parts of a window.
const PARTS: usize = 12;

/// How much there was in the last minutes. It forgets in twelve steps.
#[derive(Clone, Debug)]
pub struct Sliding {
    parts: [f64; PARTS],
    /// Which part of time the newest is.
    newest: u64,
    part_ns: u64,
}

impl Sliding {
    /// Of a window of so many seconds.
    pub fn new(seconds: f64) -> Self {
        let part_ns = (ns(seconds) / PARTS as u64).max(1);
        Self { parts: [0.0; PARTS], newest: 0, part_ns }
    }

    /// Adds an amount. What is older than the window is left out.
    pub fn add(&mut self, now_ns: u64, amount: f64) {
        self.turn(now_ns);
        let age = self.newest.saturating_sub(now_ns / self.part_ns);
        if age < PARTS as u64 {
            let index = ((self.newest - age) % PARTS as u64) as usize;
            self.parts.get_mut(index).into_iter().for_each(|part| *part += amount);
        }
    }

    /// The amount in the window that ends now.
    pub fn sum(&mut self, now_ns: u64) -> f64 {
        self.turn(now_ns);
        self.parts.iter().sum()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.parts = [0.0; PARTS];
    }

    fn turn(&mut self, now_ns: u64) {
        let part = now_ns / self.part_ns;
        // A clock that was set back far begins anew.
        if part > self.newest || self.newest - part > 2 * PARTS as u64 {
            if part.saturating_sub(self.newest) >= PARTS as u64 || part < self.newest {
                self.clear();
            } else {
                for passed in self.newest + 1..=part {
                    let index = (passed % PARTS as u64) as usize;
                    self.parts.get_mut(index).into_iter().for_each(|part| *part = 0.0);
                }
            }
            self.newest = part;
        }
    }
}

/// Bits of a [`Distinct`].
const BITS: u64 = 512;

/// About how many different ones there were of something, up to some hundred: linear counting (Whang et al. 1990) in 64 bytes for each
/// half of a window. What is older than the window is forgotten at the latest, and nothing that is younger than half of it.
#[derive(Clone, Debug)]
pub struct Distinct {
    /// Those of this half, and of the one before.
    halves: [[u64; (BITS / 64) as usize]; 2],
    half: u64,
    half_ns: u64,
}

impl Distinct {
    /// Of a window of so many seconds.
    pub fn new(seconds: f64) -> Self {
        Self { halves: Default::default(), half: 0, half_ns: (ns(seconds) / 2).max(1) }
    }

    /// Adds one.
    pub fn add(&mut self, now_ns: u64, item: impl Hash) {
        self.turn(now_ns);
        let bit = hash(item) % BITS;
        let [young, _] = &mut self.halves;
        young.get_mut((bit / 64) as usize).into_iter().for_each(|word| *word |= 1 << (bit % 64));
    }

    /// How many there were.
    pub fn count(&mut self, now_ns: u64) -> f64 {
        self.turn(now_ns);
        estimate(self.words().map(u64::count_ones).sum())
    }

    /// How many of all that there were in either one there were in both, as a share.
    pub fn overlap(&mut self, other: &mut Self, now_ns: u64) -> f64 {
        self.turn(now_ns);
        other.turn(now_ns);
        let any: u32 = self.words().zip(other.words()).map(|(own, other)| (own | other).count_ones()).sum();
        let (own, other, any) = (self.count(now_ns), other.count(now_ns), estimate(any));
        if any > 0.0 { ((own + other - any) / any).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        let [young, old] = self.halves;
        young.into_iter().zip(old).map(|(young, old)| young | old)
    }

    fn turn(&mut self, now_ns: u64) {
        let half = now_ns / self.half_ns;
        if half == self.half {
            return;
        }
        let [young, _] = self.halves;
        // What is a moment late, or of a clock that was set back, is counted as if it were new.
        if half > self.half {
            self.halves = [Default::default(), if half - self.half == 1 { young } else { Default::default() }];
        }
        self.half = half;
    }
}

/// How many different ones set so many bits.
fn estimate(set: u32) -> f64 {
    let free = BITS.saturating_sub(set.into()).max(1);
    BITS as f64 * (BITS as f64 / free as f64).ln()
}

/// The name of a detector, by the file that it is in: "spies/subnet_spy".
fn name(place: &'static Location<'static>) -> &'static str {
    let file = place.file();
    let file = file.rsplit_once("detectors/").map_or(file, |(_, file)| file);
    file.strip_suffix(".rs").unwrap_or(file)
}

/// A hash that is the same in each run.
pub fn hash(item: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    hasher.finish()
}

/// The most frequent ones of any number of things, with a state each (Space-Saving: Metwally, Agrawal, El Abbadi 2005). A new one
/// takes the place of the least frequent one, and its count: so what is frequent stays, whatever else comes.
#[derive(Clone, Debug)]
pub struct Frequent<K, V> {
    entries: HashMap<K, Entry<V>>,
    capacity: usize,
    /// Where it was made: what counts.
    of: &'static Location<'static>,
    /// One has made room for another one.
    was_full: bool,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    count: u64,
    value: V,
}

impl<K: Hash + Eq + Ord + Clone, V> Frequent<K, V> {
    /// At most so many.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(1), of: Location::caller(), was_full: false }
    }

    /// Counts one, and returns its state, which begins with `make`.
    pub fn count(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let mut count = 0;
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            // By key if several are as rare: the order of a map would differ from one run to the next.
            let least = self.entries.iter().min_by_key(|(key, entry)| (entry.count, *key));
            if let Some(least) = least.map(|(key, _)| key.clone()) {
                count = self.entries.remove(&least).map_or(0, |entry| entry.count);
            }
            if !self.was_full {
                self.was_full = true;
                let (name, capacity) = (name(self.of), self.capacity);
                info!("detector {name} counts {capacity} at most of what there is: from now on, rare ones make room");
            }
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry { count, value: make() });
        entry.count += 1;
        &mut entry.value
    }

    /// The state of one.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Removes those for which `keep` is false, so that they make room.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain(|key, entry| keep(key, &mut entry.value));
    }

    /// All of them, in the order of their keys.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let mut all: Vec<(&K, &mut V)> = self.entries.iter_mut().map(|(key, entry)| (key, &mut entry.value)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all.into_iter()
    }

    /// Their keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        let mut keys: Vec<&K> = self.entries.keys().collect();
        keys.sort_unstable();
        keys.into_iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use model::bounds::SECOND;

    use super::*;

    #[test]
    fn a_window_slides() {
        let mut window = Sliding::new(60.0);
        let start = 1_769_860_800 * SECOND;
        (0..600).for_each(|second| window.add(start + second * SECOND, 1.0));
        let now = start + 599 * SECOND;
        assert_eq!(window.sum(now), 60.0);
        window.add(now - 30 * SECOND, 5.0);
        window.add(now - 90 * SECOND, 5.0);
        assert_eq!(window.sum(now), 65.0, "late, and too late");
        assert_eq!(window.sum(now + 600 * SECOND), 0.0);
        window.add(start - 86_400 * SECOND, 2.0);
        assert_eq!(window.sum(start - 86_400 * SECOND), 2.0, "the clock was set back");
    }

    #[test]
    fn different_ones_are_counted_and_forgotten() {
        let start = 1_769_860_800 * SECOND;
        let (mut one, mut other) = (Distinct::new(60.0), Distinct::new(60.0));
        for (index, now) in (0..3_000u64).map(|index| (index, start + index % 20 * SECOND)) {
            one.add(now, index % 300);
            other.add(now, index % 300 + 150);
        }
        let count = one.count(start);
        assert!((270.0..330.0).contains(&count), "{count}");
        let overlap = one.overlap(&mut other, start);
        assert!((0.25..0.42).contains(&overlap), "{overlap}: a third");
        assert!(one.count(start + 31 * SECOND) > 270.0);
        assert_eq!(one.count(start + 61 * SECOND), 0.0);
    }

    #[test]
    fn the_most_frequent_stay_whatever_comes() {
        let mut frequent = Frequent::new(64);
        for index in 0u32..100_000 {
            *frequent.count(index + 10, || 0) += 1;
            if index % 20 == 0 {
                *frequent.count(1, || 0) += 1;
            }
        }
        assert_eq!(frequent.entries.len(), 64);
        assert_eq!(frequent.get_mut(&1), Some(&mut 5_000));
        let counted: u64 = frequent.entries.values().map(|entry| entry.count).sum();
        assert_eq!(counted, 105_000, "who makes room hands over its count");
        frequent.retain(|key, _| *key == 1);
        assert_eq!(frequent.iter_mut().count(), 1);
    }
}
