//! A fixed incident: peers of one subnet come for a moment, one peer floods the node with addresses, and others are honest.

use std::path::{Path, PathBuf};

use alert_state::{Acknowledgement, Decision, Incident, Matcher, Note, Silence};
use event::pb::alerts::{Alert, Number, Reference, Severity, State, Subject, SubjectKind, Text, TextKind};
use event::{NodeNames, json};
use redact::Redactor;
use report::{Guide, Options, Report};
use serde_json::{Value, json};
use store::archive::{self, Place, Writer};

/// 2026-11-28T12:00:00Z, in seconds.
pub const NOON: u64 = 1_795_867_200;
const SECOND_NS: u64 = 1_000_000_000;
/// The node's own address.
pub const OWN: &str = "93.184.216.34";
/// What a peer names itself, who wants to be more than text.
pub const HOSTILE: &str = "/<script>alert(1)</script>`|[x](http://evil.example)@here #1\u{202e}\u{7}/";
/// The subnet of the visitors: six addresses of it connect, twice each.
const SPIES: &str = "8.8.4";
/// The peer that floods, with two honest ones in its /24.
const FLOODER: &str = "8.8.5.66:50000";
const HONEST: [&str; 2] = ["8.8.5.1:50001", "8.8.5.2:50002"];

struct Scene {
    writer: Writer,
    names: NodeNames,
    sequence: u64,
}

impl Scene {
    fn add(&mut self, seconds: f64, kind: &str, body: Value) {
        self.sequence += 1;
        let time = event::time::rfc3339(NOON * SECOND_NS + (seconds * 1e9) as u64);
        let line = json!({
            "time": time, "node": "alice", "run": 7, "sequence": self.sequence, "kind": kind, "body": body,
        });
        self.writer.append(&json::from_json(&line.to_string(), &mut self.names).unwrap()).unwrap();
    }

    fn opens(&mut self, seconds: f64, peer: u64, addr: &str) {
        let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": "Inbound", "network": 1 });
        self.add(seconds, "inbound_connection", json!({ "conn": conn, "existing_connections": 3 }));
    }

    fn closes(&mut self, seconds: f64, peer: u64, addr: &str, opened: f64) {
        let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": "Inbound", "network": 1 });
        self.add(seconds, "closed_connection", json!({ "conn": conn, "time_established": NOON + opened as u64 }));
    }

    fn message(&mut self, seconds: f64, peer: u64, addr: &str, message_type: &str, size: u64, payload: Value) {
        let meta = json!({
            "peer_id": peer, "addr": addr, "conn_type": "Inbound", "command": message_type, "inbound": true, "size": size,
        });
        let mut body = json!({ "meta": meta });
        body[message_type] = payload;
        self.add(seconds, "message", body);
    }

    fn version(&mut self, seconds: f64, peer: u64, addr: &str, agent: &str) {
        let address = |ip: &str| json!({ "timestamp": 0, "services": 0, "port": 8333, "ipv4": ip });
        let (receiver, sender) = (address(OWN), address("0.0.0.0"));
        let payload = json!({ "version": 70016, "user_agent": agent, "receiver": receiver, "sender": sender });
        self.message(seconds, peer, addr, "version", 102, payload);
    }

    fn play(&mut self) {
        let local = json!([{ "address": OWN, "port": 8333, "score": 1 }]);
        self.add(0.0, "network_info", json!({ "version": 310_000, "local_addresses": local }));
        for (peer, addr) in (1..).zip(HONEST) {
            self.opens(1.0, peer, addr);
            self.version(1.1, peer, addr, "/Satoshi:30.0.0/");
            let tx = json!({ "tx": { "txid": "11".repeat(32), "wtxid": "11".repeat(32) } });
            self.message(20.0, peer, addr, "tx", 250, tx);
        }
        let infos = (1_u64..).zip(HONEST).map(|(id, addr)| {
            json!({
                "id": id, "address": addr, "address_bind": format!("{OWN}:8333"), "network": "ipv4", "inbound": true,
                "connection_type": "inbound", "subversion": "/Satoshi:30.0.0/", "mapped_as": 64_500,
            })
        });
        self.add(30.0, "peer_infos", json!({ "infos": infos.collect::<Vec<_>>() }));
        for visit in 0..12_u64 {
            let (peer, at) = (10 + visit, 60.0 + 5.0 * visit as f64);
            let addr = format!("{SPIES}.{}:4000{}", visit % 6 + 1, visit % 10);
            self.opens(at, peer, &addr);
            self.version(at + 0.1, peer, &addr, if visit == 3 { HOSTILE } else { "/bitcoinj:0.14.7/" });
            self.message(at + 0.2, peer, &addr, "getaddr", 0, json!(true));
            self.closes(at + 2.0, peer, &addr, at);
        }
        let at = 90.0;
        self.opens(at, 50, FLOODER);
        self.version(at + 0.1, 50, FLOODER, "/python-bitcoinlib:0.12.2/");
        for message in 0..3_u32 {
            let address = |number: u32| json!({ "timestamp": NOON, "services": 1, "port": 8333, "ipv4": format!("5.6.{message}.{number}") });
            let addresses: Vec<Value> = (0..200).map(address).collect();
            self.message(at + f64::from(message), 50, FLOODER, "addr", 6_003, json!({ "addresses": addresses }));
        }
        let logged = json!({ "peer_id": 50, "addr": FLOODER, "processed": 1, "rate_limited": 599 });
        let line = json!({ "log_timestamp": (NOON + 94) * 1_000_000, "category": "NET", "log_level": "DEBUG", "addr_processed": logged });
        self.add(94.0, "addr_processed", line);
        let warning = json!({ "log_timestamp": (NOON + 95) * 1_000_000, "log_level": "WARNING", "unknown_log_message": { "raw_message": format!("node {OWN} warns of `</pre><b>` something") } });
        self.add(95.0, "unknown_log_message", warning);
    }
}

