//! Encoded events of one run on their way together: one piece of memory for all of them.
//!
//! They lie in it as they are written to a NATS server, each as a message of its protocol. Readers of this process get each event as a record of its own.

use std::ops::Range;
use std::sync::Arc;

use async_nats::Subject;
use bytes::Bytes;
use event::record::encode_place;
use event::{Described, Envelope, Kind, Record, subject};
use tokio::sync::OwnedMutexGuard;

use crate::publisher::Publisher;
use crate::queue::Delivery;

/// Digits of the length of an event. NATS servers read no more.
const DIGITS: usize = 9;
/// What ends a message, and each line, in NATS's protocol.
pub(crate) const END: &[u8] = b"\r\n";
/// Bytes that are reserved for a batch at most; events that need more get it.
const MAX_ROOM: usize = 1 << 20;

/// Encoded events of one run, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    node: Arc<str>,
    run: u64,
    bytes: Bytes,
    entries: Arc<Vec<Entry>>,
    weight: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    time_ns: u64,
    sequence: u64,
    described: Described,
    /// Where its message for NATS begins.
    begin: usize,
    /// Where its event is in it.
    event: Range<usize>,
}

impl Entry {
    /// Where its message for NATS is.
    fn message(&self) -> Range<usize> {
        self.begin..self.event.end + END.len()
    }

    /// How much it counts in a queue, as [`Record::weight`].
    fn weight(&self) -> usize {
        1 + (self.event.len() >> 10)
    }
}

impl Batch {
    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How much they count in a queue.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// The run that they are of.
    pub(crate) fn run(&self) -> (&Arc<str>, u64) {
        (&self.node, self.run)
    }

    /// When the last one happened, in nanoseconds since the UNIX epoch.
    pub(crate) fn last_time_ns(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.time_ns)
    }

    /// All of them as messages for a NATS server.
    pub(crate) fn messages(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes of its memory.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Bytes of the largest event.
    pub(crate) fn largest(&self) -> usize {
        self.entries.iter().map(|entry| entry.event.len()).max().unwrap_or(0)
    }

    /// Each event with its subject.
    pub(crate) fn events(&self) -> impl Iterator<Item = (Subject, Bytes)> {
        let subject = |entry: &Entry| subject::subject(&self.node, entry.described.kind).into();
        self.entries.iter().map(move |entry| (subject(entry), self.bytes.slice(entry.event.clone())))
    }

    /// The batch without the events of a subject; none if there are none of it.
    pub(crate) fn without(&self, subject: &str) -> Option<Self> {
        let of_it = |entry: &Entry| *subject::subject(&self.node, entry.described.kind) == *subject;
        self.entries.iter().any(of_it).then(|| self.only(|_, entry| !of_it(entry)))
    }

    /// The batch without the events at these places, which are sorted.
    pub(crate) fn without_places(&self, places: &[usize]) -> Self {
        self.only(|place, _| places.binary_search(&place).is_err())
    }

    fn only(&self, wanted: impl Fn(usize, &Entry) -> bool) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut entries = Vec::with_capacity(self.len());
        for (_, entry) in self.entries.iter().enumerate().filter(|(place, entry)| wanted(*place, entry)) {
            let begin = bytes.len();
            bytes.extend_from_slice(self.bytes.get(entry.message()).unwrap_or_default());
            let event = begin + (entry.event.start - entry.begin)..begin + (entry.event.end - entry.begin);
            entries.push(Entry { begin, event, ..entry.clone() });
        }
        Self::new(Arc::clone(&self.node), self.run, bytes.into(), entries)
    }

    fn new(node: Arc<str>, run: u64, bytes: Bytes, entries: Vec<Entry>) -> Self {
        let weight = entries.iter().map(Entry::weight).sum();
        Self { node, run, bytes, entries: Arc::new(entries), weight }
    }

    /// Each event as a record of its own, with memory of its own: who keeps one does not keep all.
    pub(crate) fn records(&self) -> impl Iterator<Item = Delivery> {
        self.entries.iter().map(|entry| {
            let Entry { time_ns, sequence, described, event, .. } = entry.clone();
            let envelope = Envelope::new(Arc::clone(&self.node), self.run, sequence, time_ns, described);
            let bytes = Bytes::copy_from_slice(self.bytes.get(event).unwrap_or_default());
            Delivery::Event(Arc::new(Record::with_bytes(envelope, bytes)))
        })
    }
}

