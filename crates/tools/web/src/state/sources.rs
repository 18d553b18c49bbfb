//! The extractors of a node, their state, and the events that did not arrive.

use std::collections::{BTreeMap, VecDeque};

use bus::Loss;
use event::message::Message;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Count, Dropped, Status};
use event::{Body, Kind, Record, Source};
use model::Observer;
use model::bounded::push;
use model::bounds::MAX_SOURCES;
use model::liveness::source_of;
use model::text::cut;
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::{Details, Peer};
use super::rate::Rate;
use super::types::Types;

/// The maximum number of counters of one extractor.
const MAX_COUNTS: usize = 256;
/// The maximum number of gaps kept.
const MAX_GAPS: usize = 100;

/// An extractor, or an interface of the node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extractor {
    pub events: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub run: u64,
    pub missing: u64,
    /// Start of the run, by its status or else by its first event.
    pub since_ns: u64,
    pub status_ns: u64,
    pub ended: bool,
    /// What it lost and counted itself.
    pub figures: Figures,
    /// The id of its process, and what that lost and counted besides.
    pub process: Option<(u64, Figures)>,
}

/// What was lost and counted, as a status has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// By stage and reason.
    pub dropped: Vec<(SmolStr, SmolStr, u64)>,
    /// By name and the values of its labels.
    pub counters: Vec<(SmolStr, SmolStr, f64)>,
}

impl Figures {
    fn new(dropped: &[Dropped], counts: &[Count]) -> Self {
        let dropped = dropped.iter().filter(|dropped| dropped.count > 0).take(MAX_COUNTS);
        let labels = |count: &Count| {
            let values: Vec<&str> = count.labels.iter().take(8).map(|label| &*label.value).collect();
            cut(&values.join(", "), 96)
        };
        Self {
            dropped: dropped.map(|lost| (cut(&lost.stage, 64), cut(&lost.reason, 64), lost.count)).collect(),
            counters: counts.iter().take(MAX_COUNTS).map(|of| (cut(&of.name, 64), labels(of), of.value)).collect(),
        }
    }
}

/// A gap in the sequence of events of an extractor.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub run: u64,
    pub missing: u64,
    pub time_ns: u64,
    pub stage: &'static str,
    /// Time of the last event before the gap.
    pub from_ns: Option<u64>,
}

/// The extractors of a node.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub by_name: BTreeMap<SmolStr, Extractor>,
    pub lost: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub gaps: VecDeque<Gap>,
    /// The extractor of tracepoints, which has the most events: apart from the others, so that no look-up is needed.
    ebpf: Extractor,
}

impl Observer<Types, Details> for Sources {
    #[inline]
    fn message(&mut self, _: &Message, _: &mut Peer, context: &mut Context) {
        self.count(Kind::Message, context.run, context.time_ns);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        self.count(record.envelope().kind, context.run, context.time_ns);
        if let Some(Body::Observer(observer)) = record.body()
            && let Some(ObserverEvent::Status(status)) = &observer.observer_event
        {
            self.status(status, context.run, context.time_ns);
        }
    }

    fn lost(&mut self, loss: &Loss, _: &mut Context) {
        self.note_loss(loss);
    }
}

impl Sources {
    /// Counts an event. That an extractor is alive, or what of an archive was left out, is no event of the node.
    #[inline]
    fn count(&mut self, kind: Kind, run: u64, time_ns: u64) {
        if matches!(kind, Kind::Status | Kind::Selection) {
            return;
        }
        self.last_ns = self.last_ns.max(time_ns);
        self.rate.add(time_ns, 1);
        let extractor = if kind.source() == Some(Source::Ebpf) {
            &mut self.ebpf
        } else {
            let Some(extractor) = source_of(kind).and_then(|name| self.of(name)) else { return };
            extractor
        };
        if extractor.run != run {
            *extractor = Extractor {
                events: extractor.events,
                rate: extractor.rate,
                last_ns: extractor.last_ns,
                run,
                since_ns: time_ns,
                ..Extractor::default()
            };
        }
        extractor.events += 1;
        extractor.last_ns = extractor.last_ns.max(time_ns);
        extractor.rate.add(time_ns, 1);
    }

    fn of(&mut self, name: &str) -> Option<&mut Extractor> {
        if name == "ebpf" {
            return Some(&mut self.ebpf);
        }
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= MAX_SOURCES {
                return None;
            }
            self.by_name.insert(cut(name, 32), Extractor::default());
        }
        self.by_name.get_mut(name)
    }

    /// Records the status of an extractor.
    fn status(&mut self, status: &Status, run: u64, time_ns: u64) {
        let missing = self.gaps.iter().filter(|gap| gap.run == run).map(|gap| gap.missing).sum();
        let Some(extractor) = self.of(&cut(&status.extractor, 32)) else { return };
        if extractor.run != run {
            // The end of the run before may come after the beginning of the new one.
            if status.ended && extractor.run != 0 {
                return;
            }
            *extractor = Extractor {
                events: extractor.events,
                rate: extractor.rate,
                last_ns: extractor.last_ns,
                run,
                missing,
                ..Extractor::default()
            };
        }
        extractor.since_ns = status.started_ns;
        extractor.status_ns = time_ns;
        extractor.ended = status.ended;
        if status.dropped.is_empty() && status.counts.is_empty() && status.shared.is_none() {
            // It says nothing about them.
            return;
        }
        extractor.figures = Figures::new(&status.dropped, &status.counts);
        let shared = status.shared.as_ref();
        extractor.process = shared.map(|shared| (shared.process, Figures::new(&shared.dropped, &shared.counts)));
    }

    /// Records a loss.
    fn note_loss(&mut self, loss: &Loss) {
        self.lost += loss.missing;
        let extractor = self
            .all()
            .into_iter()
            .find(|(_, extractor)| extractor.run == loss.run)
            .map(|(_, extractor)| extractor.last_ns);
        let from_ns = extractor.filter(|last_ns| *last_ns > 0 && *last_ns <= loss.time_ns);
        let gap = Gap { run: loss.run, missing: loss.missing, time_ns: loss.time_ns, stage: loss.stage, from_ns };
        push(&mut self.gaps, gap, MAX_GAPS);
        if self.ebpf.run == loss.run {
            self.ebpf.missing += loss.missing;
        } else if let Some(extractor) = self.by_name.values_mut().find(|extractor| extractor.run == loss.run) {
            extractor.missing += loss.missing;
        }
    }

    /// The extractors that sent events or a status, by name.
    pub fn all(&self) -> Vec<(&str, &Extractor)> {
        let ebpf = (self.ebpf.events > 0 || self.ebpf.status_ns > 0).then_some(("ebpf", &self.ebpf));
        let mut all: Vec<_> =
            self.by_name.iter().map(|(name, extractor)| (name.as_str(), extractor)).chain(ebpf).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// The name of the extractor with a run.
    pub fn name_of_run(&self, run: u64) -> Option<&str> {
        self.all().into_iter().find(|(_, extractor)| extractor.run == run).map(|(name, _)| name)
    }

    /// Whether tracepoints ever reported anything.
    pub fn has_traced(&self) -> bool {
        self.ebpf.events > 0
    }
}
