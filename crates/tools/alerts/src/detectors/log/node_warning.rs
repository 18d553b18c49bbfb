//! The node warns, or logs an error.

use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::LogLevel;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::polled;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// A warning that is always there in a release candidate.
const PRE_RELEASE: &str = "This is a pre-release test build";

/// Finds warnings of the node.
pub(crate) struct NodeWarning {
    me: Me,
}

impl Detector for NodeWarning {
    const ROW: Row = Row {
        name: "node_warning",
        family: "log",
        severity: Severity::Warning,
        title: "the node warns of something",
        sees: "Warnings in getblockchaininfo and getnetworkinfo, but for that of a pre-release build, and entries of debug.log with \
               the level error.",
        misses: "Entries with the level warning, many of which need nothing to be done.",
        timing: Timing { after: 0, hold: 300, warm_up: 0 },
        parameters: &[],
        related: &["disk_full", "clock_off", "rules_split", "invalid_block"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me }
    }
}

impl Observer<Sink, Details> for NodeWarning {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let text = match (record.body(), polled(record)) {
            (_, Some(RpcEvent::BlockchainInfo(info))) => first(&info.warnings),
            (_, Some(RpcEvent::NetworkInfo(info))) => first(&info.warnings),
            (Some(Body::LogExtractor(line)), _) if line.log_level() == LogLevel::Error => match &line.log_event {
                Some(LogEvent::UnknownLogMessage(line)) => Some(line.raw_message.as_str()),
                _ => line.raw_message.as_deref(),
            },
            _ => None,
        };
        let Some(text) = text else { return };
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Node, "{subject} warns: {warning}.").text("warning", TextKind::Free, text)
        });
    }
}

fn first(warnings: &[String]) -> Option<&str> {
    warnings.iter().map(String::as_str).find(|warning| !warning.is_empty() && !warning.starts_with(PRE_RELEASE))
}
