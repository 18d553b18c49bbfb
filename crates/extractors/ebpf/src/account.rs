//! What became of each hit of a tracepoint: `seen = published + dropped + fault + undecodable + of_others`, to the last one.

use std::sync::Arc;
use std::sync::atomic::Ordering::Acquire;

use bus::counters::{Count as Counted, RING_BUFFER_BYTES, TRACEPOINT_EVENTS};
use bus::{Accounts, Reason, Stage};
use decode::tracepoint::{PerTracepoint, Tracepoint};

use crate::ring::Ring;
use crate::shared::layout::Count;

/// The label of records that name no tracepoint that there is.
const UNKNOWN: &str = "unknown";

/// What became of the records that were read from the ring.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) published: PerTracepoint<u64>,
    /// Records of processes that are not observed.
    pub(crate) of_others: Records,
    /// Records that could not be decoded.
    pub(crate) undecodable: Records,
}

impl Passed {
    pub(crate) fn nothing_is_undecodable(&self) -> bool {
        self.undecodable.unknown == 0 && self.undecodable.known.iter().all(|(_, records)| *records == 0)
    }
}

/// Numbers of records by tracepoint.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) known: PerTracepoint<u64>,
    /// Records that name no tracepoint that there is.
    unknown: u64,
}

impl Records {
    /// The number of records of a tracepoint; of those that name none, if there is none.
    pub(crate) fn of(&mut self, tracepoint: Option<Tracepoint>) -> &mut u64 {
        match tracepoint {
            Some(tracepoint) => &mut self.known[tracepoint],
            None => &mut self.unknown,
        }
    }
}

/// Enters what became of hits into the accounts of this process.
pub(crate) struct Ledger {
    stage: Arc<Stage>,
    rows: PerTracepoint<Row>,
    /// The numbers of records that name no tracepoint.
    unknown: Row,
    /// Hits that had been seen when the accounts were brought up to date last, and how far the ring had been written then.
    pending: (u64, u64),
    /// Hits that came into the stage.
    entered: u64,
    waiting: Counted,
    peak: Counted,
    size: Counted,
}

/// Numbers of hits of one tracepoint.
#[derive(Clone, Copy, Debug, Default)]
struct Hits {
    seen: u64,
    published: u64,
    dropped: u64,
    fault: u64,
    undecodable: u64,
    of_others: u64,
    unread: u64,
}

impl Hits {
    fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.published += other.published;
        self.dropped += other.dropped;
        self.fault += other.fault;
        self.undecodable += other.undecodable;
        self.of_others += other.of_others;
        self.unread += other.unread;
    }
}

/// A number of hits in the accounts.
struct Entry {
    counted: Counted,
    entered: u64,
}

impl Entry {
    /// Enters what is new in `now`. Returns how much that is.
    fn settle(&mut self, now: u64) -> u64 {
        let new = now.saturating_sub(self.entered);
        self.entered = now;
        if new > 0 {
            self.counted.add(new as f64);
        }
        new
    }
}

/// The numbers of one tracepoint in the accounts.
struct Row {
    seen: Entry,
    published: Entry,
    dropped: Entry,
    fault: Entry,
    undecodable: Entry,
    of_others: Entry,
    unread: Entry,
}

impl Row {
    fn new(accounts: &Accounts, tracepoint: &str) -> Self {
        let entry = |result| Entry { counted: accounts.count(&TRACEPOINT_EVENTS, [tracepoint, result]), entered: 0 };
        Self {
            seen: entry("seen"),
            published: entry("published"),
            dropped: entry("dropped"),
            fault: entry("fault"),
            undecodable: entry("undecodable"),
            of_others: entry("of_others"),
            unread: entry("unread"),
        }
    }

    fn settle(&mut self, now: &Hits, stage: &Stage) {
        self.seen.settle(now.seen);
        self.of_others.settle(now.of_others);
        stage.add_out(self.published.settle(now.published));
        stage.add_dropped(Reason::Full, self.dropped.settle(now.dropped));
        stage.add_dropped(Reason::Unreadable, self.fault.settle(now.fault));
        stage.add_dropped(Reason::Undecodable, self.undecodable.settle(now.undecodable));
        self.unread.settle(now.unread);
    }
}

impl Ledger {
    pub(crate) fn new(accounts: &Accounts) -> Self {
        let bytes = |kind| accounts.count(&RING_BUFFER_BYTES, [kind]);
        Self {
            stage: accounts.stage("tracepoints"),
            rows: PerTracepoint::from_fn(|tracepoint| Row::new(accounts, tracepoint.name())),
            unknown: Row::new(accounts, UNKNOWN),
            pending: (0, 0),
            entered: 0,
            waiting: bytes("waiting"),
            peak: bytes("peak"),
            size: bytes("size"),
        }
    }

    /// Enters what is new in the kernel's counts and in what became of the records that were read from `ring`. `last`: nothing more comes, and the
    /// ring has been read to its end.
    pub(crate) fn settle(&mut self, counts: &PerTracepoint<Count>, passed: &Passed, ring: &Ring, last: bool) {
        let mut total = Hits::default();
        for (tracepoint, count) in counts.iter() {
            let hits = Hits {
                dropped: count.dropped.load(Acquire),
                fault: count.fault.load(Acquire),
                seen: count.seen.load(Acquire),
                unread: count.unread.load(Acquire),
                published: passed.published[tracepoint],
                undecodable: passed.undecodable.known[tracepoint],
                of_others: passed.of_others.known[tracepoint],
            };
            self.rows[tracepoint].settle(&hits, &self.stage);
            total.add(&hits);
        }
        let (undecodable, of_others) = (passed.undecodable.unknown, passed.of_others.unknown);
        let unknown = Hits { undecodable, of_others, ..Hits::default() };
        self.unknown.settle(&unknown, &self.stage);
        total.add(&unknown);
        self.enter(&total, ring, last);
    }

    /// Lets hits come into the stage. Those of processes that are not observed do not, and which they are is known only when their records have been
    /// read; so hits come in when the ring has been read as far as it had been written when they were seen, or when it is known what became of them.
    fn enter(&mut self, total: &Hits, ring: &Ring, last: bool) {
        let (pending, position) = self.pending;
        let seen = if last {
            total.seen
        } else if ring.read() >= position {
            pending
        } else {
            0
        };
        let known = total.published + total.dropped + total.fault + total.undecodable;
        let entered = seen.saturating_sub(total.of_others).max(known).max(self.entered);
        self.stage.add_in(entered - self.entered);
        self.entered = entered;
        self.pending = (total.seen, ring.written());
    }

    /// Enters how full the ring is. `peak` is the most bytes that waited in it since the last time.
    pub(crate) fn ring(&self, ring: &Ring, peak: u64) {
        self.waiting.set(ring.written().wrapping_sub(ring.read()) as f64);
        self.peak.set(peak as f64);
        self.size.set(ring.size() as f64);
    }
}
