//! Requests and their answers: of the node to its peers, and of them to it.

use event::message::Message;
use event::requests::{self, Request, RequestKind, Step};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use crate::bounded::median;
use crate::bounds::{MAX_CLOSED_REQUESTERS, MAX_PENDING, REQUEST_SWEEP_NS, REQUEST_TIMEOUT_NS, SECOND};
use crate::{Answer, Change, Unanswered};

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// When it was made, nanoseconds since the UNIX epoch.
    since_ns: u64,
    /// Sequence number of its message.
    sequence: u64,
}

/// Requests of a node and of its peers that have no answer yet.
#[derive(Debug, Default)]
pub struct Requests {
    pending: HashMap<Request, Pending, RandomState>,
    /// Peers whose connections ended. Their requests are looked for once for all of them.
    closed: HashSet<u64, RandomState>,
    swept_ns: u64,
}

impl Requests {
    /// Notes what a message asks for, and what it answers.
    #[inline]
    pub(crate) fn message(&mut self, message: &Message, time_ns: u64, sequence: u64, changes: &mut Vec<Change>) {
        requests::each(message, |step, request| match step {
            Step::Asks => {
                self.ask(request, Pending { since_ns: time_ns, sequence }, changes);
                true
            }
            Step::Answers => {
                let Some(asked) = self.pending.remove(&request) else { return false };
                let seconds = time_ns.saturating_sub(asked.since_ns) as f64 / SECOND as f64;
                changes.push(Change::Answered(Answer { request, sequence: asked.sequence, seconds }));
                true
            }
            Step::Declines => {
                let is_known = self.pending.remove(&request).is_some();
                if is_known {
                    changes.push(Change::Unanswered { request, reason: Unanswered::NotFound });
                }
                is_known
            }
        });
    }

    fn ask(&mut self, request: Request, pending: Pending, changes: &mut Vec<Change>) {
        if self.pending.len() >= MAX_PENDING {
            // More than any node has: the older half goes.
            let median = median(self.pending.values().map(|pending| pending.since_ns));
            self.time_out(median.saturating_add(1), changes);
        }
        if self.pending.insert(request, pending).is_some() {
            changes.push(Change::Unanswered { request, reason: Unanswered::Replaced });
        }
    }

    fn time_out(&mut self, before_ns: u64, changes: &mut Vec<Change>) {
        for (request, _) in self.pending.extract_if(|_, pending| pending.since_ns < before_ns) {
            changes.push(Change::Unanswered { request, reason: Unanswered::Timeout });
        }
    }

    /// A connection ended: what was asked on it is not answered any more.
    pub(crate) fn closed(&mut self, peer: u64, changes: &mut Vec<Change>) {
        self.closed.insert(peer);
        if self.closed.len() >= MAX_CLOSED_REQUESTERS {
            self.drop_closed(changes);
        }
    }

    fn drop_closed(&mut self, changes: &mut Vec<Change>) {
        if self.closed.is_empty() {
            return;
        }
        let Self { pending, closed, .. } = self;
        for (request, _) in pending.extract_if(|request, _| closed.contains(&request.peer)) {
            changes.push(Change::Unanswered { request, reason: Unanswered::Closed });
        }
        closed.clear();
    }

    /// How many requests of each kind wait for an answer on the connection with a peer: the kind, whether the peer is to answer, how many.
    pub fn open(&self, peer: u64) -> Vec<(RequestKind, bool, u64)> {
        let mut open: Vec<(RequestKind, bool, u64)> = Vec::new();
        for request in self.pending.keys().filter(|request| request.peer == peer) {
            match open.iter_mut().find(|(asked, by_peer, _)| *asked == request.kind && *by_peer != request.inbound) {
                Some((.., count)) => *count += 1,
                None => open.push((request.kind, !request.inbound, 1)),
            }
        }
        open
    }

    /// The node was restarted, or peer ids may begin anew: nothing will be answered.
    pub(crate) fn forget(&mut self) {
        self.pending = HashMap::default();
        self.closed.clear();
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        self.drop_closed(changes);
        if now_ns >= self.swept_ns.saturating_add(REQUEST_SWEEP_NS) {
            self.swept_ns = now_ns;
            self.time_out(now_ns.saturating_sub(REQUEST_TIMEOUT_NS), changes);
            self.pending.shrink_to(self.pending.len() * 2);
        }
    }
}
