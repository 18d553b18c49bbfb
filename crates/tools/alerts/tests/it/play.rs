//! Events of nodes, by the second, and the alerts that they cause.

use std::collections::HashMap;
use std::sync::Arc;

use alerts::{Engine, Settings};
use bus::Loss;
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Alerts, State};
use event::record::NodeNames;
use event::text::Sentence;
use event::{Body, Record, json, time};
use networks::Enrichment;
use redact::Redactor;
use serde_json::{Value, json};

/// A Saturday noon.
pub const NOON: &str = "2026-01-31T12:00:00Z";

/// What events are made of: a kind and a body.
pub type Event = (&'static str, Value);

/// Events of nodes, and the alerts that they cause.
pub struct Play {
    pub engine: Engine,
    /// All events that were taken, for a replay.
    pub records: Vec<Arc<Record>>,
    /// All changes of alerts.
    pub changes: Vec<Alert>,
    names: NodeNames,
    start_ns: u64,
    /// When each node's extractor last said that it is there.
    alive: HashMap<String, f64>,
    sequence: u64,
    /// The run of the extractors; of others than 0 events are numbered.
    pub run: u64,
    /// That the extractor is there is not said by itself.
    pub is_plain: bool,
}

impl Play {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With settings: `DETECTOR.PARAMETER=VALUE`.
    pub fn with(set: &[&str]) -> Self {
        let mut settings = Settings::default();
        set.iter().for_each(|text| settings.set_text(text).unwrap());
        Self::of(Engine::new(settings, Enrichment::default(), Vec::new()))
    }

    pub fn of(engine: Engine) -> Self {
        let start_ns = time::parse_rfc3339(NOON).unwrap();
        let (records, changes, names, alive) = Default::default();
        Self { engine, records, changes, names, start_ns, alive, sequence: 0, run: 7, is_plain: false }
    }

    pub fn ns(&self, seconds: f64) -> u64 {
        self.start_ns + (seconds * 1e9) as u64
    }

    /// An event of alice, so many seconds after noon.
    pub fn at(&mut self, seconds: f64, event: Event) -> &mut Self {
        self.of_node("alice", seconds, event)
    }

    /// An event of a node. That its extractor is there goes without saying.
    pub fn of_node(&mut self, node: &str, seconds: f64, (kind, body): Event) -> &mut Self {
        let alive = self.alive.get(node).copied();
        if kind != "status" && !self.is_plain && alive.is_none_or(|alive| seconds >= alive + 1.0) {
            self.of_node(node, seconds, up("rpc"));
        }
        if kind == "status" {
            self.alive.insert(node.to_owned(), seconds);
        }
        let sequence = if kind == "status" {
            0
        } else {
            self.sequence += 1;
            self.sequence
        };
        let time = time::rfc3339(self.ns(seconds));
        let line =
            json!({ "time": time, "node": node, "run": self.run, "sequence": sequence, "kind": kind, "body": body });
        let record = json::from_json(&line.to_string(), &mut self.names).unwrap_or_else(|e| panic!("{e}: {line}"));
        let record = Record::from_bytes(record.bytes().clone(), &mut self.names).unwrap();
        self.take(Arc::new(record))
    }

    pub fn take(&mut self, record: Arc<Record>) -> &mut Self {
        self.engine.fold(&record);
        self.records.push(record);
        self.collect()
    }

    pub fn lost(&mut self, seconds: f64, missing: u64) -> &mut Self {
        let time_ns = self.ns(seconds);
        self.engine.lost(&Loss { node: "alice".into(), run: self.run, missing, time_ns, stage: "queue" });
        self.collect()
    }

    /// Time passes at alice, second by second: her extractors are there, and so is she.
    pub fn calm(&mut self, from: u32, to: u32) -> &mut Self {
        for second in from..to {
            self.at(second.into(), up("rpc"));
        }
        self
    }

    fn collect(&mut self) -> &mut Self {
        for (_, alert) in self.engine.take_changed() {
            assert!(is_public(&alert), "a sentence must have no values and no digits: {:?}", alert.sentence);
            self.changes.push(alert);
        }
        self
    }

    /// The last state of each alert, in the order in which they opened.
    pub fn alerts(&self) -> Vec<&Alert> {
        let mut last: Vec<&Alert> = Vec::new();
        for change in &self.changes {
            match last.iter_mut().find(|known| known.id == change.id) {
                Some(known) => *known = change,
                None => last.push(change),
            }
        }
        last
    }

    /// The same in short: "detector: sentence", with "over" in front if it is.
    pub fn summary(&self) -> Vec<String> {
        let line = |alert: &&Alert| {
            let over = if alert.state() == State::Resolved { "over: " } else { "" };
            format!("{over}{}: {}", alert.detector, Sentence(alert))
        };
        self.alerts().iter().map(line).collect()
    }
}

/// Whether the public may read the sentence of an alert, and nothing of it is lost there.
fn is_public(alert: &Alert) -> bool {
    let body = Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(alert.clone())) });
    let record = Record::new("alice".into(), 1, 1, alert.last_ns, body);
    let public = Redactor::new([7; 32]).redact(&record).unwrap();
    let Some(Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(public)) })) = public.body() else {
        return false;
    };
    public.sentence == alert.sentence
        && public
            .numbers
            .iter()
            .zip(&alert.numbers)
            .all(|(public, number)| (&public.name, &public.unit) == (&number.name, &number.unit))
}

/// The status of an extractor that finds the node up.
pub fn up(extractor: &str) -> Event {
    status(extractor, "UP", None)
}

/// The status of an extractor.
pub fn status(extractor: &str, state: &str, reason: Option<&str>) -> Event {
    let mut body = json!({
        "extractor": extractor, "started_ns": 1, "last_sequence": 1, "ended": false,
        "node": { "state": state, "since_ns": 1 }, "interval_ms": 1000,
    });
    if let Some(reason) = reason {
        body["node"]["reason"] = reason.into();
    }
    ("status", body)
}

/// An inbound connection.
pub fn opened(peer: u64, addr: &str) -> Event {
    let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": "Inbound", "network": 1 });
    ("inbound_connection", json!({ "conn": conn, "existing_connections": 3 }))
}

/// The end of one.
pub fn closed(peer: u64, addr: &str) -> Event {
    let conn = json!({ "peer_id": peer, "addr": addr, "conn_type": "Inbound", "network": 1 });
    ("closed_connection", json!({ "conn": conn, "time_established": 1_769_860_800 }))
}

/// A P2P message: its type, and its payload under the name of its arm.
pub fn message(peer: u64, addr: &str, inbound: bool, message_type: &str, payload: Value) -> Event {
    let size = match message_type {
        "ping" | "pong" | "feefilter" => 8,
        "getaddr" | "verack" => 0,
        _ => 100,
    };
    let mut body = json!({ "meta": {
        "peer_id": peer, "addr": addr, "conn_type": "Inbound", "command": message_type, "inbound": inbound, "size": size,
    } });
    body[message_type] = payload;
    ("message", body)
}

/// An addr message with so many addresses.
pub fn addresses(peer: u64, addr: &str, count: u64) -> Event {
    let address = |index: u64| {
        let ip = format!("8.{}.{}.{}", index / 65_536 % 256, index / 256 % 256, index % 256);
        json!({ "timestamp": 1_769_860_800, "services": 1, "port": 8333, "ipv4": ip })
    };
    message(peer, addr, true, "addr", json!({ "addresses": (0..count).map(address).collect::<Vec<_>>() }))
}