/// What a publisher keeps from one batch for the next. Whoever has the turn has it.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What the messages of each subject begin with, with room for a length; by the subject's last token.
    heads: Vec<(&'static str, Vec<u8>)>,
    /// Bytes and events that batches had lately.
    bytes: usize,
    events: usize,
}

impl Turn {
    /// Notes how large a batch was. What is expected of the next one follows a growth at once, and a decline slowly.
    fn note(&mut self, bytes: usize, events: usize) {
        self.bytes = bytes.max(self.bytes - self.bytes / 8);
        self.events = events.max(self.events - self.events / 8);
    }
}

/// A batch in the making. Nobody else publishes events of its run meanwhile.
pub struct BatchWriter {
    publisher: Publisher,
    /// Held until readers have the events.
    turn: OwnedMutexGuard<Turn>,
    node: Arc<str>,
    run: u64,
    next_sequence: u64,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl BatchWriter {
    pub(crate) fn new(publisher: Publisher, turn: OwnedMutexGuard<Turn>, (run, next_sequence): (u64, u64)) -> Self {
        let node = Arc::clone(publisher.node_shared());
        let bytes = publisher.spare().take((turn.bytes + turn.bytes / 8).min(MAX_ROOM));
        let entries = Vec::with_capacity(turn.events);
        Self { publisher, turn, node, run, next_sequence, bytes, entries }
    }

    /// Appends an event of a kind and a time (nanoseconds since the UNIX epoch). `encode` appends its body, encoded, and returns what the envelope
    /// needs of it.
    ///
    /// # Errors
    /// That of `encode`. The batch is as it was before.
    pub fn push<E>(
        &mut self,
        time_ns: u64,
        kind: Kind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<Described, E>,
    ) -> Result<(), E> {
        let begin = self.bytes.len();
        self.put_head(kind);
        let start = self.bytes.len();
        let described = encode(&mut self.bytes).inspect_err(|_| self.bytes.truncate(begin))?;
        encode_place(&self.node, self.run, self.next_sequence, time_ns, &mut self.bytes);
        let end = self.bytes.len();
        self.bytes.extend_from_slice(END);
        if let Some(digits) = self.bytes.get_mut(start - END.len() - DIGITS..start - END.len()) {
            put_digits(digits, end - start);
        }
        self.entries.push(Entry { time_ns, sequence: self.next_sequence, described, begin, event: start..end });
        self.next_sequence += 1;
        Ok(())
    }

    fn put_head(&mut self, kind: Kind) {
        let token = subject::token(kind);
        if let Some((_, head)) = self.turn.heads.iter().find(|(known, _)| *known == token) {
            self.bytes.extend_from_slice(head);
            return;
        }
        let head = format!("PUB {} {:DIGITS$}\r\n", subject::subject(&self.node, kind), "").into_bytes();
        self.bytes.extend_from_slice(&head);
        self.turn.heads.push((token, head));
    }

    /// Publishes the events. Waits for readers that block.
    pub async fn publish(mut self) {
        if !self.entries.is_empty() {
            self.turn.note(self.bytes.len(), self.entries.len());
            let bytes = self.publisher.spare().lend(self.bytes);
            let batch = Batch::new(self.node, self.run, bytes, self.entries);
            self.publisher.publish_batch(batch, self.next_sequence).await;
        }
    }
}

/// Writes a number to the end of a place that is filled with spaces, which are as good as one in NATS's protocol.
fn put_digits(place: &mut [u8], mut number: usize) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
}
