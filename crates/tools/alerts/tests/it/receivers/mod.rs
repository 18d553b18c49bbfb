//! Where alerts go: what each receiver gets, whatever is wrong with it or with others.

mod email;
mod forms;
mod listener;
mod monitor;
mod quiet;
mod trouble;

use alerts::receivers::{Receivers, Section, Settings};
use bus::Accounts;
use event::pb::alerts::{Alert, Severity, State, Subject, SubjectKind, Text, TextKind};
use serde_json::Value;

/// What a peer might write.
const HOSTILE: &str = "@everyone <!channel> <b>&x</b> *b* _i_ `c` [l](https://evil.example) /start\u{202e}\r\n\0";

/// An alert about a user agent, from noon on.
fn alert(id: &str, incident: &str, state: State) -> Alert {
    let since_ns = event::time::parse_rfc3339("2026-01-31T12:00:00Z").unwrap();
    Alert {
        id: id.to_owned(),
        incident: incident.to_owned(),
        detector: "subnet_flood".to_owned(),
        family: "connections".to_owned(),
        severity: Severity::Warning.into(),
        state: state.into(),
        nodes: vec!["alice".to_owned()],
        subject: Subject { kind: SubjectKind::Agent.into(), text: HOSTILE.to_owned(), node: None, peer_id: None },
        since_ns,
        last_ns: since_ns + 60_000_000_000,
        resolved_ns: (state == State::Resolved).then_some(since_ns + 120_000_000_000),
        score: 2.0,
        sentence: "{subject} wrote {what}".to_owned(),
        texts: vec![Text { name: "what".to_owned(), kind: TextKind::Free.into(), value: HOSTILE.to_owned() }],
        ..Alert::default()
    }
}

/// The settings of a receiver.
fn settings(name: &str, section: Value) -> Settings {
    let section: Section = serde_json::from_value(section).unwrap();
    Settings::new(name, &section).unwrap()
}

/// Receivers that run, and the accounts of this process.
fn start(settings: &[Settings], store: Option<&alert_state::Store>) -> (Receivers, Accounts) {
    let accounts = Accounts::default();
    let mut receivers = Receivers::open(settings, store).unwrap();
    receivers.start(&accounts);
    (receivers, accounts)
}

/// Hands over a state of an alert, as the tool does: to the database first.
async fn note(receivers: &Receivers, store: Option<&alert_state::Store>, alert: Alert) {
    let changed = [(alert.id.as_str().into(), alert)];
    if let Some(store) = store {
        store.keep(&changed).unwrap();
    }
    receivers.note(&changed).await;
}
