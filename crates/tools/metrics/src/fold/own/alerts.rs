//! What the tool `alerts` found.

use std::collections::HashMap;

use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, State};
use event::text::severity_name;
use event::{Body, Record};

use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Alerts that are remembered: more than that can be open. Those that are over are forgotten first.
const MAX_ALERTS: usize = 20_000;

/// Alerts by their ids, and whether they are open.
#[derive(Debug, Default)]
pub(super) struct Alerts(HashMap<String, bool>);

impl Observer<Store> for Alerts {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(Body::Alerts(alerts)) = record.body()
            && let Some(AlertsEvent::Alert(alert)) = &alerts.alerts_event
        {
            self.alert(alert, context.sink);
        }
    }
}

impl Alerts {
    fn alert(&mut self, alert: &Alert, store: &mut Store) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if alert.detector.len() > 64 || !alert.detector.chars().all(is_name) {
            return;
        }
        if self.0.len() >= MAX_ALERTS {
            self.0.retain(|_, is_open| *is_open);
        }
        if self.0.len() >= MAX_ALERTS && !self.0.contains_key(&alert.id) {
            return;
        }
        let labels = [alert.detector.as_str(), severity_name(alert.severity())];
        let is_open = alert.state() == State::Open;
        let was_open = self.0.insert(alert.id.clone(), is_open);
        // One that opened before this tool began is open, and was not raised now.
        if is_open && (was_open == Some(false) || was_open.is_none() && alert.updates == 0) {
            store.inc(ids::ALERTS_RAISED, &labels);
        }
        if !is_open && was_open != Some(false) {
            store.inc(ids::ALERTS_RESOLVED, &labels);
        }
        let change = f64::from(u8::from(is_open)) - f64::from(u8::from(was_open == Some(true)));
        let open = store.get(ids::ALERTS_OPEN, &labels).unwrap_or(0.0);
        store.set(ids::ALERTS_OPEN, &labels, (open + change).max(0.0));
    }
}
