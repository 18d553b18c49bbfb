//! What is kept of alerts, and what people decided, as tools use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use alert_state::{Decision, Error, MAX_NAME, MAX_NOTES, MAX_RESOLVED, MAX_TEXT, Matcher, Note, Quiet, Store};
use event::pb::alerts::{Alert, Severity, State, Subject, SubjectKind};
use smol_str::SmolStr;

const NOW: u64 = 1_800_000_000_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

/// An alert about a subnet, of an incident.
fn alert(id: &str, incident: &str, state: State, severity: Severity) -> Alert {
    Alert {
        id: id.to_owned(),
        incident: incident.to_owned(),
        detector: "subnet_flood".to_owned(),
        family: "connections".to_owned(),
        severity: severity.into(),
        state: state.into(),
        nodes: vec!["alice".to_owned()],
        subject: Subject { kind: SubjectKind::Subnet.into(), text: "8.8.4.0/24".to_owned(), node: None, peer_id: None },
        since_ns: NOW,
        last_ns: NOW,
        ..Alert::default()
    }
}

fn keep(store: &Store, alerts: impl IntoIterator<Item = Alert>) {
    let alerts: Vec<_> = alerts.into_iter().map(|alert| (SmolStr::new(&alert.id), alert)).collect();
    store.keep(&alerts).unwrap();
}

fn by(name: &str, time_ns: u64) -> Decision {
    Decision { by: name.into(), why: "it is ours".into(), time_ns }
}

fn only(detector: Option<&str>, subject: Option<&str>, node: Option<&str>, incident: Option<&str>) -> Matcher {
    let text = |text: Option<&str>| text.map(SmolStr::new);
    Matcher { detector: text(detector), subject: text(subject), node: text(node), incident: text(incident) }
}

#[test]
fn all_is_there_after_a_restart_and_in_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/alerts.db");
    let open = alert("a1", "a1", State::Open, Severity::Warning);
    let (one, other) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
    keep(&one, [open.clone(), alert("b1", "b1", State::Open, Severity::Info)]);
    // What one handle decides holds for the other, too.
    other.acknowledge("a1", &by("alice", NOW)).unwrap();
    let silence = other.silence(&only(None, None, None, Some("b")), &by("bob", NOW), NOW + HOUR).unwrap();
    other.add_note("a", &Note { by: "alice".into(), text: "<b>\n".into(), time_ns: NOW }).unwrap();
    keep(&one, [alert("b1", "b1", State::Resolved, Severity::Info)]);
    drop((one, other));

    let store = Store::open(&path).unwrap();
    assert!(store.is_writable());
    assert_eq!(store.open_alerts().unwrap(), [("a1".into(), open.clone())]);
    let decisions = store.decisions(NOW + 1).unwrap();
    assert_eq!(decisions.acknowledged.into_iter().collect::<Vec<_>>(), [("a1".into(), Severity::Warning)]);
    assert_eq!(decisions.silences[0].matcher.incident.as_deref(), Some("b1"), "the whole id");
    assert_eq!(store.decisions(NOW + HOUR).unwrap().silences, []);
    store.end_silence(silence, NOW + 2).unwrap();
    assert!(matches!(store.end_silence(silence, NOW + 3), Err(Error::NoSilence(_))));
    assert_eq!(store.decisions(NOW + 3).unwrap().silences, []);
    let incident = store.incident("a1").unwrap();
    assert_eq!((incident.alerts, incident.notes[0].text.as_str()), (vec![open], "<b>\n"));
    assert_eq!(incident.acknowledged.unwrap().decision, by("alice", NOW));
    store.unacknowledge("a1").unwrap();
    assert_eq!(store.incident("a1").unwrap().acknowledged, None);
    assert_eq!(store.incidents(true, 10).unwrap().len(), 1);
    assert_eq!(store.latest_alerts(10).unwrap().len(), 2);
}

/// Many processes may start at once, each of which makes what is missing.
#[test]
fn many_open_a_new_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alerts.db");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let store = Store::open(path).unwrap();
                let id = format!("a{number}");
                keep(&store, [alert(&id, &id, State::Open, Severity::Info)]);
                store.acknowledge(&id, &by("alice", NOW)).unwrap();
            });
        }
    });
    assert_eq!(Store::open(&path).unwrap().decisions(NOW).unwrap().acknowledged.len(), 8);
}

