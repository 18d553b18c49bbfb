//! The queue between the bus and one reader.

use std::collections::VecDeque;
use std::sync::Arc;

use event::{Filter, Record};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use crate::accounts::{Reason, Stage};
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
    stage: Arc<Stage>,
    state: Mutex<State>,
    /// Something can be read, or nothing will come any more.
    readable: Notify,
    /// There is room again, or the reader is gone.
    writable: Notify,
}

#[derive(Default)]
struct State {
    items: VecDeque<Delivery>,
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
            stage,
            state: Mutex::default(),
            readable: Notify::new(),
            writable: Notify::new(),
        }
    }

    /// Puts in what the filter lets pass and what fits, in this order: `waiting` before the rest. Returns the first item that has to
    /// wait for room; none if all are dealt with.
    pub(crate) fn offer(
        &self,
        waiting: Option<Delivery>,
        items: &mut impl Iterator<Item = Delivery>,
    ) -> Option<Delivery> {
        let mut state = self.state.lock();
        if state.abandoned {
            return None;
        }
        let (mut taken, mut dropped) = (0, 0);
        let mut next = waiting;
        while let Some(item) = next.take().or_else(|| items.next()) {
            let weight = match &item {
                Delivery::Event(record) if self.takes_all || self.filter.matches(record) => record.weight(),
                Delivery::Event(_) => continue,
                Delivery::Lost(_) | Delivery::Mark(_) => 0,
            };
            // A notice of a loss may exceed the capacity: there are few, and they replace many events. So may the last event, which
            // may weigh more than all of it.
            if state.weight < self.capacity || weight == 0 {
                taken += u64::from(weight > 0);
                state.weight += weight;
                state.items.push_back(item);
            } else if self.when_full == WhenFull::Block {
                next = Some(item);
                break;
            } else {
                dropped += 1;
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
            self.offer(None, &mut std::iter::once(status.clone()));
            return;
        }
        let mut state = self.state.lock();
        let fits = state.weight < self.capacity.saturating_add(STATUS_ROOM);
        if state.abandoned || !fits || !self.filter.matches(record) {
            return;
        }
        state.weight += record.weight();
        state.items.push_back(status.clone());
        self.stage.add_in(1);
        self.wake_reader(state);
    }

    fn wake_reader(&self, mut state: MutexGuard<State>) {
        let wake = std::mem::take(&mut state.reader_waits);
        drop(state);
        if wake {
            self.readable.notify_one();
        }
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
    next: Delivery,
    rest: Vec<Delivery>,
}

impl Remainder {
    pub(crate) fn new(queue: &Arc<Queue>, next: Delivery, rest: Vec<Delivery>) -> Self {
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
    fn drop_newest(&mut self, item: &Delivery) {
        let Delivery::Event(record) = item else {
            return;
        };
        let envelope = record.envelope();
        if envelope.sequence == 0 {
            return; // not counted by its program: a reader would not miss it
        }
        let same_run = |loss: &&mut Loss| loss.run == envelope.run && loss.node == envelope.node;
        if let Some(loss) = self.lost.iter_mut().find(same_run) {
            loss.missing += 1;
            loss.time_ns = envelope.time_ns;
        } else if self.lost.len() < MAX_LOSSES {
            self.lost.push(Loss {
                node: Arc::clone(&envelope.node),
                run: envelope.run,
                missing: 1,
                time_ns: envelope.time_ns,
                stage: "queue",
            });
        }
    }
}

/// The reading end of a queue. Dropping it ends the subscription.
pub struct Subscription {
    pub(crate) queue: Arc<Queue>,
    /// Taken out of the queue, not read yet.
    taken: VecDeque<Delivery>,
    /// What comes before all that is in the queue.
    history: Option<History>,
}

impl Subscription {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue, taken: VecDeque::new(), history: None }
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
        loop {
            let readable = self.queue.readable.notified();
            {
                let mut state = self.queue.state.lock();
                std::mem::swap(&mut state.items, &mut self.taken);
                state.weight = 0;
                self.taken.extend(state.lost.drain(..).map(|loss| Delivery::Lost(Arc::new(loss))));
                if !self.taken.is_empty() || state.ended {
                    drop(state);
                    self.queue.writable.notify_waiters();
                    return;
                }
                state.reader_waits = true;
            }
            readable.await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.abandoned = true;
        let unread = state.items.drain(..).chain(self.taken.drain(..));
        let events = unread.filter(|item| matches!(item, Delivery::Event(_))).count();
        self.queue.stage.add_dropped(Reason::Disconnected, events as u64);
        drop(state);
        self.queue.writable.notify_waiters();
    }
}
