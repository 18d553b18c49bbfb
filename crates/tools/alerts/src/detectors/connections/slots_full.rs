//! The slots for inbound connections are nearly full.

use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer, Peer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::Usual;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Share of the slots that are taken.
    share: 0.95, "share", 0.1..=1.0, "The last slots are taken for moments only where a node evicts.";
}

/// Finds nodes that are nearly full.
pub(crate) struct SlotsFull {
    me: Me,
    parameters: Parameters,
    usual: Usual,
}

impl Detector for SlotsFull {
    const ROW: Row = Row {
        name: "slots_full",
        family: "connections",
        severity: Severity::Info,
        title: "the slots for inbound connections are nearly full",
        sees: "Open inbound connections in relation to the slots: -maxconnections by debug.log, or else the default of the \
               node's version, without those for outbound ones. From v32 on also those that relay transactions, in relation to \
               their part of the slots (-inboundrelaypercent). A node that has been full for a day is left alone: it is a \
               popular one.",
        misses: "A node whose version is not known. Limits that were set where debug.log was not read.",
        timing: Timing { after: 120, hold: 120, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &["inbound_flood", "subnet_flood", "eviction_pressure"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), usual: Usual::default() }
    }
}

impl Observer<Sink, Details> for SlotsFull {
    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let facts = &context.sink.facts;
        let (Some(all), Some(relaying)) = (facts.max_inbound(), facts.max_inbound_relaying()) else { return };
        let is_inbound = |peer: &&Peer<Details>| peer.inbound == Some(true);
        let open = peers.open().filter(is_inbound).count() as f64;
        let relay = peers.open().filter(is_inbound).filter(|peer| peer.relay == Some(true)).count() as f64;
        let share_of = |open: f64, most: u32| open / f64::from(most.max(1));
        let of_relaying = share_of(relay, relaying) > share_of(open, all);
        let (open, most, which) = if of_relaying { (relay, relaying, "relaying") } else { (open, all, "all") };
        let share = share_of(open, most);
        let threshold = self.parameters.share;
        let usual = self.usual.next(context.time_ns, 100.0 * share, context.is_open(self.me, &Subject::Node)) / 100.0;
        if usual >= threshold {
            return;
        }
        context.report(self.me, share / threshold, || {
            Finding::new(
                Subject::Node,
                "{share} of the inbound slots of {subject} ({which}) are taken: {open} of {slots}.",
            )
            .compared("share", share, "share", threshold)
            .number("open", open, "")
            .number("slots", f64::from(most), "")
            .text("which", TextKind::Word, which)
        });
    }
}
