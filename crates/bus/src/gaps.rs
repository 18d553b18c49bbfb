//! How many events a reader missed, by their sequence numbers.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use event::pb::observer::Observer;
use event::pb::observer::observer::ObserverEvent;
use event::quote::Quoted;
use event::{Body, Envelope, Kind, Record};

/// A number of events that a reader did not get.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Name of the node that they are about.
    pub node: Arc<str>,
    /// The run of the extractor that published them.
    pub run: u64,
    /// Number of missing events.
    pub missing: u64,
    /// Nanoseconds since the UNIX epoch: time of the event before which they are missing.
    pub time_ns: u64,
    /// Where they were lost: "queue" (the queue of a reader in this process), "nats" (somewhere before this process),
    /// "stream" (a stream removed them before they were read), or "history" (they are neither
    /// in the archive that a reader began with, nor did they come live).
    pub stage: &'static str,
}

impl Loss {
    /// As one line of JSON, without the newline, in the form of an event: `{"time":…,"node":…,"run":…,"source":"observer","kind":"lost","body":{…}}`.
    pub fn to_json(&self) -> String {
        let Self { node, run, missing, time_ns, stage } = self;
        serde_json::json!({
            "time": event::time::rfc3339(*time_ns),
            "node": node,
            "run": run,
            "source": "observer",
            "kind": "lost",
            "body": { "missing": missing, "stage": stage },
        })
        .to_string()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let when = event::time::rfc3339_micros(self.time_ns);
        let (missing, node, run) = (self.missing, Quoted(&self.node), self.run);
        write!(f, "{missing} events of node {node}, run {run}, were lost before {when} ({})", self.stage)
    }
}

/// Where an event stands in its run, by its sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It is the next one, or the first one seen of its run, or its program counts none.
    Next,
    /// This many events are missing right before it.
    After(u64),
    /// It came already: a publisher sends again what a server may not have got.
    Again,
}

/// The most runs that are remembered; the one that was quiet longest is forgotten first.
const MAX_RUNS: usize = 4096;

/// Follows the sequence numbers of all runs that a reader sees.
#[derive(Debug, Default)]
pub struct GapTracker {
    runs: HashMap<(Arc<str>, u64), Run>,
    /// Events seen, for the age of runs.
    clock: u64,
    /// The clock when [`Self::skip`] was called.
    skipped: u64,
    /// Nodes of whose events some are left out on purpose, since an archive that does not have all of them is published again.
    selected: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct Run {
    last_sequence: u64,
    last_seen: u64,
    /// It began to be seen when some of the node's events were left out: numbers that are missing were not lost.
    is_selected: bool,
}

impl GapTracker {
    /// Notes an event, and returns whether any are missing before it.
    pub fn note(&mut self, record: &Record) -> Position {
        let envelope = record.envelope();
        if envelope.run == 0 {
            if envelope.kind == Kind::Selection && self.selected.len() < MAX_RUNS {
                self.selected.insert(Arc::clone(&envelope.node));
            }
            return Position::Next;
        }
        if let Some(last_sequence) = last_sequence(record) {
            return match self.advance(envelope, last_sequence) {
                Some(missing) if missing > 0 => Position::After(missing),
                _ => Position::Next,
            };
        }
        match (envelope.sequence, self.advance(envelope, envelope.sequence)) {
            (0, _) => Position::Next,
            (_, None) => Position::Again,
            (_, Some(0 | 1)) => Position::Next,
            (_, Some(steps)) => Position::After(steps - 1),
        }
    }

    /// Takes the next event of each run that is known for the one that was to come: what is missing before it was noticed in another way.
    pub fn skip(&mut self) {
        self.skipped = self.clock;
    }

    /// Moves a run on to a sequence number, and returns by how many. None if the run is there or beyond already;
    /// 0 if it was not known.
    fn advance(&mut self, envelope: &Envelope, sequence: u64) -> Option<u64> {
        self.clock += 1;
        let key = (Arc::clone(&envelope.node), envelope.run);
        let Some(run) = self.runs.get_mut(&key) else {
            self.forget_oldest();
            let is_selected = self.selected.contains(&envelope.node);
            self.runs.insert(key, Run { last_sequence: sequence, last_seen: self.clock, is_selected });
            return Some(0);
        };
        let is_skipped = run.is_selected || run.last_seen <= self.skipped;
        run.last_seen = self.clock;
        let steps = sequence.checked_sub(run.last_sequence).filter(|steps| *steps > 0)?;
        run.last_sequence = sequence;
        Some(if is_skipped { 0 } else { steps })
    }

