//! What a reader gets before its first live event: what happened before it began, from an archive.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Envelope;
use tokio::sync::mpsc::Receiver;

use crate::gaps::Loss;
use crate::queue::Delivery;

/// So long after its end, nothing that waited in the queue meanwhile can be there any more.
const OVERLAP: Duration = Duration::from_secs(60);
/// Runs that are remembered at most; of others, events may come twice.
const MAX_RUNS: usize = 4_096;

/// Events of the past, and what must be known of them to go on with live ones.
pub(crate) struct History {
    deliveries: Option<Receiver<Vec<Delivery>>>,
    /// Everything was recorded, so that sequence numbers that are missing were lost.
    is_complete: bool,
    runs: HashMap<(Arc<str>, u64), Last>,
    ended: Option<Instant>,
}

/// The last that was recorded of a run.
struct Last {
    sequence: u64,
    time_ns: u64,
    /// A live event came after it.
    is_over: bool,
}

impl History {
    pub(crate) fn new(deliveries: Receiver<Vec<Delivery>>, is_complete: bool) -> Self {
        Self { deliveries: Some(deliveries), is_complete, runs: HashMap::new(), ended: None }
    }

    /// The next events of the past; none after the last ones. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Vec<Delivery>> {
        let next = self.deliveries.as_mut()?.recv().await;
        match &next {
            Some(deliveries) => deliveries.iter().for_each(|delivery| self.note(delivery)),
            None => {
                self.deliveries = None;
                self.ended = Some(Instant::now());
            }
        }
        next
    }

    /// There is more of the past.
    pub(crate) fn is_reading(&self) -> bool {
        self.deliveries.is_some()
    }

    /// Nothing of it can come again.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed() > OVERLAP)
    }

    fn note(&mut self, delivery: &Delivery) {
        let Delivery::Event(record) = delivery else { return };
        let Envelope { node, run, sequence, time_ns, .. } = record.envelope();
        let key = (Arc::clone(node), *run);
        if self.runs.len() >= MAX_RUNS && !self.runs.contains_key(&key) {
            return;
        }
        let last = self.runs.entry(key).or_insert(Last { sequence: 0, time_ns: 0, is_over: false });
        last.sequence = last.sequence.max(*sequence);
        last.time_ns = last.time_ns.max(*time_ns);
    }

    /// Removes live events that were among those of the past, and puts in what is missing between both. Returns how many were removed.
    pub(crate) fn join(&mut self, live: &mut VecDeque<Delivery>) -> u64 {
        let mut removed = 0;
        if self.runs.is_empty() {
            return removed;
        }
        let mut joined = VecDeque::with_capacity(live.len());
        for delivery in live.drain(..) {
            if let Delivery::Event(record) = &delivery {
                let Envelope { node, run, sequence, time_ns, .. } = record.envelope();
                if let Some(last) = self.runs.get_mut(&(Arc::clone(node), *run)) {
                    let is_known = match sequence {
                        0 => *time_ns <= last.time_ns,
                        sequence => *sequence <= last.sequence,
                    };
                    if is_known {
                        removed += 1;
                        continue;
                    }
                    if *sequence > 0 && !std::mem::replace(&mut last.is_over, true) {
                        let missing = sequence.saturating_sub(last.sequence).saturating_sub(1);
                        if self.is_complete && last.sequence > 0 && missing > 0 {
                            let (node, run, time_ns) = (Arc::clone(node), *run, *time_ns);
                            joined.push_back(Delivery::Lost(Arc::new(Loss {
                                node,
                                run,
                                missing,
                                time_ns,
                                stage: "history",
                            })));
                        }
                    }
                }
            }
            joined.push_back(delivery);
        }
        *live = joined;
        removed
    }
}
