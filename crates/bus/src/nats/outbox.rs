//! What is on its way to the server: a bounded queue whose items leave it when the server has got them.

use std::collections::VecDeque;

use async_nats::Subject;
use bytes::Bytes;

use crate::batch::Batch;

/// Events on their way.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// An encoded event, and the subject that it goes to; no event once it turned out that the server does not take it.
    One(Subject, Option<Bytes>),
    /// Events that are written together.
    Many(Batch),
}

impl Item {
    fn size(&self) -> usize {
        let bytes = match self {
            Self::One(subject, payload) => payload.as_ref().map_or(0, Bytes::len) + subject.len(),
            Self::Many(batch) => batch.size(),
        };
        bytes + OVERHEAD
    }

    /// How many events it is.
    fn events(&self) -> u64 {
        match self {
            Self::One(_, payload) => payload.is_some().into(),
            Self::Many(batch) => batch.len() as u64,
        }
    }

    /// The item without the events of a subject.
    fn without(&self, subject: &Subject) -> Option<Self> {
        match self {
            Self::One(own, Some(_)) if own == subject => Some(Self::One(own.clone(), None)),
            Self::One(..) => None,
            Self::Many(batch) => batch.without(subject).map(Self::Many),
        }
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
            delivered += item.events();
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
        let lost = (0..self.items.len()).map(|index| self.replace(index, |item| item.without(&subject))).sum();
        self.forbidden.push(subject);
        lost
    }

    /// Whether the server does not let us publish under a subject.
    pub(super) fn is_forbidden(&self, subject: &Subject) -> bool {
        self.forbidden.contains(subject)
    }

    /// The item without what the server does not let us publish. Returns how many events were taken out of it.
    pub(super) fn strip_forbidden(&self, item: &mut Item) -> u64 {
        let before = item.events();
        for subject in &self.forbidden {
            if let Some(less) = item.without(subject) {
                *item = less;
            }
        }
        before - item.events()
    }

    /// Replaces an item of a batch, the one that is `from_end` places before the batch's end, by one with fewer events: the server does not take the
    /// others. Its place is kept, for the numbers.
    pub(super) fn give_up(&mut self, from_end: usize, rest: Item) {
        if let Some(index) = self.sent.checked_sub(from_end + 1) {
            self.replace(index, |_| Some(rest));
        }
    }

    /// Replaces an item by what `less` makes of it. Returns how many events it lost.
    fn replace(&mut self, index: usize, less: impl FnOnce(&Item) -> Option<Item>) -> u64 {
        let Some(item) = self.items.get_mut(index) else { return 0 };
        let Some(rest) = less(item) else { return 0 };
        let (freed, lost) = (item.size().saturating_sub(rest.size()), item.events().saturating_sub(rest.events()));
        *item = rest;
        self.bytes -= freed;
        if index < self.sent {
            self.sent_bytes = self.sent_bytes.saturating_sub(freed);
        }
        lost
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
        self.items.iter().map(Item::events).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(number: u64) -> Item {
        Item::One("s".into(), Some(Bytes::copy_from_slice(&number.to_be_bytes())))
    }

    fn number(item: &Item) -> Option<u64> {
        let Item::One(_, payload) = item else { panic!("{item:?}") };
        payload.as_deref().map(|payload| u64::from_be_bytes(payload.try_into().unwrap()))
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
                            if let Some(number) = number(item) {
                                prop_assert_eq!(number, accepted[start + offset]);
                            }
                        }
                        if step == 3 && batch.last().is_some_and(|item| number(item).is_some()) {
                            outbox.give_up(0, Item::One("s".into(), None));
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
