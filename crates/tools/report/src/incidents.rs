//! Incidents by the alert events of archives.

use std::collections::HashMap;

use alert_state::Incident;
use event::filter::Kinds;
use event::pb::alerts::Alert;
use event::pb::alerts::alerts::AlertsEvent;
use event::{Body, Filter, Kind};
use store::archive::{Archive, ArchiveError, Place};

/// Alerts that are kept of archives; of more, those that ended first are forgotten.
const MAX_ALERTS: usize = 10_000;

/// All incidents that archives have, those with the latest alerts first. Only parts with alerts are read.
///
/// # Errors
/// An archive cannot be opened.
pub fn incidents(places: &[Place]) -> Result<Vec<Incident>, ArchiveError> {
    let filter = Filter { kinds: vec![Kinds::One(Kind::Alert)], ..Filter::default() };
    let mut alerts: HashMap<String, Alert> = HashMap::new();
    for place in places {
        for record in Archive::open(place.clone())?.records(filter.clone()).filter_map(Result::ok) {
            let Some(Body::Alerts(event)) = record.body() else { continue };
            let Some(AlertsEvent::Alert(alert)) = &event.alerts_event else { continue };
            let is_older = |known: &Alert| (known.updates, known.last_ns) > (alert.updates, alert.last_ns);
            if alerts.get(&alert.id).is_some_and(is_older) {
                continue;
            }
            alerts.insert(alert.id.clone(), alert.clone());
            if alerts.len() > MAX_ALERTS * 2 {
                forget(&mut alerts);
            }
        }
    }
    forget(&mut alerts);
    let mut incidents: HashMap<String, Vec<Alert>> = HashMap::new();
    alerts.into_values().for_each(|alert| incidents.entry(alert.incident.clone()).or_default().push(alert));
    let incident = |(id, mut alerts): (String, Vec<Alert>)| {
        alerts.sort_by(|one, other| (one.since_ns, &one.id).cmp(&(other.since_ns, &other.id)));
        Incident { id: id.into(), alerts, acknowledged: None, notes: Vec::new() }
    };
    let mut incidents: Vec<Incident> = incidents.into_iter().map(incident).collect();
    let latest = |incident: &Incident| incident.alerts.iter().map(|alert| alert.last_ns).max();
    incidents.sort_by(|one, other| (latest(other), &other.id).cmp(&(latest(one), &one.id)));
    Ok(incidents)
}

/// Forgets all but the latest.
fn forget(alerts: &mut HashMap<String, Alert>) {
    if alerts.len() <= MAX_ALERTS {
        return;
    }
    let mut times: Vec<u64> = alerts.values().map(|alert| alert.last_ns).collect();
    times.sort_unstable();
    let limit = times.get(times.len() - MAX_ALERTS).copied().unwrap_or_default();
    alerts.retain(|_, alert| alert.last_ns >= limit);
}