#[test]
fn silences_match_what_they_name() {
    let alert = Alert { nodes: vec!["alice".into()], ..alert("a1", "a1", State::Open, Severity::Info) };
    let peer = |text: &str| {
        let subject = Subject { kind: SubjectKind::Peer.into(), text: text.into(), node: None, peer_id: Some(5) };
        Alert { subject, nodes: vec!["alice".into(), "bob".into()], ..alert.clone() }
    };
    let table = [
        (only(Some("subnet_flood"), None, None, None), &alert, true),
        (only(Some("connections"), None, None, None), &alert, true),
        (only(Some("subnet"), None, None, None), &alert, false),
        (only(None, Some("8.8.4.0/24"), None, None), &alert, true),
        (only(None, Some("8.8.0.0/16"), None, None), &alert, true),
        (only(None, Some("8.8.4.0/25"), None, None), &alert, false),
        (only(None, Some("8.8.4.0/24"), None, None), &peer("8.8.4.7:8333"), true),
        (only(None, Some("8.8.4.7"), None, None), &peer("8.8.4.7:8333"), true),
        (only(None, Some("2001:db8::/32"), None, None), &peer("[2001:db8::1]:8333"), true),
        (only(None, Some("8.8.4.8"), None, None), &peer("8.8.4.7:8333"), false),
        (only(None, None, Some("alice"), None), &alert, true),
        // It is seen at another node, too, which nobody has silenced.
        (only(None, None, Some("alice"), None), &peer("8.8.4.7:8333"), false),
        (only(None, None, None, Some("a1")), &alert, true),
        (only(Some("connections"), None, Some("bob"), None), &alert, false),
    ];
    for (matcher, alert, expected) in table {
        assert_eq!(matcher.matches(alert), expected, "{matcher:?} {:?}", alert.subject);
    }
}

#[test]
fn an_acknowledged_incident_is_quiet_until_it_is_worse() {
    let store = Store::in_memory().unwrap();
    let warning = alert("a1", "a1", State::Open, Severity::Warning);
    keep(&store, [warning.clone()]);
    store.acknowledge("a1", &by("", NOW)).unwrap();
    let decisions = store.decisions(NOW).unwrap();
    assert_eq!(decisions.quiet(&warning), Some(Quiet::Acknowledged));
    assert_eq!(decisions.quiet(&alert("a2", "a1", State::Open, Severity::Critical)), None);
    assert_eq!(decisions.quiet(&alert("a1", "a1", State::Resolved, Severity::Warning)), None);
    assert_eq!(decisions.quiet(&alert("b1", "b1", State::Open, Severity::Info)), None);
}

#[test]
fn what_cannot_be_is_refused() {
    let store = Store::in_memory().unwrap();
    keep(&store, ["ab1", "ab2"].map(|id| alert(id, id, State::Open, Severity::Info)));
    for beginning in ["", "c", "ab3", "%", "a' OR 1", "\u{202e}"] {
        assert!(matches!(store.incident(beginning), Err(Error::NoIncident(_))), "{beginning:?}");
    }
    let several = store.incident("ab").unwrap_err().to_string();
    assert!(several.contains("ab1, ab2"), "{several}");
    let silence = |matcher: &Matcher, until_ns| store.silence(matcher, &by("", NOW), until_ns);
    let all = only(None, None, None, None);
    assert!(matches!(silence(&all, NOW + HOUR), Err(Error::Everything)));
    let of = only(Some("subnet_flood"), None, None, None);
    for until_ns in [0, NOW, NOW + 400 * 24 * HOUR, u64::MAX] {
        assert!(matches!(silence(&of, until_ns), Err(Error::Time)), "{until_ns}");
    }
    let long = only(Some(&"x".repeat(300)), None, None, None);
    assert!(matches!(silence(&long, NOW + HOUR), Err(Error::Text { .. })));
    let note = |by: usize, text: usize| {
        let note = Note { by: "x".repeat(by).into(), text: "x".repeat(text).into(), time_ns: NOW };
        store.add_note("ab1", &note)
    };
    for (by, text) in [(0, 0), (0, MAX_TEXT + 1), (MAX_NAME + 1, 1)] {
        assert!(matches!(note(by, text), Err(Error::Text { .. })), "{by} {text}");
    }
    (0..MAX_NOTES).for_each(|_| note(1, 1).unwrap());
    assert!(matches!(note(1, 1), Err(Error::Full { .. })));
    let full = (0..1_000).find_map(|_| silence(&of, NOW + HOUR).err()).unwrap().to_string();
    assert!(full.contains("500 silences already; end one first"), "{full}");
}

#[test]
fn the_oldest_that_are_over_are_forgotten_with_what_was_decided() {
    let store = Store::in_memory().unwrap();
    keep(&store, [alert("0", "0", State::Open, Severity::Info)]);
    store.acknowledge("0", &by("alice", NOW)).unwrap();
    store.add_note("0", &Note { text: "old".into(), ..Note::default() }).unwrap();
    keep(&store, [alert("0", "0", State::Resolved, Severity::Info)]);
    let later = |number: u32| {
        let id = format!("{number:08x}");
        Alert { last_ns: NOW + 1, ..alert(&id, &id, State::Resolved, Severity::Info) }
    };
    keep(&store, (1..=MAX_RESOLVED).map(later));
    assert!(store.acknowledgements().unwrap().is_empty() && store.note_counts().unwrap().is_empty());
    assert_eq!(store.incidents(false, u32::MAX).unwrap().len(), MAX_RESOLVED as usize);
}
