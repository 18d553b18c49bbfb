//! Many more inbound connections than usual.

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use crate::counting::Sliding;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, Usual, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Connections that peers open within a minute.
    per_minute: 30.0, "1/min", 1.0..=100_000.0, "The flood of 2022-11-16 opened 40 a minute, where 3 were usual (b10c, observation 05).";
    /// The same, as a multiple of the median of the last six hours, if that is more.
    times_usual: 4.0, "", 1.1..=1e6, "Honeypots that a spy visits all the time have 160 a minute and more: what is usual differs from node to node.";
}

/// How long ago the last of them may have come, in seconds: peers that come back together come within seconds.
const STILL: f64 = 15.0;
/// Of what would be reported in a minute, at least a sixth must have come since then.
const STILL_TIMES: f64 = 6.0;

/// Finds times when many more peers connect than usual.
pub(crate) struct InboundFlood {
    me: Me,
    parameters: Parameters,
    opened: Noted,
    /// Of them those that came last.
    still: Sliding,
    usual: Usual,
}

impl Detector for InboundFlood {
    const ROW: Row = Row {
        name: "inbound_flood",
        family: "connections",
        severity: Severity::Warning,
        title: "many more peers connect than usual",
        sees: "Inbound connections that are opened within a minute, by the tracepoints or debug.log, compared with a number and \
               with the median of the last six hours; they must go on to come for at least 20 seconds.",
        misses: "Peers that come slowly, or all at once, as they do when a provider or Tor is back. A node that has become popular, or \
                 that was restarted a short time ago, has many for good reasons: the first ten minutes after a start are left \
                 out.",
        timing: Timing { after: 20, hold: 120, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["subnet_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self {
            me,
            parameters: Parameters::of(values),
            opened: Noted::new(60.0),
            still: Sliding::new(STILL),
            usual: Usual::default(),
        }
    }
}

impl Observer<Sink, Details> for InboundFlood {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::PeerOpened { id } if peers.get(*id).is_some_and(|peer| peer.inbound == Some(true) && !peer.own) => {
                self.opened.add(1.0, context);
                self.still.add(context.time_ns, 1.0);
            }
            change if begins_anew(change) => {
                self.opened.clear();
                self.still.clear();
            }
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let opened = self.opened.sum(context.time_ns);
        let usual = self.usual.next(context.time_ns, opened, context.is_open(self.me, &Subject::Node));
        let threshold = self.parameters.per_minute.max(usual * self.parameters.times_usual);
        let still = self.still.sum(context.time_ns) * STILL_TIMES;
        let evidence = &self.opened.evidence;
        context.report(self.me, opened.min(still) / threshold, || {
            Finding::new(Subject::Node, "Peers opened {opened} to {subject} within a minute, where {usual} are usual.")
                .compared("opened", opened, "connections", threshold)
                .number("usual", usual, "")
                .evidence(evidence)
        });
    }
}
