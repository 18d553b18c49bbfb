//! Events that wait until their unit of time is over, and the delay after it: who gets them learns no more of when something happened than their
//! times say.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use event::time::nanoseconds;
use event::{Kind, Record};

/// What an event takes in memory besides its bytes.
const OVERHEAD: usize = 256;

/// Events that wait, in their order.
#[derive(Debug)]
pub(crate) struct Hold {
    unit_ns: u64,
    delay_ns: u64,
    max_bytes: usize,
    held: VecDeque<(u64, Arc<Record>)>,
    bytes: usize,
}

impl Hold {
    /// Holds events until a unit of time (none if zero) is over, and a delay after that; as long as they take no more than so many bytes.
    pub fn new(unit: Duration, delay: Duration, max_bytes: usize) -> Self {
        let (unit_ns, delay_ns) = (nanoseconds(unit), nanoseconds(delay));
        Self { unit_ns, delay_ns, max_bytes, held: VecDeque::new(), bytes: 0 }
    }

    /// Takes an event that came at this time. Returns whether there was room for it. Statuses, of which there are few, have as much room again for
    /// themselves.
    pub fn put(&mut self, record: Arc<Record>, now_ns: u64) -> bool {
        let size = record.bytes().len() + OVERHEAD;
        let is_status = record.envelope().kind == Kind::Status;
        let max_bytes = self.max_bytes.saturating_mul(if is_status { 2 } else { 1 });
        if self.bytes + size > max_bytes && !self.held.is_empty() {
            return false;
        }
        let end_ns = match self.unit_ns {
            0 => now_ns,
            unit_ns => (now_ns - now_ns % unit_ns).saturating_add(unit_ns),
        };
        let due_ns = end_ns.saturating_add(self.delay_ns);
        // A clock that is set back makes nothing wait longer than what comes after it.
        if self.held.back().is_some_and(|(last_ns, _)| *last_ns > due_ns) {
            self.held.iter_mut().for_each(|(ns, _)| *ns = (*ns).min(due_ns));
        }
        self.bytes += size;
        self.held.push_back((due_ns, record));
        true
    }

    /// The events whose time has come. Of the statuses of a run, the last one stays, where times are rounded.
    pub fn due(&mut self, now_ns: u64) -> Vec<Arc<Record>> {
        let mut due = Vec::new();
        while let Some((_, record)) = self.held.pop_front_if(|(due_ns, _)| *due_ns <= now_ns) {
            self.bytes = self.bytes.saturating_sub(record.bytes().len() + OVERHEAD);
            due.push(record);
        }
        if self.unit_ns == 0 {
            return due;
        }
        let is_status = |record: &Arc<Record>| record.envelope().kind == Kind::Status;
        let mut last = HashMap::new();
        for (index, record) in due.iter().enumerate().filter(|(_, record)| is_status(record)) {
            last.insert(record.envelope().run, index);
        }
        let is_last = |(index, record): &(usize, Arc<Record>)| {
            !is_status(record) || last.get(&record.envelope().run) == Some(index)
        };
        due.into_iter().enumerate().filter(is_last).map(|(_, record)| record).collect()
    }

    /// How many events wait that have a number.
    pub fn waiting(&self) -> u64 {
        self.held.iter().filter(|(_, record)| record.envelope().sequence > 0).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Body;
    use event::pb::observer::observer::ObserverEvent;
    use event::pb::observer::{Observer, Status};
    use event::pb::rpc_extractor::Rpc;
    use event::pb::rpc_extractor::rpc::RpcEvent;

    const SECOND: u64 = 1_000_000_000;

    fn event(sequence: u64) -> Arc<Record> {
        let body = match sequence {
            0 => Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(Status::default())) }),
            _ => Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(1)) }),
        };
        Arc::new(Record::new("alice".into(), 5, sequence, 7, body))
    }

    fn numbers(due: &[Arc<Record>]) -> Vec<u64> {
        due.iter().map(|record| record.envelope().sequence).collect()
    }

    #[test]
    fn events_wait_for_the_end_of_their_minute_and_the_delay() {
        let mut hold = Hold::new(Duration::from_secs(60), Duration::from_secs(5), 1 << 20);
        for (second, sequence) in [(61, 1), (62, 0), (90, 2), (119, 0), (121, 3)] {
            assert!(hold.put(event(sequence), second * SECOND));
        }
        assert_eq!(hold.waiting(), 3);
        assert!(hold.due(124 * SECOND).is_empty());
        assert_eq!(numbers(&hold.due(125 * SECOND)), [1, 2, 0], "and the last status");
        assert!(hold.due(184 * SECOND).is_empty());
        assert!(hold.put(event(4), 30 * SECOND), "a clock was set back");
        assert_eq!(numbers(&hold.due(65 * SECOND)), [3, 4]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut hold = Hold::new(Duration::ZERO, Duration::from_secs(600), 5 * OVERHEAD);
        let taken = (1..10).filter(|sequence| hold.put(event(*sequence), 1)).count();
        assert!((2..5).contains(&taken), "{taken}");
        assert!(hold.put(event(0), 1), "a status still has room");
        let statuses = (1..20).filter(|_| hold.put(event(0), 1)).count() + 1;
        assert!((2..8).contains(&statuses), "{statuses}");
        assert_eq!(hold.due(601 * SECOND).len(), taken + statuses);
        assert_eq!(hold.bytes, 0);
    }
}
