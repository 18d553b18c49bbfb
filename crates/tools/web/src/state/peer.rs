//! The details of each peer that the pages show, in addition to the model.

use std::collections::VecDeque;

use event::requests::RequestKind;
use model::bounded::push;
use model::text::cut;
use model::{Answer, Change};
use smol_str::SmolStr;

use super::past_message::PastMessage;
use super::rate::{Rate, Samples};
use super::types::Type;

/// The maximum number of messages kept.
const MAX_MESSAGES: usize = 200;
/// The maximum number of pings kept.
const MAX_PINGS: usize = 200;
/// The maximum number of entries of debug.log kept, and of bytes of each.
const MAX_LOG: (usize, usize) = (50, 300);
/// The number of steps of traffic kept: an hour.
const MAX_TRAFFIC: usize = 360;
/// Length of a step of traffic, in nanoseconds.
pub(crate) const TRAFFIC_STEP_NS: u64 = 10_000_000_000;

/// One peer of a node: a connection.
pub(crate) type Peer = model::Peer<Details>;

/// The details of a peer that the pages show.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// Its messages, as reported by tracepoints. `None` if none was reported.
    pub traced: Option<Box<Counted>>,
    /// Its messages, as reported by debug.log, which has no contents.
    pub logged: Option<Box<Counted>>,
    /// Bytes by message type in the last response of getpeerinfo: sent, received.
    pub polled_bytes: Option<Vec<(Type, u64, u64)>>,
    /// The ping in the last response of getpeerinfo, in seconds.
    pub polled_ping: f64,
    /// Pings: time of the pong in nanoseconds since the UNIX epoch, and round-trip time in seconds.
    pub pings: VecDeque<(u64, f32)>,
    /// The last entries of debug.log about it.
    pub log: VecDeque<Entry>,
    pub addresses: Gossip,
    pub txs: Txs,
}

/// A peer's messages, as reported one by one by one source. Pairs are inbound, outbound.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub messages: [u64; 2],
    pub bytes: [u64; 2],
    pub rates: [Rate; 2],
    pub by_type: Vec<Count>,
    /// The last ones, oldest first.
    pub past: VecDeque<PastMessage>,
    pub traffic: Traffic,
    pub last_ns: [u64; 2],
    pub replies: Vec<Replies>,
}

/// Messages of one type in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub kind: Type,
    pub inbound: bool,
    pub count: u64,
    pub bytes: u64,
    pub last_ns: u64,
}

/// Replies to requests of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    pub request: RequestKind,
    /// Whether the peer replies to requests of the node, instead of the reverse.
    pub by_peer: bool,
    pub samples: Samples,
}

/// Inbound and outbound bytes, inbound and outbound messages, in steps of ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub last: u64,
    pub steps: VecDeque<[u32; 4]>,
}

/// An entry of debug.log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub at_ns: u64,
    pub category: SmolStr,
    pub text: SmolStr,
}

/// Address gossip with a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gossip {
    /// Messages and entries that it sent.
    pub messages: u64,
    pub received: u64,
    pub sent: u64,
    pub own: u64,
    pub last_ns: u64,
    /// As reported by debug.log.
    pub logged: u64,
    pub logged_limited: u64,
}

/// Number of transactions exchanged with a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Txs {
    pub announced: u64,
    pub first: u64,
    /// Announced by it before any other peer, then requested by the node and accepted into the mempool.
    pub useful: u64,
    pub requested: u64,
    pub delivered: u64,
    pub duplicates: u64,
    pub unrequested: u64,
    pub not_found: u64,
    pub sent: u64,
    /// Announcements to the peer, and requests by it.
    pub announced_to: u64,
    pub requested_by: u64,
}

impl Details {
    /// Its messages as reported one by one: by tracepoints, else by debug.log.
    pub fn counted(&self) -> Option<&Counted> {
        self.traced.as_deref().or(self.logged.as_deref())
    }

