//! The queue between the bus and one reader.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event::{Filter, Record};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use crate::accounts::{Reason, Stage};
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::gaps::Loss;
use crate::history::History;
use crate::past::Mark;

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// An event.
    Event(Arc<Record>),
    /// Events are missing here.
    Lost(Arc<Loss>),
    /// Of events of the past: where they are.
    Mark(Mark),
    /// All before it comes from a stream, which wants to know when it is safe.
    Checkpoint(Checkpoint),
}

/// What is in a queue.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    One(Delivery),
    /// Events that a reader gets as they are, if it wants batches.
    Many(Batch),
}

impl Item {
    /// How many events it is.
    pub(crate) fn events(&self) -> usize {
        match self {
            Self::One(Delivery::Event(_)) => 1,
            Self::One(_) => 0,
            Self::Many(batch) => batch.len(),
        }
    }
}

/// What happens when a reader does not keep up and its queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Publishers wait. For readers that must have everything.
    Block,
    /// New events are dropped and counted, and the reader gets a [`Loss`] that says how many. For readers that show things.
    DropNewest,
}

/// How full a reader's queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLevel {
    /// Name of the subscription.
    pub name: String,
    /// Weight of the events that wait: 1 for each, and 1 more for each KiB of it.
    pub waiting: usize,
    /// The most that may wait.
    pub capacity: usize,
}

/// Runs of which losses are reported apart between two reads; what is lost of others is counted, but not reported.
const MAX_LOSSES: usize = 256;

/// How much statuses may exceed the capacity of a queue that blocks. The rest of them is left out: each holds totals, so that a later
/// one makes up for it.
const STATUS_ROOM: usize = 256;

pub(crate) struct Queue {
    filter: Filter,
    takes_all: bool,
    /// What the items may weigh together; see [`QueueLevel::waiting`].
    capacity: usize,
    when_full: WhenFull,
    /// The reader takes all events, and batches of them as they are.
    takes_batches: AtomicBool,
    stage: Arc<Stage>,
    state: Mutex<State>,
    /// Something can be read, or nothing will come any more.
    readable: Notify,
    /// There is room again, or the reader is gone.
    writable: Notify,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Of all items.
    weight: usize,
    /// What was dropped since the last read. All of it comes after `items`: a read takes all items at once,
    /// so once the queue is full it stays full until then.
    lost: Vec<Loss>,
    reader_waits: bool,
    /// Nothing will be published any more.
    ended: bool,
    /// The reader is gone.
    abandoned: bool,
}

impl Queue {
    pub(crate) fn new(filter: Filter, capacity: usize, when_full: WhenFull, stage: Arc<Stage>) -> Self {
        Self {
            takes_all: filter.is_empty(),
            filter,
            capacity: capacity.max(1),
            when_full,
            takes_batches: AtomicBool::new(false),
            stage,
            state: Mutex::default(),
            readable: Notify::new(),
            writable: Notify::new(),
        }
    }

    /// Puts in what the filter lets pass and what fits, in this order: `waiting` before the rest. Returns the first item that has to
    /// wait for room; none if all are dealt with.
    pub(crate) fn offer(&self, waiting: Option<Item>, items: &mut impl Iterator<Item = Item>) -> Option<Item> {
        let mut state = self.state.lock();
        if state.abandoned {
            return None;
        }
        let (mut taken, mut dropped) = (0, 0);
        let mut next = waiting;
        while let Some(item) = next.take().or_else(|| items.next()) {
            let weight = match &item {
                Item::One(Delivery::Event(record)) if self.takes_all || self.filter.matches(record) => record.weight(),
                Item::One(Delivery::Event(_)) => continue,
                Item::One(Delivery::Lost(_) | Delivery::Mark(_) | Delivery::Checkpoint(_)) => 0,
                Item::Many(batch) => batch.weight(),
            };
            // A notice of a loss may exceed the capacity: there are few, and they replace many events. So may the last event, which
            // may weigh more than all of it.
            if state.weight < self.capacity || weight == 0 {
                taken += item.events() as u64;
                state.weight += weight;
                state.items.push_back(item);
            } else if self.when_full == WhenFull::Block {
                next = Some(item);
                break;
            } else {
                dropped += item.events() as u64;
                state.drop_newest(&item);
            }
        }
        self.stage.add_in(taken + dropped);
        if dropped > 0 {
            self.stage.add_dropped(Reason::Full, dropped);
        }
        self.wake_reader(state);
        next
    }

