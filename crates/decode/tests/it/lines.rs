//! `lines.txt`: messages of each version and what they become.

use decode::log::Decoder;
use event::Kind;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{AddrmanAction, DisconnectReason, Log, MisbehavingAction, RefusedReason, StallKind};

const LINES: &str = include_str!("lines.txt");

/// The entries of the file.
pub fn entries() -> impl Iterator<Item = String> {
    LINES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ' ']))
        .map(|line| line.replace("$A", &"a1".repeat(32)).replace("$B", &"b2".repeat(32)))
}

/// The time of each entry here.
pub const TIME: &str = "2026-06-23T16:19:13Z ";

/// An entry as a log without threads and places decodes it.
pub fn decode(entry: &str) -> Log {
    Decoder::default().entry(format!("{TIME}{entry}").as_bytes(), 0)
}

/// Name and fields of the event.
fn render(log: &Log) -> String {
    let event = log.log_event.as_ref().unwrap();
    if let LogEvent::UnknownLogMessage(_) = event {
        return "text".to_owned();
    }
    let json = serde_json::to_string(event).unwrap();
    json.replace(&"a1".repeat(32), "$A").replace(&"b2".repeat(32), "$B")
}

#[test]
fn lines_become_the_events_that_stand_below_them() {
    let mut entries = entries();
    let mut rendered = String::new();
    for line in LINES.lines().filter(|line| !line.starts_with(' ')) {
        rendered.push_str(line);
        rendered.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            rendered.push_str(&format!("    {}\n", render(&decode(&entries.next().unwrap()))));
        }
    }
    if rendered != LINES {
        let place = rendered.lines().zip(LINES.lines()).find(|(is, expected)| is != expected);
        panic!("{place:#?}\n{rendered}");
    }
}

#[test]
fn the_lines_cover_every_type_and_reason() {
    let (mut kinds, mut reasons) = (Vec::new(), Vec::new());
    for entry in entries() {
        let event = decode(&entry).log_event.unwrap();
        reasons.push(match &event {
            LogEvent::PeerDisconnected(event) => event.reason().as_str_name(),
            LogEvent::Misbehaving(event) => event.action().as_str_name(),
            LogEvent::ConnectionRefused(event) => event.reason().as_str_name(),
            LogEvent::BlockDownloadStalled(event) => event.kind().as_str_name(),
            LogEvent::AddrmanChange(event) => event.action().as_str_name(),
            _ => "",
        });
        kinds.push(serde_json::to_value(&event).unwrap().as_object().unwrap().keys().next().unwrap().clone());
    }
    let all_reasons = (0..)
        .map_while(|i| DisconnectReason::try_from(i).ok())
        .map(|value| value.as_str_name())
        .chain((0..).map_while(|i| MisbehavingAction::try_from(i).ok()).map(|value| value.as_str_name()))
        .chain((0..).map_while(|i| RefusedReason::try_from(i).ok()).map(|value| value.as_str_name()))
        .chain((0..).map_while(|i| StallKind::try_from(i).ok()).map(|value| value.as_str_name()))
        .chain((0..).map_while(|i| AddrmanAction::try_from(i).ok()).map(|value| value.as_str_name()));
    for reason in all_reasons {
        assert!(reasons.contains(&reason), "no line for {reason}");
    }
    for kind in Kind::ALL.iter().filter(|kind| kind.source() == Some(event::Source::Log)) {
        let name = kind.name().trim_end_matches("_log");
        assert!(kinds.iter().any(|seen| seen.trim_end_matches("_log") == name), "no line for {name}");
    }
}
