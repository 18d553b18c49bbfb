//! Statistics of a response of getrawaddrman.

use std::net::IpAddr;

use event::pb::rpc_extractor::{Addrman as Raw, AddrmanEntry};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use networks::Enrichment;

use super::columns::BUCKETS;
use crate::state::names;
use crate::state::series::SECOND;

/// The maximum number of network groups of sources that are counted, and that are kept.
const SOURCES: (usize, usize) = (20_000, 20);
/// Words of 64 bits, one for each bucket of the new table.
const WORDS: usize = BUCKETS[0] as usize / 64;

/// An entry that was not seen for longer than this is terrible to Bitcoin Core (`ADDRMAN_HORIZON`), in seconds.
const HORIZON: i64 = 30 * 86_400;
/// So is one that is further in the future than this, in seconds.
const FUTURE: i64 = 600;

/// Ranges of ages: the upper limit in seconds and the name.
pub(crate) const AGES: [(i64, &str); 6] = [
    (3_600, "< 1 h"),
    (86_400, "< 1 d"),
    (7 * 86_400, "< 7 d"),
    (30 * 86_400, "< 30 d"),
    (90 * 86_400, "< 90 d"),
    (i64::MAX, "≥ 90 d"),
];

/// Statistics of a response of getrawaddrman.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// When it was given, in nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// Number of entries: new, tried.
    pub total: [u64; 2],
    pub ages: [[u64; 2]; AGES.len()],
    /// Number of entries that are terrible to Bitcoin Core by their time alone: new, tried.
    pub terrible: [u64; 2],
    /// Network groups from which the entries were received, most entries first.
    pub sources: Vec<Source>,
    /// Number of autonomous systems that the entries are in.
    pub systems: Option<u64>,
}

/// A network group from which entries were received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub group: String,
    /// Number of entries in both tables.
    pub entries: u64,
    /// Number of buckets of the new table that they are in.
    pub buckets: u64,
}

/// Entries of a network group, and the buckets of the new table that they are in, a bit each.
#[derive(Default)]
struct Count {
    entries: u64,
    buckets: [u64; WORDS],
}

impl Count {
    fn reaches(&mut self, bucket: u32) {
        let word = usize::try_from(bucket / 64).ok().and_then(|word| self.buckets.get_mut(word));
        if let Some(word) = word {
            *word |= 1 << (bucket % 64);
        }
    }
}

impl Entries {
    /// Counts. `time_ns` is when the response was given, in nanoseconds since the UNIX epoch.
    pub fn of(raw: &Raw, enrichment: &Enrichment, time_ns: u64) -> Self {
        let now = i64::try_from(time_ns / SECOND).unwrap_or(i64::MAX);
        let mut entries = Self { at_ns: time_ns, ..Self::default() };
        let mut sources: HashMap<String, Count, RandomState> = HashMap::default();
        let mut systems: HashSet<u32, RandomState> = HashSet::default();
        for (table, buckets) in [&raw.new, &raw.tried].into_iter().enumerate() {
            for (number, bucket) in buckets {
                for entry in bucket.entries.values() {
                    entries.count(entry, table, now);
                    let group = group_of(&entry.source, &entry.source_network);
                    if sources.len() < SOURCES.0 || sources.contains_key(&group) {
                        let source = sources.entry(group).or_default();
                        source.entries += 1;
                        if table == 0 {
                            source.reaches(*number);
                        }
                    }
                    let ip: Option<IpAddr> = entry.address.parse().ok();
                    let by_file = || ip.and_then(|ip| enrichment.asn_of(ip));
                    systems.extend(entry.mapped_as.or_else(by_file).filter(|asn| *asn != 0));
                }
            }
        }
        let mut sources: Vec<Source> = sources
            .into_iter()
            .map(|(group, Count { entries, buckets })| Source {
                group,
                entries,
                buckets: buckets.iter().map(|word| u64::from(word.count_ones())).sum(),
            })
            .collect();
        sources.sort_unstable_by(|a, b| b.entries.cmp(&a.entries).then_with(|| a.group.cmp(&b.group)));
        sources.truncate(SOURCES.1);
        entries.sources = sources;
        entries.systems = (!systems.is_empty()).then_some(systems.len() as u64);
        entries
    }

    /// Counts an entry of a table: 0 is new, 1 is tried. `now` is in seconds since the UNIX epoch.
    fn count(&mut self, entry: &AddrmanEntry, table: usize, now: i64) {
        let age = now.saturating_sub(entry.time);
        let add = |counts: Option<&mut [u64; 2]>| {
            if let Some(count) = counts.and_then(|counts| counts.get_mut(table)) {
                *count += 1;
            }
        };
        let range = AGES.iter().position(|(most, _)| age < *most);
        add(range.and_then(|range| self.ages.get_mut(range)));
        add(Some(&mut self.total));
        if !(-FUTURE..=HORIZON).contains(&age) {
            add(Some(&mut self.terrible));
        }
    }
}

/// The network group of an address: the /16 for IPv4, the /32 for IPv6, the name of the network for others. `network` is the node's name of it.
pub(crate) fn group_of(addr: &str, network: &str) -> String {
    match event::filter::ip_of_peer(addr, network) {
        Some(ip) => networks::group16(ip).to_string(),
        None if event::names::is_ip(network) => names::network_of_text(addr).to_owned(),
        None => event::names::network(network).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_decides_on_the_group() {
        for (addr, network, group) in [
            ("127.0.0.1:58000", "onion", "onion"),
            ("172.18.0.3:58000", "onion", "onion"),
            ("127.0.0.1:58000", "not_publicly_routable", "127.0.0.0/16"),
            ("192.0.2.1:8333", "ipv4", "192.0.0.0/16"),
            ("[fc00:1::7]:8333", "cjdns", "fc00::/12"),
            ("6hasakffvppilxgehrswmffqurlcjjjhd76jgvaqmsg6ul25s7t3rzyd.onion:8333", "unknown", "onion"),
            ("x.b32.i2p:0", "i2p", "i2p"),
        ] {
            assert_eq!(group_of(addr, network), group, "{addr} {network}");
        }
    }

    #[test]
    fn sources_by_buckets_and_terrible_entries_by_time() {
        let now = 1_769_860_800;
        let entry = |age: i64| AddrmanEntry {
            address: "192.0.2.1".to_owned(),
            time: now - age,
            network: "ipv4".to_owned(),
            source: "203.0.113.7".to_owned(),
            source_network: "ipv4".to_owned(),
            ..AddrmanEntry::default()
        };
        let mut raw = Raw::default();
        let ages = [0, HORIZON, HORIZON + 1, -FUTURE, -FUTURE - 1];
        for (bucket, age) in [0, 0, 1_023, 64, 5_000].into_iter().zip(ages) {
            let entries = &mut raw.new.entry(bucket).or_default().entries;
            entries.insert(entries.len() as u32, entry(age));
        }
        raw.tried.entry(7).or_default().entries.insert(0, entry(HORIZON * 9));
        let entries = Entries::of(&raw, &Enrichment::default(), now as u64 * SECOND);
        assert_eq!((entries.total, entries.terrible), ([5, 1], [2, 1]));
        let expected = Source { group: "203.0.0.0/16".to_owned(), entries: 6, buckets: 3 };
        assert_eq!(entries.sources, [expected]);
    }
}
