//! What happened, how sure that is, and when.

use event::pb::alerts::State;
use event::text::{NumberText, SubjectText, severity_name};

use super::{MAX_ITEMS, count, end_of, section, sentence, time};
use crate::Report;
use crate::document::{Block, Section, Span, Table, TimeLine, foreign, plain};

/// In sentences.
pub(super) fn what(report: &Report) -> Section {
    let alerts = &report.incident.alerts;
    let mut items = Vec::new();
    for alert in alerts.iter().take(MAX_ITEMS) {
        let mut spans = vec![Span::Strong(title(report, &alert.detector)), Span::Text(": ".to_owned())];
        spans.extend(sentence(alert));
        if let Some(more) = alert.more_subjects.filter(|more| *more > 0) {
            spans.push(Span::Text(format!(" There were {more} more such subjects.")));
        }
        items.push(spans);
    }
    let open = alerts.iter().filter(|alert| alert.state() == State::Open).count() as u64;
    let end = if open > 0 {
        format!("{} open when this was made.", if open == 1 { "One was".to_owned() } else { format!("{open} were") })
    } else {
        format!("The last was over at {}.", time(alerts.iter().map(end_of).max().unwrap_or_default()))
    };
    let nodes = count(report.scope.nodes.len() as u64, "node");
    let began = time(report.scope.since_ns);
    let alerts = count(alerts.len() as u64, "alert");
    let first = format!("It began at {began}. There were {alerts}, seen at {nodes}. {end}");
    section("What happened", vec![Block::Paragraph(plain(first)), Block::List(items), more(report)])
}

fn more(report: &Report) -> Block {
    match report.incident.alerts.len().saturating_sub(MAX_ITEMS) {
        0 => Block::Paragraph(Vec::new()),
        more => Block::Paragraph(plain(format!("{more} more alerts are not shown here."))),
    }
}

/// What the detector finds, in a few words; its name if it is not known.
fn title(report: &Report, detector: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let Some(guide) = report.guide(detector) else { return detector.chars().filter(is_plain).take(64).collect() };
    let mut chars = guide.title.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// How far the values were over their thresholds, who agrees, and what it may be instead.
pub(super) fn sure(report: &Report) -> Section {
    let alerts = &report.incident.alerts;
    let mut items = Vec::new();
    if let Some(strongest) = alerts.iter().max_by(|one, other| one.score.total_cmp(&other.score)) {
        let text = format!("The strongest alert has {:.1} times the value from which on it is one: ", strongest.score);
        items.push(vec![Span::Text(text), Span::Foreign(strongest.detector.clone()), Span::Text(".".to_owned())]);
    }
    let mut detectors: Vec<_> = alerts.iter().map(|alert| &alert.detector).collect();
    detectors.sort_unstable();
    detectors.dedup();
    let (detectors, nodes) = (detectors.len() as u64, report.scope.nodes.len() as u64);
    items.push(plain(format!("{} found it, at {}.", count(detectors, "detector"), count(nodes, "node"))));
    if let Some(facts) = &report.facts {
        let found = facts.evidence.iter().filter(|(_, event)| event.is_some()).count();
        let all = facts.evidence.len() + facts.more_evidence;
        items.push(plain(format!("Events that prove it: {all}, of which the archive has {found}.")));
    }
    let mut blocks = vec![Block::List(items)];
    blocks.push(Block::Table(numbers(report)));
    let mut said = Vec::new();
    let mut mistakes = Vec::new();
    for alert in alerts {
        if let Some(guide) = report.guide(&alert.detector).filter(|guide| !said.contains(&guide.name)) {
            said.push(guide.name);
            let name = Span::Strong(guide.name.to_owned());
            mistakes.push(vec![name, Span::Text(format!(": {} It does not see: {}", guide.sees, guide.misses))]);
        }
    }
    mistakes.truncate(MAX_ITEMS);
    if !mistakes.is_empty() {
        blocks.push(Block::Paragraph(plain("What the detectors see, and what they may mistake:")));
        blocks.push(Block::List(mistakes));
    }
    section("How sure this is", blocks)
}

/// The numbers behind the alerts.
fn numbers(report: &Report) -> Table {
    let mut rows = Vec::new();
    for alert in &report.incident.alerts {
        // The others are in the sentence.
        for number in alert.numbers.iter().filter(|number| number.threshold.is_some()) {
            let limit = event::pb::alerts::Number { value: number.threshold.unwrap_or_default(), ..number.clone() };
            rows.push(vec![
                foreign(alert.detector.as_str()),
                foreign(SubjectText(&alert.subject).to_string()),
                foreign(number.name.as_str()),
                plain(NumberText(number).to_string()),
                plain(NumberText(&limit).to_string()),
            ]);
        }
    }
    rows.truncate(MAX_ITEMS);
    Table { head: vec!["Detector", "Subject", "What", "Value #", "Threshold #"], rows }
}

/// When each alert began and ended.
pub(super) fn times(report: &Report) -> Section {
    let alerts = &report.incident.alerts;
    let row = |alert: &event::pb::alerts::Alert| {
        vec![
            plain(time(alert.since_ns)),
            plain(time(alert.last_ns)),
            plain(if alert.state() == State::Open { "open".to_owned() } else { time(end_of(alert)) }),
            plain(severity_name(alert.severity())),
            foreign(alert.detector.as_str()),
            foreign(SubjectText(&alert.subject).to_string()),
            plain(format!("{:.1}", alert.score)),
        ]
    };
    let head = vec!["Since", "Last seen", "Over", "Severity", "Detector", "Subject", "Score #"];
    let bar = |alert: &event::pb::alerts::Alert| {
        let name = format!("{} {}", alert.detector, SubjectText(&alert.subject));
        (name, alert.severity() as usize, alert.since_ns, end_of(alert))
    };
    let line = TimeLine {
        from_ns: report.scope.since_ns,
        to_ns: alerts.iter().map(end_of).max().unwrap_or_default(),
        bars: alerts.iter().take(20).map(bar).collect(),
    };
    let rows = alerts.iter().take(MAX_ITEMS).map(row).collect();
    section("The alerts in time", vec![Block::Spans(line), Block::Table(Table { head, rows })])
}
