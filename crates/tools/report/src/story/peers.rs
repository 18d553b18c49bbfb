//! How much happened when, who was there, and whom a ban would hit.

use super::{MAX_ITEMS, count, duration, number, section, time};
use crate::Report;
use crate::document::{Block, Chart, Section, Span, Spans, Table, foreign, plain};
use crate::hosts::Host;
use crate::series::Measure;

/// Charts of a report.
const MAX_CHARTS: usize = 4;

/// What happened around the incident, by time.
pub(super) fn charts(report: &Report) -> Option<Section> {
    let facts = report.facts.as_ref()?;
    let mut measures: Vec<Measure> = Vec::new();
    for alert in &report.incident.alerts {
        for measure in Measure::of_family(&alert.family) {
            if !measures.contains(measure) && facts.series.has(*measure) {
                measures.push(*measure);
            }
        }
    }
    measures.truncate(MAX_CHARTS);
    let others = (!facts.plan.is_by_address).then_some("others");
    let legend = if report.scope.has_peers() { ("tied to the incident", others) } else { ("", Some("at the nodes")) };
    let chart = |measure: &Measure| {
        Block::Chart(Chart {
            legend,
            marked_ns: (report.scope.since_ns, report.scope.last_ns),
            unread_ns: facts.plan.cut_ns,
            ..Chart::of(&facts.series, *measure)
        })
    };
    let step = duration(facts.series.step_ns / super::SECOND_NS);
    let intro = format!(
        "Each bar is {step}. Times are UTC; the marked time is that of the incident. The figures are those of {} of the archive.",
        count(facts.events, "event")
    );
    if measures.is_empty() {
        let none = "The archive has nothing of what these detectors look at from this time.";
        return Some(section("Around it", vec![Block::Paragraph(plain(none))]));
    }
    let mut blocks = vec![Block::Paragraph(plain(intro))];
    blocks.extend(measures.iter().map(chart));
    Some(section("Around it", blocks))
}

/// The peers that are involved.
pub(super) fn peers(report: &Report) -> Option<Section> {
    let facts = report.facts.as_ref()?;
    if !report.scope.has_peers() {
        return None;
    }
    let tied = facts.hosts.tied();
    let connections: u64 = tied.iter().map(|host| host.connections).sum();
    let messages: u64 = tied.iter().filter_map(|host| host.traffic()).map(|traffic| traffic.received).sum();
    let bytes: u64 = tied.iter().filter_map(|host| host.traffic()).map(|traffic| traffic.received_bytes).sum();
    let intro = format!(
        "{} with {} sent {} with {} of payload from {} to {}.",
        count(tied.len() as u64, "address"),
        count(connections, "connection"),
        count(messages, "message"),
        count(bytes, "byte"),
        time(report.scope.from_ns),
        time(report.scope.to_ns)
    );
    let rows: Vec<_> = tied.iter().take(MAX_ITEMS).map(|host| row(host)).collect();
    let mut blocks = vec![Block::Paragraph(plain(intro))];
    if !rows.is_empty() {
        let head = vec![
            "Address",
            "AS",
            "User agents",
            "Nodes",
            "Connections #",
            "Seconds each #",
            "Messages #",
            "Bytes #",
            "Types",
            "First seen",
        ];
        blocks.push(Block::Table(Table { head, rows }));
    }
    let mut notes = Vec::new();
    if let Some(more @ 1..) = tied.len().checked_sub(MAX_ITEMS) {
        notes.push(format!("{} more addresses are tied to it and not shown.", number(more as u64)));
    }
    let left_out = facts.hosts.left_out();
    if left_out > 0 {
        notes.push(format!("About {} addresses had no room, and are not counted.", number(left_out)));
    }
    if facts.hosts.may_count_twice {
        notes.push("So many connections went on at a time that some may count twice.".to_owned());
    }
    if tied.iter().any(|host| host.ip.is_none()) {
        let text = "Addresses with a port are not routed on the internet: several peers may have the same.";
        notes.push(text.to_owned());
    }
    blocks.extend(notes.into_iter().map(|note| Block::Paragraph(plain(note))));
    Some(section("Peers involved", blocks))
}

fn row(host: &Host) -> Vec<Spans> {
    let traffic = host.traffic();
    let mut agents = super::list(host.agents.iter().map(smol_str::SmolStr::as_str));
    if host.more_agents {
        agents.push(Span::Text(" and others".to_owned()));
    }
    let figure = |value: Option<u64>| plain(value.map(number).unwrap_or_default());
    vec![
        foreign(host.name.as_str()),
        plain(host.asn.map(|asn| format!("AS{asn}")).unwrap_or_default()),
        agents,
        super::list(host.nodes.iter().map(|node| &**node)),
        figure(Some(host.connections)),
        figure(host.mean_seconds()),
        figure(traffic.map(|traffic| traffic.received)),
        figure(traffic.map(|traffic| traffic.received_bytes)),
        types(host),
        plain(time(host.first_ns)),
    ]
}

/// The types of messages that it sent most of.
fn types(host: &Host) -> Spans {
    let mut types: Vec<_> = host.traffic().into_iter().flat_map(|traffic| &traffic.types).collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut spans = Vec::new();
    for (message_type, count) in types.into_iter().take(4) {
        if !spans.is_empty() {
            spans.push(Span::Text(", ".to_owned()));
        }
        spans.push(Span::Foreign(message_type.to_string()));
        spans.push(Span::Text(format!(" {}", number(*count))));
    }
    spans
}

/// The networks that a ban would have to have.
pub(super) fn bans(report: &Report) -> Option<Section> {
    let bans = report.bans.as_ref().filter(|_| report.scope.has_peers())?;
    let row = |ban: &crate::Ban| {
        vec![
            foreign(ban.net.to_string()),
            plain(number(ban.addresses)),
            plain(number(ban.connections)),
            plain(ban.mean_seconds.map(number).unwrap_or_default()),
            plain(number(ban.agents)),
            plain(number(ban.innocents)),
            plain(format!("{} in ", number(ban.around.1)))
                .into_iter()
                .chain(foreign(ban.around.0.to_string()))
                .collect(),
        ]
    };
    let intro = "These are the smallest networks that have those whose doing it is, without anybody else who was there. A /24 \
                 or /64 is listed as a whole only where several of its addresses are involved and no other peer of it was seen.";
    let mut blocks = vec![Block::Paragraph(plain(intro))];
    if !bans.list.is_empty() {
        let head = vec![
            "Network",
            "Addresses #",
            "Connections #",
            "Seconds each #",
            "User agents #",
            "Innocents #",
            "Others around",
        ];
        blocks.push(Block::Table(Table { head, rows: bans.list.iter().take(MAX_ITEMS).map(row).collect() }));
    }
    if let Some(more @ 1..) = bans.list.len().checked_sub(MAX_ITEMS) {
        blocks.push(Block::Paragraph(plain(format!("{} are in the ban list only.", count(more as u64, "network")))));
    }
    blocks.extend(bans.notes().into_iter().map(|note| Block::Paragraph(plain(note))));
    Some(section("Whom a ban would hit", blocks))
}
