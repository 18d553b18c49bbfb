//! The catalogue of detectors, `docs/detectors.md`, made from the table.

use event::text::severity_name;
use std::fmt::Write;

use crate::detector::{Parameter, Row};
use crate::detectors::rows;
use crate::detectors::statistical::watch::{self, What};
use crate::settings::COMMON;

/// Columns of the text at most.
const WIDTH: usize = 100;

/// The text of the catalogue, in Markdown.
pub fn catalogue() -> String {
    let mut text = String::new();
    text += "# Detectors\n\nThis page is made from the source code (`UPDATE=1 cargo test -p alerts catalogue`). \
             What an alert is,\nand where it goes, is in [alerts.md](alerts.md).\n";
    text += "\nOf each detector can be set, in the section `[alerts.NAME]` of the configuration file, or with\n\
             `--alerts-set NAME.PARAMETER=VALUE`:\n\n| parameter | meaning |\n|---|---|\n";
    for (name, what) in COMMON {
        let _ = writeln!(text, "| `{name}` | {what} |");
    }
    text += "\n| detector | family | severity | finds |\n|---|---|---|---|\n";
    for Row { name, family, severity, title, .. } in rows() {
        let severity = severity_name(severity);
        let _ = writeln!(text, "| [{name}](#{name}) | {family} | {severity} | {title} |");
    }
    rows().for_each(|row| detector(&mut text, &row));
    watched(&mut text);
    text
}

/// What the detectors of changes watch.
fn watched(text: &mut String) {
    *text += "\n## What is watched for a change\n\n";
    *text += &wrapped(
        "Unless `alerts.watch` (`--alerts-watch`) names something else. `TYPE_messages_received` and `TYPE_messages_sent` can be \
         watched of each type of P2P messages, and `KIND_events` of each [kind of events](events.md), besides mempool_memory.",
    );
    text.push('\n');
    for (title, is_it) in [
        ("Rates, in each minute", (|what| matches!(what, What::Rate(_))) as fn(&What) -> bool),
        ("Levels, each ten minutes", |what| matches!(what, What::Level(_))),
        ("Shares, each ten minutes", |what| matches!(what, What::Share(_))),
    ] {
        let watched = watch::default();
        let names: Vec<&str> =
            watched.iter().filter(|watch| is_it(&watch.what)).map(|watch| watch.name.as_str()).collect();
        let line = wrapped(&format!("- {title}: {}.", names.join(", ")));
        let _ = writeln!(text, "{}", line.trim_end().replace('\n', "\n  "));
    }
}

fn detector(text: &mut String, row: &Row) {
    let Row { name, sees, misses, timing, parameters, related, .. } = row;
    let _ = write!(text, "\n## {name}\n\n{}\n{}\n", wrapped(sees), wrapped(&format!("*It does not see:* {misses}")));
    let when = format!(
        "It must be so for {} s (`after`), and is over {} s after the last report (`hold`). It is silent for {} s after a \
         start (`warm_up`).",
        timing.after, timing.hold, timing.warm_up
    );
    let _ = writeln!(text, "{}", wrapped(&when));
    if !related.is_empty() {
        let names: Vec<String> = related.iter().map(|name| format!("[{name}](#{name})")).collect();
        let _ = writeln!(text, "{}", wrapped(&format!("One incident with: {}.", names.join(", "))));
    }
    for Parameter { name, what, default, unit, range: (least, most), why } in *parameters {
        let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
        let line = format!("- `{name}` = {default}{unit}, from {least} to {most}: {what} *Why:* {why}");
        let _ = write!(text, "{}", wrapped(&line).replace('\n', "\n  ").trim_end());
        text.push('\n');
    }
}

/// Text in lines that are not too long, with a newline at the end.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > WIDTH - 2 {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines += word;
        width += chars;
    }
    lines + "\n"
}
