//! Events are lost on the way.

use bus::Loss;
use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Dropped, Status};
use model::bounds::MAX_SOURCES;
use model::{Context, Observer, Peers};
use smol_str::SmolStr;

use crate::counting::Sliding;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::observed;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Events that are lost within the window.
    lost: 1_000.0, "events", 1.0..=1e12, "A node has some hundred events a second at least: fewer lost ones change no count by much.";
    /// The window.
    window: 600.0, "s", 10.0..=86_400.0, "Losses come in bursts, with the load that causes them.";
}

/// Finds out that events are lost.
pub(crate) struct EventLoss {
    me: Me,
    parameters: Parameters,
    lost: Sliding,
    /// Where the last ones were lost.
    stage: SmolStr,
    /// What each extractor has lost since its process started: its name, and how many.
    dropped: Vec<(SmolStr, u64)>,
}

impl Detector for EventLoss {
    const ROW: Row = Row {
        name: "event_loss",
        family: "instrument",
        severity: Severity::Warning,
        title: "events are lost",
        sees: "Gaps in the numbers of events, what extractors report to have dropped, and what archives have as missing.",
        misses: "What an interface of the node itself leaves out. Events of programs that do not number theirs.",
        timing: Timing { after: 0, hold: 300, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let lost = Sliding::new(parameters.window);
        Self { me, parameters, lost, stage: SmolStr::default(), dropped: Vec::new() }
    }
}

impl EventLoss {
    fn add(&mut self, lost: u64, stage: &str, context: &mut Context<Sink>) {
        self.lost.add(context.time_ns, lost as f64);
        self.stage = model::text::cut(stage, 32);
        self.judge(context);
    }

    /// Takes the counts of what an extractor, or its process, has lost since it started.
    fn dropped<'a>(&mut self, name: &str, counts: impl Iterator<Item = &'a Dropped>, context: &mut Context<Sink>) {
        let (mut total, mut stage) = (0u64, "");
        for dropped in counts {
            total = total.saturating_add(dropped.count);
            stage = &dropped.stage;
        }
        let name = model::text::cut(name, 32);
        let has_room = self.dropped.len() < 2 * MAX_SOURCES;
        let more = match self.dropped.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, before)) => {
                // Counts begin anew with a process, and go on in another run of it.
                let more = if total >= *before { total - *before } else { total };
                *before = total;
                more
            }
            // What was lost before this began to observe is not news.
            None if has_room => {
                self.dropped.push((name, total));
                0
            }
            None => 0,
        };
        if more > 0 {
            self.add(more, stage, context);
        }
    }

    fn judge(&mut self, context: &mut Context<Sink>) {
        let Parameters { lost: threshold, window } = self.parameters;
        let lost = self.lost.sum(context.time_ns);
        let stage = &self.stage;
        context.report(self.me, lost / threshold, || {
            Finding::new(Subject::Node, "Of {subject}, {lost} were lost within {window}, the last ones at {stage}.")
                .compared("lost", lost, "events", threshold)
                .number("window", window, "s")
                .text("stage", TextKind::Free, stage)
        });
    }
}

impl Observer<Sink, Details> for EventLoss {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(ObserverEvent::Status(status)) = observed(record) else { return };
        let Status { dropped, counters, counts, shared, .. } = status;
        if dropped.is_empty() && counters.is_empty() && counts.is_empty() && shared.is_none() {
            return; // it says nothing about them
        }
        self.dropped(&status.extractor, dropped.iter(), context);
        if let Some(shared) = shared {
            let name = format!("process {}", shared.process);
            // The queues of tools are theirs, and what is lost on a NATS server shows as a gap.
            let traced = shared.dropped.iter().filter(|dropped| dropped.stage == "tracepoints");
            self.dropped(&name, traced, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        self.judge(context);
    }

    fn lost(&mut self, loss: &Loss, context: &mut Context<Sink>) {
        self.add(loss.missing, loss.stage, context);
    }
}
