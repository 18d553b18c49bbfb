//! The thread that handles P2P messages has no time left.

use std::collections::VecDeque;

use event::Record;
use event::pb::alerts::Severity;
use event::pb::observer::NodeProcess;
use event::pb::observer::observer::ObserverEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;
use model::bounded::push;
use model::{Change, Context, Observer, Peers};

use crate::counting::ns;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, exchanged, has_caught_up, observed};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::median;
use crate::subject::Subject;

/// The thread, as Bitcoin Core names it.
const THREAD: &str = "b-msghand";
/// Events of the process that are remembered at most.
const MAX_SAMPLES: usize = 256;
/// Pings of which the median counts: one may wait for a block.
const PINGS: usize = 5;

parameters! {
    /// Share of the time for which the thread computes.
    share: 0.9, "share", 0.1..=1.0, "In November 2025 it was at 0.5 to 0.7 without harm, in February 2026 at 1 for hours (b10c, observation 15).";
    /// Seconds until the node answers a ping of ours, by the median of five.
    ping: 1.0, "s", 0.01..=1e3, "On the same machine it takes milliseconds unless messages wait for each other.";
    /// The window for the share.
    window: 300.0, "s", 30.0..=3_600.0, "A block, or a burst of transactions, takes all of it for seconds.";
}

/// Finds nodes whose message thread is saturated.
pub(crate) struct MessageHandlerBusy {
    me: Me,
    parameters: Parameters,
    /// When, and how many seconds of the processor the thread had used by then.
    used: VecDeque<(u64, f64)>,
    pings: VecDeque<f64>,
}

impl Detector for MessageHandlerBusy {
    const ROW: Row = Row {
        name: "message_handler_busy",
        family: "load",
        severity: Severity::Warning,
        title: "the node's message thread is saturated",
        sees: "The processor time of the thread b-msghand within five minutes, by the operating system, and how long the node \
               takes to answer pings on our own P2P connection, once it has caught up with the chain.",
        misses: "What keeps it busy. A node whose extractors run elsewhere, if its pings are not answered more slowly.",
        timing: Timing { after: 10, hold: 120, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["inv_backlog", "slow_block", "slow_validation"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), used: VecDeque::new(), pings: VecDeque::new() }
    }
}

impl MessageHandlerBusy {
    fn process(&mut self, process: &NodeProcess, now_ns: u64) {
        let Some(thread) = process.threads.iter().find(|thread| thread.name == THREAD) else { return };
        let used = thread.cpu_user_seconds + thread.cpu_system_seconds;
        if self.used.back().is_some_and(|(at_ns, before)| used < *before || now_ns <= *at_ns) {
            self.used.clear(); // another process
        }
        push(&mut self.used, (now_ns, used), MAX_SAMPLES);
        let window_ns = ns(self.parameters.window);
        while self.used.get(1).is_some_and(|(at_ns, _)| now_ns.saturating_sub(*at_ns) >= window_ns) {
            self.used.pop_front();
        }
    }

    /// The share of the window in which the thread computed; 0 before there is as much of it.
    fn share(&self) -> f64 {
        let (Some((from_ns, before)), Some((to_ns, used))) = (self.used.front(), self.used.back()) else { return 0.0 };
        let seconds = to_ns.saturating_sub(*from_ns) as f64 / 1e9;
        if seconds < 0.9 * self.parameters.window { 0.0 } else { (used - before) / seconds }
    }
}

impl Observer<Sink, Details> for MessageHandlerBusy {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.used.clear();
            self.pings.clear();
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(ObserverEvent::Process(process)) = observed(record) {
            return self.process(process, context.time_ns);
        }
        match exchanged(record) {
            Some(P2pEvent::PingDuration(ping)) => push(&mut self.pings, ping.duration as f64 / 1e9, PINGS),
            Some(P2pEvent::ConnectionEnded(_)) => self.pings.clear(),
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if !has_caught_up(context) {
            return;
        }
        let Parameters { share: most_share, ping: most_ping, window } = self.parameters;
        let share = self.share();
        let ping = if self.pings.len() < PINGS { 0.0 } else { median(self.pings.iter().copied()) };
        let (by_share, by_ping) = (share / most_share, ping / most_ping);
        context.report(self.me, by_share.max(by_ping), || {
            let sentence = if by_share >= by_ping {
                "The message thread of {subject} computed for {share} of the last {window}."
            } else {
                "{subject} takes {ping} to answer a ping, so its messages wait for each other."
            };
            Finding::new(Subject::Node, sentence)
                .compared("share", share, "share", most_share)
                .compared("ping", ping, "s", most_ping)
                .number("window", window, "s")
        });
    }
}