    /// Puts in a status, without waiting. A queue that blocks takes some more of them than it has room for.
    pub(crate) fn offer_now(&self, status: &Delivery) {
        let Delivery::Event(record) = status else { return };
        if self.when_full == WhenFull::DropNewest {
            self.offer(None, &mut std::iter::once(Item::One(status.clone())));
            return;
        }
        let mut state = self.state.lock();
        let fits = state.weight < self.capacity.saturating_add(STATUS_ROOM);
        if state.abandoned || !fits || !self.filter.matches(record) {
            return;
        }
        state.weight += record.weight();
        state.items.push_back(Item::One(status.clone()));
        self.stage.add_in(1);
        self.wake_reader(state);
    }

    /// Takes all that is in it, waiting for the first. Leaves nothing in `items` when nothing will come any more. Cancel safe.
    async fn take(&self, items: &mut VecDeque<Item>) {
        loop {
            let readable = self.readable.notified();
            {
                let mut state = self.state.lock();
                std::mem::swap(&mut state.items, items);
                state.weight = 0;
                items.extend(state.lost.drain(..).map(|loss| Item::One(Delivery::Lost(Arc::new(loss)))));
                if !items.is_empty() || state.ended {
                    drop(state);
                    self.writable.notify_waiters();
                    return;
                }
                state.reader_waits = true;
            }
            readable.await;
        }
    }

    fn wake_reader(&self, mut state: MutexGuard<State>) {
        let wake = std::mem::take(&mut state.reader_waits);
        drop(state);
        if wake {
            self.readable.notify_one();
        }
    }

    /// Whether the reader gets batches as they are.
    pub(crate) fn takes_batches(&self) -> bool {
        self.takes_batches.load(Ordering::Relaxed)
    }

    /// Whether the reader is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    /// How full it is.
    pub(crate) fn level(&self) -> QueueLevel {
        QueueLevel { name: self.stage.name().to_owned(), waiting: self.state.lock().weight, capacity: self.capacity }
    }

    /// Declares that nothing will be published any more.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.readable.notify_one();
    }
}

/// What a full queue has not taken yet, of items that it is to get in this order.
pub(crate) struct Remainder {
    pub(crate) queue: Arc<Queue>,
    next: Item,
    rest: Vec<Item>,
}

impl Remainder {
    pub(crate) fn new(queue: &Arc<Queue>, next: Item, rest: Vec<Item>) -> Self {
        Self { queue: Arc::clone(queue), next, rest }
    }

    /// Puts all of it in, waiting for room as long as it takes.
    pub(crate) async fn put(self) {
        let (mut waiting, mut rest) = (Some(self.next), self.rest.into_iter());
        loop {
            let room = self.queue.writable.notified();
            waiting = self.queue.offer(waiting, &mut rest);
            if waiting.is_none() {
                return;
            }
            room.await;
        }
    }
}

impl State {
    fn drop_newest(&mut self, item: &Item) {
        let (node, run, time_ns) = match item {
            Item::One(Delivery::Event(record)) => {
                let envelope = record.envelope();
                if envelope.sequence == 0 {
                    return; // not counted by its program: a reader would not miss it
                }
                (&envelope.node, envelope.run, envelope.time_ns)
            }
            Item::Many(batch) => {
                let (node, run) = batch.run();
                (node, run, batch.last_time_ns())
            }
            Item::One(_) => return,
        };
        let missing = item.events() as u64;
        if let Some(loss) = self.lost.iter_mut().find(|loss| loss.run == run && loss.node == *node) {
            loss.missing += missing;
            loss.time_ns = time_ns;
        } else if self.lost.len() < MAX_LOSSES {
            self.lost.push(Loss { node: Arc::clone(node), run, missing, time_ns, stage: "queue" });
        }
    }
}

