//! The bus within this process: events are handed over by pointer.

use std::sync::Arc;

use event::{Filter, Record};
use parking_lot::RwLock;

use crate::accounts::Accounts;
use crate::batch::Batch;
use crate::queue::{Delivery, Item, Queue, QueueLevel, Remainder, Subscription, WhenFull};
use crate::spare::Spare;

/// Events from all publishers of this process to all its readers. Cloning it gives another handle.
#[derive(Clone, Default)]
pub struct Bus {
    readers: Arc<RwLock<Arc<Readers>>>,
    accounts: Accounts,
    spare: Arc<Spare>,
}

#[derive(Clone, Default)]
struct Readers {
    queues: Vec<Arc<Queue>>,
    ended: bool,
}

impl Bus {
    /// A bus without publishers and readers.
    pub fn new() -> Self {
        Self::default()
    }

    /// A bus for other events of this process, with the same accounts.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { readers: Arc::default(), ..self.clone() }
    }

    /// The loss accounts of this process.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Memory for batches.
    pub(crate) fn spare(&self) -> &Arc<Spare> {
        &self.spare
    }

    /// Subscribes to what the filter lets pass from now on.
    ///
    /// `name` is the reader's account; at most `capacity` events wait for the reader, an event of n KiB counting as n + 1.
    pub fn subscribe(&self, name: &str, filter: Filter, capacity: usize, when_full: WhenFull) -> Subscription {
        let queue = Arc::new(Queue::new(filter, capacity, when_full, self.accounts.stage(name)));
        let mut readers = self.readers.write();
        let mut changed = Readers::clone(&readers);
        changed.forget_abandoned();
        changed.queues.push(Arc::clone(&queue));
        if changed.ended {
            queue.end();
        }
        *readers = Arc::new(changed);
        Subscription::new(queue)
    }

    /// How full the queues of all readers are.
    pub fn queues(&self) -> Vec<QueueLevel> {
        let readers = Arc::clone(&self.readers.read());
        readers.queues.iter().filter(|queue| !queue.is_abandoned()).map(|queue| queue.level()).collect()
    }

    /// Hands events to all readers, in this order, and waits until those that block have taken them. No reader waits for another one.
    pub async fn deliver(&self, items: Vec<Delivery>) {
        let remainders = self.offer(items);
        if !remainders.is_empty() {
            futures_util::future::join_all(remainders.into_iter().map(Remainder::put)).await;
        }
    }

    /// Hands one event to all readers, as [`Bus::deliver`].
    pub async fn deliver_event(&self, record: Arc<Record>) {
        self.deliver(vec![Delivery::Event(record)]).await;
    }

    /// Gives each reader what it has room for, without waiting. Returns what the full queues of readers that block have not taken.
    pub(crate) fn offer(&self, items: Vec<Delivery>) -> Vec<Remainder> {
        let readers = Arc::clone(&self.readers.read());
        let Some((last, others)) = readers.queues.split_last() else {
            return Vec::new();
        };
        let mut remainders = Vec::new();
        for queue in others {
            offer(queue, items.iter().cloned().map(Item::One), &mut remainders);
        }
        // The last one gets the items themselves, which saves counting them up and down.
        offer(last, items.into_iter().map(Item::One), &mut remainders);
        remainders
    }

    /// Gives each reader a batch, as [`Self::offer`]: as a whole, to those that want it so.
    pub(crate) fn offer_batch(&self, batch: Batch) -> Vec<Remainder> {
        let readers = Arc::clone(&self.readers.read());
        let mut remainders = Vec::new();
        let mut records: Option<Vec<Delivery>> = None;
        for queue in &readers.queues {
            if queue.takes_batches() {
                offer(queue, std::iter::once(Item::Many(batch.clone())), &mut remainders);
            } else {
                let records = records.get_or_insert_with(|| batch.records().collect());
                offer(queue, records.iter().cloned().map(Item::One), &mut remainders);
            }
        }
        remainders
    }

    /// Hands an item that may exceed the capacity of queues to all readers but these, without waiting. A queue that is much too full
    /// does not get it.
    pub(crate) fn deliver_now(&self, item: &Delivery, but: &[Arc<Queue>]) {
        let readers = Arc::clone(&self.readers.read());
        for queue in &readers.queues {
            if !but.iter().any(|behind| Arc::ptr_eq(behind, queue)) {
                queue.offer_now(item);
            }
        }
    }

    /// Declares that nothing will be published any more: readers get what is queued, then the end.
    pub fn end(&self) {
        let mut readers = self.readers.write();
        let mut changed = Readers::clone(&readers);
        changed.forget_abandoned();
        changed.ended = true;
        changed.queues.iter().for_each(|queue| queue.end());
        *readers = Arc::new(changed);
    }
}

/// Gives a reader what it has room for. What it has not taken, if it blocks, comes to the remainders.
fn offer(queue: &Arc<Queue>, mut items: impl Iterator<Item = Item>, remainders: &mut Vec<Remainder>) {
    if let Some(next) = queue.offer(None, &mut items) {
        remainders.push(Remainder::new(queue, next, items.collect()));
    }
}

impl Readers {
    fn forget_abandoned(&mut self) {
        self.queues.retain(|queue| !queue.is_abandoned());
    }
}
