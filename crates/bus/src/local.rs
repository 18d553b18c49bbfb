//! The bus within this process: events are handed over by pointer.

use std::sync::Arc;

use event::{Filter, Record};
use parking_lot::RwLock;

use crate::accounts::Accounts;
use crate::queue::{Delivery, Queue, QueueLevel, Subscription, WhenFull};

/// Events from all publishers of this process to all its readers. Cloning it gives another handle.
#[derive(Clone, Default)]
pub struct Bus {
    readers: Arc<RwLock<Arc<Readers>>>,
    accounts: Accounts,
}

#[derive(Clone, Default)]
struct Readers {
    /// Those that drop come first, so that they don't wait for those that block.
    queues: Vec<Arc<Queue>>,
    ended: bool,
}

impl Bus {
    /// A bus without publishers and readers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss accounts of this process.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Subscribes to what the filter lets pass from now on.
    ///
    /// `name` is the reader's account; `capacity` is the number of events that wait for the reader at the most, or of KiB where they are
    /// large.
    pub fn subscribe(&self, name: &str, filter: Filter, capacity: usize, when_full: WhenFull) -> Subscription {
        let queue = Arc::new(Queue::new(filter, capacity, when_full, self.accounts.stage(name)));
        let mut readers = self.readers.write();
        let mut changed = Readers::clone(&readers);
        changed.forget_abandoned();
        changed.queues.push(Arc::clone(&queue));
        changed.queues.sort_by_key(|queue| queue.when_full == WhenFull::Block);
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

    /// Hands events to all readers, in this order, waiting for those that block.
    pub async fn deliver(&self, items: Vec<Delivery>) {
        let readers = Arc::clone(&self.readers.read());
        let Some((last, others)) = readers.queues.split_last() else {
            return;
        };
        for queue in others {
            queue.put(items.iter().cloned()).await;
        }
        last.put(items.into_iter()).await;
    }

    /// Hands one event to all readers.
    pub async fn deliver_event(&self, record: Arc<Record>) {
        self.deliver(vec![Delivery::Event(record)]).await;
    }

    /// Says that nothing will be published any more: readers get what is queued, then the end.
    pub fn end(&self) {
        let mut readers = self.readers.write();
        let mut changed = Readers::clone(&readers);
        changed.forget_abandoned();
        changed.ended = true;
        changed.queues.iter().for_each(|queue| queue.end());
        *readers = Arc::new(changed);
    }
}

impl Readers {
    fn forget_abandoned(&mut self) {
        self.queues.retain(|queue| !queue.is_abandoned());
    }
}