/// The reading end of a queue. Dropping it ends the subscription.
pub struct Subscription {
    pub(crate) queue: Arc<Queue>,
    /// Taken out of the queue, not read yet.
    taken: VecDeque<Delivery>,
    /// Memory for what is taken next.
    spare: VecDeque<Item>,
    /// What comes before all that is in the queue.
    history: Option<History>,
}

impl Subscription {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue, taken: VecDeque::new(), spare: VecDeque::new(), history: None }
    }

    /// The same, with events of the past before all others, from a channel: until it is closed, live ones wait in the queue. Of these, those are
    /// left out that were among the others, by node, run and sequence number. `is_complete`: what is missing between both is reported as lost.
    #[must_use]
    pub fn after(mut self, history: Receiver<Vec<Delivery>>, is_complete: bool) -> Self {
        self.history = Some(History::new(history, is_complete));
        self
    }

    /// The next event or loss; none when nothing will come any more. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        if self.taken.is_empty() {
            self.refill().await;
        }
        let item = self.taken.pop_front()?;
        if matches!(item, Delivery::Event(_)) {
            self.queue.stage.add_out(1);
        }
        Some(item)
    }

    /// All that is there, at least one; none when nothing will come any more. Cancel safe.
    pub async fn next_many(&mut self) -> VecDeque<Delivery> {
        if self.taken.is_empty() {
            self.refill().await;
        }
        let items = std::mem::take(&mut self.taken);
        let events = items.iter().filter(|item| matches!(item, Delivery::Event(_))).count();
        self.queue.stage.add_out(events as u64);
        items
    }

    /// Takes what comes next, of the past or of the queue. Leaves nothing taken when nothing will come any more.
    async fn refill(&mut self) {
        while let Some(history) = &mut self.history {
            if history.is_reading() && self.queue.state.lock().ended {
                // Nobody waits for the rest of the past now.
                self.history = None;
                break;
            }
            if let Some(past) = history.next().await {
                if past.is_empty() {
                    continue;
                }
                let events = past.iter().filter(|item| matches!(item, Delivery::Event(_))).count();
                self.queue.stage.add_in(events as u64);
                self.taken.extend(past);
                return;
            }
            if history.is_over() {
                self.history = None;
                break;
            }
            self.refill_from_queue().await;
            let has_ended = self.taken.is_empty();
            if let Some(history) = &mut self.history {
                self.queue.stage.add_filtered(history.join(&mut self.taken));
            }
            if has_ended || !self.taken.is_empty() {
                return;
            }
        }
        self.refill_from_queue().await;
    }

    /// Takes all that is in the queue, waiting for the first. Leaves nothing taken when nothing will come any more.
    async fn refill_from_queue(&mut self) {
        let mut items = std::mem::take(&mut self.spare);
        self.queue.take(&mut items).await;
        for item in items.drain(..) {
            match item {
                Item::One(delivery) => self.taken.push_back(delivery),
                Item::Many(batch) => self.taken.extend(batch.records()),
            }
        }
        self.spare = items;
    }

    /// All that is there, at least one item; none when nothing will come any more. Batches come as they are from the second call on, if all events
    /// are wanted. For readers who want nothing of the past. Cancel safe.
    pub(crate) async fn next_items(&mut self) -> VecDeque<Item> {
        self.queue.takes_batches.store(self.queue.takes_all, Ordering::Relaxed);
        let mut items = VecDeque::new();
        self.queue.take(&mut items).await;
        let events: usize = items.iter().map(Item::events).sum();
        self.queue.stage.add_out(events as u64);
        items
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.abandoned = true;
        let unread = state.items.drain(..).chain(self.taken.drain(..).map(Item::One));
        let events: usize = unread.map(|item| item.events()).sum();
        self.queue.stage.add_dropped(Reason::Disconnected, events as u64);
        drop(state);
        self.queue.writable.notify_waiters();
    }
}
