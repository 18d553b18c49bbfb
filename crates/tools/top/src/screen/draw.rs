//! Draws the screen: what is looked at, the table or the events, details of the selected row, and the keys.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::app::{App, View};
use super::messages::From;
use super::table::{Column, Row, Tone, fit};
use super::{events, help, nodes, peers};
use crate::format::{cut, plain, rate};
use crate::lines::MAX_NAME;
use crate::summary::Summary;

/// From so many lines on there are details below the table.
const ROOM_FOR_DETAILS: u16 = 16;
/// Lines of a notice.
const MAX_NOTICE: usize = 4;
const KEYS: &str =
    " 1-4 view  Enter open  Esc back  / filter  < > sort  r reverse  n node  Space pause  ? help  q leave";

/// Draws all of it.
pub fn draw(app: &mut App, frame: &mut Frame) {
    let area = frame.area();
    let mut page = Page { buffer: frame.buffer_mut(), area, color: app.color };
    header(app, &mut page);
    footer(app, &mut page);
    if let Some(first) = app.help {
        let lines = help::lines(app.view, app.view.columns());
        let first = first.min(lines.len().saturating_sub(page.height()));
        (app.help, app.page) = (Some(first), page.height());
        for (word, about) in lines.into_iter().skip(first) {
            page.line(&[(&word, Tone::Strong), (about, Tone::Normal)]);
        }
        return;
    }
    info(app, &mut page);
    if matches!(app.view, View::Nodes | View::Messages) {
        notice(app, &mut page);
    }
    if app.view == View::Events {
        draw_events(app, &mut page);
    } else {
        draw_table(app, &mut page);
    }
}

/// What is left of the screen, from top to bottom.
struct Page<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    color: bool,
}

