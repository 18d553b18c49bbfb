//! Responses of getrawaddrman over time, in their compact form: a bounded number of each node, and of all nodes together.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};
use networks::Enrichment;

use super::columns::pack;
use super::entries::Entries;
use crate::state::series::SECOND;

/// So many of the last responses of a node are kept, whenever they came.
const LATEST: usize = 3;
/// Of those before, the first of each hour is kept, for so many hours.
const HOURS: usize = 24;
const HOUR_NS: u64 = 3_600 * SECOND;
/// So many of a node may wait to be packed.
const WAITING: usize = 2;
/// The tables of all nodes together have so many bytes at most; those of a node whose tables are full have some 1.5 million each.
pub(crate) const MAX_BYTES: usize = 128 << 20;

/// A response, packed.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// When it was given, in nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// Number of entries: new, tried.
    pub total: [u64; 2],
    /// The compact form, packed with gzip.
    pub packed: Bytes,
}

/// A response that is to be packed, which takes too long to do it while events wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    record: Arc<Record>,
    at_ns: u64,
    /// It is the first one of its hour, and so one to be kept.
    is_first: bool,
}

/// What is made of a response.
#[derive(Debug)]
pub(crate) struct Made {
    pub snapshot: Snapshot,
    pub entries: Entries,
}

impl Waiting {
    /// Packs it. None if it is something else.
    pub fn make(&self, enrichment: &Enrichment) -> Option<Made> {
        let Some(Body::RpcExtractor(rpc)) = self.record.body() else { return None };
        let Some(RpcEvent::Addrman(raw)) = &rpc.rpc_event else { return None };
        let packed = pack(raw, self.at_ns, enrichment);
        let snapshot = Snapshot { at_ns: self.at_ns, total: packed.total, packed: packed.bytes };
        Some(Made { snapshot, entries: Entries::of(raw, enrichment, self.at_ns) })
    }
}

/// The tables of one node.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Oldest first.
    kept: VecDeque<Arc<Snapshot>>,
    waiting: VecDeque<Waiting>,
}

impl Tables {
    /// Notes a response. Returns one that must be packed at once, as there are too many that wait.
    pub fn note(&mut self, record: Arc<Record>, at_ns: u64) -> Option<Waiting> {
        // While an archive is read, days go by in seconds: of those within an hour, only the first and the last are packed.
        if self.waiting.len() >= WAITING && self.waiting.back().is_some_and(|last| !last.is_first) {
            self.waiting.pop_back();
        }
        let hour = at_ns / HOUR_NS;
        let mut times = self.kept.iter().map(|kept| kept.at_ns).chain(self.waiting.iter().map(|one| one.at_ns));
        let is_first = !times.any(|other_ns| other_ns / HOUR_NS == hour);
        self.waiting.push_back(Waiting { record, at_ns, is_first });
        if self.waiting.len() > WAITING { self.waiting.pop_front() } else { None }
    }

    /// Those that are to be packed.
    pub fn take_waiting(&mut self) -> VecDeque<Waiting> {
        std::mem::take(&mut self.waiting)
    }

    /// Keeps a packed one, and drops those that are too many.
    pub fn keep(&mut self, snapshot: Snapshot) {
        let after = self.kept.partition_point(|kept| kept.at_ns <= snapshot.at_ns);
        self.kept.insert(after, Arc::new(snapshot));
        let latest = self.kept.len().saturating_sub(LATEST);
        let (mut index, mut hour_before) = (0, None);
        self.kept.retain(|kept| {
            let hour = Some(kept.at_ns / HOUR_NS);
            let is_first = std::mem::replace(&mut hour_before, hour) != hour;
            index += 1;
            is_first || index > latest
        });
        while self.kept.len() > LATEST + HOURS {
            self.kept.pop_front();
        }
    }

    /// Drops the oldest one, unless it is the only one.
    pub fn shrink(&mut self) -> bool {
        self.kept.len() > 1 && self.kept.pop_front().is_some()
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// Those that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Snapshot>> {
        self.kept.iter()
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.packed.len()).sum()
    }
}

/// Drops the oldest tables of those that have most, until all together have `limit` bytes at most.
pub(crate) fn limit<'a>(all: impl Iterator<Item = &'a mut Tables>, limit: usize) {
    let mut all: Vec<&mut Tables> = all.filter(|tables| !tables.kept.is_empty()).collect();
    let mut sum: usize = all.iter().map(|tables| tables.bytes()).sum();
    while sum > limit {
        let Some(largest) = all.iter_mut().max_by_key(|tables| (tables.kept.len() > 1, tables.bytes())) else { return };
        let before = largest.bytes();
        if !largest.shrink() {
            largest.clear();
        }
        sum -= before - largest.bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(at_ns: u64, bytes: usize) -> Snapshot {
        Snapshot { at_ns, total: [0; 2], packed: vec![0; bytes].into() }
    }

    fn ages(tables: &Tables) -> Vec<u64> {
        tables.iter().map(|kept| kept.at_ns / (60 * SECOND)).collect()
    }

    #[test]
    fn the_last_ones_and_one_of_each_hour_are_kept() {
        let mut tables = Tables::default();
        for minute in (0..150).step_by(5) {
            tables.keep(snapshot(minute * 60 * SECOND, 1));
        }
        assert_eq!(ages(&tables), [0, 60, 120, 135, 140, 145]);
        for minute in (150..6_000).step_by(5) {
            tables.keep(snapshot(minute * 60 * SECOND, 1));
        }
        let kept = ages(&tables);
        assert_eq!((kept.len(), kept.last()), (LATEST + HOURS, Some(&5_995)));
        assert!(kept.first() >= Some(&(6_000 - 27 * 60)), "{kept:?}");
        // One that comes late takes its place.
        tables.keep(snapshot(5_992 * 60 * SECOND, 1));
        assert!(ages(&tables).is_sorted());
    }

    #[test]
    fn all_nodes_together_are_bounded() {
        let mut all: Vec<Tables> = (0..4).map(|_| Tables::default()).collect();
        for (index, tables) in all.iter_mut().enumerate() {
            (0..=index as u64).for_each(|hour| tables.keep(snapshot(hour * HOUR_NS, 100)));
        }
        limit(all.iter_mut(), 500);
        let counts: Vec<usize> = all.iter().map(|tables| tables.kept.len()).collect();
        assert!(counts.iter().sum::<usize>() == 5 && counts.iter().all(|count| *count > 0), "{counts:?}");
        limit(all.iter_mut(), 250);
        assert_eq!(all.iter().map(Tables::bytes).sum::<usize>(), 200);
    }

    #[test]
    fn while_an_archive_is_read_few_wait() {
        let record = Arc::new(Record::new(
            "alice".into(),
            1,
            1,
            1,
            Body::RpcExtractor(event::pb::rpc_extractor::Rpc::default()),
        ));
        let mut tables = Tables::default();
        let made: Vec<u64> = (0..288_u64)
            .filter_map(|n| tables.note(Arc::clone(&record), n * 300 * SECOND))
            .map(|waiting| waiting.at_ns / HOUR_NS)
            .collect();
        assert!(tables.waiting.len() <= WAITING);
        // The first one of each hour, and few others.
        assert!((20..=48).contains(&made.len()), "{made:?}");
        let hours: std::collections::BTreeSet<u64> = made.iter().copied().collect();
        assert!(hours.len() >= 22, "{made:?}");
        assert_eq!(tables.take_waiting().back().map(|last| last.at_ns), Some(287 * 300 * SECOND));
    }
}
