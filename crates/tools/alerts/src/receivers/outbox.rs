//! What a receiver is to be informed of, and what it knows: each alert waits once at most, and nothing is sent that is known.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use event::pb::alerts::{Alert, State};
use tokio::time::Instant;

/// Alerts that wait at most; then the oldest is dropped.
pub(super) const CAPACITY: usize = 1_000;
/// From so many alerts that wait on, a message has alerts of several incidents.
const CROWDED: usize = 10;

/// What a receiver is to be informed of.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Entry>,
    /// Alerts that are being sent.
    in_flight: Vec<Entry>,
    /// Open alerts that the receiver knows, as they are now.
    known: BTreeMap<String, Arc<Alert>>,
}

#[derive(Clone, Debug)]
struct Entry {
    alert: Arc<Alert>,
    since: Instant,
}

/// Whether people do not want an alert to be sent now.
pub(super) type IsQuiet<'a> = &'a dyn Fn(&Alert) -> bool;

/// What became of an alert.
#[derive(Debug, PartialEq)]
pub(super) enum Noted {
    /// The receiver has nothing to be informed of.
    Nothing,
    /// It waits. Another one may have been dropped for it.
    Waits { dropped: Option<Arc<Alert>> },
    /// It is over, and the receiver is not informed of that.
    Over,
}

/// How alerts are put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grouping {
    /// Alerts of a message at most.
    pub most: usize,
    /// How long the first one waits for others of its incident; none: all that wait are sent together, at once.
    pub wait: Option<Duration>,
}

/// What is to be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// These, now.
    Now(Vec<Arc<Alert>>),
    /// Something, at that time.
    At(Instant),
    /// Nothing.
    Nothing,
}

impl Outbox {
    /// Takes the state of an alert. `ends`: the receiver is informed when one is over. `is_quiet`: people do not want it to
    /// be sent now.
    pub fn note(&mut self, alert: &Arc<Alert>, ends: bool, is_quiet: IsQuiet, now: Instant) -> Noted {
        let waiting = self.queue.iter().position(|entry| entry.alert.id == alert.id);
        let was_quiet = waiting.and_then(|index| self.queue.get(index)).is_some_and(|entry| is_quiet(&entry.alert));
        let in_flight = self.in_flight.iter().find(|sent| sent.alert.id == alert.id).map(|sent| sent.alert.state());
        let known = in_flight.or_else(|| self.known.contains_key(&alert.id).then_some(State::Open));
        if let Some(known) = self.known.get_mut(&alert.id) {
            *known = Arc::clone(alert);
        }
        match (alert.state(), known) {
            (State::Open, Some(State::Open)) | (State::Resolved, Some(State::Resolved)) => {
                // What was to be sent in between is no longer so.
                waiting.map(|index| self.queue.remove(index));
                Noted::Nothing
            }
            (State::Resolved, Some(State::Open)) if !ends => {
                self.known.remove(&alert.id);
                Noted::Over
            }
            (State::Resolved, None) if waiting.is_none() || was_quiet => {
                waiting.map(|index| self.queue.remove(index));
                Noted::Over
            }
            _ => self.enqueue(alert, waiting, is_quiet, now),
        }
    }

    fn enqueue(&mut self, alert: &Arc<Alert>, waiting: Option<usize>, is_quiet: IsQuiet, now: Instant) -> Noted {
        if let Some(entry) = waiting.and_then(|index| self.queue.get_mut(index)) {
            // As long as nothing else is to be said, what is sent again is the same.
            if entry.alert.state() != alert.state() || entry.alert.nodes != alert.nodes {
                entry.alert = Arc::clone(alert);
            }
            return Noted::Waits { dropped: None };
        }
        self.queue.push_back(Entry { alert: Arc::clone(alert), since: now });
        // The oldest of those that nobody wants now, or else the oldest.
        let dispensable = || self.queue.iter().position(|entry| is_quiet(&entry.alert)).unwrap_or(0);
        let dropped = (self.queue.len() > CAPACITY).then(dispensable).and_then(|index| self.queue.remove(index));
        if let Some(dropped) = &dropped {
            self.settle(&dropped.alert);
        }
        Noted::Waits { dropped: dropped.map(|entry| entry.alert) }
    }

