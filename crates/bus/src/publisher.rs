//! The publishing end of the bus: gives each event its run and its sequence number.
//!
//! Two locks keep order. Whoever publishes holds the turn until every reader has its events, also while it waits for a reader with
//! [`WhenFull::Block`]: so each reader gets a run in order. The state of the run is locked for moments only, and never while
//! waiting: so a status gets through although a reader is stalled, and a slow disk does not look like an extractor that is down.
//!
//! [`WhenFull::Block`]: crate::WhenFull::Block

use std::sync::Arc;
use std::time::Duration;

use event::pb::observer::node_state::State;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeState, Observer, Status};
use event::{Body, Content, Record, time};
use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::accounts::Accounts;
use crate::batch::{Batch, BatchWriter, Turn};
use crate::local::Bus;
use crate::queue::{Delivery, Queue, Remainder};
use crate::spare::Spare;

/// How often an extractor reports that it is alive, and how it finds the node.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// With every so many of these statuses come the counts, which are most of it.
const COUNTS_EVERY: u32 = 10;
/// Bytes of a reason at most.
const MAX_REASON: usize = 200;

/// Publishes the events of one extractor of one node. Cloning it gives another handle to the same
/// run; events of all handles are numbered in the order in which readers get them.
#[derive(Clone)]
pub struct Publisher {
    bus: Bus,
    node: Arc<str>,
    extractor: &'static str,
    accounts: Accounts,
    /// Held from the numbering of events until all readers have them.
    turn: Arc<tokio::sync::Mutex<Turn>>,
    /// Held while events are numbered and offered to readers, never while waiting for a reader.
    run: Arc<Mutex<Run>>,
}

struct Run {
    id: u64,
    next_sequence: u64,
    started_ns: u64,
    phase: Phase,
    /// The node as the extractor finds it.
    node: Option<NodeState>,
    /// Queues that are full and don't have all events of this run yet: a status must not overtake these.
    behind: Vec<Arc<Queue>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    /// Its last status is on its way, and another run follows.
    Closing,
    /// Its last status is on its way or delivered, and no other run follows.
    Ended,
}

impl Run {
    fn new() -> Self {
        Self {
            // 53 bits, and not 0: JSON readers hold it exactly.
            id: fastrand::u64(1..1 << 53),
            next_sequence: 1,
            started_ns: time::now_ns(),
            phase: Phase::Active,
            node: None,
            behind: Vec::new(),
        }
    }

    fn stamp(&mut self, node: &Arc<str>, time_ns: u64, content: impl Into<Content>) -> Delivery {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Delivery::Event(Arc::new(Record::new(Arc::clone(node), self.id, sequence, time_ns, content)))
    }
}

impl Publisher {
    /// A publisher for an extractor ("rpc", "log", ...) of a node. It begins a run.
    pub fn new(bus: &Bus, node: &str, extractor: &'static str) -> Self {
        Self {
            bus: bus.clone(),
            node: node.into(),
            extractor,
            accounts: bus.accounts().part(),
            turn: Arc::default(),
            run: Arc::new(Mutex::new(Run::new())),
        }
    }

    /// Name of the observed node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Name of the observed node, to be kept.
    pub(crate) fn node_shared(&self) -> &Arc<str> {
        &self.node
    }

    /// Memory for batches.
    pub(crate) fn spare(&self) -> &Arc<Spare> {
        self.bus.spare()
    }

