//! The model from outside: sequences of events, and the changes that they make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod blocks;
mod bounds;
mod liveness;
mod own;
mod peers;
mod relay;
mod requests;
mod restarts;

use event::record::NodeNames;
use event::{Record, json, time};
use model::{Change, Context, Model, Observer, Peers};
use networks::Enrichment;

const SECOND: u64 = 1_000_000_000;

/// A Saturday noon.
const NOON: &str = "2026-01-31T12:00:00Z";

/// A hash, as events of the tests have it.
const A: &str = "@aa";

/// Writes changes down.
#[derive(Default)]
struct Diary;

impl Observer<Vec<Change>> for Diary {
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context<Vec<Change>>) {
        context.sink.push(change.clone());
    }
}

/// Events of one node, and what they changed.
struct Play {
    model: Model,
    changes: Vec<Change>,
    enrichment: Enrichment,
    start_ns: u64,
    run: u64,
}

impl Play {
    fn new() -> Self {
        let start_ns = time::parse_rfc3339(NOON).unwrap();
        Self { model: Model::default(), changes: Vec::new(), enrichment: Enrichment::default(), start_ns, run: 1 }
    }

    fn ns(&self, seconds: f64) -> u64 {
        self.start_ns + (seconds * 1e9) as u64
    }

    /// An event so many seconds after noon: its kind and its body in JSON, where `@ab` is a hash of 32 times that byte.
    fn at(&mut self, seconds: f64, (kind, body): (&str, String)) -> &mut Self {
        let time_ns = self.ns(seconds);
        let mut parts = body.split('@');
        let mut body = parts.next().unwrap().to_owned();
        for part in parts {
            body.push_str(&part[..2].repeat(32));
            body.push_str(&part[2..]);
        }
        let (time, run) = (time::rfc3339(time_ns), self.run);
        let json = format!(r#"{{"time":"{time}","run":{run},"kind":"{kind}","body":{body}}}"#);
        let record =
            json::from_json(&json, &mut NodeNames::default()).unwrap_or_else(|error| panic!("{error}: {json}"));
        let record = Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap();
        self.model.fold(&record, time_ns, &self.enrichment, &mut self.changes, &mut Diary);
        self
    }

    /// Time passes.
    fn tick(&mut self, seconds: f64) -> &mut Self {
        let now_ns = self.ns(seconds);
        self.model.tick(now_ns, &self.enrichment, &mut self.changes, &mut Diary);
        self
    }

    /// The changes since the call before, in short: `name` says how, or leaves one out.
    fn names(&mut self, name: fn(&Change) -> Option<String>) -> Vec<String> {
        self.changes.drain(..).filter_map(|change| name(&change)).collect()
    }
}

fn p2p(peer: u64, inbound: bool, message_type: &str, payload: &str) -> (&'static str, String) {
    let meta = format!(
        r#""meta":{{"peer_id":{peer},"addr":"192.0.2.{}:8333","conn_type":"Inbound","command":"{message_type}","inbound":{inbound},"size":100}}"#,
        peer % 200
    );
    ("message", if payload.is_empty() { format!("{{{meta}}}") } else { format!("{{{meta},{payload}}}") })
}

/// The node received a message.
fn received(peer: u64, message_type: &str, payload: &str) -> (&'static str, String) {
    p2p(peer, true, message_type, payload)
}

/// The node sent a message.
fn sent(peer: u64, message_type: &str, payload: &str) -> (&'static str, String) {
    p2p(peer, false, message_type, payload)
}

fn event<'a>(kind: &'a str, fields: &str) -> (&'a str, String) {
    (kind, format!("{{{fields}}}"))
}

/// An entry of debug.log.
fn line<'a>(kind: &'a str, fields: &str) -> (&'a str, String) {
    (kind, format!(r#"{{"{kind}":{{{fields}}}}}"#))
}
