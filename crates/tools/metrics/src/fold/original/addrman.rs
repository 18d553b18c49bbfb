//! The entries of the address manager, by getrawaddrman.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use event::Record;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{AddrmanBucket, AddrmanEntry};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::{begin_each_at_0, count_bits, rpc};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::{Id, ids};

/// Both tables, and what changed in them since the previous poll.
#[derive(Default)]
pub(super) struct Addrman {
    /// Tables new and tried of the previous poll, by position.
    previous: Option<[Vec<Slot>; 2]>,
    hasher: RandomState,
}

/// An entry where it stands: 32 bytes for each of the 80,000 that a node has.
struct Slot {
    bucket: u32,
    position: u32,
    /// Of network, address and port.
    address: u64,
    services: u64,
    time: i64,
}

impl Slot {
    fn place(&self) -> (u32, u32) {
        (self.bucket, self.position)
    }
}

const TABLES: [&str; 2] = ["new", "tried"];

type Buckets = BTreeMap<u32, AddrmanBucket>;

fn entries(table: &Buckets) -> impl Iterator<Item = &AddrmanEntry> {
    table.values().flat_map(|bucket| bucket.entries.values())
}

impl Observer<Store> for Addrman {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Addrman {
            return;
        }
        let counters = [
            ids::RPC_GETRAWADDRMAN_ADDED_ENTRY,
            ids::RPC_GETRAWADDRMAN_REPLACED_ENTRY,
            ids::RPC_GETRAWADDRMAN_CHANGED_SERVICES,
            ids::RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS,
        ];
        begin_each_at_0(store, &counters, TABLES);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(RpcEvent::Addrman(addrman)) = rpc(record) else { return };
        let (store, tables) = (&mut *context.sink, [&addrman.new, &addrman.tried]);
        by_number(store, ids::RPC_GETRAWADDRMAN_PORTS, tables, |entry| entry.port.into());
        by_number(store, ids::RPC_GETRAWADDRMAN_SERVICES, tables, |entry| entry.services);
        service_bits(store, tables);
        for (label, table) in TABLES.into_iter().zip(tables) {
            let asns = distinct(table, |entry| entry.mapped_as.filter(|asn| *asn > 0));
            store.set(ids::RPC_GETRAWADDRMAN_DISTINCT_ASNS, &[label], asns);
            let sources = distinct(table, |entry| Some(entry.source.as_str()));
            store.set(ids::RPC_GETRAWADDRMAN_DISTINCT_SOURCES, &[label], sources);
            let asns = distinct(table, |entry| entry.source_mapped_as.filter(|asn| *asn > 0));
            store.set(ids::RPC_GETRAWADDRMAN_DISTINCT_SOURCE_ASN, &[label], asns);
        }

        let now = tables.map(|table| self.slots(table));
        if let Some(before) = self.previous.take() {
            for ((label, before), now) in TABLES.into_iter().zip(&before).zip(&now) {
                let changes = Changes::between(before, now);
                store.add(ids::RPC_GETRAWADDRMAN_ADDED_ENTRY, &[label], changes.added);
                store.add(ids::RPC_GETRAWADDRMAN_REPLACED_ENTRY, &[label], changes.replaced);
                store.add(ids::RPC_GETRAWADDRMAN_CHANGED_SERVICES, &[label], changes.services);
                store.add(ids::RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS, &[label], changes.timestamps);
            }
        }
        self.previous = Some(now);
    }
}

impl Addrman {
    /// The entries in the order of their places.
    fn slots(&self, table: &Buckets) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(table.values().map(|bucket| bucket.entries.len()).sum());
        for (bucket, entries) in table {
            slots.extend(entries.entries.iter().map(|(position, entry)| Slot {
                bucket: *bucket,
                position: *position,
                address: self.hasher.hash_one((&entry.network, &entry.address, entry.port)),
                services: entry.services,
                time: entry.time,
            }));
        }
        slots
    }
}

/// How many places of a table changed between two polls.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    /// Was empty.
    added: f64,
    /// Has another address.
    replaced: f64,
    /// Has the same address with other services.
    services: f64,
    /// Has the same address with another time.
    timestamps: f64,
}

impl Changes {
    /// Of tables in the order of places.
    fn between(before: &[Slot], now: &[Slot]) -> Self {
        let mut changes = Self::default();
        let mut before = before.iter().peekable();
        for slot in now {
            let old = loop {
                match before.peek().map(|old| (old.place().cmp(&slot.place()), old)) {
                    Some((Ordering::Less, _)) => _ = before.next(),
                    Some((Ordering::Equal, old)) => break Some(old),
                    Some((Ordering::Greater, _)) | None => break None,
                }
            };
            match old {
                None => changes.added += 1.0,
                Some(old) if old.address != slot.address => changes.replaced += 1.0,
                Some(old) => {
                    changes.services += f64::from(old.services != slot.services);
                    changes.timestamps += f64::from(old.time != slot.time);
                }
            }
        }
        changes
    }
}

/// How many different values there are.
fn distinct<'a, V: Eq + Hash>(table: &'a Buckets, of: impl Fn(&'a AddrmanEntry) -> Option<V>) -> f64 {
    entries(table).filter_map(of).collect::<HashSet<V, RandomState>>().len() as f64
}

/// Entries by a number that untrusted peers choose.
fn by_number(store: &mut Store, id: Id, tables: [&Buckets; 2], of: fn(&AddrmanEntry) -> u64) {
    let mut all = Vec::new();
    for (label, table) in TABLES.into_iter().zip(tables) {
        let mut counts = HashMap::<u64, u64, RandomState>::default();
        entries(table).for_each(|entry| *counts.entry(of(entry)).or_default() += 1);
        all.extend(counts.into_iter().map(|(number, count)| (label, number.to_string(), count)));
    }
    // The order decides which of equals are shown.
    all.sort_unstable();
    store.set_all(id, all.iter().map(|(label, number, count)| ([*label, number], *count as f64)));
}

/// Entries by each bit of their services.
fn service_bits(store: &mut Store, tables: [&Buckets; 2]) {
    let mut all = Vec::new();
    for (label, table) in TABLES.into_iter().zip(tables) {
        let mut bits = [0; 64];
        entries(table).for_each(|entry| count_bits(entry.services, 1, &mut bits));
        let present = (1..).zip(bits).filter(|(_, count)| *count > 0);
        all.extend(present.map(|(bit, count): (u32, u64)| (label, bit.to_string(), count)));
    }
    let all = all.iter().map(|(label, bit, count)| ([*label, bit], *count as f64));
    store.set_all(ids::RPC_GETRAWADDRMAN_SERVICE_BITS, all);
}
