//! Where what is known of a node comes from, and what of it did not arrive.

use std::collections::{BTreeMap, VecDeque};

use bus::Loss;
use event::pb::observer::Status;
use event::{Kind, Source};

use super::peer::push;
use super::rate::Rate;
use super::series::SECOND;
use super::text::cut;
use smol_str::SmolStr;

/// An extractor that has not told its status for so long is down: it tells it every 10 s.
const SILENCE_NS: u64 = 35 * SECOND;
/// One that never tells any is up if it told something within this time.
const QUIET_NS: u64 = 120 * SECOND;
/// Extractors that are told apart; their names come over the wire.
const MAX_SOURCES: usize = 16;
/// Counts of one extractor.
const MAX_COUNTS: usize = 256;
/// Gaps that are remembered.
const MAX_GAPS: usize = 100;

/// An extractor, or an interface of the node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub events: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub run: u64,
    pub missing: u64,
    /// When the run began, as its status tells or by its first event.
    pub since_ns: u64,
    pub status_ns: u64,
    pub ended: bool,
    pub dropped: Vec<(SmolStr, SmolStr, u64)>,
    pub counters: Vec<(SmolStr, SmolStr, f64)>,
}

impl Told {
    /// Whether it works, as far as is known.
    pub fn is_up(&self, now_ns: u64) -> bool {
        if self.ended {
            return false;
        }
        let (seen_ns, patience) =
            if self.status_ns > 0 { (self.status_ns, SILENCE_NS) } else { (self.last_ns, QUIET_NS) };
        now_ns <= seen_ns.saturating_add(patience)
    }
}

/// Events that are missing.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub run: u64,
    pub missing: u64,
    pub time_ns: u64,
    pub stage: &'static str,
    /// When the last event before it was seen.
    pub from_ns: Option<u64>,
}

/// Where what is known of a node comes from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub by_name: BTreeMap<SmolStr, Told>,
    pub lost: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub gaps: VecDeque<Gap>,
    /// Of tracepoints, which are many: apart from the others.
    ebpf: Told,
}

/// The extractor that tells events of a kind, by its name.
fn name_of(kind: Kind) -> Option<&'static str> {
    match (kind, kind.source()?) {
        (Kind::NodeProcess, _) => Some("process"),
        (_, Source::Observer) => None,
        (_, source) => Some(source.name()),
    }
}

impl Sources {
    /// Takes note of an event.
    #[inline]
    pub fn event(&mut self, kind: Kind, run: u64, time_ns: u64) {
        self.last_ns = self.last_ns.max(time_ns);
        self.rate.add(time_ns, 1);
        let told = if kind.source() == Some(Source::Ebpf) {
            &mut self.ebpf
        } else {
            let Some(told) = name_of(kind).and_then(|name| self.of(name)) else { return };
            told
        };
        if told.run != run {
            *told = Told {
                events: told.events,
                rate: told.rate,
                last_ns: told.last_ns,
                run,
                since_ns: time_ns,
                ..Told::default()
            };
        }
        told.events += 1;
        told.last_ns = told.last_ns.max(time_ns);
        told.rate.add(time_ns, 1);
    }

    fn of(&mut self, name: &str) -> Option<&mut Told> {
        if name == "ebpf" {
            return Some(&mut self.ebpf);
        }
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= MAX_SOURCES {
                return None;
            }
            self.by_name.insert(cut(name, 32), Told::default());
        }
        self.by_name.get_mut(name)
    }

    /// Takes note of what an extractor tells of itself.
    pub fn status(&mut self, status: &Status, run: u64, time_ns: u64) {
        let missing = self.gaps.iter().filter(|gap| gap.run == run).map(|gap| gap.missing).sum();
        let Some(told) = self.of(&cut(&status.extractor, 32)) else { return };
        if told.run != run {
            // The end of the run before may come after the beginning of the new one.
            if status.ended && told.run != 0 {
                return;
            }
            *told =
                Told { events: told.events, rate: told.rate, last_ns: told.last_ns, run, missing, ..Told::default() };
        }
        told.since_ns = status.started_ns;
        told.status_ns = time_ns;
        told.ended = status.ended;
        let dropped = status.dropped.iter().take(MAX_COUNTS);
        told.dropped =
            dropped.map(|dropped| (cut(&dropped.stage, 64), cut(&dropped.reason, 64), dropped.count)).collect();
        let counters = status.counters.iter().take(MAX_COUNTS);
        told.counters =
            counters.map(|counter| (cut(&counter.name, 64), cut(&counter.label, 64), counter.value)).collect();
    }

    /// Takes note of a loss.
    pub fn lost(&mut self, loss: &Loss) {
        self.lost += loss.missing;
        let told = self.all().into_iter().find(|(_, told)| told.run == loss.run).map(|(_, told)| told.last_ns);
        let from_ns = told.filter(|last_ns| *last_ns > 0 && *last_ns <= loss.time_ns);
        let gap = Gap { run: loss.run, missing: loss.missing, time_ns: loss.time_ns, stage: loss.stage, from_ns };
        push(&mut self.gaps, gap, MAX_GAPS);
        if self.ebpf.run == loss.run {
            self.ebpf.missing += loss.missing;
        } else if let Some(told) = self.by_name.values_mut().find(|told| told.run == loss.run) {
            told.missing += loss.missing;
        }
    }

    /// All that told something, by name.
    pub fn all(&self) -> Vec<(&str, &Told)> {
        let ebpf = (self.ebpf.events > 0 || self.ebpf.status_ns > 0).then_some(("ebpf", &self.ebpf));
        let mut all: Vec<_> = self.by_name.iter().map(|(name, told)| (name.as_str(), told)).chain(ebpf).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// The name of the extractor with a run.
    pub fn name_of_run(&self, run: u64) -> Option<&str> {
        self.all().into_iter().find(|(_, told)| told.run == run).map(|(name, _)| name)
    }

    /// Whether an extractor works.
    pub fn is_up(&self, name: &str, now_ns: u64) -> bool {
        let told = if name == "ebpf" { Some(&self.ebpf) } else { self.by_name.get(name) };
        told.is_some_and(|told| (told.events > 0 || told.status_ns > 0) && told.is_up(now_ns))
    }

    /// Whether tracepoints tell of P2P messages at present.
    pub fn is_traced(&self, now_ns: u64) -> bool {
        self.ebpf.events > 0 && self.is_up("ebpf", now_ns)
    }
}
