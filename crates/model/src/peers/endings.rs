//! How connections ended. Tracepoints and debug.log report it by different ways, in any order: an end waits for its reason.

use event::pb::log_extractor::DisconnectReason;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::bounded::RecentMap;
use crate::bounds::{LATE_NS, MAX_ENDINGS, MAX_WAITING, WHY_NS};
use crate::{Change, CloseReason, ClosedConnection};

/// Connections that ended recently, by peer id.
#[derive(Debug)]
pub(super) struct Endings {
    /// Ends whose reason may still be reported.
    waiting: HashMap<u64, ClosedConnection, RandomState>,
    /// None of them has waited for long enough before this time.
    due_ns: u64,
    /// When an end was reported.
    closed: RecentMap<u64>,
    /// When the node chose the peer to be evicted.
    evicted: RecentMap<u64>,
    /// The first reason in debug.log, and when it was logged.
    reasons: RecentMap<(DisconnectReason, u64)>,
}

impl Default for Endings {
    fn default() -> Self {
        Self {
            waiting: HashMap::default(),
            due_ns: u64::MAX,
            closed: RecentMap::new(MAX_ENDINGS, LATE_NS),
            evicted: RecentMap::new(MAX_ENDINGS, LATE_NS),
            reasons: RecentMap::new(MAX_ENDINGS, LATE_NS),
        }
    }
}

impl Endings {
    /// Whether the end of this connection was reported.
    pub fn is_closed(&self, id: u64) -> bool {
        self.closed.has(id)
    }

    /// When a connection was opened whose end waits for its reason. None if there is no such end.
    pub fn waiting(&self, id: u64) -> Option<Option<u64>> {
        self.waiting.get(&id).map(|connection| connection.opened_ns)
    }

    /// debug.log reported why a connection ends. What leads to the end and the end itself are two entries: only the first one counts.
    pub fn reason(&mut self, id: Option<u64>, reason: DisconnectReason, now_ns: u64, changes: &mut Vec<Change>) {
        let is_first = match id {
            Some(id) => self.reasons.touch(id, now_ns, || (reason, now_ns)).1,
            None => reason != DisconnectReason::Closed,
        };
        if is_first {
            changes.push(Change::DisconnectLogged { id, reason });
        }
    }

    /// The node chose a peer to be evicted. Whether that was not reported before.
    pub fn evicted(&mut self, id: u64, now_ns: u64, changes: &mut Vec<Change>) -> bool {
        let is_first = self.evicted.touch(id, now_ns, || now_ns).1;
        self.report(id, CloseReason::Evicted, changes);
        is_first
    }

    /// A connection ended.
    pub fn closed(&mut self, connection: ClosedConnection, changes: &mut Vec<Change>) {
        let (id, now_ns) = (connection.id, connection.closed_ns);
        self.closed.put(id, now_ns, now_ns);
        if self.waiting.len() >= MAX_WAITING {
            self.settle(u64::MAX, changes);
        }
        self.due_ns = self.due_ns.min(now_ns.saturating_add(WHY_NS));
        self.waiting.insert(id, connection);
    }

    /// Reports the end of a connection that waits, if the reason is known: another source reported the end now, so nothing more will come.
    pub fn report_if_known(&mut self, id: u64, changes: &mut Vec<Change>) {
        if self.evicted.has(id) {
            self.report(id, CloseReason::Evicted, changes);
        } else {
            self.report_if_logged(id, changes);
        }
    }

    /// The same if debug.log has the reason.
    pub fn report_if_logged(&mut self, id: u64, changes: &mut Vec<Change>) {
        if let Some((reason, _)) = self.reasons.get(id).filter(|(reason, _)| *reason != DisconnectReason::Closed) {
            let why = CloseReason::Disconnected(*reason);
            self.report(id, why, changes);
        }
    }

    /// A connection with this id is opened: what is known of ends is about another one before it, unless it is so recent that debug.log
    /// may have been faster than the tracepoint.
    pub fn reopened(&mut self, id: u64, now_ns: u64, changes: &mut Vec<Change>) {
        self.settle(now_ns, changes);
        let is_old = |at_ns: &u64| at_ns.saturating_add(WHY_NS) < now_ns;
        if self.closed.get(id).is_some_and(is_old) {
            self.closed.remove(id);
        }
        if self.evicted.get(id).is_some_and(is_old) {
            self.evicted.remove(id);
        }
        if self.reasons.get(id).is_some_and(|(_, at_ns)| is_old(at_ns)) {
            self.reasons.remove(id);
        }
    }

    fn report(&mut self, id: u64, why: CloseReason, changes: &mut Vec<Change>) {
        if let Some(connection) = self.waiting.remove(&id) {
            changes.push(Change::PeerClosed { connection, why });
        }
    }

    /// Reports the ends that waited for long enough.
    #[inline]
    pub fn settle(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        if now_ns >= self.due_ns {
            self.settle_due(now_ns, changes);
        }
    }

    fn settle_due(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        let is_due = |_: &u64, end: &mut ClosedConnection| now_ns >= end.closed_ns.saturating_add(WHY_NS);
        for (id, connection) in self.waiting.extract_if(is_due) {
            let why = match self.reasons.get(id) {
                _ if self.evicted.has(id) => CloseReason::Evicted,
                Some((reason, _)) => CloseReason::Disconnected(*reason),
                None => CloseReason::Disconnected(DisconnectReason::Closed),
            };
            changes.push(Change::PeerClosed { connection, why });
        }
        let due = self.waiting.values().map(|connection| connection.closed_ns.saturating_add(WHY_NS));
        self.due_ns = due.min().unwrap_or(u64::MAX);
    }

    /// Peer ids begin anew: what was before this time is about other connections.
    pub fn restarted(&mut self, before_ns: u64, changes: &mut Vec<Change>) {
        self.settle(u64::MAX, changes);
        self.closed.retain(|_, at_ns| *at_ns >= before_ns);
        self.evicted.retain(|_, at_ns| *at_ns >= before_ns);
        self.reasons.retain(|_, (_, at_ns)| *at_ns >= before_ns);
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        self.settle(now_ns, changes);
        self.closed.turn(now_ns);
        self.evicted.turn(now_ns);
        self.reasons.turn(now_ns);
    }
}
