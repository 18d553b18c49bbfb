//! The disk is nearly full.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::observer::ObserverEvent;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{logged, observed};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// What the node logs when there is no space left.
const FULL: [&str; 3] = ["Disk space is too low", "Disk space is low", "No space left on device"];

parameters! {
    /// Gigabytes that are left.
    left: 5.0, "gigabytes", 0.001..=1e6, "The chain grows by half a gigabyte a day at most, so there are ten days left; the node ends when 50 MB are left.";
}

/// Finds disks that are nearly full.
pub(crate) struct DiskFull {
    me: Me,
    parameters: Parameters,
}

impl Detector for DiskFull {
    const ROW: Row = Row {
        name: "disk_full",
        family: "log",
        severity: Severity::Critical,
        title: "the node's disk is nearly full",
        sees: "The space that is left in the file systems of the node's data, by the operating system, and entries of debug.log \
               that say that there is none.",
        misses: "Quotas. What fills it.",
        timing: Timing { after: 0, hold: 120, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["log_rate_limit", "node_warning"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl Observer<Sink, Details> for DiskFull {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(LogEvent::UnknownLogMessage(line)) = logged(record)
            && FULL.iter().any(|full| line.raw_message.contains(full))
        {
            context.report(self.me, 2.0, || {
                Finding::new(Subject::Node, "{subject} has no disk space left: {line}.").text(
                    "line",
                    TextKind::Free,
                    &line.raw_message,
                )
            });
        }
        let Some(ObserverEvent::Process(process)) = observed(record) else { return };
        let Some(least) = process.filesystems.iter().min_by_key(|system| system.available) else { return };
        let (left, threshold) = (least.available as f64 / 1e9, self.parameters.left);
        context.report(self.me, threshold / left.max(1e-3), || {
            Finding::new(Subject::Node, "The file system of {subject} ({name}) has {left} left.")
                .compared("left", left, "gigabytes", threshold)
                .text("name", TextKind::Free, &least.name)
        });
    }
}