impl Page<'_> {
    fn style(&self, tone: Tone) -> Style {
        let style = Style::new();
        let in_color = |color: Color| if self.color { style.fg(color) } else { style };
        match tone {
            Tone::Normal => style,
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            Tone::Dim => style.add_modifier(Modifier::DIM),
            Tone::Good => in_color(Color::Green),
            Tone::Warning => in_color(Color::Yellow),
            Tone::Bad => in_color(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    fn width(&self) -> usize {
        self.area.width.into()
    }

    fn height(&self) -> usize {
        self.area.height.into()
    }

    /// Writes texts into the first line that is left.
    fn line(&mut self, parts: &[(&str, Tone)]) {
        self.line_with(parts, Style::new());
    }

    fn line_with(&mut self, parts: &[(&str, Tone)], base: Style) {
        let Rect { x, y, width, height } = self.area;
        if height == 0 {
            return;
        }
        self.buffer.set_style(Rect { x, y, width, height: 1 }, base);
        let (mut at, end) = (x, x.saturating_add(width));
        for (text, tone) in parts {
            let style = base.patch(self.style(*tone));
            (at, _) = self.buffer.set_stringn(at, y, text, end.saturating_sub(at).into(), style);
        }
        self.area = Rect { y: y + 1, height: height - 1, ..self.area };
    }

    /// Takes lines from the bottom.
    fn bottom(&mut self, lines: u16) -> Rect {
        let lines = lines.min(self.area.height);
        self.area.height -= lines;
        Rect { y: self.area.y + self.area.height, height: lines, ..self.area }
    }
}

fn header(app: &App, page: &mut Page) {
    let mut text = String::from(" peer-observer");
    for (number, view) in (1..).zip(View::ALL) {
        let (open, close) = if view == app.view { ("[", "]") } else { (" ", " ") };
        text += &format!(" {open}{number} {}{close}", view.title());
    }
    let time = event::time::rfc3339(app.shown.now_ns);
    let time = time.get(..19).unwrap_or_default().replace('T', " ");
    let time = if app.shown.now_ns == 0 { String::new() } else { format!("{time} UTC ") };
    // The date goes first where there is no room.
    let room = page.width().saturating_sub(text.chars().count() + 1);
    let time = if time.len() > room { time.get(11..).unwrap_or_default() } else { &time };
    let time = if time.len() > room { "" } else { time };
    let gap = page.width().saturating_sub(text.chars().count() + time.len());
    let text = format!("{text}{}{time}", " ".repeat(gap));
    page.line_with(&[(&text, Tone::Normal)], Style::new().add_modifier(Modifier::REVERSED));
}

fn footer(app: &App, page: &mut Page) {
    let area = page.bottom(1);
    let (text, tone) = match &app.note {
        _ if app.help.is_some() => (" Up Down: the rest   any other key: back".to_owned(), Tone::Strong),
        _ if app.is_typing => {
            (format!(" filter: {}_   Enter: keep, Esc: all", plain(&app.look().filter, 60)), Tone::Strong)
        }
        Some(note) => (format!(" {note}"), Tone::Warning),
        None => (KEYS.to_owned(), Tone::Dim),
    };
    let mut last = Page { buffer: &mut *page.buffer, area, color: page.color };
    last.line(&[(&text, tone)]);
}

/// What is looked at, and totals.
fn info(app: &App, page: &mut Page) {
    let nodes = &app.shown.summaries;
    let of: Vec<&Summary> = nodes.iter().filter(|node| app.of_node().is_none_or(|name| *name == node.name)).collect();
    let up = of.iter().filter(|node| node.is_current()).count();
    let mut parts: Vec<(String, Tone)> = Vec::new();
    if app.is_paused {
        parts.push(("PAUSED".to_owned(), Tone::Warning));
    }
    match app.of_node() {
        Some(name) => {
            let state = of.first().map(|node| (node.state_text(), nodes::tone_of_state(node.state)));
            let (state, tone) = state.unwrap_or(("gone".to_owned(), Tone::Bad));
            parts.push((format!("{} {state}", plain(name, MAX_NAME)), tone));
        }
        None if nodes.is_empty() => parts.push(("waiting for events".to_owned(), Tone::Dim)),
        None => {
            let tone = if up == nodes.len() { Tone::Normal } else { Tone::Bad };
            let s = if nodes.len() == 1 { "" } else { "s" };
            parts.push((format!("{} node{s}, {up} up", nodes.len()), tone));
        }
    }
    match app.of_peer() {
        Some(peer) => parts.push((format!("peer {peer}"), Tone::Strong)),
        None => {
            let peers: Option<u64> = of.iter().filter_map(|node| node.peers).map(|(i, o)| i + o).reduce(|a, b| a + b);
            if let Some(peers) = peers {
                parts.push((format!("{peers} peer{}", if peers == 1 { "" } else { "s" }), Tone::Normal));
            }
            let rates: Option<f64> = of.iter().filter_map(|node| node.rates).map(|(i, o)| i + o).reduce(|a, b| a + b);
            if let Some(all) = rates {
                parts.push((format!("{} msg/s", rate(all)), Tone::Normal));
            }
        }
    }
    let [_, of_peers, _] = &app.shown.rows;
    if app.view == View::Peers && app.shown.peers > of_peers.len() {
        parts.push((format!("{} of them below; n: those of a node", of_peers.len()), Tone::Warning));
    }
    if app.view == View::Messages && app.shown.from == From::Rpc {
        parts.push(("bytes by getpeerinfo, of open connections".to_owned(), Tone::Dim));
    }
    if let Some(column) = app.view.columns().get(app.sorted_by().0) {
        let order = if app.sorted_by().1 { ", largest first" } else { "" };
        parts.push((format!("by {}{order}", column.title), Tone::Dim));
    }
    let filter = &app.look().filter;
    if !filter.is_empty() && !app.is_typing {
        parts.push((format!("filter {}", event::quote::Quoted(filter)), Tone::Warning));
    }
    let mut texts: Vec<(&str, Tone)> = vec![(" ", Tone::Normal)];
    for (index, (text, tone)) in parts.iter().enumerate() {
        if index > 0 {
            texts.push((" | ", Tone::Dim));
        }
        texts.push((text, *tone));
    }
    page.line(&texts);
}

/// Why there are no messages, and what would show them.
fn notice(app: &App, page: &mut Page) {
    let blind = |node: &&Summary| node.is_current() && node.rates.is_none();
    let of_node = |node: &&Summary| app.of_node().is_none_or(|name| *name == node.name);
    let blind: Vec<&Summary> = app.shown.summaries.iter().filter(of_node).filter(blind).collect();
    let Some(first) = blind.first() else { return };
    let names: Vec<String> = blind.iter().take(4).map(|node| plain(&node.name, MAX_NAME)).collect();
    let more =
        if blind.len() > names.len() { format!(" and {} more", blind.len() - names.len()) } else { String::new() };
    let mut lines = vec![format!("No tracepoints of {}{more}, so that no message is seen.", names.join(", "))];
    if first.advice.is_empty() {
        lines.push("On its machine, peer-observer doctor prints the line that enables them.".to_owned());
    } else {
        lines.extend(first.advice.iter().map(|line| plain(line, 400)));
    }
    let room = if page.height() < 20 { 1 } else { MAX_NOTICE };
    let width = page.width().saturating_sub(2);
    for line in lines.iter().flat_map(|line| wrap(line, width)).take(room) {
        page.line(&[(&format!(" {line}"), Tone::Warning)]);
    }
}

fn draw_events(app: &mut App, page: &mut Page) {
    let (height, look) = (page.height(), app.look());
    let (lines, count) = events::page(&app.shown.events, &look.filter, look.first, height);
    for entry in &lines {
        page.line(&[(entry.line(), if entry.is_loss { Tone::Bad } else { Tone::Normal })]);
    }
    if lines.is_empty() {
        page.line(&[(empty(app), Tone::Dim)]);
    }
    app.page = height;
    let look = app.look_mut();
    look.first = look.first.min(count.saturating_sub(height));
}

fn draw_table(app: &mut App, page: &mut Page) {
    let rows = app.rows();
    let selected = app.selected(&rows);
    let columns = app.view.columns();
    let mut without = Vec::new();
    if app.view == View::Peers {
        if app.node.is_some() || app.shown.summaries.len() == 1 {
            without.push(peers::NODE);
        }
        if rows.iter().all(|row| row.is_absent(peers::ASMAP)) {
            without.push(peers::ASMAP);
        }
    }
    let fitting = fit(columns, &rows, page.width(), &without);
    let details = details(app, rows.get(selected).copied(), columns, &fitting, page);
    let below = page.bottom(u16::try_from(details.len()).unwrap_or_default());

    let (by, _) = app.sorted_by();
    let titles: Vec<(String, Tone)> = fitting
        .iter()
        .filter_map(|(index, width)| Some((columns.get(*index)?, *index, *width)))
        .map(|(column, index, width)| {
            let tone = if index == by { Tone::Strong } else { Tone::Normal };
            (pad(column.title, width, column.right), tone)
        })
        .collect();
    page.line_with(&spaced(&titles), Style::new().add_modifier(Modifier::UNDERLINED));

    let height = page.height();
    let first = app.look().first.min(selected).max((selected + 1).saturating_sub(height));
    for (place, row) in rows.iter().enumerate().skip(first).take(height) {
        let cells: Vec<(String, Tone)> = fitting
            .iter()
            .filter_map(|(index, width)| Some((*index, row.cells.get(*index)?, columns.get(*index)?, *width)))
            .map(|(index, cell, column, width)| {
                let is_value = index > 0 && cell.tone != Tone::Bad;
                let tone = if row.is_old && is_value { Tone::Dim } else { cell.tone };
                (pad(&cell.text, width, column.right), tone)
            })
            .collect();
        let base = if place == selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        page.line_with(&spaced(&cells), base);
    }
    if rows.is_empty() {
        page.line(&[(empty(app), Tone::Dim)]);
    }
    let mut below = Page { buffer: &mut *page.buffer, area: below, color: page.color };
    for (text, tone) in &details {
        below.line(&[(text, *tone)]);
    }
    app.page = height;
    app.look_mut().first = first;
}

fn empty(app: &App) -> &'static str {
    match app.view {
        _ if !app.look().filter.is_empty() => " nothing has the text of the filter",
        View::Nodes => " no node yet",
        View::Peers => " no peer is known: getpeerinfo (RPC), tracepoints or debug.log report them",
        View::Messages => " no message is known: tracepoints report all, getpeerinfo (RPC) bytes",
        View::Events => " no event yet",
    }
}

/// What the table has no room for of the selected row.
fn details(
    app: &App,
    row: Option<&Row>,
    columns: &[Column],
    fitting: &[(usize, usize)],
    page: &Page,
) -> Vec<(String, Tone)> {
    let Some(row) = row.filter(|_| page.area.height >= ROOM_FOR_DETAILS && app.view != View::Messages) else {
        return Vec::new();
    };
    let title = match row.id.peer {
        Some(peer) => format!("peer {peer} of {}", plain(&row.id.node, MAX_NAME)),
        None => plain(&row.id.node, MAX_NAME),
    };
    let is_cut = |index: usize, text: &str| {
        fitting.iter().all(|(shown, width)| *shown != index || text.chars().count() > *width)
    };
    let left_out = columns.iter().zip(&row.cells).enumerate().filter(|(index, (column, cell))| {
        // What is odd has lines of its own.
        is_cut(*index, &cell.text)
            && !(app.view == View::Nodes && column.title == "what is odd")
            && column.title != "node"
    });
    let values: Vec<String> =
        left_out.map(|(_, (column, cell))| format!("{} {}", column.title, cell.text.trim())).collect();
    let width = page.width().saturating_sub(2);
    let mut lines = vec![(format!("{:-<width$}", format!("-- {title} "), width = page.width()), Tone::Dim)];
    lines.extend(flow(&values, width).into_iter().map(|line| (format!(" {line}"), Tone::Normal)));
    if app.view == View::Nodes
        && let Some(node) = app.shown.summaries.iter().find(|node| node.name == row.id.node)
    {
        let odd = node.odd.iter().flat_map(|odd| wrap(&odd.text, width).into_iter().map(|line| (line, odd.level)));
        lines.extend(odd.map(|(line, level)| (format!(" {line}"), nodes::tone(level))));
    }
    lines.truncate(page.height() / 2);
    lines
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let text = cut(text, width);
    if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}

fn spaced(cells: &[(String, Tone)]) -> Vec<(&str, Tone)> {
    let spaced = cells.iter().flat_map(|(text, tone)| [(" ", Tone::Normal), (text.as_str(), *tone)]);
    spaced.skip(1).collect()
}

/// Texts one after the other, as many on a line as fit.
fn flow(texts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + text.chars().count() <= width => {
                line.push_str("   ");
                line.push_str(text);
            }
            _ => lines.push(cut(text, width)),
        }
    }
    lines
}

/// A text in lines that break between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let indent = text.len() - text.trim_start().len();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(&format!("{}{word}", " ".repeat(indent)), width)),
        }
    }
    lines
}