    /// Takes over what was so when the process ended. `known`: the receiver knows that it is open.
    pub fn restore(&mut self, alert: Arc<Alert>, known: bool, now: Instant) {
        if known {
            self.known.insert(alert.id.clone(), Arc::clone(&alert));
        }
        if (!known || alert.state() == State::Resolved) && self.queue.len() < CAPACITY {
            self.queue.push_back(Entry { alert, since: now });
        }
    }

    /// What is to be sent next. It stays in flight until [`Self::sent`]. What is quiet waits.
    pub fn next(&mut self, grouping: Grouping, is_quiet: IsQuiet, now: Instant) -> Next {
        let mut wanted = self.queue.iter().filter(|entry| !is_quiet(&entry.alert));
        let Some(first) = wanted.next() else { return Next::Nothing };
        let (incident, until) = (first.alert.incident.clone(), first.since + grouping.wait.unwrap_or_default());
        if until > now {
            return Next::At(until);
        }
        let all = grouping.wait.is_none() || wanted.count() >= CROWDED;
        let mut taken = Vec::new();
        // Those of the incident first.
        for same in [true, false] {
            self.queue.retain(|entry| {
                let fits = if same { entry.alert.incident == incident } else { all };
                let takes = taken.len() < grouping.most && fits && !is_quiet(&entry.alert);
                if takes {
                    taken.push(entry.clone());
                }
                !takes
            });
        }
        let alerts = taken.iter().map(|entry| Arc::clone(&entry.alert)).collect();
        self.in_flight = taken;
        Next::Now(alerts)
    }

    /// The first so many of what is in flight were sent, or never will be. The others wait again, before all that came since.
    pub fn sent(&mut self, count: usize) -> Vec<Arc<Alert>> {
        let mut sent = std::mem::take(&mut self.in_flight);
        for entry in sent.split_off(count.min(sent.len())).into_iter().rev() {
            if !self.queue.iter().any(|waiting| waiting.alert.id == entry.alert.id) {
                self.queue.push_front(entry);
            }
        }
        let sent: Vec<_> = sent.into_iter().map(|entry| entry.alert).collect();
        sent.iter().for_each(|alert| self.settle(alert));
        sent
    }

    /// From now on, the receiver knows the state of an alert, or never will.
    fn settle(&mut self, alert: &Arc<Alert>) {
        match alert.state() {
            State::Open => drop(self.known.insert(alert.id.clone(), Arc::clone(alert))),
            State::Resolved => drop(self.known.remove(&alert.id)),
        }
    }

    /// Open alerts that the receiver knows.
    pub fn known(&self) -> Vec<Arc<Alert>> {
        self.known.values().cloned().collect()
    }

    /// How many alerts wait to be sent.
    pub fn waiting(&self, is_quiet: IsQuiet) -> usize {
        self.queue.iter().filter(|entry| !is_quiet(&entry.alert)).count() + self.in_flight.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: &str, incident: &str, state: State) -> Arc<Alert> {
        Arc::new(Alert { id: id.into(), incident: incident.into(), state: state.into(), ..Alert::default() })
    }

    const ALL: Grouping = Grouping { most: 3, wait: None };
    const WANTED: IsQuiet = &|_| false;
    const ONE: Grouping = Grouping { most: 3, wait: Some(Duration::ZERO) };

    fn ids(next: &Next) -> Vec<String> {
        match next {
            Next::Now(alerts) => {
                alerts.iter().map(|alert| format!("{} {}", alert.id, alert.state().as_str_name())).collect()
            }
            Next::At(_) | Next::Nothing => Vec::new(),
        }
    }

