//! How long answers take: of the node to its peers, and of them to it.

use event::Record;
use event::message::Message;
use event::names;
use event::requests::{self, Asked, Request, Step};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::{Run, SECOND, closed, seconds};
use crate::fold::{Part, Peer, Scope};
use crate::ids;
use crate::store::Store;

/// Requests that are waited for at the most. Nodes have some hundred.
const MAX_PENDING: usize = 28_000;

/// After so long no answer comes any more; Bitcoin Core's longest patience (`TIMEOUT_INTERVAL`).
const TIMEOUT_NS: u64 = 1_200 * SECOND;

/// Peers that are gone and may still have requests, at the most.
const MAX_GONE: usize = 1_000;

/// How often those without answer are looked for.
const SWEEP_NS: u64 = 60 * SECOND;

/// Its name in series; None of what has none.
fn name(asked: Asked) -> Option<&'static str> {
    match asked {
        Asked::Ping => Some("ping"),
        Asked::Tx => Some("getdata_tx"),
        Asked::Block | Asked::CompactBlock => Some("getdata_block"),
        Asked::Headers => Some("getheaders"),
        Asked::BlockTxn => Some("getblocktxn"),
        Asked::Addresses => None,
    }
}

fn unanswered(request: Request, reason: &str, store: &mut Store) {
    if let Some(name) = name(request.asked) {
        store.inc(ids::REQUESTS_UNANSWERED, &[name, names::direction(request.inbound), reason]);
    }
}

/// Requests without an answer yet, and since when.
#[derive(Debug, Default)]
pub(super) struct Requests {
    run: Run,
    pending: HashMap<Request, u64, RandomState>,
    /// Peers whose connections ended: their requests are looked for once for all of them.
    gone: HashSet<u64, RandomState>,
    swept_ns: u64,
}

impl Requests {
    #[inline]
    fn ask(&mut self, request: Request, scope: &mut Scope) {
        if name(request.asked).is_none() {
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            self.drop_older_half(scope.store);
        }
        if self.pending.insert(request, scope.time_ns).is_some() {
            unanswered(request, "replaced", scope.store);
        }
    }

    /// Takes note of an answer. Whether there was a request for it.
    #[inline]
    fn answer(&mut self, request: Request, scope: &mut Scope) -> bool {
        let Some(since_ns) = self.pending.remove(&request) else { return false };
        if let Some(name) = name(request.asked) {
            let labels = [name, names::direction(request.inbound)];
            scope.store.observe(ids::REQUEST_DURATION, &labels, seconds(since_ns, scope.time_ns));
        }
        true
    }

    fn drop_closed(&mut self, store: &mut Store) {
        if !self.gone.is_empty() {
            let Self { pending, gone, .. } = self;
            for (request, _) in pending.extract_if(|request, _| gone.contains(&request.peer)) {
                unanswered(request, "closed", store);
            }
            gone.clear();
        }
    }

    fn time_out(&mut self, before_ns: u64, store: &mut Store) {
        for (request, _) in self.pending.extract_if(|_, since_ns| *since_ns < before_ns) {
            unanswered(request, "timeout", store);
        }
    }

    /// Somebody asks for more than any node would.
    fn drop_older_half(&mut self, store: &mut Store) {
        let mut since: Vec<u64> = self.pending.values().copied().collect();
        let middle = since.len() / 2;
        let (_, median, _) = since.select_nth_unstable(middle);
        self.time_out(median.saturating_add(1), store);
    }

    fn forget(&mut self) {
        self.pending = HashMap::default();
        self.gone.clear();
    }
}

impl Part for Requests {
    fn message(&mut self, message: &Message, _: &Peer, scope: &mut Scope) {
        if self.run.is_new(scope.run) {
            self.forget();
        }
        requests::each(message, |step, request| match step {
            Step::Asks => {
                self.ask(request, scope);
                true
            }
            Step::Answers => self.answer(request, scope),
            Step::Declines => {
                let known = self.pending.remove(&request).is_some();
                if known {
                    unanswered(request, "notfound", scope.store);
                }
                known
            }
        });
    }

    fn event(&mut self, record: &Record, scope: &mut Scope) {
        if self.run.is_new_at(record) {
            self.forget();
        }
        if let Some(peer) = closed(record) {
            self.gone.insert(peer);
            if self.gone.len() >= MAX_GONE {
                self.drop_closed(scope.store);
            }
        }
    }

    fn tick(&mut self, now_ns: u64, scope: &mut Scope) {
        self.drop_closed(scope.store);
        if now_ns >= self.swept_ns.saturating_add(SWEEP_NS) {
            self.swept_ns = now_ns;
            self.time_out(now_ns.saturating_sub(TIMEOUT_NS), scope.store);
            self.pending.shrink_to(self.pending.len() * 2);
        }
    }
}
