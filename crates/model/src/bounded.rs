//! Collections that cannot grow without limit, whatever fills them.
//!
//! A general LRU map would do for [`RecentMap`], but it keeps an order with two more pointers per key and changes it at each use. The
//! maps here are used for each P2P message, so the order is left out: what was used in the last period stays, the rest goes at once.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::mem::swap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table};

use crate::bounds::{MAX_NODE_NAME, MAX_NODES};
use crate::text::cut;

/// Appends an item. If the list has `limit` items already, the oldest one is dropped.
pub fn push<T>(list: &mut VecDeque<T>, item: T, limit: usize) {
    if list.len() >= limit {
        list.pop_front();
    }
    list.push_back(item);
}

/// The median of times: what is not younger is the older half. 0 if there are none.
///
/// A full map drops its older half at once, which costs little for each key: no order has to be kept.
pub fn median(times: impl Iterator<Item = u64>) -> u64 {
    let mut times: Vec<u64> = times.collect();
    if times.is_empty() {
        return 0;
    }
    let middle = times.len() / 2;
    *times.select_nth_unstable(middle).1
}

/// A map of what was seen recently.
///
/// It has two generations. When the younger one has `limit` keys or a period is over, the older one is dropped and the younger one takes
/// its place. So a key that was used stays for another period, or until `limit` other keys were used. The hasher is seeded, because
/// untrusted peers choose the keys.
#[derive(Debug)]
pub struct RecentMap<V> {
    young: HashTable<(u64, V)>,
    old: HashTable<(u64, V)>,
    limit: usize,
    period_ns: u64,
    turned_ns: u64,
    hasher: RandomState,
}

impl<V> RecentMap<V> {
    /// An empty map. It has at most twice `limit` keys.
    pub fn new(limit: usize, period_ns: u64) -> Self {
        let (young, old, hasher) = Default::default();
        Self { young, old, limit, period_ns, turned_ns: 0, hasher }
    }

    /// The value of a key, and whether it was made by this call.
    pub fn touch(&mut self, key: u64, now_ns: u64, make: impl FnOnce() -> V) -> (&mut V, bool) {
        self.turn(now_ns);
        let Self { young, old, hasher, .. } = self;
        let hash = hasher.hash_one(key);
        match young.entry(hash, is(key), |(key, _)| hasher.hash_one(key)) {
            hash_table::Entry::Occupied(entry) => (&mut entry.into_mut().1, false),
            hash_table::Entry::Vacant(place) => {
                let before = old.find_entry(hash, is(key)).ok().map(|entry| entry.remove().0.1);
                let is_new = before.is_none();
                (&mut place.insert((key, before.unwrap_or_else(make))).into_mut().1, is_new)
            }
        }
    }

    /// Sets the value of a key.
    pub fn put(&mut self, key: u64, now_ns: u64, value: V) {
        self.turn(now_ns);
        let Self { young, old, hasher, .. } = self;
        let hash = hasher.hash_one(key);
        if let Ok(before) = old.find_entry(hash, is(key)) {
            before.remove();
        }
        match young.entry(hash, is(key), |(key, _)| hasher.hash_one(key)) {
            hash_table::Entry::Occupied(mut entry) => entry.get_mut().1 = value,
            hash_table::Entry::Vacant(place) => {
                place.insert((key, value));
            }
        }
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<&V> {
        let hash = self.hasher.hash_one(key);
        self.young.find(hash, is(key)).or_else(|| self.old.find(hash, is(key))).map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let hash = self.hasher.hash_one(key);
        self.young.find_mut(hash, is(key)).or_else(|| self.old.find_mut(hash, is(key))).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn has(&self, key: u64) -> bool {
        self.get(key).is_some()
    }

    /// Removes a key.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let found = self.young.find_entry(hash, is(key)).or_else(|_| self.old.find_entry(hash, is(key)));
        found.ok().map(|entry| entry.remove().0.1)
    }

    /// Keeps only the keys for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(u64, &mut V) -> bool) {
        self.young.retain(|(key, value)| keep(*key, value));
        self.old.retain(|(key, value)| keep(*key, value));
    }

    /// Removes all keys, and their memory.
    pub fn clear(&mut self) {
        self.young = HashTable::default();
        self.old = HashTable::default();
    }