    #[tokio::test]
    async fn each_state_is_sent_once() {
        let (now, mut outbox) = (Instant::now(), Outbox::default());
        let (open, over) = (alert("1", "1", State::Open), alert("1", "1", State::Resolved));
        outbox.note(&open, true, WANTED, now);
        outbox.note(&open, true, WANTED, now);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["1 OPEN"]);
        // It ends and begins again while that is on its way: nothing is to be said.
        outbox.note(&over, true, WANTED, now);
        outbox.note(&open, true, WANTED, now);
        outbox.sent(1);
        assert_eq!(outbox.next(ALL, WANTED, now), Next::Nothing);
        outbox.note(&over, true, WANTED, now);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["1 RESOLVED"]);
        outbox.sent(1);
        assert_eq!((outbox.note(&over, true, WANTED, now), outbox.known()), (Noted::Over, Vec::new()));
        // It begins again later.
        outbox.note(&open, true, WANTED, now);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["1 OPEN"]);
        outbox.sent(1);
        assert_eq!(outbox.note(&over, false, WANTED, now), Noted::Over, "it is not to be informed");
        // What was over before it could be sent is sent as that.
        outbox.note(&alert("2", "2", State::Open), true, WANTED, now);
        outbox.note(&alert("2", "2", State::Resolved), false, WANTED, now);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["2 RESOLVED"]);
    }

    #[tokio::test]
    async fn what_is_quiet_waits_and_is_forgotten_if_it_ends_before() {
        let (now, mut outbox) = (Instant::now(), Outbox::default());
        let quiet: IsQuiet = &|alert| alert.incident == "q";
        let states = |id| (alert(id, "q", State::Open), alert(id, "q", State::Resolved));
        let ((first, first_over), (second, second_over)) = (states("1"), states("2"));
        outbox.note(&first, true, quiet, now);
        outbox.note(&alert("3", "3", State::Open), true, quiet, now);
        assert_eq!((outbox.waiting(quiet), ids(&outbox.next(ALL, quiet, now))), (1, vec!["3 OPEN".to_owned()]));
        outbox.sent(1);
        assert_eq!((outbox.waiting(quiet), outbox.next(ALL, quiet, now)), (0, Next::Nothing));
        // One ends before the silence does, the other one does not.
        outbox.note(&second, true, quiet, now);
        assert_eq!(outbox.note(&second_over, true, quiet, now), Noted::Over);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["1 OPEN"]);
        outbox.sent(1);
        // That one that is known is over waits for the end of the silence.
        outbox.note(&first_over, true, quiet, now);
        assert_eq!(outbox.next(ALL, quiet, now), Next::Nothing);
        assert_eq!(ids(&outbox.next(ALL, WANTED, now)), ["1 RESOLVED"]);
    }

    #[tokio::test]
    async fn alerts_of_an_incident_are_sent_together() {
        let (now, mut outbox) = (Instant::now(), Outbox::default());
        for (id, incident) in [("1", "1"), ("2", "2"), ("3", "1")] {
            outbox.note(&alert(id, incident, State::Open), true, WANTED, now);
        }
        let later = Grouping { wait: Some(Duration::from_secs(5)), ..ONE };
        assert_eq!(outbox.next(later, WANTED, now), Next::At(now + Duration::from_secs(5)));
        assert_eq!(ids(&outbox.next(ONE, WANTED, now)), ["1 OPEN", "3 OPEN"]);
        // There was room for one only.
        outbox.sent(1);
        assert_eq!(outbox.waiting(WANTED), 2);
        assert_eq!(ids(&outbox.next(ONE, WANTED, now)), ["3 OPEN"]);
        outbox.sent(1);
        assert_eq!(ids(&outbox.next(ONE, WANTED, now)), ["2 OPEN"]);
        outbox.sent(1);
        // If many wait, messages have alerts of several.
        for number in 0..=CAPACITY {
            let Noted::Waits { dropped } =
                outbox.note(&alert(&format!("n{number}"), "", State::Open), true, WANTED, now)
            else {
                panic!("it waits");
            };
            assert_eq!(dropped.is_some(), number == CAPACITY, "the oldest is dropped");
        }
        assert_eq!(ids(&outbox.next(ONE, WANTED, now)), ["n1 OPEN", "n2 OPEN", "n3 OPEN"]);
    }
}
