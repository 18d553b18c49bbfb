//! What the address manager has: of which networks, how old, and how much of it from one source.

use event::names;
use std::collections::{BTreeMap, HashMap};

use event::Record;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{AddrmanBucket, AddrmanEntry};
use foldhash::fast::RandomState;

use super::{SECOND, rpc};
use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Ages up to which entries are counted, in seconds.
const AGES: [(&str, i64); 4] = [("1h", 3_600), ("1d", 86_400), ("7d", 604_800), ("30d", 2_592_000)];

/// Entries of getrawaddrman.
#[derive(Debug, Default)]
pub(super) struct Addrman;

impl Observer<Store> for Addrman {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(RpcEvent::Addrman(addrman)) = rpc(record) else { return };
        let now = i64::try_from(context.time_ns / SECOND).unwrap_or(i64::MAX);
        let mut networks = BTreeMap::<[&str; 2], u32>::new();
        for (table, buckets) in [("new", &addrman.new), ("tried", &addrman.tried)] {
            // Numbers of networks that have left the table are 0, not gone.
            for network in ["ipv4", "ipv6", "onion", "i2p", "cjdns"] {
                networks.entry([table, network]).or_default();
            }
            for entry in entries(buckets) {
                *networks.entry([table, names::network(&entry.network)]).or_default() += 1;
            }
            ages(table, entries(buckets).map(|entry| now.saturating_sub(entry.time)).collect(), context.sink);
            sources(table, entries(buckets), context.sink);
        }
        context.sink.set_all(ids::ADDRMAN_ENTRIES, networks.into_iter().map(|(labels, count)| (labels, count.into())));
    }
}

fn entries<'a>(
    buckets: impl IntoIterator<Item = (&'a u32, &'a AddrmanBucket)>,
) -> impl Iterator<Item = &'a AddrmanEntry> {
    buckets.into_iter().flat_map(|(_, bucket)| bucket.entries.values())
}

fn ages(table: &str, mut ages: Vec<i64>, store: &mut Store) {
    ages.sort_unstable();
    for (name, share) in [("10", 0.1), ("50", 0.5), ("90", 0.9)] {
        match ages.get((ages.len().saturating_sub(1) as f64 * share).round() as usize) {
            Some(age) => store.set(ids::ADDRMAN_AGE, &[table, name], *age as f64),
            None => store.remove(ids::ADDRMAN_AGE, &[table, name]),
        }
    }
    let up_to = |age: i64| ages.partition_point(|one| *one <= age);
    let mut before = up_to(-1);
    store.set(ids::ADDRMAN_ENTRIES_BY_AGE, &[table, "future"], before as f64);
    for (name, age) in AGES {
        let all = up_to(age);
        store.set(ids::ADDRMAN_ENTRIES_BY_AGE, &[table, name], (all - before) as f64);
        before = all;
    }
    store.set(ids::ADDRMAN_ENTRIES_BY_AGE, &[table, "older"], (ages.len() - before) as f64);
}

fn sources<'a>(table: &str, entries: impl Iterator<Item = &'a AddrmanEntry>, store: &mut Store) {
    let mut all = 0_u32;
    let mut sources = HashMap::<&str, u32, RandomState>::default();
    for entry in entries {
        all += 1;
        *sources.entry(&entry.source).or_default() += 1;
    }
    match sources.into_values().max() {
        Some(most) => store.set(ids::ADDRMAN_SOURCE_SHARE, &[table], f64::from(most) / f64::from(all)),
        None => store.remove(ids::ADDRMAN_SOURCE_SHARE, &[table]),
    }
}
