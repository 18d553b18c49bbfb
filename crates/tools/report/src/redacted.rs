//! What is shared: as the public may see it.

use alert_state::Incident;
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Alerts};
use event::{Body, Record};
use redact::Redactor;

use crate::gather::Facts;
use crate::scope::Scope;

/// The names under which nodes are shown, in place of their own; those that are not shown are left out.
pub(crate) fn name(redactor: &Redactor, scope: &mut Scope, facts: Option<&mut Facts>) {
    let name = |node: &str| redactor.name(node);
    scope.nodes = scope.nodes.iter().filter_map(|node| name(node).map(|name| name.to_string())).collect();
    let Some(facts) = facts else { return };
    facts.hosts.rename(name);
    facts.lines.rename(name);
}

/// An incident without what people noted, which may name anything.
pub(crate) fn incident(redactor: &mut Redactor, incident: &Incident) -> Incident {
    let alerts: Vec<Alert> = incident.alerts.iter().filter_map(|alert| public(redactor, alert)).collect();
    let id = alerts.first().map(|alert| alert.incident.as_str().into()).unwrap_or_default();
    Incident { id, alerts, acknowledged: None, notes: Vec::new() }
}

fn public(redactor: &mut Redactor, alert: &Alert) -> Option<Alert> {
    let shown = alert.nodes.iter().find(|node| redactor.name(node).is_some());
    let node = shown.or(alert.nodes.first()).map(String::as_str).unwrap_or_default();
    let body = Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(alert.clone())) });
    let record = redactor.redact(&Record::new(node.into(), 0, 0, alert.last_ns, body))?;
    match record.body()? {
        Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(alert)) }) => Some(alert.clone()),
        _ => None,
    }
}