/// Writes the archive into a folder, complete or as it is while it is written.
pub fn archive(folder: &Path, is_complete: bool) -> PathBuf {
    let writer = Writer::create(&archive::Options::new(folder), NOON * SECOND_NS).unwrap();
    let mut scene = Scene { writer, names: NodeNames::default(), sequence: 0 };
    scene.play();
    let path = scene.writer.path().to_owned();
    if is_complete {
        scene.writer.finish().unwrap();
    } else {
        scene.writer.sync().unwrap(); // and no end is written
    }
    path
}

fn number(name: &str, value: f64, unit: &str, threshold: f64) -> Number {
    Number { name: name.to_owned(), value, unit: unit.to_owned(), threshold: Some(threshold) }
}

/// The event of this number.
fn event(sequence: u64, seconds: u64) -> Reference {
    Reference { node: "alice".to_owned(), run: 7, sequence, time_ns: (NOON + seconds) * SECOND_NS }
}

/// An alert, from one second to another.
pub fn alert(id: &str, family: &str, detector: &str, subject: Subject, (since, last): (u64, u64)) -> Alert {
    Alert {
        id: id.repeat(16),
        incident: "a1".repeat(16),
        detector: detector.to_owned(),
        family: family.to_owned(),
        severity: Severity::Warning.into(),
        state: State::Open.into(),
        nodes: vec!["alice".to_owned()],
        subject,
        since_ns: (NOON + since) * SECOND_NS,
        last_ns: (NOON + last) * SECOND_NS,
        score: 1.5,
        ..Alert::default()
    }
}

/// What an alert is about.
pub fn subject(kind: SubjectKind, text: &str) -> Subject {
    Subject { kind: kind.into(), text: text.to_owned(), node: None, peer_id: None }
}

/// The incident, with what people say of it.
pub fn incident() -> Incident {
    let subnet = || subject(SubjectKind::Subnet, &format!("{SPIES}.0/24"));
    let mut spy = alert("a1", "spies", "subnet_spy", subnet(), (60, 117));
    spy.sentence = "{subject} opened {visits} that only listened; one named itself {agent}.".to_owned();
    spy.numbers = vec![number("visits", 12.0, "connections", 10.0)];
    spy.texts = vec![Text { name: "agent".to_owned(), kind: TextKind::UserAgent.into(), value: HOSTILE.to_owned() }];
    spy.evidence = vec![event(9, 60), event(999, 61)];
    let flooder = Subject { peer_id: Some(50), ..subject(SubjectKind::Peer, FLOODER) };
    let mut flood = alert("b2", "addresses", "address_flood", flooder, (90, 92));
    flood.sentence = "{subject} sent {rate_limited} too many.".to_owned();
    flood.numbers = vec![number("rate_limited", 599.0, "addresses", 200.0)];
    (flood.score, flood.updates, flood.severity) = (2.995, 1, Severity::Critical.into());
    (flood.state, flood.resolved_ns) = (State::Resolved.into(), Some((NOON + 400) * SECOND_NS));
    let note = Note {
        by: "mallory <b>".into(),
        text: "see `http://evil.example` and @all".into(),
        time_ns: (NOON + 300) * SECOND_NS,
    };
    let decision = Decision { by: "alice".into(), why: "".into(), time_ns: (NOON + 200) * SECOND_NS };
    Incident {
        id: "a1".repeat(16).into(),
        alerts: vec![spy, flood],
        acknowledged: Some(Acknowledgement { severity: Severity::Warning, decision }),
        notes: vec![note],
    }
}

fn guide(name: &'static str, title: &'static str) -> Guide {
    let sees = "What the catalogue says.";
    Guide { name, title, sees, misses: "What it does not say.", parameters: vec![("limit", "The limit.")] }
}

/// The report of an incident from archives.
pub fn report(incident: Incident, archives: &[PathBuf], redaction: Option<Redactor>) -> Report {
    let matcher = Matcher { detector: Some("address_flood".into()), ..Matcher::default() };
    let decision = Decision { by: "bob".into(), why: "maintenance".into(), time_ns: (NOON + 250) * SECOND_NS };
    let silence = Silence { id: 1, matcher, decision, until_ns: (NOON + 3_600) * SECOND_NS };
    let options = Options {
        silences: vec![silence],
        guides: vec![guide("subnet_spy", "peers only listen"), guide("address_flood", "a peer floods")],
        redaction,
        version: "1.2.3",
        now_ns: (NOON + 3_000) * SECOND_NS,
        ..Options::default()
    };
    let places: Vec<Place> = archives.iter().map(Place::from).collect();
    Report::new(incident, &places, options).unwrap()
}

/// The report of the fixed incident.
pub fn fixed(redaction: Option<Redactor>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    report(incident(), &[archive(folder.path(), true)], redaction)
}
