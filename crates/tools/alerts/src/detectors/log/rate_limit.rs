//! The node limits its own log.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::log::LogEvent;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::logged;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds attempts to fill the log.
pub(crate) struct LogRateLimit {
    me: Me,
}

impl Detector for LogRateLimit {
    const ROW: Row = Row {
        name: "log_rate_limit",
        family: "log",
        severity: Severity::Warning,
        title: "the node suppresses entries of its log",
        sees: "The entry by which the node begins to suppress what one place of its source logs: more than it allows within an \
               hour. Attacks that fill the disk by log entries are known (CVE-2025-54604, CVE-2025-54605).",
        misses: "Nodes before v30, which limit nothing. Who causes the entries.",
        timing: Timing { after: 0, hold: 3_600, warm_up: 0 },
        parameters: &[],
        related: &["self_connections", "invalid_block", "disk_full"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for LogRateLimit {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(LogEvent::LogRateLimit(limit)) = logged(record) else { return };
        if !limit.begins {
            return;
        }
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Node, "{subject} suppresses what {place} logs, after {bytes} within {window}.")
                .text("place", TextKind::Free, &format!("{} ({})", limit.location, limit.function))
                .number("bytes", limit.bytes as f64, "bytes")
                .number("window", limit.window as f64, "s")
        });
    }
}
