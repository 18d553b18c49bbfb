//! What reached us of a node, what did not, and how its extractors are.

use std::collections::BTreeMap;

use bus::counters::{self, Counter, Kind};
use event::message::Message;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{self as pb, Count, Status};
use event::{Body, Record, Source};
use model::{NodeState, SourceState};

use super::{Context, Observer, Origin, Peer, Peers};
use crate::store::Store;
use crate::table::{Id, ids};

/// How many extractors of a node are kept apart; their names come over the wire.
const MAX_EXTRACTORS: usize = 16;

/// What reached us of a node, what did not, and how its extractors are.
#[derive(Default)]
pub(super) struct Health {
    extractors: BTreeMap<String, Extractor>,
    /// Of runs of which no status has come yet: how many events are missing.
    unknown: BTreeMap<u64, u64>,
    counts: [f64; Source::ALL.len()],
    last_ns: [u64; Source::ALL.len()],
}

struct Extractor {
    run: u64,
    missing: u64,
}

/// Where events are lost on their way here ([`bus::Loss::stage`]).
const STAGES: [&str; 2] = ["queue", "nats"];

/// The counts of extractors that are shown, each with its family.
const COUNTS: [(Shown, Id); 18] = [
    (Shown::of(&counters::TRACEPOINT_EVENTS), ids::TRACEPOINT_EVENTS),
    (Shown::of(&counters::RPC_CALLS), ids::RPC_CALLS),
    (Shown::of(&counters::RPC_SECONDS), ids::RPC_SECONDS),
    (Shown::of(&counters::RPC_ERRORS), ids::RPC_ERRORS),
    (Shown::of(&counters::RING_BUFFER_BYTES), ids::RING_BUFFER),
    (Shown::of(&counters::LOG_BYTES), ids::LOG_READ_BYTES),
    (Shown::of(&counters::P2P_REFUSED), ids::P2P_REFUSED),
    (Shown::of(&counters::P2P_FOREIGN_PONGS), ids::OWN_FOREIGN_PONGS),
    (Shown::of(&counters::CONNECTIVITY_SKIPPED), ids::CONNECTIVITY_SKIPPED),
    (Shown::of(&counters::ARCHIVE_BYTES), ids::ARCHIVE_BYTES),
    (Shown::of(&counters::ARCHIVE_FULL), ids::ARCHIVE_FULL),
    (Shown::of(&counters::ARCHIVE_STREAM_ACKNOWLEDGED), ids::ARCHIVE_STREAM_ACKNOWLEDGED),
    (Shown::of(&counters::ARCHIVE_STREAM_PENDING), ids::ARCHIVE_STREAM_PENDING),
    (Shown::of(&counters::ARCHIVE_UPLOADS), ids::ARCHIVE_UPLOADS),
    (Shown::of(&counters::ARCHIVE_UPLOAD_BYTES), ids::ARCHIVE_UPLOAD_BYTES),
    (Shown::of(&counters::ARCHIVE_UPLOAD_WAITING), ids::ARCHIVE_UPLOAD_WAITING),
    (Shown::of(&counters::ALERT_NOTIFICATIONS), ids::ALERT_NOTIFICATIONS),
    (Shown::of(&counters::ALERT_NOTIFICATIONS_WAITING), ids::ALERT_NOTIFICATIONS_WAITING),
];

/// What is to be known of a declared count to show it.
#[derive(Clone, Copy)]
struct Shown {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
}

impl Shown {
    const fn of<const LABELS: usize>(counter: &Counter<LABELS>) -> Self {
        Self { name: counter.name, kind: counter.kind, labels: counter.labels }
    }
}

impl Observer<Store> for Health {
    fn begin(&mut self, _: Origin, store: &mut Store) {
        STAGES.iter().for_each(|stage| store.add(ids::EVENTS_MISSING, &[stage], 0.0));
    }

