//! How it can be seen again, and what to do next.

use event::filter::AddrPattern;

use super::{MAX_ITEMS, rfc3339, section};
use crate::Report;
use crate::document::{Block, Section, Span, plain};
use crate::guide::next as next_of;
use crate::queries;

/// Addresses that a command names.
const MAX_ADDRS: usize = 5;

/// The questions to DuckDB.
fn questions(report: &Report) -> Vec<Block> {
    let source = if report.facts.as_ref().is_none_or(|facts| facts.series.has_tracepoints()) { "ebpf" } else { "log" };
    let mut blocks = Vec::new();
    for query in queries::queries(&report.incident, &report.scope, source) {
        blocks.push(Block::Paragraph(plain(format!("{}:", query.title))));
        blocks.push(Block::Code { language: "sql", text: query.sql });
    }
    blocks
}

/// The same with how they are asked.
pub(super) fn queries(report: &Report) -> Option<Section> {
    if report.is_redacted {
        return None;
    }
    let (from, to) = (rfc3339(report.scope.from_ns), rfc3339(report.scope.to_ns));
    let export =
        format!("peer-observer export ARCHIVE --to export --since {from} --until {to}\nduckdb -init export/tables.sql");
    let mut blocks = vec![
        Block::Paragraph(plain("With the archive, and DuckDB, the figures can be found again:")),
        Block::Code { language: "sh", text: export },
    ];
    blocks.extend(questions(report));
    Some(section("To find it again", blocks))
}

/// What to do next.
pub(super) fn next(report: &Report) -> Option<Section> {
    let alerts = &report.incident.alerts;
    let mut families: Vec<&str> = Vec::new();
    let mut detectors: Vec<&str> = Vec::new();
    for alert in alerts {
        if !families.contains(&alert.family.as_str()) {
            families.push(&alert.family);
        }
        if !detectors.contains(&alert.detector.as_str()) {
            detectors.push(&alert.detector);
        }
    }
    let mut items: Vec<_> = families.iter().map(|family| plain(next_of(family))).collect();
    for guide in detectors.iter().filter_map(|name| report.guide(name)).take(MAX_ITEMS) {
        // What a number was compared with, or else what comes first.
        let is_compared = |name: &str| {
            let numbers = alerts.iter().filter(|alert| alert.detector == guide.name).flat_map(|alert| &alert.numbers);
            numbers.filter(|number| number.threshold.is_some()).any(|number| number.name == name)
        };
        let compared = guide.parameters.iter().find(|(name, _)| is_compared(name));
        if let Some((parameter, what)) = compared.or(guide.parameters.first()) {
            let name = format!("{}.{parameter}", guide.name);
            let trial = format!("peer-observer alerts ARCHIVE --alerts-set {name}=VALUE");
            items.push(vec![
                Span::Text("If this is usual at your nodes, change ".to_owned()),
                Span::Foreign(name),
                Span::Text(format!(" ({what}) Try it on the archive first: ")),
                Span::Foreign(trial),
                Span::Text(".".to_owned()),
            ]);
        }
    }
    let mut blocks = vec![Block::List(items)];
    if !report.is_redacted {
        blocks.push(Block::Paragraph(plain("To look at all events of that time, as text and on pages:")));
        blocks.push(Block::Code { language: "sh", text: commands(report) });
    }
    Some(section("What to do next", blocks))
}

fn commands(report: &Report) -> String {
    let (from, to) = (rfc3339(report.scope.from_ns), rfc3339(report.scope.to_ns));
    let quoted: Vec<String> = report.scope.nodes.iter().take(MAX_ITEMS).map(|node| shell(node)).collect();
    let nodes = if quoted.is_empty() { String::new() } else { format!(" --node {}", quoted.join(",")) };
    let when = format!("--since {from} --until {to}");
    let mut commands = format!("peer-observer watch ARCHIVE{nodes} {when}");
    let patterns = report.scope.patterns().unwrap_or_default();
    let addrs: Vec<String> = patterns.iter().take(MAX_ADDRS).map(AddrPattern::to_string).collect();
    if !addrs.is_empty() {
        let addrs: Vec<String> = addrs.iter().map(|addr| shell(addr)).collect();
        commands += &format!(" --addr {}", addrs.join(","));
    }
    commands += &format!("\npeer-observer run --replay ARCHIVE {when}\n");
    commands += &format!("peer-observer alerts ARCHIVE {when} --alerts-explain");
    commands
}

/// A word for a shell.
fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let safe: String = word.chars().filter(|c| !c.is_control()).take(256).collect();
    format!("'{}'", safe.replace('\'', "'\\''"))
}
