//! Loss accounts: at each stage of an event's way, `in = out + filtered + dropped{reason}` once nothing is under way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event::pb::observer::{Dropped, Shared};
use parking_lot::Mutex;

use crate::counters::{Count, Counter, Counts, Kind};

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
    /// It says that it is of another node than the one under whose name it came.
    Misnamed,
}

impl Reason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Full,
        Self::TooLarge,
        Self::Disconnected,
        Self::SlowConsumer,
        Self::Undecodable,
        Self::Unreadable,
        Self::Forbidden,
        Self::Misnamed,
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
            Self::Misnamed => "misnamed",
        }
    }
}

/// The account of one stage. Counts only grow.
#[derive(Debug)]
pub struct Stage {
    name: String,
    /// The account that this one is a part of.
    whole: Option<Arc<Stage>>,
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
    fn new(name: &str, whole: Option<Arc<Self>>) -> Self {
        let (received, passed, filtered, dropped, server) = Default::default();
        Self { name: name.to_owned(), whole, received, passed, filtered, dropped, server }
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
        if let Some(whole) = &self.whole {
            whole.add_in(events);
        }
    }

    /// Counts events that went out.
    pub fn add_out(&self, events: u64) {
        self.passed.fetch_add(events, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.add_out(events);
        }
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
        if let Some(whole) = &self.whole {
            whole.add_dropped(reason, events);
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

/// All accounts of this process, or those of one of its publishers, and the counters and gauges that are kept besides.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    id: Id,
    stages: Mutex<Vec<Arc<Stage>>>,
    counts: Counts,
    /// The accounts that these are a part of.
    whole: Option<Accounts>,
    /// Names of the stages and of the families of counts that have parts.
    divided: Mutex<BTreeSet<String>>,
}

/// A random number that is not 0, of 53 bits: JSON readers hold it exactly.
#[derive(Debug)]
struct Id(u64);

impl Default for Id {
    fn default() -> Self {
        Self(fastrand::u64(1..1 << 53))
    }
}

impl Accounts {
    /// Accounts of a part. What is counted there is counted here too, except levels.
    pub fn part(&self) -> Self {
        Self(Arc::new(Inner { whole: Some(self.clone()), ..Inner::default() }))
    }

    /// The account of a stage; a new one if there is none of this name.
    pub fn stage(&self, name: &str) -> Arc<Stage> {
        let mut stages = self.0.stages.lock();
        if let Some(stage) = stages.iter().find(|stage| stage.name == name) {
            return Arc::clone(stage);
        }
        let whole = self.0.whole.as_ref().map(|whole| {
            whole.divide(name);
            whole.stage(name)
        });
        let stage = Arc::new(Stage::new(name, whole));
        stages.push(Arc::clone(&stage));
        stage
    }

    fn divide(&self, name: &str) {
        self.0.divided.lock().insert(name.to_owned());
    }

    fn is_divided(&self, name: &str) -> bool {
        self.0.divided.lock().contains(name)
    }

    /// All accounts, in the order in which they were opened.
    pub fn stages(&self) -> Vec<Arc<Stage>> {
        self.0.stages.lock().clone()
    }

    /// The value of a family of counts with these label values, in the order of the family's labels. A new value is 0.
    pub fn count<const LABELS: usize>(&self, counter: &Counter<LABELS>, labels: [&str; LABELS]) -> Count {
        let count = self.0.counts.count(counter, labels);
        match &self.0.whole {
            Some(whole) if counter.kind == Kind::Total => {
                whole.divide(counter.name);
                count.part_of(&whole.count(counter, labels))
            }
            _ => count,
        }
    }

    /// All counts and levels, as a status has them.
    pub fn counts(&self) -> Vec<event::pb::observer::Count> {
        self.0.counts.on_the_wire()
    }

    /// All counts and levels with one label each, as a status has them for readers that do not know [`Accounts::counts`].
    pub fn counters(&self) -> Vec<event::pb::observer::Counter> {
        self.0.counts.on_the_wire_formerly()
    }

    /// What was lost, as a status has it.
    pub fn dropped(&self) -> Vec<Dropped> {
        let stages = self.stages();
        let all = stages.iter().flat_map(|stage| Reason::ALL.map(|reason| (stage, reason)));
        let dropped = all.map(|(stage, reason)| Dropped {
            stage: stage.name().to_owned(),
            reason: reason.name().to_owned(),
            count: stage.dropped(reason),
        });
        dropped.filter(|dropped| dropped.count > 0).collect()
    }

    /// What belongs to no part, as a status has it.
    pub fn shared(&self) -> Shared {
        let (mut dropped, mut counts) = (self.dropped(), self.counts());
        dropped.retain(|dropped| !self.is_divided(&dropped.stage));
        counts.retain(|count| !self.is_divided(&count.name));
        Shared { process: self.process(), dropped, counts }
    }

    /// Identifies this process in the statuses of its extractors.
    pub fn process(&self) -> u64 {
        self.0.id.0
    }

    /// Events that were lost anywhere in this process.
    pub fn dropped_total(&self) -> u64 {
        self.stages().iter().map(|stage| stage.dropped_total()).sum()
    }
}