    fn message(&mut self, _: &Message, _: &mut Peer, context: &mut Context) {
        self.count(Source::Ebpf, context.time_ns);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(body) => {
                if let Some(source) = record.envelope().kind.source() {
                    self.count(source, context.time_ns);
                } else {
                    context.sink.inc(ids::EVENTS_UNKNOWN, &[]);
                }
                if let Body::Observer(pb::Observer { observer_event: Some(ObserverEvent::Status(status)) }) = body {
                    self.status(status, &record.envelope().node, record.envelope().run, context);
                }
            }
            None => context.sink.inc(ids::EVENTS_UNKNOWN, &[]),
        }
    }

    fn lost(&mut self, loss: &bus::Loss, context: &mut Context) {
        context.sink.add(ids::EVENTS_MISSING, &[loss.stage], loss.missing as f64);
        match self.extractors.iter_mut().find(|(_, extractor)| extractor.run == loss.run) {
            Some((name, extractor)) => {
                extractor.missing += loss.missing;
                show_missing(name, extractor, context.sink);
            }
            None if self.unknown.len() < MAX_EXTRACTORS => *self.unknown.entry(loss.run).or_default() += loss.missing,
            None => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        for ((source, count), last_ns) in Source::ALL.into_iter().zip(self.counts).zip(self.last_ns) {
            if count > 0.0 {
                context.sink.set_total(ids::EVENTS, &[source.name()], count);
                context.sink.set(ids::EVENT_LAST, &[source.name()], seconds(last_ns));
            }
        }
        let Context { liveness, sink, .. } = context;
        for (name, source) in liveness.sources() {
            let state = source.condition.state;
            sink.set(ids::SOURCE_UP, &[name], flag(state == SourceState::Up));
            if self.extractors.contains_key(name) {
                sink.set(ids::EXTRACTOR_UP, &[name], flag(matches!(state, SourceState::Up | SourceState::Down)));
            }
        }
        let node = liveness.node().state;
        sink.set(ids::NODE_UP, &[], flag(node.is_alive()));
        for state in NodeState::ALL {
            sink.set(ids::NODE_STATE, &[state.name()], flag(state == node));
        }
    }
}

impl Health {
    fn count(&mut self, source: Source, time_ns: u64) {
        if let (Some(count), Some(last_ns)) =
            (self.counts.get_mut(source as usize), self.last_ns.get_mut(source as usize))
        {
            *count += 1.0;
            *last_ns = time_ns.max(*last_ns);
        }
    }

    fn status(&mut self, status: &Status, node: &str, run: u64, context: &mut Context) {
        let name = status.extractor.as_str();
        if !self.extractors.contains_key(name) && self.extractors.len() >= MAX_EXTRACTORS {
            return;
        }
        let store = &mut *context.sink;
        let known = self.extractors.get(name).map(|extractor| extractor.run);
        if known != Some(run) {
            // The end of the run before may come after the beginning of the new one.
            if status.ended && known.is_some() {
                return;
            }
            store.inc(ids::EXTRACTOR_RUNS, &[name]);
            let missing = self.unknown.remove(&run).unwrap_or_default();
            if let Some(gone) = known {
                store.remove(ids::RUN_MISSING, &[name, &gone.to_string()]);
            }
            self.extractors.insert(name.to_owned(), Extractor { run, missing });
        }
        if let Some(extractor) = self.extractors.get(name) {
            show_missing(name, extractor, store);
        }
        // What a status says of its extractor is gone with that.
        store.set_source(Source::ALL.into_iter().map(Source::name).find(|known| *known == name).unwrap_or_default());
        store.set(ids::EXTRACTOR_STARTED, &[name], seconds(status.started_ns));
        store.set(ids::EXTRACTOR_STATUS, &[name], seconds(context.time_ns));
        let shared = status.shared.as_ref();
        for dropped in status.dropped.iter().chain(shared.iter().flat_map(|shared| &shared.dropped)) {
            store.set_total(ids::EXTRACTOR_DROPPED, &[name, &dropped.stage, &dropped.reason], dropped.count as f64);
        }
        for count in status.counts.iter().chain(shared.iter().flat_map(|shared| &shared.counts)) {
            if let Some((shown, id)) = COUNTS.iter().find(|(shown, _)| shown.name == count.name) {
                show(shown, *id, count, node, store);
            }
        }
    }
}

/// Shows a count of an extractor. One that names a node is shown for that node alone: the statuses of former versions have the counts of their
/// whole process.
fn show(shown: &Shown, id: Id, count: &Count, node: &str, store: &mut Store) {
    let value_of = |name: &str| count.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str());
    let mut values = Vec::new();
    for name in shown.labels {
        match (*name, value_of(name)) {
            (_, None) => return,
            ("node", Some(value)) if value == node => {}
            ("node", Some(_)) => return,
            (_, Some(value)) => values.push(value),
        }
    }
    match shown.kind {
        Kind::Level => store.set(id, &values, count.value),
        Kind::Total => store.set_total(id, &values, count.value),
    }
}

fn show_missing(name: &str, extractor: &Extractor, store: &mut Store) {
    store.set(ids::RUN_MISSING, &[name, &extractor.run.to_string()], extractor.missing as f64);
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(ns: u64) -> f64 {
    (ns / 1_000_000) as f64 / 1_000.0
}
