//! Alerts. Their sentences have no values in them, so those are hidden one by one.

use std::sync::Arc;

use ipnet::IpNet;

use super::{Redactor, agent, shape};
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Alerts, Number, Reference, Subject, SubjectKind, Text, TextKind};

/// Stands where pseudonyms of other things have the number of a network.
const ALERT: u32 = u32::MAX;

impl Redactor {
    pub(super) fn alerts(&mut self, alerts: &Alerts) -> Option<Alerts> {
        let Alerts { alerts_event } = alerts;
        let AlertsEvent::Alert(alert) = alerts_event.as_ref()?;
        Some(Alerts { alerts_event: Some(AlertsEvent::Alert(self.alert(alert))) })
    }

    fn alert(&mut self, alert: &Alert) -> Alert {
        let Alert {
            id,
            incident,
            detector,
            family,
            severity,
            state,
            nodes,
            subject,
            since_ns,
            last_ns,
            resolved_ns,
            score,
            sentence,
            numbers,
            texts,
            evidence,
            updates,
            more_subjects,
        } = alert;
        Alert {
            id: self.id_of_alert(id),
            incident: self.id_of_alert(incident),
            detector: self.scrubbed(shape::identifier(detector)),
            family: self.scrubbed(shape::identifier(family)),
            severity: *severity,
            state: *state,
            nodes: nodes.iter().map(|node| self.node_name(node)).collect(),
            subject: self.subject(subject),
            since_ns: self.since(*since_ns),
            last_ns: self.since(*last_ns),
            resolved_ns: resolved_ns.map(|time_ns| self.since(time_ns)),
            score: rounded(*score),
            sentence: self.scrubbed(shape::sentence(sentence)),
            numbers: numbers.iter().map(|number| self.number(number)).collect(),
            texts: texts.iter().map(|text| self.text_of_alert(text, subject.kind())).collect(),
            evidence: evidence.iter().filter_map(|reference| self.reference(reference)).collect(),
            updates: *updates,
            more_subjects: *more_subjects,
        }
    }

    fn subject(&mut self, subject: &Subject) -> Subject {
        let Subject { kind, text, node, peer_id } = subject;
        let text = match subject.kind() {
            SubjectKind::Network => String::new(),
            SubjectKind::Node => self.node_name(text),
            SubjectKind::Peer => self.addr(text),
            SubjectKind::Subnet => self.subnet(text),
            SubjectKind::As => shape::asn(text).to_owned(),
            SubjectKind::Part | SubjectKind::Series => self.scrubbed(shape::identifier(text)),
            SubjectKind::Block => self.own.hash_text(text),
            SubjectKind::Agent => agent::user_agent(text),
        };
        Subject { kind: *kind, text, node: node.as_deref().map(|node| self.node_name(node)), peer_id: *peer_id }
    }

    /// Of a subnet only what its addresses keep, a /16 or a /32: the rest differs from one pseudonym to the other.
    fn subnet(&mut self, text: &str) -> String {
        let Ok(net) = text.parse::<IpNet>() else { return String::new() };
        let most = if net.addr().is_ipv4() { 16 } else { 32 };
        let kept = IpNet::new(net.addr(), net.prefix_len().min(most));
        kept.map_or_else(|_| String::new(), |net| self.scrubbed(&net.trunc().to_string()))
    }

    /// Numbers of peers and of what they send say much of a node, so one digit of each is left.
    fn number(&self, number: &Number) -> Number {
        let Number { name, value, unit, threshold } = number;
        Number {
            name: self.scrubbed(shape::identifier(name)),
            value: rounded(*value),
            unit: self.scrubbed(shape::unit(unit)),
            threshold: threshold.map(rounded),
        }
    }

    fn text_of_alert(&mut self, text: &Text, subject: SubjectKind) -> Text {
        let Text { name, kind, value } = text;
        let value = match text.kind() {
            TextKind::Word => self.scrubbed(shape::identifier(value)),
            TextKind::Address => self.addr(value),
            // Its own.
            TextKind::UserAgent if subject == SubjectKind::Node => String::new(),
            TextKind::UserAgent => agent::user_agent(value),
            TextKind::Hash => self.own.hash_text(value),
            TextKind::Free => self.text(value),
        };
        Text { name: self.scrubbed(shape::identifier(name)), kind: *kind, value }
    }

    /// A reference to an event that was shown, as it was; none to another one.
    fn reference(&mut self, reference: &Reference) -> Option<Reference> {
        let Reference { node, run, sequence, time_ns } = reference;
        let (of, name) = (Arc::from(node.as_str()), self.name(node)?);
        let sequence = self.runs.shown(&of, *run, *sequence)?;
        let run = self.run(&of, *run);
        Some(Reference { node: name.to_string(), run, sequence, time_ns: self.at(*time_ns) })
    }

    /// An id is a hash of a subject and a time, both of which can be guessed, so another one takes its place.
    fn id_of_alert(&self, id: &str) -> String {
        hex::encode(self.pseudonyms.other(ALERT, id.as_bytes()))
    }

    /// The name of a node whose events have been seen, and so are public; "other" for anything else.
    fn node_name(&self, name: &str) -> String {
        let known = self.nodes.contains_key(name).then(|| self.name(name)).flatten();
        known.map_or_else(|| "other".to_owned(), |name| name.to_string())
    }
}

/// The number with its first digit only.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32);
    let rounded = (value / unit).round() * unit;
    // The shortest way to write it, without what binary fractions add.
    format!("{rounded:.0e}").parse().unwrap_or(rounded)
}
