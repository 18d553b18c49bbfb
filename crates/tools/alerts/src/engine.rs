//! Events of all nodes go in, alerts come out. No I/O, and no clock but that of the events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use alert_state::Baseline;
use bus::Loss;
use event::pb::alerts::Alert;
use event::{Kind, Record};
use model::bounded::NodeMap;
use model::bounds::MAX_NODES;
use networks::Enrichment;
use smol_str::SmolStr;
use tracing::warn;

use crate::book::{Book, Brief};
use crate::clock::{Elapsed, Seen};
use crate::detector::Me;
use crate::fleet::{Fleet, View};
use crate::node::{Node, TICK_NS};
use crate::settings::Settings;
use crate::sink::Nearest;

/// How near a detector came to an alert: its name, and the node where it came nearest.
pub type NearestOf = (&'static str, Option<(Arc<str>, Nearest)>);

/// Finds alerts in events.
pub struct Engine {
    settings: Arc<Settings>,
    enrichment: Enrichment,
    nodes: NodeMap<Node>,
    book: Book,
    elapsed: Elapsed,
    /// When all nodes are looked at again.
    next: Elapsed,
    /// Events that were taken.
    events: u64,
    /// What was usual at nodes that were not seen yet, by the names of what is watched.
    baselines: HashMap<String, Vec<Baseline>>,
    /// There was no room for a node.
    is_full: bool,
    /// The book of the present, while the past is read.
    present: Option<Book>,
}

impl Engine {
    /// One that has seen nothing yet, with alerts that were open when the process ended, by the keys of their subjects.
    pub fn new(settings: Settings, enrichment: Enrichment, open: Vec<(SmolStr, Alert)>) -> Self {
        let settings = Arc::new(settings);
        let mut book = Book::new(Arc::clone(&settings));
        open.into_iter().for_each(|(key, alert)| book.restore(key, alert));
        let (nodes, elapsed, next) = (NodeMap::default(), Elapsed::default(), Elapsed(TICK_NS));
        let (baselines, present, is_full) = Default::default();
        Self { settings, enrichment, nodes, book, elapsed, next, events: 0, baselines, is_full, present }
    }

    /// Takes over what was usual when the process ended.
    pub fn restore(&mut self, baselines: Vec<Baseline>) {
        for baseline in baselines {
            self.baselines.entry(baseline.node.clone()).or_default().push(baseline);
        }
    }

    /// What is usual now, of all that is watched at all nodes that were seen.
    pub fn baselines(&self) -> Vec<Baseline> {
        let of_node = |(name, node): (&Arc<str>, &Node)| {
            let node_name = name.to_string();
            let all = node.detectors.statistical.baselines();
            let baselines = all.map(move |(series, baseline)| Baseline {
                node: node_name.clone(),
                series: series.to_string(),
                baseline,
            });
            baselines.collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of_node).collect()
    }

    /// The events that follow are of the past: detectors learn from them, and what is found then is forgotten at the end. Alerts that are
    /// open stay so.
    pub fn begin_past(&mut self) {
        if self.present.is_none() {
            let past = self.book.with_open();
            self.present = Some(std::mem::replace(&mut self.book, past));
        }
    }

    /// The events that follow are those of the present.
    pub fn end_past(&mut self) {
        if let Some(book) = self.present.take() {
            self.book = book;
            for (name, node) in self.nodes.iter_mut() {
                node.sink.open = self.book.open_at(name).cloned().collect();
            }
        }
    }

    /// Whether the events at present are of the past.
    pub fn is_past(&self) -> bool {
        self.present.is_some()
    }

    /// Takes an event.
    pub fn fold(&mut self, record: &Record) {
        let envelope = record.envelope();
        if matches!(envelope.kind, Kind::Alert | Kind::Gap | Kind::Selection) {
            if envelope.kind == Kind::Gap {
                self.gap(record);
            }
            return;
        }
        let Self { settings, enrichment, nodes, book, elapsed, baselines, .. } = self;
        let mut is_new = false;
        let make = || {
            is_new = true;
            let mut node = Node::new(&envelope.node, settings);
            node.sink.open.extend(book.open_at(&envelope.node).cloned());
            for Baseline { series, baseline, .. } in baselines.remove(&*envelope.node).unwrap_or_default() {
                node.detectors.statistical.restore(&series, &baseline);
            }
            node
        };
        let Some(node) = nodes.touch(&envelope.node, make) else {
            if !std::mem::replace(&mut self.is_full, true) {
                warn!(
                    "there are {MAX_NODES} nodes; events of further ones, such as {:?}, are not looked at",
                    envelope.node
                );
            }
            return;
        };
        if node.repeated.is_again(envelope.run, envelope.sequence) {
            return;
        }
        self.events += 1;
        let time_ns = match node.clock.see(envelope.time_ns, elapsed) {
            Seen::At(time_ns) => time_ns,
            Seen::Set(time_ns) => {
                node.begin(time_ns);
                time_ns
            }
        };
        if time_ns >= node.next_tick_ns {
            node.tick(time_ns, enrichment, book);
        }
        node.sink.facts.note(record);
        node.model.fold(record, time_ns, enrichment, &mut node.sink, &mut node.detectors);
        node.hand_over(enrichment, book);
        if is_new || self.elapsed >= self.next {
            self.look_around();
        } else {
            self.turn();
        }
    }

    /// Takes a loss.
    pub fn lost(&mut self, loss: &Loss) {
        let Self { enrichment, nodes, book, .. } = self;
        let Some(node) = nodes.get_mut(&loss.node) else { return };
        // A loss is noticed at what comes next, whatever time that has.
        let loss = Loss { time_ns: node.clock.now(self.elapsed), ..loss.clone() };
        node.model.lost(&loss, enrichment, &mut node.sink, &mut node.detectors);
        node.hand_over(enrichment, book);
        self.turn();
    }

    /// What an archive reports as missing is a loss of the node.
    fn gap(&mut self, record: &Record) {
        use event::pb::observer::observer::ObserverEvent;
        let Some(event::Body::Observer(observer)) = record.body() else { return };
        let Some(ObserverEvent::Gap(gap)) = &observer.observer_event else { return };
        let envelope = record.envelope();
        self.lost(&Loss {
            node: Arc::clone(&envelope.node),
            run: gap.of_run.unwrap_or_default(),
            missing: gap.missing,
            time_ns: envelope.time_ns,
            stage: "archive",
        });
    }

    /// Lets time pass in which nothing came.
    pub fn wait(&mut self, passed: Duration) {
        self.elapsed.0 = self.elapsed.0.saturating_add(event::time::nanoseconds(passed));
        if self.elapsed >= self.next {
            self.look_around();
        }
    }

    /// Lets time pass at all nodes.
    fn look_around(&mut self) {
        let Self { enrichment, nodes, book, elapsed, .. } = self;
        let view = |(name, node): (&Arc<str>, &Node)| {
            let Node { model, sink, clock, .. } = node;
            View::of(name, &sink.facts, &model.blocks, &model.liveness, clock.now(*elapsed))
        };
        let fleet = Fleet(nodes.iter().filter_map(view).collect());
        for node in nodes.values_mut() {
            node.sink.fleet = fleet.clone();
            node.tick(node.clock.now(*elapsed), enrichment, book);
        }
        let now = |name: &str| nodes.get(name).map(|node| node.clock.now(*elapsed));
        book.settle(&now);
        self.next = Elapsed(self.elapsed.0.saturating_add(TICK_NS));
        self.turn();
    }

    /// Lets detectors know which of their alerts opened and closed.
    fn turn(&mut self) {
        for turned in self.book.take_turned() {
            let Some(node) = self.nodes.get_mut(&turned.node) else { continue };
            let place = (turned.me, turned.key);
            if turned.open {
                node.sink.open.insert(place);
            } else {
                node.sink.open.remove(&place);
            }
        }
    }

    /// Alerts that opened, went on or were resolved since the last call, with the keys of their subjects.
    pub fn take_changed(&mut self) -> Vec<(SmolStr, Alert)> {
        self.book.take_changed()
    }

    /// Replaces what is known of addresses.
    pub fn set_enrichment(&mut self, enrichment: Enrichment) {
        self.enrichment = enrichment;
    }

    /// What is known of addresses.
    pub fn enrichment(&self) -> &Enrichment {
        &self.enrichment
    }

    /// How many detectors look.
    pub fn detectors(&self) -> u64 {
        self.settings.detectors().filter(|detector| detector.enabled).count() as u64
    }

    /// Events that were taken: those of nodes, without those that came twice.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Events that had come before, or too late to know.
    pub fn repeated(&self) -> u64 {
        self.nodes.iter().map(|(_, node)| node.repeated.count).sum()
    }

    /// What lasted too shortly to be an alert, by detector: of each the one that lasted longest.
    pub fn briefest(&self) -> BTreeMap<&'static str, Brief> {
        let named = |(me, brief): (&Me, &Brief)| Some((self.settings.get(*me)?.row.name, brief.clone()));
        self.book.brief().filter_map(named).collect()
    }

    /// Of how many series of a detector of changes it is known what is usual, and how many it watches: at the node where most are known.
    pub fn known(&self, detector: &str) -> Option<(usize, usize)> {
        self.nodes.iter().filter_map(|(_, node)| node.detectors.statistical.known(detector)).max()
    }

    /// How near each detector came to an alert at any node, in the order of the table: its name, the node, and how near.
    pub fn nearest(&self) -> Vec<NearestOf> {
        let names = self.settings.detectors().map(|detector| detector.row.name).enumerate();
        let of = |index: usize| {
            let nodes = self.nodes.iter().filter_map(|(name, node)| Some((name, node.sink.nearest().nth(index)?)));
            let best = nodes.max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score));
            best.filter(|(_, nearest)| nearest.score > 0.0).map(|(name, nearest)| (Arc::clone(name), nearest.clone()))
        };
        names.map(|(index, name)| (name, of(index))).collect()
    }
}
