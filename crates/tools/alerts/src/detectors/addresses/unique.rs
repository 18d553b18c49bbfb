//! Many more different addresses are gossiped than usual.

use event::message::Message;
use event::pb::alerts::Severity;
use model::bounds::SECOND;
use model::{Change, Context, Observer, Peer, Peers};
use networks::HyperLogLog;

use super::asked::gossip;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::Window;
use crate::subject::Subject;

/// Parts of an hour that are counted.
const PARTS: usize = 6;
const PART_NS: u64 = 600 * SECOND;
/// How often it is counted.
const COUNTED_NS: u64 = 30 * SECOND;
/// So many hours, a value each ten minutes, show what is usual; an attack is the usual after two days.
const USUAL: usize = 24 * PARTS;
const MOST_FROZEN: usize = 48 * PARTS;

parameters! {
    /// Different addresses within an hour as a multiple of the median of the last day.
    times_usual: 3.0, "", 1.1..=1e6, "From 2026-04-09 on the network gossiped 250,000 different addresses a day in place of 65,000, four times as many (KIT).";
    /// The least number that is reported.
    least: 5_000.0, "addresses", 1.0..=1e9, "Nodes with few peers hear of some hundred an hour, and more after each new peer.";
    /// How many are reported as long as it is not known what is usual, which takes eight hours.
    unknown: 50_000.0, "addresses", 1.0..=1e9, "All of the network had 65,000 a day before April 2026; in the flood of July 2021 there were 250,000 an hour (arXiv 2108.00815).";
}

/// Finds times when many more different addresses are gossiped than usual.
pub(crate) struct UniqueAddresses {
    me: Me,
    parameters: Parameters,
    /// The parts of the last hour, as a ring.
    parts: [HyperLogLog; PARTS],
    part: u64,
    usual: Window,
    /// How many there were, and when they were counted.
    counted: (f64, u64),
    evidence: Evidence,
}

impl Detector for UniqueAddresses {
    const ROW: Row = Row {
        name: "unique_addresses",
        family: "addresses",
        severity: Severity::Warning,
        title: "many more different addresses are gossiped than usual",
        sees: "The number of different addresses in addr and addrv2 within the last hour, from all peers together, compared with the \
               median of the last day. Answers to a getaddr of the node are left out.",
        misses: "A flood that was there before the node was observed, or that grows over days. A node with many new peers hears of \
                 more addresses for good reasons.",
        timing: Timing { after: 60, hold: 600, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["address_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self {
            me,
            parameters: Parameters::of(values),
            parts: Default::default(),
            part: 0,
            usual: Window::new(USUAL, MOST_FROZEN),
            counted: (0.0, 0),
            evidence: Evidence::default(),
        }
    }
}

impl UniqueAddresses {
    /// Begins a new part if it is time.
    fn turn(&mut self, context: &Context<Sink>) {
        let part = context.time_ns / PART_NS;
        if part == self.part {
            return;
        }
        let passed = part.saturating_sub(self.part);
        // The first hour that was seen from its beginning on is the first that shows what is usual.
        if passed == 1 && context.sink.since_start_ns(context.time_ns) >= PARTS as u64 * PART_NS {
            let is_open = context.is_open(self.me, &Subject::Node);
            let count = self.count();
            self.usual.learn(count, is_open);
        }
        let begun = if part < self.part || passed >= PARTS as u64 { PARTS as u64 } else { passed };
        for part in (0..begun).map(|back| part - back) {
            self.parts
                .get_mut((part % PARTS as u64) as usize)
                .into_iter()
                .for_each(|part| *part = HyperLogLog::default());
        }
        self.part = part;
        self.evidence.clear();
    }

    fn count(&self) -> f64 {
        let mut all = HyperLogLog::default();
        self.parts.iter().for_each(|part| all.merge(part));
        all.estimate().round()
    }
}

impl Observer<Sink, Details> for UniqueAddresses {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some(addresses) = gossip(message, peer) else { return };
        self.turn(context);
        if let Some(part) = self.parts.get_mut((self.part % PARTS as u64) as usize) {
            addresses.for_each(|address| part.add((address.network, address.bytes)));
            self.evidence.note(context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if let Change::NodeRestarted { .. } = change {
            (self.parts, self.part, self.counted) = Default::default();
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        self.turn(context);
        // Counting reads all of the sketches, and an hour does not change in a moment.
        if context.time_ns.abs_diff(self.counted.1) >= COUNTED_NS {
            self.counted = (self.count(), context.time_ns);
        }
        let count = self.counted.0;
        let Parameters { times_usual, least, unknown } = self.parameters;
        let usual = self.usual.usual();
        let threshold = usual.map_or(unknown, |usual| (usual * times_usual).max(least));
        let evidence = &self.evidence;
        context.report(self.me, count / threshold, || {
            let sentence = match usual {
                Some(_) => {
                    "Peers of {subject} gossiped {different} that differ within an hour, where {usual} are usual."
                }
                None => "Peers of {subject} gossiped {different} that differ within an hour.",
            };
            let finding = Finding::new(Subject::Node, sentence).compared("different", count, "addresses", threshold);
            let finding = usual.into_iter().fold(finding, |finding, usual| finding.number("usual", usual, ""));
            finding.evidence(evidence)
        });
    }
}
