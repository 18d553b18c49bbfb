//! Questions and their answers: of the node to its peers, and of them to it.

use event::message::Message;
use event::requests::{self, Asked, Request, Step};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::series::SECOND;

/// Requests that are waited for at the most. Nodes have some hundred.
const MAX_PENDING: usize = 28_000;
/// After so long no answer comes any more; Bitcoin Core's longest patience (`TIMEOUT_INTERVAL`).
const TIMEOUT_NS: u64 = 1_200 * SECOND;
/// How often those without answer are looked for.
const SWEEP_NS: u64 = 60 * SECOND;

/// Names of the messages: that which asks, that which answers.
pub(crate) fn names(asked: Asked) -> (&'static str, &'static str) {
    match asked {
        Asked::Ping => ("ping", "pong"),
        Asked::Headers => ("getheaders", "headers"),
        Asked::Addresses => ("getaddr", "addr"),
        Asked::Tx => ("getdata", "tx"),
        Asked::Block => ("getdata", "block"),
        Asked::CompactBlock => ("getdata", "cmpctblock"),
        Asked::BlockTxn => ("getblocktxn", "blocktxn"),
    }
}

/// An answer that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub asked: Asked,
    /// The node asked, the peer answers.
    pub by_peer: bool,
    /// Place of the question in the run.
    pub sequence: u64,
    pub seconds: f64,
}

/// Requests without an answer yet: since when, and where in the run.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pending: HashMap<Request, (u64, u64), RandomState>,
    gone: HashSet<u64, RandomState>,
    swept_ns: u64,
}

impl Requests {
    /// Takes note of what a message asks for, or answers. Returns the first question that it answers.
    pub fn message(&mut self, message: &Message, time_ns: u64, sequence: u64) -> Option<Answer> {
        let mut first = None;
        requests::each(message, |step, request| match step {
            Step::Asks => {
                self.ask(request, time_ns, sequence);
                true
            }
            Step::Answers => {
                let answer = self.answer(request, time_ns);
                first = first.or(answer);
                answer.is_some()
            }
            Step::Declines => self.pending.remove(&request).is_some(),
        });
        first
    }

    fn ask(&mut self, request: Request, time_ns: u64, sequence: u64) {
        if self.pending.len() >= MAX_PENDING {
            self.drop_older_half();
        }
        self.pending.insert(request, (time_ns, sequence));
    }

    fn answer(&mut self, request: Request, time_ns: u64) -> Option<Answer> {
        let (since_ns, sequence) = self.pending.remove(&request)?;
        let seconds = time_ns.saturating_sub(since_ns) as f64 / SECOND as f64;
        Some(Answer { asked: request.asked, by_peer: !request.inbound, sequence, seconds })
    }

    /// A connection ended.
    pub fn ended(&mut self, peer: u64) {
        self.gone.insert(peer);
        if self.gone.len() >= 1_000 {
            self.drop_gone();
        }
    }

    /// How many questions of a kind are open: asked, whether the peer is to answer, how many.
    pub fn open(&self, peer: u64) -> Vec<(Asked, bool, u64)> {
        let mut open: Vec<(Asked, bool, u64)> = Vec::new();
        for request in self.pending.keys().filter(|request| request.peer == peer) {
            match open.iter_mut().find(|(asked, by_peer, _)| *asked == request.asked && *by_peer != request.inbound) {
                Some((.., count)) => *count += 1,
                None => open.push((request.asked, !request.inbound, 1)),
            }
        }
        open
    }

    fn drop_gone(&mut self) {
        if !self.gone.is_empty() {
            let Self { pending, gone, .. } = self;
            pending.retain(|request, _| !gone.contains(&request.peer));
            gone.clear();
        }
    }

    /// Somebody asks for more than any node would.
    fn drop_older_half(&mut self) {
        let mut since: Vec<u64> = self.pending.values().map(|(since_ns, _)| *since_ns).collect();
        let middle = since.len() / 2;
        let (_, median, _) = since.select_nth_unstable(middle);
        let median = *median;
        self.pending.retain(|_, (since_ns, _)| *since_ns > median);
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        self.pending = HashMap::default();
        self.gone.clear();
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64) {
        self.drop_gone();
        if now_ns >= self.swept_ns.saturating_add(SWEEP_NS) {
            self.swept_ns = now_ns;
            self.pending.retain(|_, (since_ns, _)| since_ns.saturating_add(TIMEOUT_NS) >= now_ns);
            self.pending.shrink_to(self.pending.len() * 2);
        }
    }
}
