//! The node evicts many peers to make room for others.

use event::pb::alerts::Severity;
use event::pb::log_extractor::RefusedReason;
use event::pb::log_extractor::log::LogEvent;
use model::{Change, Context, Observer, Peers, Record};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, Usual, begins_anew, logged};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// The short window, in seconds.
const MINUTE: f64 = 60.0;

parameters! {
    /// Peers that are evicted, or refused because the node is full and can evict nobody, within the window.
    evictions: 40.0, "connections", 1.0..=1e6, "A full node evicts one peer for each that connects: 3 a minute are usual, so 15 within five minutes; in the flood of 2022-11-16 it were 40 a minute (b10c, observation 05).";
    /// The same within a minute: enough by itself.
    at_once: 20.0, "connections", 1.0..=1e6, "Half of what the flood of 2022-11-16 evicted in a minute; where 3 are usual, that does not happen by chance.";
    /// Both, as a multiple of the median of the last six hours, if that is more.
    times_usual: 3.0, "", 1.1..=1e6, "Full honeypots that a spy visits all the time evict 100 a minute and more: what is usual differs from node to node.";
    /// The window.
    window: 300.0, "s", 10.0..=86_400.0, "Inbound peers fell from 115 to 85 within ten minutes then.";
}

/// Finds times when peers are pushed out.
pub(crate) struct EvictionPressure {
    me: Me,
    parameters: Parameters,
    evicted: Noted,
    at_once: Noted,
    usual: Usual,
}

impl Detector for EvictionPressure {
    const ROW: Row = Row {
        name: "eviction_pressure",
        family: "connections",
        severity: Severity::Warning,
        title: "peers are pushed out by others",
        sees: "Evictions, by the tracepoints or debug.log, and connections that the node refuses because it is full and can \
               evict nobody, compared with a number and with the median of the last six hours.",
        misses: "A node with free slots evicts nobody. Who replaces the evicted ones: inbound_flood and subnet_flood report \
                 that.",
        timing: Timing { after: 0, hold: 300, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["inbound_flood", "subnet_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let (evicted, at_once) = (Noted::new(parameters.window), Noted::new(MINUTE));
        Self { me, parameters, evicted, at_once, usual: Usual::default() }
    }
}

impl EvictionPressure {
    fn add(&mut self, context: &Context<Sink>) {
        self.evicted.add(1.0, context);
        self.at_once.add(1.0, context);
    }
}

impl Observer<Sink, Details> for EvictionPressure {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::PeerEvicted { .. } => self.add(context),
            change if begins_anew(change) => {
                self.evicted.clear();
                self.at_once.clear();
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(LogEvent::ConnectionRefused(refused)) = logged(record)
            && refused.reason() == RefusedReason::Full
        {
            self.add(context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { evictions, at_once, times_usual, window } = self.parameters;
        let (now_ns, is_open) = (context.time_ns, context.is_open(self.me, &Subject::Node));
        let evicted = self.evicted.sum(now_ns);
        let usual = self.usual.next(now_ns, evicted, is_open);
        let long = (evicted, window, evictions.max(usual * times_usual), usual);
        let usual = usual * MINUTE / window;
        let short = (self.at_once.sum(now_ns), MINUTE, at_once.max(usual * times_usual), usual);
        let score = |(evicted, _, threshold, _): (f64, f64, f64, f64)| evicted / threshold;
        let more = if score(short) > score(long) { short } else { long };
        let (evicted, window, threshold, usual) = more;
        let evidence = &self.evicted.evidence;
        context.report(self.me, score(more), || {
            Finding::new(
                Subject::Node,
                "{subject} evicted or refused {evicted} within {window} to make room for others, where {usual} are usual.",
            )
            .compared("evicted", evicted, "peers", threshold)
            .number("window", window, "s")
            .number("usual", usual, "")
            .evidence(evidence)
        });
    }
}
