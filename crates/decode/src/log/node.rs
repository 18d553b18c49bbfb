//! The node itself: its start and end, and the limits of its log. `src/init.cpp`, `src/logging.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{LogRateLimit, NodeStarted, NodeStopped};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("Bitcoin ", started),
    Rule::new("Shutdown done", stopped),
    // Up to v29.
    Rule::new("Shutdown: done", stopped),
    Rule::new("Excessive logging detected from ", limit_begins),
    Rule::new("Restarting logging from ", limit_ends),
];

/// `Core version v29.0.0 (release build)`, `Knots version v29.1.knots20250903`
fn started(mut scan: Scan) -> Option<LogEvent> {
    let name = lossy(scan.until(" version v")?);
    (!name.contains([' ', '\n']))
        .then(|| LogEvent::NodeStarted(NodeStarted { version: format!("Bitcoin {name} version v{}", scan.rest()) }))
}

fn stopped(scan: Scan) -> Option<LogEvent> {
    scan.end()?;
    Some(LogEvent::NodeStopped(NodeStopped {}))
}

/// `./src/net.cpp:123 (Function): >1048576 bytes logged during the last time window of 3600s. Suppressing …`
fn limit_begins(mut scan: Scan) -> Option<LogEvent> {
    let (location, function) = place(&mut scan, "): >")?;
    let bytes = scan.number()?;
    scan.skip(" bytes logged during the last time window of ")?;
    let window = scan.number()?;
    scan.skip("s.")?;
    Some(LogEvent::LogRateLimit(LogRateLimit { begins: true, location, function, bytes, window }))
}

/// `./src/net.cpp:123 (Function): 5000 bytes were dropped during the last 3600s.`
fn limit_ends(mut scan: Scan) -> Option<LogEvent> {
    let (location, function) = place(&mut scan, "): ")?;
    let bytes = scan.number()?;
    scan.skip(" bytes were dropped during the last ")?;
    let window = scan.number()?;
    scan.skip("s.")?;
    scan.end()?;
    Some(LogEvent::LogRateLimit(LogRateLimit { begins: false, location, function, bytes, window }))
}

fn place(scan: &mut Scan, end: &str) -> Option<(String, String)> {
    let location = scan.until(" (")?;
    let function = scan.until(end)?;
    Some((lossy(location.strip_prefix(b"./").unwrap_or(location)), lossy(function)))
}
