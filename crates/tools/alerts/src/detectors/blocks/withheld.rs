//! A block that was requested does not come.

use std::collections::BTreeMap;

use event::pb::alerts::Severity;
use event::{Kind, Record};
use model::bounds::MAX_OPEN;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, has_caught_up, subject_of, with_agent};
use crate::settings::Values;
use crate::sink::Sink;

parameters! {
    /// Seconds for which a block is requested from a peer.
    waits: 120.0, "s", 5.0..=86_400.0, "A block comes within seconds, through Tor within a minute; the node itself waits ten minutes and more.";
}

/// Finds peers that withhold a block.
pub(crate) struct BlockWithheld {
    me: Me,
    parameters: Parameters,
    /// Since when blocks have been requested from peers.
    waiting: BTreeMap<u64, u64>,
}

impl Detector for BlockWithheld {
    const ROW: Row = Row {
        name: "block_withheld",
        family: "blocks",
        severity: Severity::Warning,
        title: "a peer withholds a block",
        sees: "Peers from which blocks are requested in each answer of getpeerinfo (inflight) for two minutes, at a node that has \
               caught up with the chain.",
        misses: "A node whose getpeerinfo is not read. Less than the interval of its answers. Which of the blocks it is.",
        timing: Timing { after: 0, hold: 60, warm_up: 300 },
        parameters: Parameters::ALL,
        related: &["block_stalling", "stale_tip", "headers_ahead"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), waiting: BTreeMap::new() }
    }
}

impl Observer<Sink, Details> for BlockWithheld {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.waiting.clear();
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if record.envelope().kind != Kind::PeerInfos {
            return;
        }
        let asked = |id: u64| {
            let polled = peers.get(id).and_then(|peer| peer.polled.as_ref());
            polled.is_some_and(|polled| polled.inflight > 0)
        };
        self.waiting.retain(|id, _| asked(*id));
        if !has_caught_up(context) {
            return self.waiting.clear();
        }
        for peer in peers.open().filter(|peer| asked(peer.id)) {
            if self.waiting.len() < MAX_OPEN {
                self.waiting.entry(peer.id).or_insert(context.time_ns);
            }
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let threshold = self.parameters.waits;
        for (id, since_ns) in &self.waiting {
            let waits = context.time_ns.saturating_sub(*since_ns) as f64 / 1e9;
            context.report(self.me, waits / threshold, || {
                let finding = Finding::new(
                    subject_of(*id, peers),
                    "{subject} ({agent}) has not delivered blocks that the node requested {waits} ago.",
                );
                with_agent(finding, *id, peers).compared("waits", waits, "s", threshold)
            });
        }
    }
}
