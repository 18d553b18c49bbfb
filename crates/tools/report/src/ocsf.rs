//! OCSF: a Detection Finding (class 2004) for each alert, as a line of JSON.

use std::net::IpAddr;

use event::filter::ip_of;
use event::pb::alerts::{Alert, Severity, State, SubjectKind};
use event::text::{Sentence, SubjectText};
use serde_json::{Map, Value, json};

use crate::Report;

/// The version of the schema.
pub(crate) const VERSION: &str = "1.8.0";
const CLASS: u32 = 2004;
/// Kinds of observables.
const IP_ADDRESS: (u32, &str) = (2, "IP Address");
const HASH: (u32, &str) = (8, "Hash");
const SUBNET: (u32, &str) = (12, "Subnet");
const USER_AGENT: (u32, &str) = (16, "HTTP User-Agent");
const OTHER: (u32, &str) = (99, "Other");

/// All findings.
pub(crate) fn ocsf(report: &Report) -> String {
    report.incident.alerts.iter().map(|alert| format!("{}\n", finding(report, alert))).collect()
}

fn finding(report: &Report, alert: &Alert) -> Value {
    let (activity, activity_name) = match (alert.state(), alert.updates) {
        (State::Resolved, _) => (3, "Close"),
        (State::Open, 0) => (1, "Create"),
        (State::Open, _) => (2, "Update"),
    };
    let (severity, severity_name) = match alert.severity() {
        Severity::Info => (1, "Informational"),
        Severity::Warning => (3, "Medium"),
        Severity::Critical => (5, "Critical"),
    };
    let is_silenced = || report.silences.iter().any(|silence| silence.matcher.matches(alert));
    let (status, status_name) = match alert.state() {
        State::Resolved => (4, "Resolved"),
        State::Open if is_silenced() => (3, "Suppressed"),
        State::Open if report.incident.acknowledged.is_some() => (2, "In Progress"),
        State::Open => (1, "New"),
    };
    let guide = report.guide(&alert.detector);
    let title = guide.map_or(alert.detector.as_str(), |guide| guide.title);
    let sentence = Sentence(alert).to_string();
    let ended = alert.resolved_ns.filter(|_| alert.state() == State::Resolved);
    let milliseconds = |time_ns: u64| time_ns / 1_000_000;
    let numbers = alert.numbers.iter().map(|number| {
        (number.name.clone(), json!({ "value": number.value, "unit": number.unit, "threshold": number.threshold }))
    });
    let mut finding = json!({
        "activity_id": activity, "activity_name": activity_name,
        "category_uid": 2, "category_name": "Findings",
        "class_uid": CLASS, "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity, "type_name": format!("Detection Finding: {activity_name}"),
        "time": milliseconds(ended.unwrap_or(alert.last_ns)),
        "start_time": milliseconds(alert.since_ns), "end_time": milliseconds(alert.last_ns),
        "severity_id": severity, "severity": severity_name,
        "status_id": status, "status": status_name,
        "message": sentence,
        "metadata": {
            "version": VERSION, "uid": alert.id, "correlation_uid": report.incident.id,
            "product": { "name": "peer-observer", "vendor_name": "peer-observer", "version": report.version },
        },
        "finding_info": {
            "uid": alert.id, "title": title, "desc": sentence, "types": [alert.family],
            "first_seen_time": milliseconds(alert.since_ns), "last_seen_time": milliseconds(alert.last_ns),
            "analytic": {
                "uid": alert.detector, "name": alert.detector, "desc": guide.map(|guide| guide.sees),
                "category": alert.family, "type_id": 1, "type": "Rule",
            },
        },
        "unmapped": {
            "nodes": alert.nodes, "score": alert.score, "subject": SubjectText(&alert.subject).to_string(),
            "numbers": Map::from_iter(numbers),
        },
    });
    without_null(&mut finding);
    // A pseudonym looks like an address, and must not be taken for one.
    if !report.is_redacted
        && let Some(finding) = finding.as_object_mut()
    {
        let (observables, endpoint) = observed(alert);
        if !observables.is_empty() {
            finding.insert("observables".to_owned(), observables.into());
        }
        if let Some(endpoint) = endpoint {
            finding.insert("evidences".to_owned(), json!([{ "src_endpoint": endpoint }]));
        }
    }
    finding
}

/// What the alert is about, and where that is if it is an address.
fn observed(alert: &Alert) -> (Vec<Value>, Option<Value>) {
    let subject = &alert.subject;
    let one = |name: &str, (kind, kind_name): (u32, &str), value: &str| {
        vec![json!({ "name": name, "type_id": kind, "type": kind_name, "value": value })]
    };
    let plain = |kind| (one("unmapped.subject", kind, &subject.text), None);
    match subject.kind() {
        SubjectKind::Peer => match ip_of(&subject.text) {
            Some(ip) => {
                (one("evidences[].src_endpoint.ip", IP_ADDRESS, &ip.to_string()), Some(endpoint(ip, &subject.text)))
            }
            None => plain(OTHER),
        },
        SubjectKind::Subnet => plain(SUBNET),
        SubjectKind::Agent => plain(USER_AGENT),
        SubjectKind::Block => plain(HASH),
        SubjectKind::As => plain(OTHER),
        SubjectKind::Network | SubjectKind::Node | SubjectKind::Part | SubjectKind::Series => (Vec::new(), None),
    }
}

fn endpoint(ip: IpAddr, addr: &str) -> Value {
    let port = addr.parse::<std::net::SocketAddr>().ok().map(|socket| socket.port());
    let mut endpoint = json!({ "ip": ip, "port": port });
    without_null(&mut endpoint);
    endpoint
}

/// What is not known is absent.
fn without_null(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(without_null);
    }
}
