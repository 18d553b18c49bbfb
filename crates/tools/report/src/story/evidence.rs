//! What proves it, what the log has, what people decided, and what is missing.

use event::pb::alerts::{Reference, Severity};
use event::text::severity_name;

use super::{count, section, time};
use crate::Report;
use crate::document::{Block, Section, Span, plain};

/// Lines of debug.log.
pub(super) fn log(report: &Report) -> Option<Section> {
    let lines = &report.facts.as_ref()?.lines;
    if lines.first.is_empty() {
        return None;
    }
    let line = |line: &crate::gather::Line| {
        format!("{} {} {}", event::time::rfc3339_micros(line.time_ns), line.node, line.text)
    };
    let mut blocks = vec![Block::Lines(lines.first.iter().map(line).collect())];
    if lines.between > 0 {
        blocks.push(Block::Paragraph(plain(format!("{} between are not shown.", count(lines.between, "line")))));
    }
    if !lines.last.is_empty() {
        blocks.push(Block::Lines(lines.last.iter().map(line).collect()));
    }
    Some(section("The node's log", blocks))
}

/// The events that the alerts refer to.
pub(super) fn evidence(report: &Report) -> Option<Section> {
    let facts = report.facts.as_ref()?;
    let is_shown = |(_, event): &&(Reference, Option<String>)| event.is_some() || !report.is_redacted;
    let mut evidence: Vec<_> = facts.evidence.iter().filter(is_shown).collect();
    evidence.sort_by_key(|(reference, _)| reference.time_ns);
    let line = |(reference, event): &&(Reference, Option<String>)| {
        let place = format!("run {} event {}", reference.run, reference.sequence);
        match event {
            // Where it is in the archive is for those who have it.
            Some(text) if report.is_redacted => text.clone(),
            Some(text) => format!("{text} [{place}]"),
            None => {
                let time = event::time::rfc3339_micros(reference.time_ns);
                format!("{time} {} is not in the archive [{place}]", reference.node)
            }
        }
    };
    let lines: Vec<_> = evidence.iter().map(line).collect();
    let mut blocks = Vec::new();
    match lines.is_empty() {
        true => blocks.push(Block::Paragraph(plain("The alerts refer to no events."))),
        false => blocks.push(Block::Lines(lines)),
    }
    if facts.more_evidence > 0 {
        let more = count(facts.more_evidence as u64, "event");
        blocks.push(Block::Paragraph(plain(format!("{more} more prove it and are not shown."))));
    }
    Some(section("The evidence", blocks))
}

/// Notes and decisions of people.
pub(super) fn decisions(report: &Report) -> Option<Section> {
    let incident = &report.incident;
    let mut items = Vec::new();
    let who = |by: &str| match by {
        "" => Span::Text("Somebody".to_owned()),
        by => Span::Foreign(by.to_owned()),
    };
    let why = |items: &mut Vec<Span>, why: &str| match why {
        "" => items.push(Span::Text(".".to_owned())),
        why => items.extend([Span::Text(": ".to_owned()), Span::Foreign(why.to_owned())]),
    };
    if let Some(known) = &incident.acknowledged {
        let severity: Severity = known.severity;
        let text =
            format!(" has looked after it since {} ({} then)", time(known.decision.time_ns), severity_name(severity));
        let mut item = vec![who(&known.decision.by), Span::Text(text)];
        why(&mut item, &known.decision.why);
        items.push(item);
    }
    for silence in &report.silences {
        let (from, to) = (time(silence.decision.time_ns), time(silence.until_ns));
        let mut item = vec![who(&silence.decision.by), Span::Text(format!(" silenced it from {from} to {to}"))];
        why(&mut item, &silence.decision.why);
        items.push(item);
    }
    for note in &incident.notes {
        let mut item = vec![who(&note.by), Span::Text(format!(", {}", time(note.time_ns)))];
        why(&mut item, &note.text);
        items.push(item);
    }
    (!items.is_empty()).then(|| section("Notes and decisions", vec![Block::List(items)]))
}

/// What is hidden, and what could not be read.
pub(super) fn limits(report: &Report) -> Section {
    let mut items = Vec::new();
    if report.is_redacted {
        items.extend(
            [
                "This report is redacted as docs/public.md says. Addresses are pseudonyms: only the network group (/16 or \
                 /32) of an address is right, and one address has one pseudonym. Nobody else must be blamed, or banned, for them.",
                "The nodes' own addresses are left out. Of the numbers of alerts, one digit is left; of user agents, the \
                 program and its version; of log lines, the words that Bitcoin Core has itself.",
                "Notes and decisions, the networks of a ban, the queries and the commands to look further are left out.",
            ]
            .map(plain),
        );
    }
    match &report.facts {
        None => items.push(plain("No archive was read: there are no charts, no peers, no log lines and no events.")),
        Some(facts) => {
            items.push(plain(format!(
                "Read were {} from {} to {} of {}.",
                count(facts.events, "event"),
                time(report.scope.from_ns),
                time(report.scope.to_ns),
                count(report.archives as u64, "archive file"),
            )));
            if let Some((from, to)) = facts.plan.cut_ns {
                let (from, to) = (time(from), time(to));
                items.push(plain(format!("There is more than is read: nothing between {from} and {to} was.")));
            } else if facts.is_cut {
                items.push(plain("There is more than is read: the end of it is missing."));
            }
            if facts.plan.is_by_address {
                let text = "Only parts of the archives were read in which addresses of the incident occur, so the figures of \
                            others are not those of all.";
                items.push(plain(text));
            }
            if facts.is_selection {
                items.push(plain("The archive left out some events on purpose: what is not there may have been."));
            }
            if facts.damaged > 0 {
                items.push(plain(format!("{} could not be read.", count(facts.damaged, "place"))));
            }
        }
    }
    section("What this report has and lacks", vec![Block::List(items)])
}
