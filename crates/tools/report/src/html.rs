//! A report as one HTML file: it needs nothing else, loads nothing, and runs nothing.

use std::fmt::Write;

use event::quote::{Markup, Plain};

use crate::document::{Block, Document, Section, Span, Spans, Table};
use crate::svg;

const STYLE: &str = include_str!("style.css");

/// The file. The browser is forbidden to load or run anything, should something slip through.
pub(crate) fn html(document: &Document) -> String {
    let Document { title, badge: (severity, badge), facts, sections, footer } = document;
    let mut text = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    text += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n";
    let _ = writeln!(text, "<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>", escape(title));
    let _ = writeln!(
        text,
        "<header><h1>{}</h1> <span class=\"badge s{}\">{}</span></header>\n<main>\n<dl>",
        escape(title),
        severity.min(&2),
        escape(badge)
    );
    for (name, spans) in facts {
        let _ = writeln!(text, "<dt>{}</dt><dd>{}</dd>", escape(name), line(spans));
    }
    text += "</dl>\n";
    sections.iter().for_each(|section| write_section(&mut text, section));
    let _ = writeln!(text, "</main>\n<footer>{}</footer>\n</body>\n</html>", line(footer));
    text
}

fn write_section(text: &mut String, section: &Section) {
    let _ = writeln!(text, "<section>\n<h2>{}</h2>", escape(&section.title));
    section.blocks.iter().for_each(|block| write_block(text, block));
    text.push_str("</section>\n");
}

fn write_block(text: &mut String, block: &Block) {
    let _ = match block {
        Block::Paragraph(spans) if spans.is_empty() => Ok(()),
        Block::Paragraph(spans) => writeln!(text, "<p>{}</p>", line(spans)),
        Block::List(items) => {
            text.push_str("<ul>\n");
            items.iter().for_each(|item| _ = writeln!(text, "<li>{}</li>", line(item)));
            writeln!(text, "</ul>")
        }
        Block::Table(table) => {
            write_table(text, table);
            Ok(())
        }
        Block::Code { text: code, .. } => writeln!(text, "<pre>{}</pre>", escape_lines(code)),
        Block::Lines(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
            writeln!(text, "<pre>{}</pre>", lines.join("\n"))
        }
        Block::Chart(chart) => {
            let _ = writeln!(text, "<h3>{}</h3>\n{}", escape(chart.title), svg::chart(chart));
            text.push_str("<details><summary>The numbers</summary>\n");
            write_table(text, &chart.table());
            writeln!(text, "</details>")
        }
        Block::Spans(line) => writeln!(text, "{}", svg::time_line(line)),
    };
}

fn write_table(text: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    let columns: Vec<_> = table.head.iter().map(|name| (name.trim_end_matches(" #"), name.ends_with(" #"))).collect();
    let class = |is_number: bool| if is_number { " class=\"n\"" } else { "" };
    text.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for (name, is_number) in &columns {
        let _ = write!(text, "<th scope=\"col\"{}>{}</th>", class(*is_number), escape(name));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        text.push_str("<tr>");
        for (spans, (_, is_number)) in row.iter().zip(&columns) {
            let _ = write!(text, "<td{}>{}</td>", class(*is_number), line(spans));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div>\n");
}

fn line(spans: &Spans) -> String {
    let of = |span: &Span| match span {
        Span::Text(text) => words(text),
        Span::Strong(text) => format!("<strong>{}</strong>", escape(text)),
        Span::Foreign(text) => format!("<code>{}</code>", escape(text)),
    };
    spans.iter().map(of).collect()
}

/// Words of this program, in which code stands between backticks.
fn words(text: &str) -> String {
    let of = |(index, part): (usize, &str)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    text.split('`').enumerate().map(of).collect()
}

/// Text that may stand anywhere. What could hide or turn text around is shown as what it is.
pub(crate) fn escape(text: &str) -> String {
    Markup(&Plain(text).to_string()).to_string().replace('\'', "&#39;")
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}
