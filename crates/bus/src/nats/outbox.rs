//! What is on its way to the server: a bounded queue whose items leave it when the server has got them.

use std::collections::VecDeque;

use async_nats::Subject;
use bytes::Bytes;

/// An encoded event and where it goes.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub subject: Subject,
    /// None once it turned out that the server does not take it.
    pub payload: Option<Bytes>,
}

impl Item {
    fn size(&self) -> usize {
        self.payload.as_ref().map_or(0, Bytes::len) + self.subject.len() + OVERHEAD
    }
}

/// What an item takes in memory beside its bytes.
const OVERHEAD: usize = size_of::<Item>();

/// Events in the order in which they were published: first those that were sent and not confirmed, then those to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    bytes: usize,
    max_bytes: usize,
    /// Number of items that were sent. They are the first ones.
    sent: usize,
    sent_bytes: usize,
    /// Number of items that were confirmed, and so are no longer here.
    confirmed: u64,
    /// Subjects that the server does not let us publish under.
    forbidden: Vec<Subject>,
}

impl Outbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            max_bytes,
            sent: 0,
            sent_bytes: 0,
            confirmed: 0,
            forbidden: Vec::new(),
        }
    }

    /// Appends an event. Returns whether there was room for it.
    #[must_use]
    pub(super) fn push(&mut self, item: Item) -> bool {
        // One event always fits: the bound is for many, and a server may take events larger than it.
        if !self.items.is_empty() && self.bytes.saturating_add(item.size()) > self.max_bytes {
            return false;
        }
        self.push_anyway(item);
        true
    }

    /// Appends an item that reports losses, also when there is no room.
    pub(super) fn push_anyway(&mut self, item: Item) {
        self.bytes += item.size();
        self.items.push_back(item);
    }

    /// Events to be sent next, at least one and not many more than `max_bytes`; they count as sent from now on.
    /// With them the number under which they can be confirmed.
    pub(super) fn take_batch(&mut self, max_bytes: usize) -> (Vec<Item>, u64) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.items.get(self.sent) {
            if bytes >= max_bytes {
                break;
            }
            bytes += item.size();
            self.sent += 1;
            batch.push(item.clone());
        }
        self.sent_bytes += bytes;
        (batch, self.sent_number())
    }

    /// The number under which all that was sent can be confirmed.
    pub(super) fn sent_number(&self) -> u64 {
        self.confirmed + self.sent as u64
    }

    /// The server has got everything up to this number. Returns how many events that are.
    pub(super) fn confirm(&mut self, number: u64) -> u64 {
        let mut delivered = 0;
        while self.confirmed < number && self.sent > 0 {
            let Some(item) = self.items.pop_front() else {
                break;
            };
            self.bytes -= item.size();
            self.sent_bytes = self.sent_bytes.saturating_sub(item.size());
            self.sent -= 1;
            self.confirmed += 1;
            delivered += u64::from(item.payload.is_some());
        }
        delivered
    }

    /// The connection broke: what was not confirmed is sent again. What is forbidden may have changed.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
        self.sent_bytes = 0;
        self.forbidden.clear();
    }

    /// The server does not let us publish under a subject: gives up what is here of it, and returns how many events that are.
    pub(super) fn forbid(&mut self, subject: Subject) -> u64 {
        let lost: Vec<usize> = (0..self.items.len())
            .filter(|index| {
                self.items.get(*index).is_some_and(|item| item.subject == subject && item.payload.is_some())
            })
            .collect();
        lost.iter().for_each(|index| self.give_up_at(*index));
        self.forbidden.push(subject);
        lost.len() as u64
    }

    /// Whether the server does not let us publish under a subject.
    pub(super) fn is_forbidden(&self, subject: &Subject) -> bool {
        self.forbidden.contains(subject)
    }

    /// The server does not take an event of a batch: the one that is `from_end` places before the batch's end.
    /// Its place is kept, for the numbers.
    pub(super) fn give_up(&mut self, from_end: usize) {
        if let Some(index) = self.sent.checked_sub(from_end + 1) {
            self.give_up_at(index);
        }
    }

    fn give_up_at(&mut self, index: usize) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        let before = item.size();
        item.payload = None;
        let freed = before - item.size();
        self.bytes -= freed;
        if index < self.sent {
            self.sent_bytes = self.sent_bytes.saturating_sub(freed);
        }
    }

    /// Bytes that were sent and not confirmed.
    pub(super) fn unconfirmed_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// Whether something is to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.items.len()
    }

    /// Events that were not confirmed, sent or not.
    pub(super) fn pending(&self) -> u64 {
        self.items.iter().filter(|item| item.payload.is_some()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(number: u64) -> Item {
        Item { subject: "s".into(), payload: Some(Bytes::copy_from_slice(&number.to_be_bytes())) }
    }

    fn number(item: &Item) -> u64 {
        u64::from_be_bytes(item.payload.as_deref().unwrap().try_into().unwrap())
    }

    proptest! {
        /// Whatever breaks in between: in = confirmed + given up + refused + pending, and each connection
        /// sends in order without a hole.
        #[test]
        fn nothing_is_lost_or_reordered(steps in prop::collection::vec(0u8..7, 1..200)) {
            let max = 40 * item(0).size();
            let mut outbox = Outbox::new(max);
            let (mut offered, mut refused, mut confirmed, mut given_up) = (0, 0, 0, 0);
            let mut accepted: Vec<u64> = Vec::new();
            let mut barriers: Vec<u64> = Vec::new();
            let mut done = 0;
            for step in steps {
                match step {
                    0 | 1 => for _ in 0..7 {
                        if outbox.push(item(offered)) { accepted.push(offered) } else { refused += 1 }
                        offered += 1;
                    },
                    2 | 3 => {
                        let start = usize::try_from(outbox.confirmed).unwrap() + outbox.sent;
                        let (batch, barrier) = outbox.take_batch(max / 8);
                        for (offset, item) in batch.iter().enumerate() {
                            if item.payload.is_some() {
                                prop_assert_eq!(number(item), accepted[start + offset]);
                            }
                        }
                        if step == 3 && !batch.is_empty() && batch.last().unwrap().payload.is_some() {
                            outbox.give_up(0);
                            given_up += 1;
                        }
                        barriers.push(barrier);
                    }
                    4 => if !barriers.is_empty() {
                        confirmed += outbox.confirm(barriers.remove(0));
                    },
                    5 => { outbox.rewind(); barriers.clear(); }
                    _ => given_up += outbox.forbid("s".into()),
                }
                prop_assert!(outbox.bytes <= max);
                prop_assert!(outbox.confirmed >= done);
                done = outbox.confirmed;
                prop_assert_eq!(offered, confirmed + given_up + refused + outbox.pending());
            }
        }
    }
}
