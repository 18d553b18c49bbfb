//! Loss accounts: at each stage of an event's way, `in = out + filtered + dropped{reason}` once nothing is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::counters::{Count, Counter, Counts};

/// Why events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The queue or buffer was full.
    Full,
    /// The event is larger than the server takes.
    TooLarge,
    /// The connection ended, or the program, before the event got through.
    Disconnected,
    /// The NATS client dropped it because we read too slowly.
    SlowConsumer,
    /// The bytes are no event.
    Undecodable,
    /// The node wrote it, but it could not be read.
    Unreadable,
    /// The server does not let us publish it.
    Forbidden,
}

impl Reason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::Full,
        Self::TooLarge,
        Self::Disconnected,
        Self::SlowConsumer,
        Self::Undecodable,
        Self::Unreadable,
        Self::Forbidden,
    ];

    /// Its name in metrics and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Disconnected => "disconnected",
            Self::SlowConsumer => "slow_consumer",
            Self::Undecodable => "undecodable",
            Self::Unreadable => "unreadable",
            Self::Forbidden => "forbidden",
        }
    }
}

/// The account of one stage. Counts only grow.
#[derive(Debug)]
pub struct Stage {
    name: String,
    received: AtomicU64,
    passed: AtomicU64,
    filtered: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
    server: Mutex<Option<Server>>,
}

/// The server at the other end of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address, without user and password.
    pub url: String,
    /// Whether we are connected to it.
    pub connected: bool,
    /// Since when, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
}

impl Stage {
    fn new(name: String) -> Self {
        let (received, passed, filtered, dropped, server) = Default::default();
        Self { name, received, passed, filtered, dropped, server }
    }

    /// Notes whether we are connected to the server at the other end.
    pub(crate) fn set_connected(&self, url: &str, connected: bool) {
        let mut server = self.server.lock();
        if server.as_ref().is_none_or(|server| server.connected != connected) {
            *server = Some(Server { url: url.to_owned(), connected, since_ns: event::time::now_ns() });
        }
    }

    /// The server at the other end; none if there is none, or it was not looked for yet.
    pub fn server(&self) -> Option<Server> {
        self.server.lock().clone()
    }

    /// Name of the stage: "watch", "nats", "nats-reader", ...
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts events that came in.
    pub fn add_in(&self, events: u64) {
        self.received.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts events that went out.
    pub fn add_out(&self, events: u64) {
        self.passed.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts events that were left out on purpose.
    pub fn add_filtered(&self, events: u64) {
        self.filtered.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts events that were lost.
    pub fn add_dropped(&self, reason: Reason, events: u64) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            counter.fetch_add(events, Ordering::Relaxed);
        }
    }

    /// Events that came in.
    pub fn events_in(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Events that went out.
    pub fn events_out(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Events that were left out on purpose.
    pub fn events_filtered(&self) -> u64 {
        self.filtered.load(Ordering::Relaxed)
    }

    /// Events that were lost for a reason.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.dropped.get(reason as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Events that were lost for any reason.
    pub fn dropped_total(&self) -> u64 {
        Reason::ALL.into_iter().map(|reason| self.dropped(reason)).sum()
    }
}

/// All accounts of this process, and the counters and gauges that extractors keep besides.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stages: Mutex<Vec<Arc<Stage>>>,
    counts: Counts,
}

impl Accounts {
    /// The account of a stage; a new one if there is none of this name.
    pub fn stage(&self, name: &str) -> Arc<Stage> {
        let mut stages = self.0.stages.lock();
        if let Some(stage) = stages.iter().find(|stage| stage.name == name) {
            return Arc::clone(stage);
        }
        let stage = Arc::new(Stage::new(name.to_owned()));
        stages.push(Arc::clone(&stage));
        stage
    }

    /// All accounts, in the order in which they were opened.
    pub fn stages(&self) -> Vec<Arc<Stage>> {
        self.0.stages.lock().clone()
    }

    /// The value of a family of counts with these label values, in the order of the family's labels. A new value is 0.
    pub fn count<const LABELS: usize>(&self, counter: &Counter<LABELS>, labels: [&str; LABELS]) -> Count {
        self.0.counts.count(counter, labels)
    }

    /// All counts and levels, as a status has them.
    pub fn counts(&self) -> Vec<event::pb::observer::Count> {
        self.0.counts.on_the_wire()
    }

    /// All counts and levels with one label each, as a status has them for readers that do not know [`Accounts::counts`].
    pub fn counters(&self) -> Vec<event::pb::observer::Counter> {
        self.0.counts.on_the_wire_formerly()
    }

    /// Events that were lost anywhere in this process.
    pub fn dropped_total(&self) -> u64 {
        self.stages().iter().map(|stage| stage.dropped_total()).sum()
    }
}
