//! A map that forgets by itself, whoever fills it.

use std::hash::{BuildHasher, Hash};
use std::mem::take;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, hash_map};

/// A map of what was seen of late: two generations, of which the older one goes when the younger one is full or a period is over. So what
/// was used is kept for another period at the least, or for another `limit` keys. The hasher is seeded: strangers choose keys.
#[derive(Debug)]
pub(super) struct Recent<V> {
    young: HashMap<u64, V, RandomState>,
    old: HashMap<u64, V, RandomState>,
    limit: usize,
    period_ns: u64,
    turned_ns: u64,
    hasher: RandomState,
}

impl<V> Recent<V> {
    /// Has so many keys twice, at the most.
    pub fn new(limit: usize, period_ns: u64) -> Self {
        let (young, old, hasher) = Default::default();
        Self { young, old, limit, period_ns, turned_ns: 0, hasher }
    }

    /// The key's value, and whether it was made now.
    pub fn touch(&mut self, key: u64, now_ns: u64, make: impl FnOnce() -> V) -> (&mut V, bool) {
        self.turn(now_ns);
        match self.young.entry(key) {
            hash_map::Entry::Occupied(found) => (found.into_mut(), false),
            hash_map::Entry::Vacant(place) => match self.old.remove(&key) {
                Some(value) => (place.insert(value), false),
                None => (place.insert(make()), true),
            },
        }
    }

    /// Sets a key's value.
    pub fn put(&mut self, key: u64, now_ns: u64, value: V) {
        self.turn(now_ns);
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    /// A key's value, if it is there.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        self.young.get_mut(&key).or_else(|| self.old.get_mut(&key))
    }

    /// Whether a key is there.
    pub fn has(&self, key: u64) -> bool {
        self.young.contains_key(&key) || self.old.contains_key(&key)
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    /// Forgets those that don't fit.
    pub fn retain(&mut self, mut fits: impl FnMut(u64, &mut V) -> bool) {
        self.young.retain(|key, value| fits(*key, value));
        self.old.retain(|key, value| fits(*key, value));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.young = HashMap::default();
        self.old = HashMap::default();
    }

    /// Lets time pass.
    pub fn turn(&mut self, now_ns: u64) {
        if self.young.len() < self.limit && now_ns < self.turned_ns.saturating_add(self.period_ns) {
            return;
        }
        let idle = now_ns >= self.turned_ns.saturating_add(self.period_ns.saturating_mul(2));
        self.old = take(&mut self.young);
        if idle {
            self.old = HashMap::default();
        }
        self.turned_ns = self.turned_ns.max(now_ns);
    }

    /// One number for something with several parts.
    pub fn key(&self, parts: impl Hash) -> u64 {
        self.hasher.hash_one(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::new(1_000, 60);
        for key in 0..1_000_500 {
            recent.touch(key, 1, || key);
            assert!(!recent.touch(0, 1, || 7).1, "used all the time");
            assert!(recent.young.len() + recent.old.len() <= 2_000);
        }
        assert!(recent.young.capacity() + recent.old.capacity() < 4_000);
        assert!(recent.has(1_000_499) && !recent.has(990_000));
        recent.touch(1, 61, || 1);
        assert!(recent.has(1_000_499) && recent.has(0), "for one period more");
        recent.turn(122);
        assert!(!recent.has(0) && recent.has(1));
        recent.turn(500);
        assert!(!recent.has(1), "after a long silence nothing is recent");
    }
}
