//! How connections ended: what tracepoints tell of it, joined with the reason in debug.log, which comes by another way.

use event::pb::log_extractor::DisconnectReason;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::recent::Recent;
use super::{SECOND, seconds};
use crate::ids;
use crate::store::Store;

/// So long an ended connection waits for its reason.
const HOLD_NS: u64 = 2 * SECOND;

/// Ended connections that wait, at the most.
const MAX_HELD: usize = 1_024;

/// A connection that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    /// When it was opened and when it ended, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    pub at_ns: u64,
    pub network: &'static str,
    pub connection_type: &'static str,
}

impl Closing {
    fn count(&self, end: &str, store: &mut Store) {
        let lifetime = seconds(self.since_ns, self.at_ns);
        store.observe(ids::CONNECTION_LIFETIME, &[self.network, self.connection_type, end], lifetime);
    }
}

/// Connections that ended, and reasons, by peer id.
#[derive(Debug)]
pub(super) struct Lifetimes {
    held: HashMap<u64, Closing, FixedState>,
    /// None of them has waited for long enough before this time.
    due_ns: u64,
    /// The reason, and when debug.log told it.
    reasons: Recent<(DisconnectReason, u64)>,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { held: HashMap::default(), due_ns: u64::MAX, reasons: Recent::new(2_048, 60 * SECOND) }
    }
}

fn name(reason: DisconnectReason) -> String {
    reason.as_str_name().to_ascii_lowercase()
}

impl Lifetimes {
    pub fn begin(&mut self, store: &mut Store) {
        for reason in (0..).map_while(|number| DisconnectReason::try_from(number).ok()) {
            store.add(ids::DISCONNECTS, &[&name(reason)], 0.0);
        }
    }

    /// Takes note of a reason. Of what leads to an end and the end itself only the first counts.
    pub fn reason(&mut self, id: Option<u64>, reason: DisconnectReason, now_ns: u64, store: &mut Store) {
        let is_first = match id {
            Some(id) => self.reasons.touch(id, now_ns, || (reason, now_ns)).1,
            None => reason != DisconnectReason::Closed,
        };
        if is_first {
            store.inc(ids::DISCONNECTS, &[&name(reason)]);
        }
    }

    /// Lets a connection wait that ended.
    pub fn hold(&mut self, id: u64, closing: Closing, evicted: &Recent<u64>, store: &mut Store) {
        if self.held.len() >= MAX_HELD {
            self.settle(u64::MAX, evicted, store);
        }
        self.due_ns = self.due_ns.min(closing.at_ns.saturating_add(HOLD_NS));
        self.held.insert(id, closing);
    }

    /// Since when a connection was open that ended and waits.
    pub fn held_since(&self, id: u64) -> Option<u64> {
        self.held.get(&id).map(|closing| closing.since_ns)
    }

    /// It is known how a connection ended: counts it, if it waited for that.
    pub fn ended(&mut self, id: u64, end: &str, store: &mut Store) {
        if let Some(closing) = self.held.remove(&id) {
            closing.count(end, store);
        }
    }

    /// The same, if debug.log told why.
    pub fn ended_by_reason(&mut self, id: u64, store: &mut Store) {
        if let Some((reason, _)) = self.reasons.get_mut(id).filter(|(reason, _)| *reason != DisconnectReason::Closed) {
            let end = name(*reason);
            self.ended(id, &end, store);
        }
    }

    /// Counts those that waited for long enough.
    pub fn settle(&mut self, now_ns: u64, evicted: &Recent<u64>, store: &mut Store) {
        if now_ns < self.due_ns {
            return;
        }
        let is_due = |_: &u64, closing: &mut Closing| now_ns >= closing.at_ns.saturating_add(HOLD_NS);
        for (id, closing) in self.held.extract_if(is_due) {
            let end = match self.reasons.get_mut(id) {
                _ if evicted.has(id) => "evicted".to_owned(),
                Some((reason, _)) => name(*reason),
                None => name(DisconnectReason::Closed),
            };
            closing.count(&end, store);
        }
        let due = self.held.values().map(|closing| closing.at_ns.saturating_add(HOLD_NS));
        self.due_ns = due.min().unwrap_or(u64::MAX);
    }

    /// Lets time pass.
    pub fn turn(&mut self, now_ns: u64) {
        self.reasons.turn(now_ns);
    }

    /// Forgets what was before.
    pub fn forget(&mut self, before_ns: u64) {
        self.reasons.retain(|_, (_, time_ns)| *time_ns >= before_ns);
    }
}
