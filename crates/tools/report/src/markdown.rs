//! A report in Markdown, as GitHub and mailing lists show it: the same without pictures. What others wrote is code, in which nothing is a
//! link, a name, an issue or a picture.

use std::fmt::Write;

use event::quote::Plain;

use crate::document::{Block, Chart, Document, Span, Spans, Table};
use crate::story::{clock, number};

/// Rows of a chart's figures.
const MAX_ROWS: usize = 30;
/// Characters of a bar.
const BAR: u64 = 30;

/// The text.
pub(crate) fn markdown(document: &Document) -> String {
    let Document { title, badge: (_, badge), facts, sections, footer } = document;
    let mut text = format!("# {}\n\n**{}**\n\n", escape(title), escape(badge));
    for (name, spans) in facts {
        let _ = writeln!(text, "- {}: {}", escape(name), line(spans, false));
    }
    for section in sections {
        let _ = writeln!(text, "\n## {}", escape(&section.title));
        section.blocks.iter().for_each(|block| write_block(&mut text, block));
    }
    let _ = writeln!(text, "\n---\n\n{}", line(footer, false));
    text
}

fn write_block(text: &mut String, block: &Block) {
    let _ = match block {
        Block::Paragraph(spans) if spans.is_empty() => Ok(()),
        Block::Paragraph(spans) => writeln!(text, "\n{}", line(spans, false)),
        Block::List(items) => {
            text.push('\n');
            items.iter().for_each(|item| _ = writeln!(text, "- {}", line(item, false)));
            Ok(())
        }
        Block::Table(table) => {
            write_table(text, table);
            Ok(())
        }
        Block::Code { language, text: code } => {
            let lines: Vec<String> = code.lines().map(|line| Plain(line).to_string()).collect();
            write_fenced(text, language, &lines);
            Ok(())
        }
        Block::Lines(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| Plain(line).to_string()).collect();
            write_fenced(text, "text", &lines);
            Ok(())
        }
        Block::Chart(chart) => {
            let _ = writeln!(text, "\n### {}", escape(chart.title));
            write_fenced(text, "text", &bars(chart));
            Ok(())
        }
        // The table has the same.
        Block::Spans(_) => Ok(()),
    };
}

/// A chart of characters: `#` is what belongs to the incident, `.` the rest.
fn bars(chart: &Chart) -> Vec<String> {
    let has_others = chart.legend.1.is_some();
    let shown = |[tied, other]: [u64; 2]| [tied, if has_others { other } else { 0 }];
    let most =
        chart.counts.iter().map(|counts| shown(*counts).iter().fold(0, |sum: u64, one| sum.saturating_add(*one)));
    let most = most.max().unwrap_or_default().max(1);
    let length = |count: u64| (u128::from(count) * u128::from(BAR)).div_ceil(u128::from(most)) as usize;
    let used: Vec<_> = chart.counts.iter().enumerate().filter(|(_, counts)| shown(**counts) != [0; 2]).collect();
    let mut lines = Vec::new();
    for (step, counts) in used.iter().take(MAX_ROWS) {
        let [tied, other] = shown(**counts);
        let time = clock(chart.start_ns.saturating_add(chart.step_ns.saturating_mul(*step as u64)));
        let (own, rest) = if chart.legend.0.is_empty() { (other, 0) } else { (tied, other) };
        let mut line = format!("{time} {:>10}", number(own));
        if has_others && !chart.legend.0.is_empty() {
            let _ = write!(line, " {:>10}", number(rest));
        }
        let _ = write!(line, " {}{}", "#".repeat(length(own)), ".".repeat(length(rest)));
        lines.push(line);
    }
    let key = match chart.legend {
        ("", _) => "from, at the nodes".to_owned(),
        (tied, None) => format!("from, {tied} (#)"),
        (tied, Some(others)) => format!("from, {tied} (#), {others} (.)"),
    };
    lines.insert(0, key);
    if let Some(more @ 1..) = used.len().checked_sub(MAX_ROWS) {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn write_table(text: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    text.push('\n');
    let names: Vec<_> = table.head.iter().map(|name| escape(name.trim_end_matches(" #"))).collect();
    let rules: Vec<_> = table.head.iter().map(|name| if name.ends_with(" #") { "---:" } else { "---" }).collect();
    let _ = writeln!(text, "| {} |\n| {} |", names.join(" | "), rules.join(" | "));
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(|spans| line(spans, true)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}

/// Lines between fences that are longer than any in them.
fn write_fenced(text: &mut String, language: &str, lines: &[String]) {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    let _ = writeln!(text, "\n{fence}{language}\n{}\n{fence}", lines.join("\n"));
}

fn line(spans: &Spans, in_table: bool) -> String {
    let of = |span: &Span| match span {
        Span::Text(text) => escape(text),
        Span::Strong(text) => format!("**{}**", escape(text)),
        Span::Foreign(text) => code(text, in_table),
    };
    spans.iter().map(of).collect()
}

/// Text as code in a line. In a table, a bar would end the cell even there, and a backslash before it does not always help.
pub(crate) fn code(text: &str, in_table: bool) -> String {
    let shown = Plain(text).to_string();
    if shown.trim().is_empty() {
        return String::new();
    }
    let shown = if in_table { shown.replace('|', "\u{a6}") } else { shown };
    let fence = "`".repeat(longest_run(&shown) + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') || shown.starts_with(' ') { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text of this program, in which some characters would mean something. Code in it stays.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in Plain(text).to_string().chars() {
        if "\\*_[]<>#|~&@{}".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