    /// The extractor whose events it publishes.
    pub fn extractor(&self) -> &'static str {
        self.extractor
    }

    /// The accounts of this extractor of this node, which are a part of those of the process.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The accounts of this process, for what an extractor counts that belongs to no single node.
    pub fn process_accounts(&self) -> &Accounts {
        self.bus.accounts()
    }

    /// Publishes something that the node did at a time (nanoseconds since the UNIX epoch). Waits for readers that block.
    pub async fn publish(&self, time_ns: u64, content: impl Into<Content>) {
        let _turn = self.turn.lock().await;
        let offered = self.offer(|run| vec![run.stamp(&self.node, time_ns, content)]);
        self.finish(offered).await;
    }

    /// Publishes several things at once, which is faster than one by one. Waits for readers that block.
    pub async fn publish_all<C: Into<Content>>(&self, contents: impl IntoIterator<Item = (u64, C)>) {
        let _turn = self.turn.lock().await;
        let offered = self.offer(|run| {
            let contents = contents.into_iter();
            contents.map(|(time_ns, content)| run.stamp(&self.node, time_ns, content)).collect()
        });
        self.finish(offered).await;
    }

    /// Begins a batch of encoded events, which is published as one: many times as fast as one by one where nobody but a NATS server reads them.
    pub async fn batch(&self) -> BatchWriter {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let place = {
            let run = self.run.lock();
            (run.id, run.next_sequence)
        };
        BatchWriter::new(self.clone(), turn, place)
    }

    /// Publishes a batch, for whoever has the turn. `next_sequence` is the number of the event after it.
    pub(crate) async fn publish_batch(&self, batch: Batch, next_sequence: u64) {
        let offered = {
            let mut run = self.run.lock();
            run.next_sequence = next_sequence;
            let remainders = self.bus.offer_batch(batch);
            run.behind.extend(remainders.iter().map(|remainder| Arc::clone(&remainder.queue)));
            remainders
        };
        self.finish(offered).await;
    }

    /// Leaves a gap in the sequence for events that were lost before they could be published, so that readers miss them.
    pub async fn lost(&self, events: u64) {
        let _turn = self.turn.lock().await;
        self.run.lock().next_sequence += events;
    }

    /// Ends the run and begins a new one: the node was restarted.
    pub async fn new_run(&self) {
        let _turn = self.turn.lock().await;
        let offered = self.offer_last_status(Phase::Closing);
        self.finish(offered).await;
        let mut run = self.run.lock();
        let node = run.node.take();
        *run = Run { node, ..Run::new() };
        if run.node.is_some() {
            self.tell(&run, false);
        }
    }

    /// Ends the run: its last event says so. A second call does nothing.
    pub async fn end(&self) {
        let _turn = self.turn.lock().await;
        if self.run.lock().phase == Phase::Ended {
            return;
        }
        let offered = self.offer_last_status(Phase::Ended);
        self.finish(offered).await;
    }

    /// Publishes every second a status that says that the extractor is alive and how it finds the node, so that readers know a loss from
    /// quiet, until shutdown or [`Publisher::end`]. A status waits for nobody: a queue that is full gets a later one.
    pub async fn tell_status(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(STATUS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for count in (0..COUNTS_EVERY).cycle() {
            if shutdown.run_until_cancelled(ticks.tick()).await.is_none() {
                return;
            }
            let run = self.run.lock();
            match run.phase {
                Phase::Active => self.tell(&run, count == 0),
                Phase::Closing => {}
                Phase::Ended => return,
            }
        }
    }

    /// Notes how the extractor finds the node, and why for people. Readers get it at once if it is another state than before, and with
    /// each status from then on.
    pub fn node_is(&self, state: State, reason: Option<&str>) {
        let mut run = self.run.lock();
        let reason = reason.map(|reason| head(reason).to_owned());
        match &mut run.node {
            Some(node) if node.state() == state => {
                node.reason = reason;
                return;
            }
            node => *node = Some(NodeState { state: state.into(), since_ns: time::now_ns(), reason }),
        }
        if run.phase == Phase::Active {
            self.tell(&run, false);
        }
    }

    /// The extractor finds the node, and can read it.
    pub fn node_is_up(&self) {
        self.node_is(State::Up, None);
    }

    /// Hands a status to all readers whose queues have room for it.
    fn tell(&self, run: &Run, counts: bool) {
        self.bus.deliver_now(&self.status(run, false, counts), &run.behind);
    }

    /// Numbers events and offers them to all readers. Returns what full queues have not taken.
    fn offer(&self, stamp: impl FnOnce(&mut Run) -> Vec<Delivery>) -> Vec<Remainder> {
        let mut run = self.run.lock();
        let items = stamp(&mut run);
        let remainders = self.bus.offer(items);
        run.behind.extend(remainders.iter().map(|remainder| Arc::clone(&remainder.queue)));
        remainders
    }

    fn offer_last_status(&self, phase: Phase) -> Vec<Remainder> {
        self.offer(|run| {
            run.phase = phase;
            vec![self.status(run, true, true)]
        })
    }

    /// Waits until the queues have taken the rest, each on its own: one that is stalled does not keep another one behind.
    async fn finish(&self, remainders: Vec<Remainder>) {
        if remainders.is_empty() {
            return;
        }
        let _caught_up = CaughtUp(&self.run);
        let all = remainders.into_iter().map(|remainder| async {
            let queue = Arc::clone(&remainder.queue);
            remainder.put().await;
            self.run.lock().behind.retain(|behind| !Arc::ptr_eq(behind, &queue));
        });
        futures_util::future::join_all(all).await;
    }

    fn status(&self, run: &Run, ended: bool, counts: bool) -> Delivery {
        let accounts = counts.then(|| self.accounts());
        let status = Status {
            extractor: self.extractor.to_owned(),
            started_ns: run.started_ns,
            last_sequence: run.next_sequence - 1,
            ended,
            dropped: accounts.map(Accounts::dropped).unwrap_or_default(),
            counters: accounts.map(Accounts::counters).unwrap_or_default(),
            counts: accounts.map(Accounts::counts).unwrap_or_default(),
            shared: accounts.map(|_| self.bus.accounts().shared()),
            node: run.node.clone(),
            interval_ms: Some(STATUS_INTERVAL.as_millis() as u32),
        };
        let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) });
        // It has no place in the sequence: readers of flat subjects don't get it, and must see no gap.
        Delivery::Event(Arc::new(Record::new(Arc::clone(&self.node), run.id, 0, time::now_ns(), body)))
    }
}

/// The beginning of a reason.
fn head(reason: &str) -> &str {
    reason.get(..reason.floor_char_boundary(MAX_REASON)).unwrap_or_default()
}

/// Whoever stops publishing halfway keeps no queue behind: what that queue did not get is a gap, which the next status shows.
struct CaughtUp<'a>(&'a Mutex<Run>);

impl Drop for CaughtUp<'_> {
    fn drop(&mut self) {
        self.0.lock().behind.clear();
    }
}