    fn forget_oldest(&mut self) {
        if self.runs.len() < MAX_RUNS {
            return;
        }
        let oldest = self.runs.iter().min_by_key(|(_, run)| run.last_seen).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.runs.remove(&oldest);
        }
    }
}

/// The sequence number that a status gives of the last event before it; none for other events.
fn last_sequence(record: &Record) -> Option<u64> {
    if record.envelope().kind != Kind::Status {
        return None;
    }
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) })) => {
            Some(status.last_sequence)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::pb::observer::{Selection, Status};
    use event::pb::rpc_extractor::Rpc;
    use event::pb::rpc_extractor::rpc::RpcEvent;
    use proptest::prelude::*;

    fn event(node: &str, run: u64, sequence: u64) -> Record {
        let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(1)) });
        Record::new(node.into(), run, sequence, 0, body)
    }

    fn status(run: u64, last_sequence: u64) -> Record {
        let status = Status { last_sequence, ..Status::default() };
        let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) });
        Record::new("a".into(), run, 0, 0, body)
    }

    proptest! {
        /// Whatever is dropped or sent again, received + missing = published, from the first received one on.
        #[test]
        fn received_and_missing_add_up(kept in prop::collection::vec(0u8..3, 1..300)) {
            let mut tracker = GapTracker::default();
            let (mut received, mut missing, mut first) = (0, 0, None);
            for (sequence, copies) in (1u64..).zip(&kept) {
                for _ in 0..*copies {
                    match tracker.note(&event("a", 7, sequence)) {
                        Position::Next => received += 1,
                        Position::After(n) => { received += 1; missing += n; }
                        Position::Again => {}
                    }
                    first.get_or_insert(sequence);
                }
            }
            if let Some(first) = first {
                let last = kept.iter().rposition(|copies| *copies > 0).unwrap() as u64 + 1;
                prop_assert_eq!(received + missing, last - first + 1);
            }
        }
    }

    #[test]
    fn a_status_shows_a_loss_that_no_later_event_shows() {
        let mut tracker = GapTracker::default();
        assert_eq!(tracker.note(&status(1, 3)), Position::Next, "what was before we joined is no loss");
        assert_eq!(tracker.note(&event("a", 1, 4)), Position::Next);
        assert_eq!(tracker.note(&status(1, 4)), Position::Next);
        assert_eq!(tracker.note(&status(1, 9)), Position::After(5));
        assert_eq!(tracker.note(&status(1, 9)), Position::Next);
        assert_eq!(tracker.note(&event("a", 1, 10)), Position::Next);
        assert_eq!(tracker.note(&event("a", 1, 12)), Position::After(1));
        tracker.skip();
        assert_eq!(tracker.note(&event("a", 1, 12)), Position::Again);
        tracker.skip();
        assert_eq!(tracker.note(&event("a", 1, 20)), Position::Next, "what is missing is known already");
        assert_eq!(tracker.note(&event("a", 1, 22)), Position::After(1));
    }

    #[test]
    fn what_was_left_out_on_purpose_is_no_loss() {
        let mut tracker = GapTracker::default();
        assert_eq!(tracker.note(&event("a", 1, 1)), Position::Next);
        let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Selection(Selection::default())) });
        assert_eq!(tracker.note(&Record::new("a".into(), 0, 0, 0, body)), Position::Next);
        for (node, run, expected) in
            [("a", 2, Position::Next), ("b", 1, Position::After(7)), ("a", 1, Position::After(7))]
        {
            tracker.note(&event(node, run, 1));
            assert_eq!(tracker.note(&event(node, run, 9)), expected, "{node} {run}");
        }
        assert_eq!(tracker.note(&event("a", 2, 9)), Position::Again);
    }

    #[test]
    fn runs_and_nodes_are_counted_apart_and_bounded() {
        let mut tracker = GapTracker::default();
        assert_eq!(tracker.note(&event("a", 1, 5)), Position::Next, "joining late is no loss");
        assert_eq!(tracker.note(&event("b", 1, 9)), Position::Next);
        assert_eq!(tracker.note(&event("a", 2, 1)), Position::Next);
        assert_eq!(tracker.note(&event("a", 1, 8)), Position::After(2));
        assert_eq!(tracker.note(&event("a", 1, 8)), Position::Again);
        assert_eq!(tracker.note(&event("", 0, 0)), Position::Next, "programs that count nothing");
        for run in 100..100 + 2 * MAX_RUNS as u64 {
            tracker.note(&event("a", run, 1));
        }
        assert_eq!(tracker.runs.len(), MAX_RUNS);
    }
}