    /// Lets time pass: drops the older generation if it is time.
    #[inline]
    pub fn turn(&mut self, now_ns: u64) {
        if self.young.len() < self.limit && now_ns < self.turned_ns.saturating_add(self.period_ns) {
            return;
        }
        self.next_generation(now_ns);
    }

    #[cold]
    fn next_generation(&mut self, now_ns: u64) {
        swap(&mut self.young, &mut self.old);
        if self.old.len() >= self.limit {
            // As many may come again, for which the memory is there.
            self.young.clear();
        } else {
            self.young = HashTable::default();
        }
        if now_ns >= self.turned_ns.saturating_add(self.period_ns.saturating_mul(2)) {
            self.old = HashTable::default();
        }
        self.turned_ns = self.turned_ns.max(now_ns);
    }

    /// A key for something with several fields.
    pub fn key(&self, fields: impl Hash) -> u64 {
        self.hasher.hash_one(fields)
    }
}

/// Whether an entry is that of a key.
fn is<V>(key: u64) -> impl Fn(&(u64, V)) -> bool {
    move |(of, _)| *of == key
}

/// Something for each node, by the node's name. There are at most [`MAX_NODES`] names.
#[derive(Debug)]
pub struct NodeMap<N>(BTreeMap<Arc<str>, N>);

impl<N> Default for NodeMap<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<N> NodeMap<N> {
    /// Entries for names that are known from the beginning.
    pub fn new(names: &[String], mut make: impl FnMut() -> N) -> Self {
        Self(names.iter().take(MAX_NODES).map(|name| (Arc::from(name.as_str()), make())).collect())
    }

    /// The entry of a node. It is made if the name is new; None if it is and there are [`MAX_NODES`] others.
    pub fn touch(&mut self, name: &Arc<str>, make: impl FnOnce() -> N) -> Option<&mut N> {
        // Long names are cut, which happens rarely: the others are not copied.
        let name = if name.len() > MAX_NODE_NAME { &Arc::from(cut(name, MAX_NODE_NAME).as_str()) } else { name };
        if !self.0.contains_key(name) {
            if self.0.len() >= MAX_NODES {
                return None;
            }
            self.0.insert(Arc::clone(name), make());
        }
        self.0.get_mut(name)
    }

    /// The entry of a node.
    pub fn get(&self, name: &str) -> Option<&N> {
        self.0.get(name)
    }

    /// The entry of a node, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut N> {
        self.0.get_mut(name)
    }

    /// The name and the entry of a node.
    pub fn get_key_value(&self, name: &str) -> Option<(&Arc<str>, &N)> {
        self.0.get_key_value(name)
    }

    /// All names, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// All names and entries, by name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &N)> + ExactSizeIterator {
        self.0.iter()
    }

    /// All names and entries, by name, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut N)> {
        self.0.iter_mut()
    }

    /// All entries, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut N> {
        self.0.values_mut()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recent_map_keeps_what_is_used_and_drops_the_rest() {
        let mut recent = RecentMap::new(1_000, 60);
        for key in 0..1_000_500 {
            recent.touch(key, 1, || key);
            assert!(!recent.touch(0, 1, || 7).1, "it is used all the time");
            assert!(recent.young.len() + recent.old.len() <= 2_000);
        }
        assert!(recent.young.capacity() + recent.old.capacity() < 4_000);
        assert!(recent.has(1_000_499) && !recent.has(990_000));
        recent.touch(1, 61, || 1);
        assert!(recent.has(1_000_499) && recent.has(0), "for one more period");
        recent.turn(122);
        assert!(!recent.has(0) && recent.has(1));
        recent.turn(500);
        assert!(!recent.has(1), "after a long silence nothing is recent");
    }

    #[test]
    fn nodes_are_bounded_and_their_names_too() {
        let mut nodes = NodeMap::new(&["known".to_owned()], || 0);
        for number in 0..2 * MAX_NODES {
            nodes.touch(&Arc::from(format!("{number}{}", "é".repeat(100))), || 1);
        }
        assert_eq!(nodes.len(), MAX_NODES);
        assert!(nodes.iter().all(|(name, _)| name.len() <= MAX_NODE_NAME));
        assert!(nodes.get("known").is_some());
        assert_eq!(nodes.touch(&Arc::from("one more"), || 1), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([5, 1, 9, 7].into_iter()), 7);
        assert_eq!(median([].into_iter()), 0);
    }
}
