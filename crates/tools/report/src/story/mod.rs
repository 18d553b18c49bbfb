//! What a report says: its sections, in plain sentences.

mod alerts;
mod evidence;
mod peers;
mod steps;

use std::fmt::Write;

use event::pb::alerts::{Alert, State};
use event::text::{NumberText, Part, Parts, SubjectText, severity_name};

use crate::Report;
use crate::document::{Block, Document, Section, Span, Spans, foreign, plain};

/// Items that a list has at most.
pub(crate) const MAX_ITEMS: usize = 50;
const SECOND_NS: u64 = 1_000_000_000;

/// The whole report.
pub(crate) fn document(report: &Report) -> Document {
    let incident = &report.incident;
    let mut sections = vec![alerts::what(report), alerts::sure(report), alerts::times(report)];
    sections.extend(peers::charts(report));
    sections.extend(peers::peers(report));
    sections.extend(peers::bans(report));
    sections.extend(evidence::log(report));
    sections.extend(evidence::evidence(report));
    sections.extend(evidence::decisions(report));
    sections.extend(steps::queries(report));
    sections.extend(steps::next(report));
    sections.push(evidence::limits(report));
    let severity = incident.severity();
    let state = if incident.is_open() { "open" } else { "over" };
    Document {
        title: format!("Incident {}", report.name()),
        badge: (severity as usize, format!("{}, {state}", severity_name(severity))),
        facts: facts(report),
        sections,
        footer: plain(format!("Made by peer-observer {} at {}.", report.version, time(report.made_ns))),
    }
}

fn facts(report: &Report) -> Vec<(&'static str, Spans)> {
    let scope = &report.scope;
    let span = format!(
        "{} to {} ({})",
        time(scope.since_ns),
        time(scope.last_ns),
        duration((scope.last_ns - scope.since_ns) / SECOND_NS)
    );
    let mut detectors: Vec<&str> = report.incident.alerts.iter().map(|alert| alert.detector.as_str()).collect();
    detectors.sort_unstable();
    detectors.dedup();
    vec![
        ("Time", plain(span)),
        ("Nodes", list(scope.nodes.iter().map(String::as_str))),
        ("Detectors", list(detectors)),
        ("Id", foreign(report.incident.id.as_str())),
    ]
}

fn section(title: impl Into<String>, blocks: Vec<Block>) -> Section {
    Section { title: title.into(), blocks }
}

/// Names of others with commas between them.
fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Spans {
    let mut spans = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        if index == MAX_ITEMS {
            spans.push(Span::Text(" and more".to_owned()));
            break;
        }
        if index > 0 {
            spans.push(Span::Text(", ".to_owned()));
        }
        spans.push(Span::Foreign(name.to_owned()));
    }
    spans
}

/// The sentence of an alert.
fn sentence(alert: &Alert) -> Spans {
    let span = |part| match part {
        // Such a mark begins code in the sentences of this program alone.
        Part::Fixed(text) => Span::Text(text.replace('`', "'")),
        Part::Subject(subject) => Span::Foreign(SubjectText(subject).to_string()),
        Part::Number(number) => Span::Text(NumberText(number).to_string()),
        Part::Untrusted(_, text) => Span::Foreign(text.to_owned()),
    };
    Parts::of(alert).map(span).collect()
}

/// When an alert ended, or was last seen.
fn end_of(alert: &Alert) -> u64 {
    alert.resolved_ns.filter(|_| alert.state() == State::Resolved).unwrap_or(alert.last_ns)
}

/// A time in UTC, to the second.
pub(crate) fn time(time_ns: u64) -> String {
    let text = event::time::rfc3339_micros(time_ns);
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{} UTC", seconds.replace('T', " "))
}

/// A time as options and SQL have it, to the second: 2026-01-31T12:00:00Z.
pub(crate) fn rfc3339(time_ns: u64) -> String {
    let text = event::time::rfc3339_micros(time_ns);
    format!("{}Z", text.split('.').next().unwrap_or_default())
}

/// The time of day, to the second.
pub(crate) fn clock(time_ns: u64) -> String {
    let text = event::time::rfc3339_micros(time_ns);
    let (_, clock) = text.split_once('T').unwrap_or_default();
    clock.split('.').next().unwrap_or_default().to_owned()
}

/// Seconds as "3 h 5 min".
pub(crate) fn duration(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let mut parts = parts.into_iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    let mut text = String::new();
    if let Some((count, unit)) = parts.next() {
        let _ = write!(text, "{count} {unit}");
    }
    parts.for_each(|(count, unit)| _ = write!(text, " {count} {unit}"));
    if text.is_empty() { "0 s".to_owned() } else { text }
}

/// A number with its thousands apart: "12,840,094".
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with the name of what is counted: "1 alert", "2 alerts".
pub(crate) fn count(count: u64, one: &str) -> String {
    let plural = match (count, one.strip_suffix("ss")) {
        (1, _) => "",
        (_, Some(_)) => "es",
        _ => "s",
    };
    format!("{} {one}{plural}", number(count))
}
