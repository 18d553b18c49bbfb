//! The events of some entries of a log, encoded but for their place in a run.

use std::sync::Arc;

use decode::log::{Decoder, Guesses, Parsed, lines_after};
use event::pb::log_extractor::log::LogEvent;
use event::{Body, Envelope, addr_of};

use super::log::Entries;

/// What entries need to know of those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carry {
    /// The log has thread names, as far as that is known.
    pub has_thread_names: bool,
    /// Time of the last entry that has one, in microseconds since the UNIX epoch. Lines without take it.
    pub time_us: u64,
}

/// Some events, in order.
pub(super) struct Decoded {
    /// What was assumed of the entries before.
    assumed: Carry,
    /// An event has the time of an entry before these.
    took_time: bool,
    /// What the entries after these need to know.
    pub carry: Carry,
    logs: Vec<u8>,
    events: Vec<Event>,
    /// Positions of the events that say that the node started.
    pub starts: Vec<usize>,
    pub guesses: Guesses,
}

/// An event.
pub(super) struct Event {
    /// Without run and sequence number.
    pub envelope: Envelope,
    pub addr: Option<Box<str>>,
    /// Where its log entry ends, as it is encoded.
    end: usize,
    pub starts: bool,
}

impl Decoded {
    /// Decodes entries, assuming this of those before them.
    pub(super) fn new(entries: &Entries, node: &Arc<str>, assumed: Carry) -> Self {
        let mut decoded = Self {
            assumed,
            took_time: false,
            carry: assumed,
            logs: Vec::with_capacity(entries.bytes() as usize * 2),
            events: Vec::with_capacity(entries.lines as usize + 1),
            starts: Vec::new(),
            guesses: Guesses::default(),
        };
        let mut decoder = Decoder::resume(assumed.has_thread_names);
        let mut timed = false;
        for entry in entries.iter() {
            let parsed = decoder.parse(entry, 0);
            let after = lines_after(entry, &parsed.log);
            decoded.put(parsed, node, &mut timed);
            for line in after {
                decoded.put(decoder.parse(line.into(), 0), node, &mut timed);
            }
        }
        decoded.carry.has_thread_names = decoder.has_thread_names();
        decoded.guesses = decoder.guesses().clone();
        decoded
    }

    fn put(&mut self, mut parsed: Parsed, node: &Arc<str>, timed: &mut bool) {
        let log = &mut parsed.log;
        if log.log_timestamp == 0 {
            log.log_timestamp = self.carry.time_us;
            self.took_time |= !*timed;
        } else {
            self.carry.time_us = log.log_timestamp;
            *timed = true;
        }
        let starts = matches!(log.log_event, Some(LogEvent::NodeStarted(_)));
        if starts {
            self.starts.push(self.events.len());
        }
        let time_ns = log.log_timestamp.saturating_mul(1000);
        parsed.encode(&mut self.logs);
        let body = Body::LogExtractor(parsed.log);
        let envelope = Envelope::of(Arc::clone(node), time_ns, &body);
        let addr = addr_of(&body).map(Box::from);
        self.events.push(Event { envelope, addr, end: self.logs.len(), starts });
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    /// Whether what was assumed is right, or makes no difference.
    pub(super) fn follows(&self, carry: Carry) -> bool {
        self.assumed.has_thread_names == carry.has_thread_names
            && (!self.took_time || self.assumed.time_us == carry.time_us)
    }

    /// Hands out each event with its encoded log entry.
    pub(super) fn each(&mut self, mut take: impl FnMut(&mut Event, &[u8])) {
        let mut start = 0;
        for event in &mut self.events {
            take(event, self.logs.get(start..event.end).unwrap_or_default());
            start = event.end;
        }
    }
}
