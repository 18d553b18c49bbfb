//! Events that are not in the archive, by run, until there is room to say so.

use std::collections::HashMap;
use std::sync::Arc;

use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Gap, Observer};
use event::{Body, Record};

/// Runs that are counted apart; the events of others are counted together, of no run.
const MAX_RUNS: usize = 1024;

/// Events that are missing.
#[derive(Default)]
pub(crate) struct Gaps(HashMap<(Arc<str>, u64), Missing>);

#[derive(Default)]
struct Missing {
    events: u64,
    last_ns: u64,
}

impl Gaps {
    /// An event could not be kept.
    pub fn note(&mut self, record: &Record) {
        let envelope = record.envelope();
        let run = if self.0.len() < MAX_RUNS { envelope.run } else { 0 };
        let missing = self.0.entry((Arc::clone(&envelope.node), run)).or_default();
        missing.events += 1;
        missing.last_ns = missing.last_ns.max(envelope.time_ns);
    }

    /// The events that say what is missing, and why; then nothing is any more.
    pub fn take(&mut self, reason: &str) -> Vec<Record> {
        let gaps = std::mem::take(&mut self.0);
        let record = |((node, run), missing): ((Arc<str>, u64), Missing)| {
            record(node, run, missing.events, missing.last_ns, "archive", Some(reason))
        };
        gaps.into_iter().map(record).collect()
    }
}

/// The event that says that events are missing before it.
pub(crate) fn record(
    node: Arc<str>,
    run: u64,
    missing: u64,
    time_ns: u64,
    stage: &str,
    reason: Option<&str>,
) -> Record {
    let of_run = (run != 0).then_some(run);
    let gap = Gap { missing, of_run, stage: stage.to_owned(), reason: reason.map(str::to_owned) };
    let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Gap(gap)) });
    Record::new(node, 0, 0, time_ns, body)
}
