//! When the node was started, and that it was restarted: by its uptime, its process and its log, which may all tell of the same start.

use event::message::Message;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::observer::ObserverEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};

use super::{SECOND, log_entry, rpc};
use crate::fold::{Part, Peer, Scope};
use crate::ids;
use crate::store::Store;

/// Starts that are told within so long are one.
const SAME_NS: u64 = 60 * SECOND;

/// An uptime tells the start to the second, and the RPC that it comes by may be slow.
const JITTER_NS: u64 = 3 * SECOND;

/// Starts of a node.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Something of the node was seen.
    seen: bool,
    /// When it was started last, as far as is known.
    started_ns: Option<u64>,
    uptime: Option<u32>,
    process_ns: Option<u64>,
}

impl Restarts {
    /// The node started at this time. A start that is seen first is a restart if the node had been seen before.
    fn restarted(&mut self, at_ns: u64, store: &mut Store) {
        let is_other = match self.started_ns {
            Some(before_ns) => at_ns > before_ns.saturating_add(SAME_NS),
            None => self.seen,
        };
        if is_other {
            store.inc(ids::NODE_RESTARTS, &[]);
        }
        if is_other || self.started_ns.is_none() {
            self.show(at_ns, store);
        }
    }

    fn show(&mut self, at_ns: u64, store: &mut Store) {
        self.started_ns = Some(at_ns);
        store.set(ids::NODE_START_TIME, &[], (at_ns / SECOND) as f64);
    }

    fn uptime(&mut self, uptime: u32, now_ns: u64, store: &mut Store) {
        let at_ns = now_ns.saturating_sub(u64::from(uptime) * SECOND);
        let fell = self.uptime.replace(uptime).is_some_and(|before| uptime < before);
        if fell {
            self.restarted(at_ns, store);
        } else if self.process_ns.is_none()
            && self.started_ns.is_none_or(|before_ns| before_ns.abs_diff(at_ns) > JITTER_NS)
        {
            // A clock was set, or the machine slept: it is the same process.
            self.show(at_ns, store);
        }
    }

    fn process(&mut self, started_ns: u64, store: &mut Store) {
        match self.process_ns.replace(started_ns) {
            Some(before_ns) if before_ns != started_ns => self.restarted(started_ns, store),
            _ => {}
        }
        self.show(started_ns, store);
    }
}

impl Part for Restarts {
    fn begin(&mut self, store: &mut Store) {
        store.add(ids::NODE_RESTARTS, &[], 0.0);
    }

    fn message(&mut self, _: &Message, _: &Peer, _: &mut Scope) {
        self.seen = true;
    }

    fn event(&mut self, record: &Record, scope: &mut Scope) {
        if let Some(RpcEvent::Uptime(uptime)) = rpc(record) {
            self.uptime(*uptime, scope.time_ns, scope.store);
        }
        if let Some(LogEvent::NodeStarted(_)) = log_entry(record) {
            self.restarted(scope.time_ns, scope.store);
        }
        match record.body() {
            Some(Body::Observer(observer)) => {
                if let Some(ObserverEvent::Process(process)) = &observer.observer_event {
                    self.process(process.started_ns, scope.store);
                }
            }
            _ => self.seen = true,
        }
    }
}
