//! Our own series: sequences of events, and the numbers that they make.

mod alerts;
mod blocks;
mod connections;
mod connectivity;
mod flood;
mod forks;
mod health;
mod logged;
mod messages;
mod own_connection;
mod state;

use std::sync::Arc;

use event::record::NodeNames;
use event::{Record, json, time};
use metrics::{Enrichment, Id, Limits, Node, Value, ids};

const SECOND: u64 = 1_000_000_000;

/// A Saturday noon.
const NOON: &str = "2026-01-31T12:00:00Z";

/// A hash.
const A: &str = "@aa";

/// What happens when: kinds and bodies of events by the seconds after noon.
type Steps = Vec<(f64, (&'static str, String))>;

/// Events of one node, and what became of them.
struct Play {
    node: Node,
    enrichment: Enrichment,
    start_ns: u64,
    now_ns: u64,
    run: u64,
}

impl Play {
    fn new() -> Self {
        let start_ns = time::parse_rfc3339(NOON).unwrap();
        let (node, enrichment) = (Node::new(Limits::default()), Enrichment::default());
        Self { node, enrichment, start_ns, now_ns: start_ns, run: 1 }
    }

    /// An event so many seconds after noon: its kind and its body in JSON, where `@ab` is a hash of 32 times that byte.
    fn at(&mut self, seconds: f64, (kind, body): (&str, String)) -> &mut Self {
        self.now_ns = self.start_ns + (seconds * 1e9) as u64;
        let mut parts = body.split('@');
        let mut body = parts.next().unwrap().to_owned();
        for part in parts {
            body.push_str(&part[..2].repeat(32));
            body.push_str(&part[2..]);
        }
        let (time, run) = (time::rfc3339(self.now_ns), self.run);
        let json = format!(r#"{{"time":"{time}","run":{run},"kind":"{kind}","body":{body}}}"#);
        let record =
            json::from_json(&json, &mut NodeNames::default()).unwrap_or_else(|error| panic!("{error}: {json}"));
        // As if it had come from elsewhere.
        let record = Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap();
        self.node.fold(&Arc::new(record), &self.enrichment);
        self
    }

    /// Time passes.
    fn tick(&mut self, seconds: f64) -> &mut Self {
        self.now_ns = self.start_ns + (seconds * 1e9) as u64;
        self.node.tick(self.now_ns, &self.enrichment);
        self
    }

    /// The value of a series; of a histogram how many observations; 0 if there is none.
    fn is(&mut self, id: Id, labels: &[&str], value: f64) -> &mut Self {
        let is = self.node.store().get(id, labels).unwrap_or(0.0);
        assert!((is - value).abs() < 1e-6, "{id:?} {labels:?}: {is}, not {value}: {:#?}", self.node.store().series(id));
        self
    }

    /// The sum of a histogram's observations.
    fn sums_to(&mut self, id: Id, labels: &[&str], sum: f64) -> &mut Self {
        let series = self.node.store().series(id);
        let one = series.iter().find(|one| one.labels.iter().eq(labels)).unwrap_or_else(|| panic!("{series:#?}"));
        assert!(matches!(&one.value, Value::Histogram(one) if (one.sum - sum).abs() < 1e-6), "{sum}: {one:#?}");
        self
    }

    /// That a family has so many series that are not 0.
    fn has(&mut self, id: Id, number: usize) -> &mut Self {
        let series = self.node.store().series(id);
        let used = series.iter().filter(|one| one.value != Value::Number(0.0)).count();
        assert_eq!(used, number, "{series:#?}");
        self
    }
}

fn p2p(peer: u64, inbound: bool, command: &str, payload: &str) -> (&'static str, String) {
    let meta = format!(
        r#""meta":{{"peer_id":{peer},"addr":"198.51.100.{}:8333","conn_type":"Inbound","command":"{command}","inbound":{inbound},"size":100}}"#,
        peer % 200
    );
    ("message", if payload.is_empty() { format!("{{{meta}}}") } else { format!("{{{meta},{payload}}}") })
}

/// The node got a message.
fn got(peer: u64, command: &str, payload: &str) -> (&'static str, String) {
    p2p(peer, true, command, payload)
}

/// The node sent a message.
fn sent(peer: u64, command: &str, payload: &str) -> (&'static str, String) {
    p2p(peer, false, command, payload)
}

fn event<'a>(kind: &'a str, fields: &str) -> (&'a str, String) {
    (kind, format!("{{{fields}}}"))
}

/// An entry of debug.log.
fn line<'a>(kind: &'a str, fields: &str) -> (&'a str, String) {
    let arm = if kind.starts_with("mempool_") { kind.trim_end_matches("_log") } else { kind };
    (kind, format!(r#"{{"{arm}":{{{fields}}}}}"#))
}

fn header(hash: &str, age: i64) -> String {
    let time = time::parse_rfc3339(NOON).unwrap() as i64 / SECOND as i64 - age;
    format!(r#""header":{{"time":{time},"hash":"{hash}","prev_blockhash":"@00","merkle_root":"@00"}}"#)
}

fn tip(height: u32, hash: &str) -> (&'static str, String) {
    line("update_tip", &format!(r#""block_hash":"{hash}","height":{height},"date":"2026-01-31T11:59:40Z""#))
}

fn peer_infos(peers: &[&str]) -> (&'static str, String) {
    event("peer_infos", &format!(r#""infos":[{{{}}}]"#, peers.join("},{")))
}
