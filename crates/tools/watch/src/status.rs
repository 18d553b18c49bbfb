//! Which statuses of extractors say something new to people. Each extractor sends one every second, also when nothing happens.

use std::collections::HashMap;
use std::sync::Arc;

use event::pb::observer::Status;
use event::pb::observer::observer::ObserverEvent;
use event::{Body, Kind, Record};

/// How many extractors are remembered at most. Their names come from other machines.
const MAX: usize = 10_000;

/// What each extractor of each node said last.
#[derive(Default)]
pub struct Statuses(HashMap<(Arc<str>, String), News>);

/// What can be new in a status: how the extractor finds the node, how many events were lost, and whether the run has ended.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct News {
    node: Option<i32>,
    lost: u64,
    ended: bool,
}

impl Statuses {
    /// Whether an event is a status that says what the one before said, or that nothing has happened yet.
    pub fn is_old(&mut self, record: &Record) -> bool {
        let envelope = record.envelope();
        if envelope.kind != Kind::Status {
            return false;
        }
        let Some(Body::Observer(observer)) = record.body() else { return false };
        let Some(ObserverEvent::Status(status)) = &observer.observer_event else { return false };
        if self.0.len() >= MAX {
            self.0.clear();
        }
        let before = self.0.entry((Arc::clone(&envelope.node), status.extractor.clone())).or_default();
        // Most statuses say nothing about losses.
        let news = News {
            node: status.node.as_ref().map(|node| node.state),
            lost: lost(status).max(before.lost),
            ended: status.ended,
        };
        std::mem::replace(before, news) == news
    }
}

fn lost(status: &Status) -> u64 {
    status.dropped.iter().fold(0, |sum, dropped| sum.saturating_add(dropped.count))
}

#[cfg(test)]
mod tests {
    use event::pb::observer::node_state::State;
    use event::pb::observer::{Dropped, NodeState, Observer};

    use super::*;

    #[test]
    fn a_status_is_new_when_something_happened() {
        let mut statuses = Statuses::default();
        let mut is_old = |state: Option<State>, lost: u64, ended: bool| {
            let dropped = (lost > 0).then(|| Dropped { stage: "nats".into(), reason: "full".into(), count: lost });
            let status = Status {
                extractor: "ebpf".to_owned(),
                ended,
                dropped: dropped.into_iter().collect(),
                node: state.map(|state| NodeState { state: state.into(), since_ns: 1, reason: None }),
                ..Status::default()
            };
            let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) });
            statuses.is_old(&Record::new("alice".into(), 1, 0, 1, body))
        };
        assert!(is_old(None, 0, false), "nothing is known yet");
        assert!(!is_old(Some(State::Up), 0, false));
        assert!(is_old(Some(State::Up), 0, false));
        assert!(!is_old(Some(State::Up), 2, false));
        assert!(is_old(Some(State::Up), 0, false), "one without counts");
        assert!(!is_old(Some(State::Gone), 2, false));
        assert!(!is_old(Some(State::Gone), 2, true));
    }
}