    /// Records the reply to a request.
    pub fn answered(&mut self, answer: &Answer) {
        let (request, by_peer) = (answer.request.kind, answer.by_peer());
        let replies = &mut self.traced.get_or_insert_default().replies;
        let at = replies.iter().position(|reply| reply.request == request && reply.by_peer == by_peer);
        let at = at.unwrap_or_else(|| {
            replies.push(Replies { request, by_peer, samples: Samples::default() });
            replies.len() - 1
        });
        if let Some(reply) = replies.get_mut(at) {
            reply.samples.add(answer.seconds, 128);
        }
    }

    /// Records the round-trip time of a ping.
    pub fn ping(&mut self, time_ns: u64, seconds: f64) {
        push(&mut self.pings, (time_ns, seconds as f32), MAX_PINGS);
    }

    /// Records an entry of debug.log.
    pub fn logged(&mut self, at_ns: u64, category: &str, text: &str) {
        let entry = Entry { at_ns, category: cut(category, 32), text: cut(text, MAX_LOG.1) };
        push(&mut self.log, entry, MAX_LOG.0);
    }

    /// Bytes of one message type by getpeerinfo: sent, received.
    pub fn polled_bytes(&self, kind: Type) -> (u64, u64) {
        let by_type = self.polled_bytes.iter().flatten().filter(|(of, ..)| *of == kind);
        by_type.fold((0, 0), |sum, (_, sent, received)| (sum.0 + sent, sum.1 + received))
    }
}

impl Counted {
    /// Records a message.
    pub fn add(&mut self, past: PastMessage, bytes: u64) {
        let (side, PastMessage { at_ns: time_ns, kind, inbound, .. }) = (usize::from(!past.inbound), past);
        if let (Some(messages), Some(sum)) = (self.messages.get_mut(side), self.bytes.get_mut(side)) {
            *messages += 1;
            *sum = sum.saturating_add(bytes);
        }
        if let (Some(rate), Some(last_ns)) = (self.rates.get_mut(side), self.last_ns.get_mut(side)) {
            rate.add(time_ns, 1);
            *last_ns = time_ns.max(*last_ns);
        }
        self.traffic.add(time_ns, bytes, inbound);
        match self.by_type.iter_mut().find(|count| count.kind == kind && count.inbound == inbound) {
            Some(count) => {
                count.count += 1;
                count.bytes = count.bytes.saturating_add(bytes);
                count.last_ns = time_ns;
            }
            None => self.by_type.push(Count { kind, inbound, count: 1, bytes, last_ns: time_ns }),
        }
        push(&mut self.past, past, MAX_MESSAGES);
    }
}

/// The first request that a message replied to. A block may reply to several.
pub(crate) fn first_answer(changes: &[Change]) -> Option<&Answer> {
    changes.iter().find_map(|change| match change {
        Change::Answered(answer) => Some(answer),
        _ => None,
    })
}

impl Traffic {
    fn add(&mut self, time_ns: u64, size: u64, inbound: bool) {
        let step = time_ns / TRAFFIC_STEP_NS;
        if step > self.last || self.steps.is_empty() {
            let steps = if self.steps.is_empty() { 1 } else { step - self.last };
            if steps >= MAX_TRAFFIC as u64 {
                self.steps.clear();
            }
            (0..steps.min(MAX_TRAFFIC as u64)).for_each(|_| push(&mut self.steps, [0; 4], MAX_TRAFFIC));
            self.last = step;
        }
        let back = usize::try_from(self.last - step).unwrap_or(usize::MAX);
        let at = self.steps.len().checked_sub(back.saturating_add(1));
        if let Some([bytes_in, bytes_out, in_, out]) = at.and_then(|at| self.steps.get_mut(at)) {
            let (bytes, messages) = if inbound { (bytes_in, in_) } else { (bytes_out, out) };
            *bytes = bytes.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
            *messages = messages.saturating_add(1);
        }
    }

    /// The values of a step.
    pub fn get(&self, step: u64) -> Option<[u32; 4]> {
        let back = usize::try_from(self.last.checked_sub(step)?).ok()?;
        self.steps.get(self.steps.len().checked_sub(back + 1)?).copied()
    }
}
