//! Alerts, as far as they came as events or are in the database, and the events that prove them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert_state::Watching;
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Severity, State};
use event::{Body, Kind, Record};

use super::evidence::{Proof, Recent};

/// Alerts that are known at most.
pub(crate) const MAX_ALERTS: usize = 1_000;

/// All alerts.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    known: BTreeMap<String, Known>,
    recent: Recent,
    /// What looks for alerts; none if that is not known.
    pub watching: Option<Watching>,
}

/// An alert.
#[derive(Debug)]
pub(crate) struct Known {
    /// As it is now.
    pub alert: Alert,
    /// The events that prove it, with some around them, as far as they were seen: by time.
    pub proof: Vec<Proof>,
}

/// Alerts that have one cause.
#[derive(Debug)]
pub(crate) struct Incident<'a> {
    pub id: &'a str,
    /// The first of them.
    pub first: &'a Known,
    /// The most severe of them, of which an open one comes before others, and an early one before later ones.
    pub worst: &'a Known,
    /// All of them, oldest first.
    pub alerts: Vec<&'a Known>,
}

impl<'a> Incident<'a> {
    fn of(id: &'a str, mut alerts: Vec<&'a Known>) -> Option<Self> {
        alerts.sort_by(|a, b| (a.alert.since_ns, &a.alert.id).cmp(&(b.alert.since_ns, &b.alert.id)));
        let rank = |known: &Known| (known.alert.severity(), known.alert.state() == State::Open);
        let first = *alerts.first()?;
        let worst = alerts.iter().rev().max_by_key(|known| rank(known))?;
        Some(Self { id, first, worst, alerts })
    }

    /// The alerts themselves.
    pub fn all(&self) -> impl Iterator<Item = &'a Alert> {
        self.alerts.iter().map(|known| &known.alert)
    }

    /// Whether one of them is open.
    pub fn is_open(&self) -> bool {
        self.all().any(|alert| alert.state() == State::Open)
    }

    /// When one of them last opened or was resolved, nanoseconds since the UNIX epoch.
    pub fn changed_ns(&self) -> u64 {
        self.all().map(|alert| alert.resolved_ns.unwrap_or(alert.since_ns)).max().unwrap_or_default()
    }

    /// Nodes at which any was seen.
    pub fn nodes(&self) -> Vec<String> {
        let mut nodes: Vec<String> = self.all().flat_map(|alert| alert.nodes.iter().cloned()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

impl Alerts {
    /// Takes an event: an alert, or what may prove one.
    pub fn fold(&mut self, record: &Arc<Record>) {
        if record.envelope().kind != Kind::Alert {
            self.recent.take(record);
        } else if let Some(Body::Alerts(alerts)) = record.body()
            && let Some(AlertsEvent::Alert(alert)) = &alerts.alerts_event
        {
            self.take(alert.clone());
        }
    }

    /// Takes an alert, unless it is known as it was later.
    pub fn take(&mut self, alert: Alert) {
        let newest = |alert: &Alert| (alert.updates, alert.last_ns, alert.resolved_ns);
        let mut proof = match self.known.get_mut(&alert.id) {
            Some(known) if newest(&known.alert) > newest(&alert) => {
                // An event of the past: what proves it may have come with it.
                self.recent.find(&known.alert.evidence, &mut known.proof);
                return;
            }
            Some(known) => std::mem::take(&mut known.proof),
            None => Vec::new(),
        };
        self.recent.find(&alert.evidence, &mut proof);
        self.known.insert(alert.id.clone(), Known { alert, proof });
        if self.known.len() > MAX_ALERTS {
            let worth = |known: &Known| (known.alert.state() == State::Open, known.alert.last_ns);
            let least = self.known.values().min_by_key(|known| worth(known)).map(|known| known.alert.id.clone());
            least.map(|id| self.known.remove(&id));
        }
    }

    /// All of them by what has one cause: what is open first, the most severe before others, then what changed last.
    pub fn incidents(&self) -> Vec<Incident<'_>> {
        let mut by_id: BTreeMap<&str, Vec<&Known>> = BTreeMap::new();
        for known in self.known.values() {
            by_id.entry(&known.alert.incident).or_default().push(known);
        }
        let mut incidents: Vec<_> = by_id.into_iter().filter_map(|(id, alerts)| Incident::of(id, alerts)).collect();
        let severity = |incident: &Incident| incident.is_open().then(|| incident.worst.alert.severity());
        incidents.sort_by_key(|incident| std::cmp::Reverse((severity(incident), incident.changed_ns())));
        incidents
    }

    /// How many are open of a severity. None if it is not known whether anything looks for alerts.
    pub fn open(&self, severity: Severity) -> Option<u64> {
        let is_it = |alert: &Alert| alert.state() == State::Open && alert.severity() == severity;
        let count = self.known.values().filter(|known| is_it(&known.alert)).count() as u64;
        (self.watching.is_some() || !self.known.is_empty()).then_some(count)
    }
}
